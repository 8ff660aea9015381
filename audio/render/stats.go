package render

import (
	"runtime"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/pipeline"
)

// Stats says what was rendered and what it cost. Costs are the whole process's
// between beginning and end, so they are the rendering's only if nothing else
// was running in it. Time and processor time leave out what measuring took; memory and
// allocations do not.
type Stats struct {
	Container  string  `json:"container"`
	Codec      string  `json:"codec"`
	Mode       string  `json:"mode"`       // passthrough, transcode, or mixed
	PacketsIn  int64   `json:"packets_in"` // read from the container
	Passed     int64   `json:"frames_passed"`
	Transcoded int64   `json:"frames_transcoded"`
	Splices    int64   `json:"splices"`
	Damaged    int64   `json:"packets_damaged"`
	Seconds    float64 `json:"seconds"`      // of music written
	Wall       float64 `json:"wall_seconds"` // that took
	Speed      float64 `json:"speed"`        // seconds of music per second
	// CPU is seconds of processor time per minute of music; absent where the
	// system does not tell.
	CPU    float64 `json:"cpu_seconds_per_audio_minute,omitempty"`
	Allocs float64 `json:"allocs_per_frame"`
	// PeakRSS is the most memory the process ever had resident, in bytes; absent
	// where the system does not tell.
	PeakRSS int64 `json:"peak_rss_bytes,omitempty"`
	// Integrated (LUFS) and TruePeak (dB of full scale) are those of the frames
	// written, decoded as a listener's client does and before anything is rounded.
	// They are absent if nobody asked, and for silence.
	Integrated *float64 `json:"integrated_lufs,omitempty"`
	TruePeak   *float64 `json:"true_peak_dbtp,omitempty"`

	// Effects are what was done to the sound, volume and all; absent if nothing was.
	Effects *effect.Settings `json:"effects,omitempty"`
	// Levels are what levelling made of the pieces; absent if nobody asked.
	Levels []Level `json:"levels,omitempty"`
}

// A bill notes what the process has used so far.
type bill struct {
	start  time.Time
	cpu    time.Duration
	allocs uint64
}

func startBill() bill {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return bill{start: time.Now(), cpu: cpuTime(), allocs: m.Mallocs}
}

func (m bill) stats(r *rendering, length int64) Stats {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	count, s := r.medley.Stats(), r.first
	out := Stats{
		Container: s.Info().Container, Codec: s.Codec().Name, Mode: "mixed",
		Passed: count.Passed, Transcoded: count.Transcoded, Splices: count.Splices, Damaged: count.Damaged,
		Seconds: float64(length) / audio.SampleRate, PeakRSS: peakRSS(),
		PacketsIn: r.packets, Levels: r.levels,
	}
	wall, cpu := time.Since(m.start), cpuTime()-m.cpu
	if ear := r.ear; ear != nil {
		wall, cpu = max(wall-ear.took, 0), max(cpu-ear.cpu, 0)
		out.Integrated, out.TruePeak = rounded(ear.meter.Integrated()), rounded(ear.meter.TruePeak())
	}
	out.Wall = wall.Seconds()
	if !r.o.Settings.Neutral() {
		done := r.o.Settings.Canonical()
		out.Effects = &done
	}
	switch {
	case count.Transcoded == 0:
		out.Mode = pipeline.Passthrough.String()
	case count.Passed == 0:
		out.Mode = pipeline.Transcode.String()
	}
	if out.Wall > 0 {
		out.Speed = out.Seconds / out.Wall
	}
	if frames := count.Passed + count.Transcoded; frames > 0 {
		out.Allocs = float64(now.Mallocs-m.allocs) / float64(frames)
	}
	if out.Seconds > 0 {
		out.CPU = cpu.Seconds() / (out.Seconds / 60)
	}
	return out
}
