package limiter_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/limiter"
	"segue/audio/loudness"
	"segue/audio/meter"
)

const second = audio.SampleRate

func scaled(pcm []float32, db float64) []float32 {
	by := float32(math.Pow(10, db/20))
	out := make([]float32, len(pcm))
	for i, v := range pcm {
		out[i] = v * by
	}
	return out
}

// clipped is pcm cut off at full scale.
func clipped(pcm []float32) []float32 {
	out := slices.Clone(pcm)
	for i, v := range out {
		out[i] = min(max(v, -1), 1)
	}
	return out
}

// limited is what becomes of pcm in pieces of 20 ms.
func limited(l *limiter.Limiter, pcm []float32) []float32 {
	out := make([]float32, 0, len(pcm))
	for part := range slices.Chunk(pcm, audio.FrameSamples*audio.Channels) {
		out = l.Process(out, part)
	}
	return l.Flush(out)
}

func truePeak(pcm []float32) float64 {
	m := loudness.New()
	m.Add(pcm)
	m.Add(make([]float32, second/5)) // what rings on after the end
	return m.TruePeak()
}

// between is a sine at a quarter of the sampling rate whose samples all lie 3 dB
// below its peaks.
func between(n int) []float32 {
	pcm := make([]float32, 2*n)
	for i := range n {
		v := float32(math.Sin(2 * math.Pi * (float64(i)/4 + 1./8)))
		pcm[2*i], pcm[2*i+1] = v, v
	}
	return pcm
}

// bursts is noise that comes and goes suddenly.
func bursts(n int) []float32 {
	pcm := audiotest.Noise(5, 1, n)
	for i := range pcm {
		if i/2/1000%3 != 0 {
			pcm[i] *= 0.05
		}
	}
	return pcm
}

// hard are the signals that limiters fail on.
func hard() map[string][]float32 {
	square := clipped(scaled(audiotest.Sine(1001, 1, 3*second/2), 60))
	low := clipped(scaled(audiotest.Sine(60, 1, 3*second/2), 60))
	all := map[string][]float32{
		"clipped square":      square,
		"low square, +6 dB":   scaled(low, 6),
		"between samples":     scaled(between(3*second/2), 3),
		"white noise, +12 dB": scaled(audiotest.Noise(3, 1, 3*second/2), 12),
		"impulses, +12 dB":    scaled(audiotest.Impulses(997, 1, 3*second/2), 12),
		"bursts, +20 dB":      scaled(bursts(3*second/2), 20),
		"music, +12 dB":       scaled(audiotest.Music(2*second), 12),
		"clipped music":       clipped(scaled(audiotest.Music(2*second), 12)),
		"sweep, +6 dB":        audiotest.Sweep(20, 23_000, 2, 2*second),
		"just over":           audiotest.Sine(997, 0.9, 3*second/2),
		"deep, +10 dB":        scaled(audiotest.Sine(30, 1, 3*second/2), 10),
		"half the rate":       scaled(audiotest.Sine(23_900, 1, 3*second/2), 6),
	}
	for name, pcm := range all {
		all[name] = slices.Concat(make([]float32, second/10), pcm) // ffmpeg hears a mirror image before the beginning
	}
	return all
}

func TestNothingIsAboveTheCeiling(t *testing.T) {
	for name, pcm := range hard() {
		for _, ceiling := range []float64{limiter.Ceiling, -6} {
			out := limited(limiter.New(ceiling), pcm)
			if len(out) != len(pcm) {
				t.Fatalf("%s: %d values became %d", name, len(pcm), len(out))
			}
			if peak := truePeak(out); !(peak <= ceiling) || peak < ceiling-0.5 {
				t.Errorf("%s: %.3f dBTP under a ceiling of %.1f", name, peak, ceiling)
			}
		}
		cut := pcm[second/10*audio.Channels:] // from its very first sample
		if peak := truePeak(limited(limiter.New(limiter.Ceiling), cut)); peak > limiter.Ceiling {
			t.Errorf("%s: begins at %.3f dBTP", name, peak)
		}
	}
}

