package aac_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/codec/aac"
)

// upper is the energy of one channel of pcm above the half of its spectrum that a
// core can have, per sample: what a high-pass of a few taps leaves.
func upper(pcm []float32, channel, channels int) float64 {
	taps := make([]float64, 63)
	for i := range taps {
		x := float64(i - 31)
		h := -math.Sin(math.Pi*0.6*x) / (math.Pi * x)
		if x == 0 {
			h = 0.4
		}
		taps[i] = h * (0.5 + 0.5*math.Cos(math.Pi*x/32))
	}
	sum, n := 0.0, 0
	for i := len(taps); i < len(pcm)/channels; i++ {
		v := 0.0
		for k, h := range taps {
			v += h * float64(pcm[(i-k)*channels+channel])
		}
		sum += v * v
		n++
	}
	return sum / float64(n)
}

func TestHEComesOutAtTwiceTheRate(t *testing.T) {
	for name, channels := range map[string]int{"he1.aac": 2, "he2.aac": 2} {
		config, units := fixture(t, name)
		d, err := aac.NewDecoder(config)
		if err != nil {
			t.Fatal(err)
		}
		if rate, _ := d.Format(); rate != 22050 {
			t.Errorf("%s: %d Hz before the first frame", name, rate)
		}
		var pcm []float32
		for i, u := range units {
			if pcm, err = d.Decode(pcm, audio.Packet{Data: u}); err != nil {
				t.Fatal(err)
			}
			if rate, n := d.Format(); rate != 44100 || n != channels || len(pcm) != (i+1)*2048*n {
				t.Fatalf("%s: frame %d: %d Hz, %d channels, %d samples", name, i, rate, n, len(pcm))
			}
		}
		for ch := range channels {
			if e := upper(pcm, ch, channels); e < 1e-6 {
				t.Errorf("%s: channel %d has %g of high sound", name, ch, e)
			}
		}
	}
}

func TestWhatIsAnnouncedIsKept(t *testing.T) {
	_, he := fixture(t, "he1.aac")
	_, lc := fixture(t, "clicks.aac")
	for name, c := range map[string]struct {
		config       []byte
		units        [][]byte
		rate, length int // Hz, and samples of a frame
		high         bool
	}{
		"HE in HE":                     {pack(5, 5, 7, 4, 2, 4, 4, 4, 2, 5, 0, 3), he, 44100, 2048, true},
		"HE in HE for old decoders":    {pack(2, 5, 7, 4, 2, 4, 0, 3, 0x2b7, 11, 5, 5, 1, 1, 4, 4), he, 44100, 2048, true},
		"HE where there is to be none": {pack(2, 5, 7, 4, 2, 4, 0, 3, 0x2b7, 11, 5, 5, 0, 1), he, 22050, 1024, true},
		"LC in HE":                     {pack(5, 5, 4, 4, 2, 4, 0, 4, 2, 5, 0, 3), lc, 88200, 2048, false},
	} {
		d, err := aac.NewDecoder(c.config)
		if err != nil {
			t.Fatal(err)
		}
		pcm, channels := decodeAll(t, c.config, c.units)
		if rate, _ := d.Format(); rate != c.rate || channels != 2 || len(pcm) != len(c.units)*c.length*2 {
			t.Errorf("%s: %d Hz, %d channels, %d samples", name, rate, channels, len(pcm))
		}
		if e := upper(pcm, 0, 2); (e > 1e-6) != c.high {
			t.Errorf("%s: %g of high sound", name, e)
		}
	}
}

// TestLCInHEIsWhatItWas holds a core that is only brought to twice the rate against
// the core: every second sample is what it was, later.
func TestLCInHEIsWhatItWas(t *testing.T) {
	config, units := fixture(t, "clicks.aac")
	plain, _ := decodeAll(t, config, units)
	double, channels := decodeAll(t, pack(5, 5, 4, 4, 2, 4, 0, 4, 2, 5, 0, 3), units)
	if channels != 2 || len(double) != 2*len(plain) {
		t.Fatalf("%d channels, %d samples of %d", channels, len(double), len(plain))
	}
	const delay = 578 + 6*64 // of the filter banks, and of what the extension looks ahead
	var got []float32
	for i := delay; i < len(double)/2; i += 2 {
		got = append(got, double[2*i], double[2*i+1])
	}
	for ch := range 2 {
		// What is above the banks' last band is cut: the clicks have some of that.
		if dB := likeness(got, plain, ch, 2); dB < 40 {
			t.Errorf("channel %d is %.1f dB like the core", ch, dB)
		}
	}
}

