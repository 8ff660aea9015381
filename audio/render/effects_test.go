package render

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	"segue/audio/loudness"
	"segue/audio/meter"
	"segue/audio/pipeline"
	"segue/testdata"
)

// quick is the engine with an encoder that does not try hard.
var quick = pipeline.Options{Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{Complexity: 1}) }}

// asked is what a JSON of effects says.
func asked(t testing.TB, text string) (s effect.Settings) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// changed is pcm after effects, encoding and decoding, unrounded.
func changed(t testing.TB, pcm []float32, s effect.Settings) []float32 {
	t.Helper()
	out, stats := rendered(t, media(wavOf(t, pcm)), Options{Settings: s, Pipeline: quick}, WAVFloat)
	if stats.Mode != "transcode" {
		t.Fatalf("%+v", stats)
	}
	return floats(out)
}

// tone is the amplitude and phase of hz in the left channel of pcm from sample from to to.
func toneIn(pcm []float32, hz float64, from, to int) (amp, phase float64) {
	var re, im, sum float64
	for i := from; i < to; i++ {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i-from)/float64(to-from))
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
		re, im, sum = re+w*c*float64(pcm[2*i]), im+w*s*float64(pcm[2*i]), sum+w
	}
	return 2 * math.Hypot(re, im) / sum, math.Atan2(-im, re)
}

// frequencyNear is which frequency near hz there is in pcm, by how the phase moves on.
func frequencyNear(pcm []float32, hz float64) float64 {
	const window, hop = audio.SampleRate / 2, 480
	from := len(pcm)/2/2 - window/2
	_, a := toneIn(pcm, hz, from, from+window)
	_, b := toneIn(pcm, hz, from+hop, from+hop+window)
	d := math.Mod(b-a+3*math.Pi, 2*math.Pi) - math.Pi
	return hz + d/(2*math.Pi)*audio.SampleRate/hop
}

// The response of the equalizer with a gain, at the centres and between them: 15
// bandpasses of Q sqrt2/(2-1), added to the sound (Lavalink's).
func TestEqualizerIsRenderedAsItsFormulaSays(t *testing.T) {
	flat := asked(t, `{"volume":0.999}`)
	const n = 2 * audio.SampleRate
	for _, hz := range []float64{40, 100, 400, 1000, 4000, 10000} {
		in := audiotest.Sine(hz, 0.1, n)
		ref, _ := toneIn(changed(t, in, flat), hz, n/4, 3*n/4)
		for _, gain := range []float64{0.25, -0.2} {
			e := effect.Settings{Equalizer: effect.Equalizer{}}
			for i := range e.Equalizer {
				e.Equalizer[i] = gain
			}
			got, _ := toneIn(changed(t, in, e), hz, n/4, 3*n/4)
			want := responseOf(t, e, hz) + 20*math.Log10(1/0.999)
			if db := 20 * math.Log10(got/ref); math.Abs(db-want) > 0.5 {
				t.Errorf("%g Hz with all bands at %g: %.2f dB, want %.2f", hz, gain, db, want)
			}
		}
	}
}

// responseOf is what a chain does to a tone, in dB, without anything else: that it does
// what its formula says is tested where it is.
func responseOf(t testing.TB, e effect.Settings, hz float64) float64 {
	t.Helper()
	c := effect.NewChain()
	c.Set(e)
	const n = audio.SampleRate
	in := audiotest.Sine(hz, 0.1, n)
	got, _ := toneIn(c.Process(nil, in), hz, n/2, n)
	ref, _ := toneIn(in, hz, n/2, n)
	return 20 * math.Log10(got/ref)
}