// Levels, kinds and lengths of sound follow each other as they would in no music.
func TestNothingAtAllIsAboveTheCeiling(t *testing.T) {
	worst := math.Inf(-1)
	l := limiter.New(limiter.Ceiling)
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var pcm []float32
		for len(pcm) < second/3 {
			n := 1 + rnd.IntN(3000)
			kinds := [][]float32{
				audiotest.Noise(rnd.Uint64(), 1, n), audiotest.Impulses(1+rnd.IntN(60), 1, n), audiotest.Sine(rnd.Float64()*24_000, 1, n),
				clipped(audiotest.Sine(rnd.Float64()*12_000, 100, n)), between(n), make([]float32, 2*n),
			}
			pcm = append(pcm, scaled(kinds[rnd.IntN(len(kinds))], 80*rnd.Float64()-40)...)
		}
		worst = max(worst, truePeak(limited(l, pcm)))
	}
	t.Logf("the worst of 150 reaches %.3f dBTP", worst)
	if worst > limiter.Ceiling {
		t.Errorf("%.3f dBTP", worst)
	}
}

func TestWhatIsBelowTheCeilingStaysAsItIs(t *testing.T) {
	l := limiter.New(limiter.Ceiling)
	for _, pcm := range [][]float32{
		audiotest.Music(second), audiotest.Sine(997, 0.89, second), scaled(between(second), -1.2), scaled(audiotest.Noise(1, 1, second), -12), audiotest.Noise(1, 1e-42, second),
	} {
		pcm = scaled(pcm, min(0, limiter.Ceiling-0.001-truePeak(pcm))) // as loud as may be
		for i := range 2000 {
			pcm[i] *= float32(i) / 2000
		}
		var out []float32
		for n, rest := 2, pcm; len(rest) > 0; n = n*7%3001/2*2 + 2 {
			n = min(n, len(rest))
			out, rest = l.Process(out, rest[:n]), rest[n:]
			if !l.Idle() {
				t.Fatal("it is busy")
			}
		}
		if out = l.Flush(out); !slices.Equal(out, pcm) {
			t.Error("something was changed")
		}
	}
}

func TestWhatComesOutIsLateByTheLatencyAndInItsPlace(t *testing.T) {
	l, pcm := limiter.New(limiter.Ceiling), scaled(audiotest.Impulses(4801, 1, 2*second), 9)
	if l.Latency() != 240 {
		t.Errorf("latency %d", l.Latency())
	}
	var out []float32
	for n, rest := 2, pcm; len(rest) > 0; n = n*5%3333/2*2 + 2 {
		n = min(n, len(rest))
		out, rest = l.Process(out, rest[:n]), rest[n:]
		if in := (len(pcm) - len(rest)) / 2; len(out)/2 != max(0, in-l.Latency()) {
			t.Fatalf("%d samples in, %d out", in, len(out)/2)
		}
	}
	out = l.Flush(out)
	for i := range out {
		if loud := out[i] > 0.8; loud != (pcm[i] > 0) {
			t.Fatalf("value %d is %v, was %v", i, out[i], pcm[i])
		}
	}
	// Less than the latency comes out whole as well, and the next sound begins anew.
	for _, n := range []int{0, 1, 15, 16, 17, 239, 240, 241} {
		if out := l.Flush(l.Process(nil, pcm[:2*n])); len(out) != 2*n {
			t.Errorf("%d of %d samples came out", len(out)/2, n)
		}
	}
}

func TestIdleMeansThatAllInsideIsUntouched(t *testing.T) {
	l := limiter.New(limiter.Ceiling)
	pcm := scaled(audiotest.Music(12*second), -6)
	copy(pcm[2*second:], scaled(audiotest.Noise(1, 1, second/2), 6))
	var out []float32
	was, from := true, 0
	for i := 0; i < len(pcm); i += 192 {
		out = l.Process(out, pcm[i:min(i+192, len(pcm))])
		if idle := l.Idle(); idle != was {
			was = idle
			from = i + 192
			t.Logf("idle is %v after %.1f ms", idle, float64(from)/96)
			if idle {
				from = len(out)
			} else if from > 2*second+192+2*33 {
				t.Errorf("it begins only %d samples after the noise", (from-2*second)/2)
			}
		}
	}
	if out = l.Flush(out); !was {
		t.Fatal("it is busy for ever")
	}
	if from > 2*10*second || !slices.Equal(out[from:], pcm[from:]) {
		t.Errorf("idle after sample %d, and yet something was changed", from/2)
	}
	if slices.Equal(out[:2*second], pcm[:2*second]) || !slices.Equal(out[:2*second-480], pcm[:2*second-480]) {
		t.Error("the gain does not come down in the 5 ms before, and only there")
	}
}

