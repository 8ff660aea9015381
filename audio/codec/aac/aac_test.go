package aac_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/aac"
)

var fixtures = []string{"six.aac", "clicks.aac", "he1.aac", "he2.aac"}

func fixture(t testing.TB, name string) (config []byte, units [][]byte) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return frames(t, b)
}

// tone is the amplitude of hz in one channel of pcm, leaving the ends out.
func tone(pcm []float32, channel, channels, rate int, hz float64) float64 {
	var re, im float64
	n := 0
	for i := 4096; i < len(pcm)/channels-4096; i++ {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		re, im = re+c*float64(pcm[i*channels+channel]), im+s*float64(pcm[i*channels+channel])
		n++
	}
	return 2 * math.Hypot(re, im) / float64(n)
}

func TestSixChannelsComeOutInWAVEOrder(t *testing.T) {
	config, units := fixture(t, "six.aac")
	pcm, channels := decodeAll(t, config, units)
	if channels != 6 {
		t.Fatalf("%d channels", channels)
	}
	for ch, hz := range []float64{300, 500, 700, 50, 900, 1100} {
		if a := tone(pcm, ch, 6, 48000, hz); a < 0.18 || a > 0.22 {
			t.Errorf("channel %d has %.3f of %v Hz, want 0.2", ch, a, hz)
		}
	}
}

func TestShortWindowsKeepTheToneAndTheClicks(t *testing.T) {
	config, units := fixture(t, "clicks.aac")
	pcm, channels := decodeAll(t, config, units)
	for ch, want := range []float64{0.1, 0.15} {
		if a := tone(pcm, ch, channels, 44100, 600); math.Abs(a-want) > 0.02 {
			t.Errorf("channel %d: the tone has %.3f, want %.3f", ch, a, want)
		}
	}
	at := 1024 + 4410*3 // the fourth click
	peak, before := float32(0), float32(0)
	for i := at - 1; i < at+45; i++ {
		peak = max(peak, pcm[2*i])
	}
	for i := at - 400; i < at-200; i++ {
		before = max(before, pcm[2*i])
	}
	if peak < 0.35 || before > 0.2 {
		t.Errorf("a click has %.2f, what comes before it %.2f", peak, before)
	}
}

func TestTheDecoderKeepsItsPromises(t *testing.T) {
	for _, name := range fixtures {
		config, units := fixture(t, name)
		var packets []audio.Packet
		for _, u := range units {
			packets = append(packets, audio.Packet{Data: u, Duration: 1024})
		}
		audiotest.TestDecoder(t, func(t testing.TB) audio.Decoder {
			d, err := aac.NewDecoder(config)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}, packets)
	}
}

func TestALostFrameIsForgottenAfterTheNext(t *testing.T) {
	config, units := fixture(t, "clicks.aac")
	want, _ := decodeAll(t, config, units)
	for name, lost := range map[string][]byte{"lost": nil, "cut off": units[9][:len(units[9])/2], "of nothing": {0xe0}, "ones": []byte(strings.Repeat("\xff", 300))} {
		d, _ := aac.NewDecoder(config)
		var got []float32
		for i, u := range units {
			var err error
			if i == 9 {
				u = lost
			}
			if got, err = d.Decode(got, audio.Packet{Data: u, Duration: 1115}); err != nil {
				if i != 9 || !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrUnsupported) {
					t.Fatalf("%s: frame %d: %v", name, i, err)
				}
				got, _ = d.Decode(got, audio.Packet{Duration: 1115})
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d samples, want %d", name, len(got), len(want))
		}
		for i := range got {
			if frame := i / 2048; got[i] != want[i] && frame != 9 && frame != 10 {
				t.Fatalf("%s: frame %d differs", name, frame)
			}
		}
	}
}

func TestALostFrameOfAnyLengthIsAsLong(t *testing.T) {
	config, units := fixture(t, "clicks.aac")
	d, _ := aac.NewDecoder(config)
	for _, n := range []int64{0, 1, 480, 48000, 1 << 40, -5} {
		_, _ = d.Decode(nil, audio.Packet{Data: units[0]})
		pcm, err := d.Decode(nil, audio.Packet{Duration: n})
		if want := int(min(max(n, 0), 48000)*44100/48000) * 2; err != nil || len(pcm) != want {
			t.Errorf("%d: %d samples, %v, want %d", n, len(pcm), err, want)
		}
	}
}

func TestNothingIsAllocatedForAFrame(t *testing.T) {
	for _, name := range fixtures {
		config, units := fixture(t, name)
		d, _ := aac.NewDecoder(config)
		pcm, i := make([]float32, 0, 2*2048*8), 0
		if n := testing.AllocsPerRun(200, func() {
			_, _ = d.Decode(pcm, audio.Packet{Data: units[i%len(units)]})
			i++
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestDamagedFramesDoNoHarm decodes a thousand damaged frames: each is an error or
// sound of the right length, and no number in it is none.
func TestDamagedFramesDoNoHarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, name := range fixtures {
		config, units := fixture(t, name)
		d, _ := aac.NewDecoder(config)
		for range 1000 {
			u := append([]byte(nil), units[rng.IntN(len(units))]...)
			for range 1 + rng.IntN(6) {
				u[rng.IntN(len(u))] ^= 1 << rng.IntN(8)
			}
			harmless(t, d, u)
		}
	}
}

func harmless(t *testing.T, d *aac.Decoder, u []byte) {
	pcm, err := d.Decode(nil, audio.Packet{Data: u})
	if err != nil {
		if !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrUnsupported) || len(pcm) != 0 {
			t.Fatalf("%d samples, %v", len(pcm), err)
		}
		return
	}
	rate, channels := d.Format()
	if n := len(pcm) / channels; len(pcm) != n*channels || n != 1024 && n != 2048 {
		t.Fatalf("%d samples at %d Hz in %d channels", len(pcm), rate, channels)
	}
	for _, x := range pcm {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			t.Fatalf("%v in the sound", x)
		}
		if max(x, -x) > 1e6 {
			t.Fatalf("%v in the sound is far too loud", x)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range fixtures {
		config, units := fixture(f, name)
		for i := 2; i < 8; i++ {
			f.Add(config, units[i], units[i+1])
		}
	}
	f.Add([]byte{0x13, 0x90, 0x56, 0xe5, 0xa5, 0x48, 0x80}, []byte{0xde, 0x02}, []byte{0xde, 0x02})
	f.Fuzz(func(t *testing.T, config, u, v []byte) {
		d, err := aac.NewDecoder(config)
		if err != nil {
			if !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrUnsupported) {
				t.Fatal(err)
			}
			return
		}
		if len(u) == 0 || len(v) == 0 {
			return
		}
		for _, x := range [][]byte{u, v, u, v, v} {
			harmless(t, d, x)
		}
	})
}