// Tempo and pitch of what is written, for tones with a beat.
func TestTimescaleIsRenderedInTempoAndTune(t *testing.T) {
	const seconds, hz = 8, 440.0
	for _, c := range []struct {
		json        string
		pace, pitch float64
	}{
		{`{"timescale":{"speed":1.2,"pitch":1.2}}`, 1.2, 1.2}, // nightcore
		{`{"timescale":{"rate":0.8}}`, 0.8, 0.8},
		{`{"timescale":{"speed":1.25}}`, 1.25, 1},
		{`{"timescale":{"pitch":0.9}}`, 1, 0.9},
		{`{"timescale":{"speed":0.5,"pitch":1.5,"rate":1.1}}`, 0.55, 1.65},
	} {
		s := asked(t, c.json)
		tone := changed(t, audiotest.Sine(hz, 0.3, seconds*audio.SampleRate), s)
		if want := math.Round(seconds * audio.SampleRate / c.pace); math.Abs(float64(len(tone)/2)-want) > 1 {
			t.Errorf("%s: %d samples, want %.0f", c.json, len(tone)/2, want)
		}
		if cents := 1200 * math.Log2(frequencyNear(tone, hz*c.pitch)/(hz*c.pitch)); math.Abs(cents) > 2 {
			t.Errorf("%s: %.2f cents off", c.json, cents)
		}
		// Clicks a second apart, each in the middle of its second.
		beat := make([]float32, seconds*audio.SampleRate*2)
		for i := range seconds {
			at := (2*i + 1) * audio.SampleRate
			copy(beat[at:], audiotest.Noise(7, 0.5, 480))
		}
		got := changed(t, beat, s)
		first, last := onset(got, 0.5/c.pace), onset(got, (seconds-0.5)/c.pace)
		if tempo := (seconds - 1) / (last - first) / c.pace; math.Abs(tempo-1) > 0.001 {
			t.Errorf("%s: the tempo is %.4f of what it should be", c.json, tempo)
		}
	}
}

// onset is where, in seconds, the energy within 0.2 s of at has its middle.
func onset(pcm []float32, at float64) float64 {
	sum, moment := 0.0, 0.0
	for i := int((at - 0.2) * audio.SampleRate); i < int((at+0.2)*audio.SampleRate) && i < len(pcm)/2; i++ {
		e := float64(pcm[2*i]) * float64(pcm[2*i])
		sum, moment = sum+e, moment+e*float64(i)
	}
	return moment / sum / audio.SampleRate
}

// What is written is as long as the music becomes, whatever is read and from where.
func TestLengthIsThatOfTheMusic(t *testing.T) {
	for name, in := range map[string][]byte{"passable": bundled(t, testdata.Lantern), "44100 Hz": bundled(t, testdata.Clockwork)} {
		plain := lasts(t, in, Options{})
		for _, speed := range []float64{0.1, 0.5, 0.85, 1.2, 3, 10} {
			for _, part := range [][2]time.Duration{{0, 0}, {1234 * time.Millisecond, 3 * time.Second}, {777 * time.Millisecond, 0}} {
				o := Options{From: part[0], To: part[1], Settings: asked(t, fmt.Sprintf(`{"timescale":{"speed":%g}}`, speed))}
				if speed == 0.1 && part[1] == 0 {
					continue // minutes
				}
				end := plain
				if part[1] > 0 {
					end = part[1].Seconds()
				}
				got := lasts(t, in, o)
				if want := (end - part[0].Seconds()) / speed; math.Abs(got-want) > 2.0/audio.SampleRate {
					t.Errorf("%s, %v at %g: %.5f s, want %.5f", name, part, speed, got, want)
				}
			}
		}
	}
}

// lasts is how many seconds are rendered of in, without really encoding them.
func lasts(t testing.TB, in []byte, o Options) float64 {
	t.Helper()
	o.Pipeline.Encoder = func() (audio.Encoder, error) { return &nobody{}, nil }
	stats, err := Run(t.Context(), media(in), &nobody{}, o)
	if err != nil {
		t.Fatal(err)
	}
	return stats.Seconds
}

// nobody is an encoder, and a sink, of nothing, but that it is late as encoders are.
type nobody struct{}

func (nobody) Encode(dst []byte, _ []float32) ([]byte, error) { return append(dst, 0), nil }
func (nobody) Lookahead() int                                 { return 312 }
func (nobody) Reset()                                         {}
func (nobody) Start(int64, audio.Info) error                  { return nil }
func (nobody) Write(audio.Frame) error                        { return nil }
func (nobody) End(int64) error                                { return nil }

func TestWhatChangesNothingIsPassedBitForBit(t *testing.T) {
	in := bundled(t, testdata.Lantern)
	plain, _ := rendered(t, media(in), Options{To: 5 * time.Second}, asOgg)
	for _, text := range []string{
		`{}`, `null`, `{"equalizer":[]}`, `{"equalizer":[{"band":0,"gain":0}]}`, `{"volume":1.0}`, `{"timescale":{}}`,
		`{"timescale":{"speed":1.0,"pitch":1.0,"rate":1.0}}`, `{"rotation":{}}`, `{"distortion":{}}`, `{"channelMix":{}}`,
		`{"tremolo":null,"karaoke":null}`, `{"pluginFilters":{}}`, `{"lowPass":{"smoothing":1}}`,
	} {
		got, stats := rendered(t, media(in), Options{To: 5 * time.Second, Settings: asked(t, text)}, asOgg)
		if string(got) != string(plain) || stats.Mode != "passthrough" || stats.Effects != nil {
			t.Errorf("%s: %s, %v", text, stats.Mode, stats.Effects)
		}
	}
}