func TestWithoutAHeaderThereIsNoHighSound(t *testing.T) {
	config, units := fixture(t, "he1.aac")
	// The sixth frame has a header; begin behind the first one's.
	pcm, _ := decodeAll(t, config, units[1:])
	const frame = 2 * 2048
	if e := upper(pcm[:4*frame], 0, 2); e > 1e-9 {
		t.Errorf("%g of high sound before the header", e)
	}
	if e := upper(pcm[5*frame:], 0, 2); e < 1e-6 {
		t.Errorf("%g of high sound behind it", e)
	}
}

func TestHighSoundComesBackAfterALostFrame(t *testing.T) {
	config, units := fixture(t, "he1.aac")
	d, _ := aac.NewDecoder(config)
	var pcm []float32
	for i, u := range units {
		if i == 7 {
			u = nil
		}
		var err error
		if pcm, err = d.Decode(pcm, audio.Packet{Data: u, Duration: 2229}); err != nil {
			t.Fatal(err)
		}
	}
	const frame = 2 * 2048
	if len(pcm) < len(units)*frame-4 || len(pcm) > len(units)*frame {
		t.Fatalf("%d samples", len(pcm))
	}
	if e := upper(pcm[11*frame:], 0, 2); e < 1e-6 {
		t.Errorf("%g of high sound after the next header", e)
	}
}

// TestHighSoundIsThereAfterASeek begins anew behind each header. The next frame that
// does not build on what was before has high sound again.
func TestHighSoundIsThereAfterASeek(t *testing.T) {
	config, units := fixture(t, "he2.aac")
	d, _ := aac.NewDecoder(config)
	loudest := 0.0
	for at := 0; at+5 <= len(units); at += 5 {
		if _, err := d.Decode(nil, audio.Packet{Data: units[at]}); err != nil {
			t.Fatal(err)
		}
		d.Reset()
		var pcm []float32
		for _, u := range units[at+1 : at+5] {
			pcm, _ = d.Decode(pcm, audio.Packet{Data: u})
		}
		loudest = max(loudest, upper(pcm, 0, 2))
	}
	if loudest < 1e-6 {
		t.Errorf("%g of high sound", loudest)
	}
}

// TestADamagedFrameMakesNoExtension breaks a frame of AAC-LC so that it seems to have
// one.
func TestADamagedFrameMakesNoExtension(t *testing.T) {
	d, err := aac.NewDecoder(pack(2, 5, 4, 4, 1, 4, 0, 3))
	if err != nil {
		t.Fatal(err)
	}
	// Silence, an extension that says nothing, and a pair too many.
	one := []int{0, 3, 0, 4, 100, 8, 0, 1, 0, 2, 0, 1, 0, 6, 0, 1, 0, 3}
	filler := []int{6, 3, 1, 4, 13, 4, 0, 4}
	whole := slices.Concat(one, filler, []int{7, 3})
	if _, err := d.Decode(nil, audio.Packet{Data: pack(slices.Concat(one, filler, []int{1, 3, 0, 32})...)}); err == nil {
		t.Fatal("a damaged frame was taken")
	}
	if rate, _ := d.Format(); rate != 44100 {
		t.Errorf("%d Hz after a damaged frame", rate)
	}
	pcm, err := d.Decode(nil, audio.Packet{Data: pack(whole...)})
	if rate, _ := d.Format(); err != nil || rate != 88200 || len(pcm) != 2048 {
		t.Errorf("%d Hz after a good one, %d samples, %v", rate, len(pcm), err)
	}
}

// TestADamagedExtensionLeavesTheCore breaks all extensions, but no core.
func TestADamagedExtensionLeavesTheCore(t *testing.T) {
	config, units := fixture(t, "he1.aac")
	broken := slices.Clone(units)
	for i, u := range units {
		u = bytes.Clone(u)
		for k := len(u) - 30; k < len(u)-1; k++ {
			u[k] ^= 0x5a
		}
		broken[i] = u
	}
	d, _ := aac.NewDecoder(config)
	for range 20 {
		for _, u := range broken {
			harmless(t, d, u)
		}
	}
}
