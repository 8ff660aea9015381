package render

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/effect"
	"segue/audio/loudness"
	"segue/audio/meter"
	"segue/testdata"
)

// render renders in to the sink that make makes.
func rendered(t testing.TB, m *audio.Media, o Options, make func(io.Writer) (Sink, error)) ([]byte, Stats) {
	t.Helper()
	var out bytes.Buffer
	sink, err := make(&out)
	if err != nil {
		t.Fatal(err)
	}
	if o.Pipeline.Encoder == nil {
		o.Pipeline = engine
	}
	stats, err := Run(t.Context(), m, sink, o)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), stats
}

func asOgg(w io.Writer) (Sink, error) { return OggOpus(w), nil }

// floats reads what WAVFloat wrote.
func floats(b []byte) (pcm []float32) {
	for b = b[44:]; len(b) >= 4; b = b[4:] {
		pcm = append(pcm, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return pcm
}

func TestLoudnessIsThatOfWhatIsHeard(t *testing.T) {
	in := bundled(t, testdata.Lantern)
	for name, o := range map[string]Options{
		"passed":       {},
		"a part":       {From: 2*time.Second + 7*time.Millisecond, To: 9 * time.Second},
		"half as loud": {To: 10 * time.Second, Settings: effect.Settings{Volume: effect.Percent(50)}},
	} {
		o.Measure = true
		heard, wav := rendered(t, media(in), o, WAVFloat)
		m := loudness.New()
		m.Add(floats(heard))
		_, ogg := rendered(t, media(in), o, asOgg)
		for sink, s := range map[string]Stats{"WAV": wav, "Ogg": ogg} {
			if s.Integrated == nil || s.TruePeak == nil || math.Abs(*s.Integrated-m.Integrated()) > 0.006 || math.Abs(*s.TruePeak-m.TruePeak()) > 0.006 {
				t.Errorf("%s, %s: %+v, want %.3f LUFS and %.3f dBTP", name, sink, s, m.Integrated(), m.TruePeak())
			}
		}
	}
	silence := wavOf(t, make([]float32, audio.SampleRate))
	_, s := rendered(t, media(silence), Options{Measure: true}, asOgg)
	if b, err := json.Marshal(s); err != nil || s.Integrated != nil || bytes.Contains(b, []byte("lufs")) {
		t.Errorf("silence: %s, %v", b, err)
	}
	if _, s := rendered(t, media(in), Options{To: time.Second}, asOgg); s.Integrated != nil || s.TruePeak != nil {
		t.Errorf("measured, and nobody asked: %+v", s)
	}
}

func TestStatsCountPacketsAndMemory(t *testing.T) {
	in := bundled(t, testdata.Lantern)
	list, _ := packets(t, in)
	_, s := rendered(t, media(in), Options{}, asOgg)
	if s.PacketsIn != int64(len(list)) || s.PeakRSS < 1<<20 || s.PeakRSS > 1<<40 {
		t.Errorf("%d packets of %d, %d bytes", s.PacketsIn, len(list), s.PeakRSS)
	}
}

func TestFloatIsNeitherRoundedNorLimited(t *testing.T) {
	loud := audiotest.Music(audio.SampleRate)
	for i := range loud {
		loud[i] *= 3
	}
	in := wavOf(t, loud)
	float, _ := rendered(t, media(in), Options{}, WAVFloat)
	exact := floats(float)
	rounded, _ := toPCM(t, in, Options{})
	if len(exact) != len(rounded) {
		t.Fatalf("%d samples, and %d of 16 bits", len(exact), len(rounded))
	}
	over, off := 0, 0.0
	for i, v := range exact {
		if v > 1 || v < -1 {
			over++
		}
		if v > 32767./32768 || v < -1 { // the largest there is in 16 bits
			continue
		}
		off = max(off, math.Abs(float64(v-rounded[i])))
	}
	if over == 0 || off > 1.01/65536 || off == 0 {
		t.Errorf("%d samples beyond full scale, others as far from 16 bits as %g", over, off)
	}
}

func TestProgressIsTold(t *testing.T) {
	var done, totals []time.Duration
	o := Options{From: time.Second, To: 5 * time.Second, Progress: func(d, total time.Duration) { done, totals = append(done, d), append(totals, total) }}
	rendered(t, media(bundled(t, testdata.Lantern)), o, asOgg)
	if len(done) != 4 || totals[0] != 4*time.Second || done[3] < 3500*time.Millisecond || done[3] > 4*time.Second || done[0] > done[1] {
		t.Errorf("%v of %v", done, totals)
	}
	for _, c := range []struct {
		length time.Duration
		o      Options
		want   time.Duration
	}{{0, Options{}, 0}, {time.Minute, Options{}, time.Minute}, {time.Minute, Options{From: time.Hour}, 0}, {0, Options{To: time.Second}, time.Second}, {time.Second, Options{To: time.Minute}, time.Second}} {
		if got := part(c.length, c.o); got != c.want {
			t.Errorf("%v of %v: %v", c.o.To-c.o.From, c.length, got)
		}
	}
}

// What cannot seek is read through.
func TestAPartOfAStreamIsTheSame(t *testing.T) {
	in := bundled(t, testdata.Lantern)
	o := Options{From: 3*time.Second + 3*time.Millisecond, To: 6 * time.Second}
	seeking, _ := rendered(t, media(in), o, WAVFloat)
	stream := &audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(in)), Size: -1}
	flowing, s := rendered(t, stream, o, WAVFloat)
	a, b := floats(seeking), floats(flowing)
	if len(a) != len(b) || s.Seconds != 2.997 || meter.Error(a, b, 0) > -30 {
		t.Errorf("%d samples of %d, %v s, error %.1f dB", len(b), len(a), s.Seconds, meter.Error(a, b, 0))
	}
}