// The example of Lavalink's documentation of PATCH /player (docs/api/rest.md), and each
// filter by itself: all are taken and heard, and nothing gets above the ceiling.
func TestEveryEffectIsRenderedBelowTheCeiling(t *testing.T) {
	hot := audiotest.Music(2 * audio.SampleRate)
	for i := range hot {
		hot[i] *= 2
	}
	in := wavOf(t, hot)
	all := map[string]effect.Settings{}
	for _, text := range []string{
		`{"volume":1.0,"equalizer":[{"band":0,"gain":0.2}],"karaoke":{"level":1.0,"monoLevel":1.0,"filterBand":220.0,"filterWidth":100.0},` +
			`"timescale":{"speed":1.0,"pitch":1.0,"rate":1.0},"tremolo":{"frequency":2.0,"depth":0.5},"vibrato":{"frequency":2.0,"depth":0.5},` +
			`"rotation":{"rotationHz":0},"distortion":{"sinOffset":0.0,"sinScale":1.0,"cosOffset":0.0,"cosScale":1.0,"tanOffset":0.0,"tanScale":1.0,"offset":0.0,"scale":1.0},` +
			`"channelMix":{"leftToLeft":1.0,"leftToRight":0.0,"rightToLeft":0.0,"rightToRight":1.0},"lowPass":{"smoothing":20.0}}`,
		`{"volume":5}`, `{"volume":0.5}`, `{"equalizer":[{"band":0,"gain":1},{"band":1,"gain":1},{"band":14,"gain":1}]}`, `{"karaoke":{}}`, `{"tremolo":{}}`,
		`{"vibrato":{}}`, `{"rotation":{"rotationHz":0.2}}`, `{"distortion":{"sinScale":2,"scale":1.5}}`, `{"channelMix":{"leftToRight":1,"rightToLeft":1}}`, `{"lowPass":{}}`,
	} {
		all[text] = asked(t, text)
	}
	for _, p := range effect.Presets() {
		all[p.Name] = p.Settings
	}
	for name, s := range all {
		out, stats := rendered(t, media(in), Options{Settings: s, Pipeline: quick}, WAVFloat)
		if stats.Effects == nil || *stats.Effects != s.Canonical() || stats.Mode != "transcode" {
			t.Errorf("%s: %+v", name, stats)
		}
		m := loudness.New()
		m.Add(floats(out))
		// What was given to the encoder is at -1 dBTP at most; what comes back is that
		// and what coding adds.
		if p := m.TruePeak(); p > -1+codingAdds {
			t.Errorf("%s: %.2f dBTP", name, p)
		}
	}
}

// codingAdds is by how many dB peaks may be higher after encoding and decoding.
const codingAdds = 1.5

// What the encoder gets is below the ceiling by itself.
func TestWhatIsEncodedIsBelowTheCeiling(t *testing.T) {
	hot := audiotest.Music(2 * audio.SampleRate)
	for _, s := range []effect.Settings{{Volume: effect.Percent(500)}, asked(t, `{"equalizer":[{"band":1,"gain":1},{"band":8,"gain":0.7}],"volume":2}`), asked(t, `{"timescale":{"speed":1.2,"pitch":1.2},"volume":4}`)} {
		tape := &tape{}
		o := Options{Settings: s, Pipeline: engine}
		o.Pipeline.Encoder = func() (audio.Encoder, error) { return tape, nil }
		if _, err := Run(t.Context(), media(wavOf(t, hot)), tape, o); err != nil {
			t.Fatal(err)
		}
		m := loudness.New()
		m.Add(tape.pcm)
		if p := m.TruePeak(); p > -1 || p < -1.5 {
			t.Errorf("%+v: %.3f dBTP", s.Volume, p)
		}
	}
}

func TestVolumeIsRenderedInItsRange(t *testing.T) {
	in := audiotest.Music(3 * audio.SampleRate)
	for i := range in {
		in[i] *= 0.2
	}
	for _, percent := range []float64{1, 10, 80, 150, 200} {
		m := meter.Compare(in, changed(t, in, effect.Settings{Volume: effect.Percent(percent)}), 1000)
		if db := 20 * math.Log10(m.Gain/(percent/100)); m.Shift != 0 || math.Abs(db) > 0.2 {
			t.Errorf("%g %%: %.2f dB off, shift %d", percent, db, m.Shift)
		}
	}
}