// The right channel has a steady value, and so shows the gain.
func TestGainSlidesAndIsTheSameForBothChannels(t *testing.T) {
	const quiet = 1. / 64
	pcm := make([]float32, 2*7*second)
	for i := range pcm {
		if i%2 == 1 {
			pcm[i] = quiet
		}
	}
	pcm[2*(second+8)] = 4 // one sample
	for i := 2 * 2 * second; i < 2*3*second; i += 2 {
		pcm[i] = 4 * float32(math.Sin(float64(i)/40))
	}
	out := limited(limiter.New(limiter.Ceiling), pcm)
	db := make([]float64, len(out)/2)
	for i := range db {
		db[i] = 20 * math.Log10(float64(out[2*i+1]/quiet))
		if i > 0 && math.Abs(db[i]-db[i-1]) > 13.5/60 {
			t.Fatalf("the gain steps from %.3f to %.3f dB at %d", db[i-1], db[i], i)
		}
		if i > 4*second && db[i]-db[i-1] > 1e-3 {
			t.Fatalf("the gain ends with a step from %.3f to %.3f dB at %d", db[i-1], db[i], i)
		}
		if want := float64(pcm[2*i]) * math.Pow(10, db[i]/20); math.Abs(want-float64(out[2*i])) > 1e-5 {
			t.Fatalf("left is %v, right says %v", out[2*i], want)
		}
	}
	need := -20*math.Log10(4) - 1.3
	for what, c := range map[string]struct {
		at       int
		low, top float64
	}{
		"5 ms before the sample":   {second + 8 - 240, 0, 0},
		"28 samples before it":     {second - 20, need + 0.01, need + 1},
		"a block before its own":   {second - 16, need - 1e-4, need + 1e-4},
		"at the sample":            {second + 8, need - 1e-4, need + 1e-4},
		"a block after its own":    {second + 32, need - 1e-4, need + 1e-4},
		"0.1 s after it":           {second + second/10, need / 4, -0.1},
		"after the sine":           {3 * second, need - 0.05, need + 0.05},
		"0.1 s after the sine":     {3*second + second/10, need * 0.9, need * 0.8},
		"nearly a second after it": {4*second - 10, need * 0.22, need * 0.15},
		"at the end":               {7*second - 1, 0, 0},
	} {
		if got := db[c.at]; got < c.low || got > c.top {
			t.Errorf("%s the gain is %.2f dB, want %.2f to %.2f", what, got, c.low, c.top)
		}
	}
}

func TestSinesStaySines(t *testing.T) {
	for _, c := range []struct{ hz, over, want float64 }{
		{30, 6, -40}, {60, 6, -60}, {100, 6, -100}, {300, 6, -100}, {997, 6, -100}, {997, 12, -100}, {8000, 6, -100},
	} {
		pcm := scaled(audiotest.Sine(c.hz, 1, 4*second), limiter.Ceiling+c.over)
		got := meter.Loudest(limited(limiter.New(limiter.Ceiling), pcm)[2*2*second:])
		t.Logf("%4.0f Hz, %2.0f dB above: distortion and noise %.1f dB, level %.2f dB", c.hz, c.over, got.RestDB, got.LevelDB)
		if got.RestDB > c.want || math.Abs(got.Hz-c.hz) > 0.01 {
			t.Errorf("%v Hz, %v dB above: %+v", c.hz, c.over, got)
		}
	}
}

