package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/effect"
	"segue/audio/pipeline"
)

// Options says what to render of the media, and how.
type Options struct {
	From, To time.Duration    // the part to render; To 0 is the end
	Settings effect.Settings  // what is wanted of the sound
	Pipeline pipeline.Options // its Settings are not used

	// Measure has the loudness measured, of what the listener hears: the frames
	// decoded again, which costs as much as playing them.
	Measure bool
	// Progress, if not nil, hears after about every second of music how much of
	// the part is done, and how long that is: 0 if nobody knows.
	Progress func(done, total time.Duration)
}

// Stats says what was rendered and what it cost. Costs are the whole process's
// between beginning and end, so they are the rendering's only if nothing else
// was running in it. Time and processor time leave out what measuring took, by
// the clock; memory and allocations do not.
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
}

// preroll is how much earlier than asked for rendering begins, where it does not
// begin at the start: a decoder has to have heard that much (RFC 7845, 4.2). The
// sink is told to skip it.
const preroll = 80 * time.Millisecond

// errRange is a part of the media that makes no sense.
var errRange = errors.New("the part to render ends before it begins")

// Run opens m, renders what o asks for into sink, and closes m, also when ctx
// ends. If the media turns out to be damaged or cut short, sink gets what was
// good, and the error comes beside the Stats.
func Run(ctx context.Context, m *audio.Media, sink Sink, o Options) (Stats, error) {
	if o.From < 0 || o.To < 0 || o.To > 0 && o.To <= o.From {
		return Stats{}, errors.Join(fmt.Errorf("render: from %v to %v: %w", o.From, o.To, errRange), m.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = m.Close() })
	defer stop()
	costs := startBill()
	o.Pipeline.Settings = o.Settings
	d, err := container.Open(m)
	if err != nil {
		return Stats{}, because(ctx, errors.Join(err, m.Close()))
	}
	in := &counting{Demuxer: d}
	s := pipeline.New(in, m, o.Pipeline)
	var ear *measured
	if o.Measure {
		if ear, err = measure(sink); err != nil {
			return Stats{}, errors.Join(err, s.Close())
		}
		sink = ear
	}
	length, err := play(ctx, s, sink, o)
	stats := costs.stats(s, length, ear)
	stats.PacketsIn = in.packets
	return stats, because(ctx, errors.Join(err, s.Close()))
}

// counting counts the packets of a demuxer.
type counting struct {
	audio.Demuxer
	packets int64
}

func (c *counting) ReadPacket() (audio.Packet, error) {
	p, err := c.Demuxer.ReadPacket()
	if err == nil {
		c.packets++
	}
	return p, err
}

// because names the end of ctx as the reason of err, if it has ended.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// play feeds sink with frames and reports how many samples of music they held.
func play(ctx context.Context, s *pipeline.Stream, sink Sink, o Options) (int64, error) {
	from := samples(o.From)
	skip, err := begin(s, o.From)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if err := sink.Start(skip, s.Info()); err != nil {
		return 0, err
	}
	given, want := int64(0), int64(-1)
	if o.To > 0 {
		want = samples(o.To) - from
	}
	total := part(s.Info().Duration, o)
	for ctx.Err() == nil && (want < 0 || given < skip+want) {
		var f audio.Frame
		if f, err = s.Next(); err != nil {
			break
		}
		if err := sink.Write(f); err != nil {
			return 0, err
		}
		given += audio.FrameSamples
		if o.Progress != nil && given%audio.SampleRate == 0 {
			o.Progress(time.Duration(max(given-skip, 0))*time.Second/audio.SampleRate, total)
		}
	}
	length := max(given-skip, 0)
	if want >= 0 {
		length = min(length, want)
	}
	if err != nil {
		length = min(length, max(s.Length()-from, 0))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return length, errors.Join(err, ctx.Err(), sink.End(length))
}

// part is how long the part is that o asks of music of that length; 0 if nobody
// knows.
func part(length time.Duration, o Options) time.Duration {
	end := o.To
	if length > 0 && (end == 0 || length < end) {
		end = length
	}
	return max(end-o.From, 0)
}

// begin moves s to where rendering begins, and reports how much of what comes
// lies before from.
func begin(s *pipeline.Stream, from time.Duration) (skip int64, err error) {
	if from == 0 {
		return s.Lead()
	}
	landed, err := s.Seek(max(from-preroll, 0))
	if err != nil {
		return 0, err
	}
	lead, err := s.Lead()
	return samples(from) - samples(landed) + lead, err
}

func samples(d time.Duration) int64 {
	return int64(d/time.Second)*audio.SampleRate + int64(d%time.Second)*audio.SampleRate/int64(time.Second)
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

func (m bill) stats(s *pipeline.Stream, length int64, ear *measured) Stats {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	count := s.Stats()
	out := Stats{
		Container: s.Info().Container, Codec: s.Codec().Name, Mode: "mixed",
		Passed: count.Passed, Transcoded: count.Transcoded, Splices: count.Splices, Damaged: count.Damaged,
		Seconds: float64(length) / audio.SampleRate, PeakRSS: peakRSS(),
	}
	wall, cpu := time.Since(m.start), cpuTime()-m.cpu
	if ear != nil {
		wall, cpu = max(wall-ear.took, 0), max(cpu-ear.took, 0)
		out.Integrated, out.TruePeak = rounded(ear.meter.Integrated()), rounded(ear.meter.TruePeak())
	}
	out.Wall = wall.Seconds()
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
