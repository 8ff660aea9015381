package pipeline

import (
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

// A tone is a demuxer of stand-in packets of a sine between two samples, and of
// silence elsewhere.
type tone struct {
	*ramp
	hz, level float64
	from, to  int64
}

func toneOf(name string, packets int, from, to int64) *tone {
	r := evenly(packets)
	r.info.Name = name
	return &tone{ramp: r, hz: 440, level: 0.5, from: from, to: to}
}

func (s *tone) at(i int64) float32 {
	if i < s.from || i >= s.to {
		return 0
	}
	return float32(s.level * math.Cos(2*math.Pi*s.hz*float64(i)/audio.SampleRate))
}

func (s *tone) Info() audio.Info {
	return audio.Info{Container: "tone", Duration: toTime(s.total())}
}

func (s *tone) ReadPacket() (audio.Packet, error) {
	at := s.ramp.at
	p, err := s.ramp.ReadPacket()
	if err != nil {
		return p, err
	}
	p.Data = p.Data[:0]
	for i := at; i < at+p.Duration; i++ {
		p.Data = append(p.Data, pack([]float32{s.at(i), -s.at(i)})...)
	}
	return p, nil
}

// stream is a stream of it, with the stand-in codec.
func (s *tone) stream(o Options) *Stream {
	st := standIn(s)
	o.Encoder = st.o.Encoder
	o.Decoder = func(audio.CodecInfo) (audio.Decoder, error) {
		return &decoder{rate: audio.SampleRate, channels: audio.Channels, warm: true}, nil
	}
	o.Tables = st.o.Tables
	st.o = o
	st.Want(o.Settings)
	st.gauge = newGauge(o.Measure, s.Info())
	return st
}

// heardOf is the left channel of all frames p makes, one every 20 ms. It fails if p
// makes nothing for 400 seconds, or does not end.
func heardOf(t *testing.T, p *Pump, each func(frame int)) (left []float32, modes string) {
	t.Helper()
	const most = 20_000 // frames, and times that there is none in a row: more than any of these tests has
	for idle := 0; !p.Ended(); {
		if idle > most || len(modes) > most {
			t.Fatalf("it does not end: %d frames, and nothing %d times", len(modes), idle)
		}
		if f, ok := p.Take(); ok {
			idle = 0
			each(len(modes))
			modes += string("pT"[p.Mode()])
			for k, v := range unpack(f.Opus) {
				if k%2 == 0 {
					left = append(left, v)
				}
			}
			continue
		}
		idle++
		time.Sleep(20 * time.Millisecond)
	}
	return left, modes
}

func nobody(int) {}

func TestSilenceAtTheEndsIsLeftOut(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		for _, c := range []struct{ from, to int64 }{
			{0, 500 * 960}, {50_000, 400_000}, {47_999, 500 * 960}, {0, 380_001}, {4_000, 479_000}, {10_000, 10_960},
		} {
			synctest.Test(t, func(t *testing.T) {
				music := toneOf(name, 500, c.from, c.to)
				p := Start(t.Context(), music.stream(Options{Trim: true}))
				defer p.Close()
				left, modes := heardOf(t, p, nobody)
				sounds := func(v float32) bool { return math.Abs(float64(v)) > hush }
				first := slices.IndexFunc(left, sounds)
				last := len(left) - 1
				for ; last > 0 && !sounds(left[last]); last-- {
				}
				if first < 0 || int64(last-first+1) != c.to-c.from {
					t.Fatalf("%s %v: music of %d samples is heard from %d to %d (%s)", name, c, c.to-c.from, first, last, modes)
				}
				for i := first; i <= last; i++ {
					if want := music.at(c.from + int64(i-first)); left[i] != want {
						t.Fatalf("%s %v: sample %d is %v, want %v", name, c, i, left[i], want)
					}
				}
				// What is left of the silence is a tenth of a second, and what it takes to
				// begin and end with whole packets.
				if before := int64(first); before > min(c.from, breath+frameSamples) {
					t.Errorf("%s %v: %d samples of silence before", name, c, before)
				}
				// So much of the fat stand-in packets is read ahead, and looked at.
				if after := int64(len(left) - 1 - last); c.to > 500*960-101_000 && after > breath+2*frameSamples {
					t.Errorf("%s %v: %d samples of silence after", name, c, after)
				}
				if err := p.Err(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestSilenceThroughoutIsLeftAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Start(t.Context(), toneOf("pcm", 100, 0, 0).stream(Options{Trim: true}))
		defer p.Close()
		if left, _ := heardOf(t, p, nobody); len(left) != 100*960 {
			t.Errorf("%d samples of 96000", len(left))
		}
	})
}

func TestMusicIsMeasured(t *testing.T) {
	// A sine of half of full scale in both channels: its mean square is -9.03 dB in each;
	// BS.1770 weighs 440 Hz by -0.19 dB or so and adds the channels.
	for _, c := range []struct {
		name    string
		measure Measure
		want    effect.Settings
		told    bool
	}{
		{"pcm", MeasureNothing, neutral, false},
		{"pcm", MeasureDecoded, neutral, true},
		{"pcm", MeasureAll, neutral, true},
		{"pcm", MeasureAll, effect.Settings{Volume: -20}, true},
		{"opus", MeasureDecoded, neutral, false},
		{"opus", MeasureAll, neutral, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := Start(t.Context(), toneOf(c.name, 800, 0, 800*960).stream(Options{Measure: c.measure, Settings: c.want}))
			heardOf(t, p, nobody)
			if m := p.Measured(); m.Told {
				t.Errorf("%v: measured before it was closed", c)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			m := p.Measured()
			if m.Told != c.told || c.told && math.Abs(m.LUFS-(-6.7)) > 0.3 {
				t.Errorf("%v: %+v", c, m)
			}
			if c.told && (m.Heard != 800*960 || m.Peak < 0.5 || m.Peak > 0.6) {
				t.Errorf("%v: heard %d, peak %v", c, m.Heard, m.Peak)
			}
		})
	}
}

func TestASoundIsLaidOverTheMusic(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		synctest.Test(t, func(t *testing.T) {
			music := toneOf(name, 200, 0, 200*960)
			sound := toneOf("pcm", 40, 0, 40*960)
			sound.hz, sound.level = 1000, 0.25
			p := Start(t.Context(), music.stream(Options{}))
			defer p.Close()
			var heard <-chan struct{}
			left, modes := heardOf(t, p, func(frame int) {
				if frame == 50 {
					ok := false
					if heard, ok = p.Overlay(sound.stream(Options{}), 20); !ok {
						t.Error("refused")
					}
				}
			})
			select {
			case <-heard:
			default:
				t.Error("it does not say that it has been heard")
			}
			if len(left) != 200*960 {
				t.Fatalf("%d samples", len(left))
			}
			level := func(hz float64, frame int) float64 {
				var re, im float64
				for i, v := range left[frame*960 : (frame+5)*960] {
					sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
					re, im = re+float64(v)*cos, im+float64(v)*sin
				}
				return math.Hypot(re, im) * 2 / 4800
			}
			if m, s := level(440, 65), level(1000, 65); math.Abs(m-0.05) > 0.001 || math.Abs(s-0.25) > 0.001 {
				t.Errorf("%s: under the sound the music is at %.4f, want 0.05; that at %.4f, want 0.25", name, m, s)
			}
			if m, s := level(440, 150), level(1000, 150); math.Abs(m-0.5) > 0.001 || s > 0.001 {
				t.Errorf("%s: after the sound the music is at %.4f, want 0.5; that at %.4f", name, m, s)
			}
			for i, v := range left[150*960:] { // sample for sample as it was
				if want := music.at(int64(150*960 + i)); v != want {
					t.Fatalf("%s: sample %d is %v, want %v (%s)", name, 150*960+i, v, want, modes)
				}
			}
			if name == "opus" && (modes[40] != 'p' || modes[70] != 'T' || modes[199] != 'p') {
				t.Errorf("modes %s", modes)
			}
			slope := 0.0
			for i := 1; i < len(left); i++ {
				slope = max(slope, math.Abs(float64(left[i]-left[i-1])))
			}
			if most := 2 * math.Pi / audio.SampleRate * (0.5*440 + 0.25*1000); slope > 0.25+most { // it begins with its crest
				t.Errorf("%s: a step of %v", name, slope)
			}
		})
	}
}

func TestASoundOutlastsTheMusic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Start(t.Context(), toneOf("pcm", 50, 0, 50*960).stream(Options{}))
		defer p.Close()
		left, _ := heardOf(t, p, func(frame int) {
			if frame == 40 {
				p.Overlay(toneOf("pcm", 60, 0, 60*960).stream(Options{}), 6)
			}
		})
		if n := len(left) / 960; n < 100 || n > 106 {
			t.Errorf("%d frames", n)
		}
	})
}

func TestTooManySoundsAndBrokenOnesDoNotHarmTheMusic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		music := toneOf("opus", 150, 0, 150*960)
		p := Start(t.Context(), music.stream(Options{}))
		defer p.Close()
		refused := 0
		left, modes := heardOf(t, p, func(frame int) {
			if frame != 20 {
				return
			}
			for i := range 3 * layers {
				sound := toneOf("pcm", 10, 0, 0)
				switch i % 3 {
				case 0:
					sound.damage = map[int]bool{0: true, 1: true, 2: true}
				case 1:
					sound.end = errors.New("broken")
					sound.lengths = sound.lengths[:1]
				}
				heard, ok := p.Overlay(sound.stream(Options{}), 0)
				if !ok {
					refused++
					<-heard
				}
			}
		})
		if refused == 0 {
			t.Error("none of twelve was refused")
		}
		for i, v := range left {
			if want := music.at(int64(i)); v != want {
				t.Fatalf("sample %d is %v, want %v (%s)", i, v, want, modes)
			}
		}
		if err := p.Err(); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}