func TestWhatIsNoSoundBecomesSilence(t *testing.T) {
	inf := float32(math.Inf(1))
	for what, bad := range map[string]float32{"NaN": float32(math.NaN()), "Inf": inf, "-Inf": -inf, "1e30": 1e30, "-3e38": -3e38} {
		with, without := scaled(audiotest.Music(second), 6), scaled(audiotest.Music(second), 6)
		for i := range with {
			if i == 3 || i > 20_000 && i < 30_000 && i%7 == 0 {
				with[i], without[i] = bad, 0
			}
		}
		got := limited(limiter.New(limiter.Ceiling), with)
		if !slices.Equal(got, limited(limiter.New(limiter.Ceiling), without)) {
			t.Errorf("%s is not taken for silence", what)
		}
		if peak := truePeak(got); !(peak <= limiter.Ceiling) {
			t.Errorf("%s: %v dBTP", what, peak)
		}
	}
	huge := audiotest.Sine(1000, 9e5, second) // as loud as sound may be
	if peak := truePeak(limited(limiter.New(limiter.Ceiling), huge)); !(peak <= limiter.Ceiling) {
		t.Errorf("a huge sine: %v dBTP", peak)
	}
}

func TestCeilingIsKeptWithinReason(t *testing.T) {
	for _, c := range []struct{ asked, want float64 }{{3, 0}, {0, 0}, {-20, -20}, {-1000, -60}, {math.NaN(), limiter.Ceiling}, {math.Inf(1), 0}} {
		peak := truePeak(limited(limiter.New(c.asked), audiotest.Sine(997, 2, second)))
		if peak > c.want || peak < c.want-0.35 {
			t.Errorf("%v dBTP asked for gives %.3f", c.asked, peak)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	l, pcm := limiter.New(limiter.Ceiling), scaled(audiotest.Music(second), 12)
	out := make([]float32, 0, len(pcm)+2*limiter.Latency)
	if n := testing.AllocsPerRun(10, func() { _ = l.Flush(l.Process(out[:0], pcm)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A sound that dies away leaves nothing so small that arithmetic is slow with it.
func TestSlowNumbersAreNotSlow(t *testing.T) {
	const frame = audio.FrameSamples * audio.Channels
	loud, faint := limiter.New(limiter.Ceiling), limiter.New(limiter.Ceiling)
	music, hardly := scaled(audiotest.Music(second), 12), audiotest.Noise(1, 1e-39, second)
	out := make([]float32, 0, frame+2*limiter.Latency)
	took := [2]time.Duration{time.Hour, time.Hour}
	_ = faint.Process(nil, music) // and it comes back up during the rest
	for i := range 40 {
		for k, f := range []func(){
			func() { out = loud.Process(out[:0], music[i*frame:][:frame]) },
			func() { out = faint.Process(out[:0], hardly[i*frame:][:frame]) },
		} {
			began := time.Now()
			f()
			took[k] = min(took[k], time.Since(began))
		}
	}
	if took[1] > 10*took[0] {
		t.Errorf("20 ms of denormals take %v, of music %v", took[1], took[0])
	}
}

func TestContract(t *testing.T) {
	audiotest.TestEffect(t, func(testing.TB) audio.Effect { return limiter.New(-12) })
}

func BenchmarkFrame(b *testing.B) {
	const frame = audio.FrameSamples * audio.Channels
	for _, c := range []struct {
		name string
		pcm  []float32
	}{
		{"quiet", scaled(audiotest.Music(10*second), -12)},
		{"music", audiotest.Music(10 * second)},
		{"limited", scaled(audiotest.Music(10*second), 12)},
		{"noise", scaled(audiotest.Noise(1, 1, 10*second), 12)},
	} {
		b.Run(c.name, func(b *testing.B) {
			l, out := limiter.New(limiter.Ceiling), make([]float32, 0, frame)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := i % (len(c.pcm) / frame) * frame
				out = l.Process(out[:0], c.pcm[at:at+frame])
			}
		})
	}
}

func ExampleLimiter() {
	loud := audiotest.Sine(997, 2, second) // 6 dB above full scale
	l := limiter.New(limiter.Ceiling)
	var out []float32
	for frame := range slices.Chunk(loud, audio.FrameSamples*audio.Channels) {
		out = l.Process(out, frame)
	}
	fmt.Println("inside:", (len(loud)-len(out))/audio.Channels)
	out = l.Flush(out)
	fmt.Println("lost:", len(loud)-len(out))
	fmt.Printf("peak: %.1f dBTP\n", truePeak(out))
	// Output:
	// inside: 240
	// lost: 0
	// peak: -1.3 dBTP
}
