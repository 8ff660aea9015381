package resample

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"segue/audio"
)

// dotScalar is what the kernel computes, in plain Go.
func dotScalar(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func resampler(t testing.TB, rate, channels int) *Resampler {
	t.Helper()
	r, err := New(&Tables{}, rate, channels)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mono runs in through a one-channel resampler in uneven pieces and returns the
// left channel.
func mono(t testing.TB, r *Resampler, in []float32) []float32 {
	t.Helper()
	var out []float32
	for i, n := 0, 1; i < len(in); i, n = i+n, n*5%1999+1 {
		out = r.Process(out, in[i:min(i+n, len(in))])
	}
	out = r.Flush(out)
	left := out[:0]
	for i := 0; i < len(out); i += 2 {
		if out[i] != out[i+1] {
			t.Fatalf("sample %d: mono input differs left and right", i/2)
		}
		left = append(left, out[i])
	}
	return left
}

func sine(f float64, rate, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(0.9 * math.Sin(2*math.Pi*f*float64(i)/float64(rate)))
	}
	return s
}

// fit finds the sine of frequency f in the middle half of y, by least squares:
// its amplitude, its phase in radians, and everything else relative to it in dB.
func fit(y []float32, f float64) (amp, phase, restDB float64) {
	var ss, cc, sc, ys, yc float64
	lo, hi := len(y)/4, len(y)*3/4
	for i := lo; i < hi; i++ {
		s, c := math.Sincos(2 * math.Pi * f * float64(i) / audio.SampleRate)
		v := float64(y[i])
		ss, cc, sc, ys, yc = ss+s*s, cc+c*c, sc+s*c, ys+v*s, yc+v*c
	}
	det := ss*cc - sc*sc
	a, b := (ys*cc-yc*sc)/det, (yc*ss-ys*sc)/det
	var e, p float64
	for i := lo; i < hi; i++ {
		s, c := math.Sincos(2 * math.Pi * f * float64(i) / audio.SampleRate)
		m := a*s + b*c
		e, p = e+(float64(y[i])-m)*(float64(y[i])-m), p+m*m
	}
	return math.Hypot(a, b), math.Atan2(b, a), 10 * math.Log10(e/p)
}

var rates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 35467, 37800, 44099, 44100, 47999, 48001, 50000, 64000, 88200, 96000, 176400, 192000, 352800, 384000}

func TestSinesComeThroughPureInPhaseAndAtLevel(t *testing.T) {
	for _, rate := range rates {
		r := resampler(t, rate, 1)
		edge := min(float64(rate), audio.SampleRate) / 2 * 0.86
		for _, f := range []float64{100, 997, 4000, 10000, 15000, 19000, 20000} {
			if f > edge {
				continue
			}
			r.Reset()
			amp, phase, rest := fit(mono(t, r, sine(f, rate, rate/2)), f)
			if rest > -110 {
				t.Errorf("%d Hz in, sine %.0f Hz: THD+N %.1f dB, want <= -110", rate, f, rest)
			}
			if gain := 20 * math.Log10(amp/0.9); math.Abs(gain) > 0.01 {
				t.Errorf("%d Hz in, sine %.0f Hz: gain %.4f dB, want within 0.01", rate, f, gain)
			}
			if math.Abs(phase) > 1e-3 {
				t.Errorf("%d Hz in, sine %.0f Hz: shifted by %.5f rad, want none", rate, f, phase)
			}
		}
	}
}

func TestRippleOfCDRateTo19kHz(t *testing.T) {
	r := resampler(t, 44100, 1)
	worst := 0.0
	for f := 50.0; f <= 19000; f += 379 {
		r.Reset()
		amp, _, _ := fit(mono(t, r, sine(f, 44100, 11025)), f)
		worst = max(worst, math.Abs(20*math.Log10(amp/0.9)))
	}
	t.Logf("worst ripple %.5f dB", worst)
	if worst > 0.01 {
		t.Fatalf("ripple %.4f dB, want <= 0.01", worst)
	}
}

func TestNothingFoldsBack(t *testing.T) {
	for _, rate := range []int{88200, 96000, 176400, 192000, 352800, 384000} {
		r := resampler(t, rate, 1)
		for f := 26000.0; f < float64(rate)/2; f += float64(rate) / 17 {
			r.Reset()
			out := mono(t, r, sine(f, rate, rate/4))
			e := 0.0
			mid := out[len(out)/4 : len(out)*3/4]
			for _, v := range mid {
				e += float64(v) * float64(v)
			}
			if db := 10 * math.Log10(e/float64(len(mid))/(0.9*0.9/2)+1e-30); db > -100 {
				t.Errorf("%d Hz in, sine %.0f Hz: alias %.1f dB, want <= -100", rate, f, db)
			}
		}
	}
}

func TestNoImagesAboveTheInput(t *testing.T) {
	// Everything that is not the sine counts in THD+N, so an image would show
	// there; a sine just under the passband edge has its image nearest.
	for _, rate := range []int{8000, 16000, 22050, 32000, 44100} {
		f := float64(rate) / 2 * passband
		_, _, rest := fit(mono(t, resampler(t, rate, 1), sine(f, rate, rate/2)), f)
		if rest > -100 {
			t.Errorf("%d Hz in, sine %.0f Hz: image %.1f dB, want <= -100", rate, f, rest)
		}
	}
}

func TestLengthIsExact(t *testing.T) {
	for _, rate := range append(rates, 48000) {
		for _, n := range []int{0, 1, 2, 31, 441, 960, 4799, 10007} {
			for _, channels := range []int{1, 2, 6} {
				r := resampler(t, rate, channels)
				got := len(r.Flush(r.Process(nil, make([]float32, n*channels)))) / 2
				if want := int(math.Round(float64(n) * 48000 / float64(rate))); got != want {
					t.Fatalf("%d samples of %d channels at %d Hz gave %d, want %d", n, channels, rate, got, want)
				}
			}
		}
	}
}

func TestOutputKeepsUpToItsLatency(t *testing.T) {
	for _, rate := range append(rates, 48000) {
		r := resampler(t, rate, 2)
		n := 0
		for i := range 50 {
			n += len(r.Process(nil, make([]float32, 2*480))) / 2
			due := int(int64(i+1) * 480 * 48000 / int64(rate))
			if n < due-r.Latency()-1 || n > due {
				t.Fatalf("%d Hz: %d samples given, %d due, latency said %d", rate, n, due, r.Latency())
			}
		}
	}
}

func TestPiecesDoNotMatter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []int{8000, 44100, 35467, 192000} {
		for channels := 1; channels <= 8; channels++ {
			in := make([]float32, 5000*channels)
			for i := range in {
				in[i] = rnd.Float32()*2 - 1
			}
			r := resampler(t, rate, channels)
			whole := r.Flush(r.Process(nil, in))
			r.Reset()
			var parts []float32
			for rest := in; len(rest) > 0; {
				n := min(len(rest), (1+rnd.IntN(700))*channels)
				parts, rest = r.Process(parts, rest[:n]), rest[n:]
			}
			if parts = r.Flush(parts); !slices.Equal(whole, parts) {
				t.Fatalf("%d Hz, %d channels: cutting the input changed the output", rate, channels)
			}
		}
	}
}

func TestImpulseStaysWhereItWas(t *testing.T) {
	for _, rate := range []int{8000, 24000, 96000, 192000} {
		in := make([]float32, rate/10)
		at := rate / 20
		in[at] = 1
		out := mono(t, resampler(t, rate, 1), in)
		peak := 0
		for i, v := range out {
			if v > out[peak] {
				peak = i
			}
		}
		if want := at * 48000 / rate; peak != want {
			t.Errorf("%d Hz: impulse at sample %d, want %d", rate, peak, want)
		}
	}
}

func TestDownmixFollowsITU(t *testing.T) {
	const k = math.Sqrt2 / 2
	for channels, weights := range map[int][][2]float64{
		1: {{1, 1}},
		2: {{1, 0}, {0, 1}},
		3: {{1, 0}, {0, 1}, {k, k}},
		4: {{1, 0}, {0, 1}, {k, 0}, {0, k}},
		5: {{1, 0}, {0, 1}, {k, k}, {k, 0}, {0, k}},
		6: {{1, 0}, {0, 1}, {k, k}, {0, 0}, {k, 0}, {0, k}},
		7: {{1, 0}, {0, 1}, {k, k}, {0, 0}, {.5, .5}, {k, 0}, {0, k}},
		8: {{1, 0}, {0, 1}, {k, k}, {0, 0}, {k, 0}, {0, k}, {k, 0}, {0, k}},
	} {
		sum := 0.0
		for _, w := range weights {
			sum += w[0]
		}
		for c, w := range weights {
			in := make([]float32, channels)
			in[c] = 1
			out := resampler(t, 48000, channels).Process(nil, in)
			for side := range 2 {
				if want := w[side] / sum; math.Abs(float64(out[side])-want) > 1e-6 {
					t.Errorf("channel %d of %d gives %v, want side %d to be %v", c, channels, out, side, want)
				}
			}
		}
	}
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	for _, c := range [][2]int{{0, 2}, {-1, 2}, {7999, 2}, {384001, 2}, {44100, 0}, {44100, 9}, {44100, -1}} {
		if _, err := New(&Tables{}, c[0], c[1]); !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%d Hz, %d channels: %v, want ErrUnsupported", c[0], c[1], err)
		}
	}
}

func TestTablesAreSharedAndBounded(t *testing.T) {
	tables := &Tables{}
	a, b := tables.table(44100), tables.table(44100)
	if a != b {
		t.Fatal("two streams of one rate have two tables")
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 3 * maxTables {
				tables.table(8000 + 1000*((k+i)%(2*maxTables)))
			}
		})
	}
	wg.Wait()
	if len(tables.recent) != maxTables {
		t.Fatalf("%d tables remembered, want %d", len(tables.recent), maxTables)
	}
	if tables.table(44100) == a {
		t.Fatal("a table long unused is still held")
	}
}

func TestKernelMatchesScalarTwin(t *testing.T) {
	in := sine(997, 44100, 4410)
	r := resampler(t, 44100, 1)
	kernel := mono(t, r, in)
	r.Reset()
	r.dot = dotScalar
	for i, v := range mono(t, r, in) {
		if math.Abs(float64(v-kernel[i])) > 1e-6 {
			t.Fatalf("sample %d: kernel %v, scalar %v", i, kernel[i], v)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, channels := range []int{1, 2, 6} {
		r := resampler(t, 44100, channels)
		in, out := make([]float32, 882*channels), make([]float32, 0, 4000)
		if n := testing.AllocsPerRun(100, func() { out = r.Process(out[:0], in) }); n != 0 {
			t.Errorf("%d channels: %v allocations per block", channels, n)
		}
	}
}

func Benchmark20ms(b *testing.B) {
	for _, c := range []struct {
		rate, channels int
		dot            func(a, b []float32) float32
		name           string
	}{
		{44100, 2, nil, "kernel"},
		{44100, 2, dotScalar, "scalar"},
		{44100, 1, nil, "kernel"},
		{96000, 2, nil, "kernel"},
		{192000, 2, nil, "kernel"},
		{44099, 2, nil, "kernel"},
		{48000, 6, nil, "kernel"},
	} {
		b.Run(fmt.Sprintf("%dx%d-%s", c.rate, c.channels, c.name), func(b *testing.B) {
			r := resampler(b, c.rate, c.channels)
			if c.dot != nil {
				r.dot = c.dot
			}
			in, out := make([]float32, c.rate/50*c.channels), make([]float32, 0, 4000)
			b.ReportAllocs()
			for b.Loop() {
				out = r.Process(out[:0], in)
			}
		})
	}
}

func BenchmarkDesign44100(b *testing.B) {
	for b.Loop() {
		design(44100)
	}
}

// What is joined in the middle sounds as if it had been heard from the start.
func TestJoiningGivesWhatTheWholeGives(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 1))
	for _, rate := range []int{8000, 11025, 22050, 44100, 48000, 88200, 96000, 352800, 44056} {
		for _, channels := range []int{1, 2, 6} {
			in := make([]float32, rate/4*channels)
			for i := range in {
				in[i] = float32(rnd.Float64() - 0.5)
			}
			r := resampler(t, rate, channels)
			whole := r.Flush(r.Process(nil, in))
			n := int64(len(whole) / audio.Channels)
			for _, out := range []int64{0, 1, 5, 33, 100, n / 3, n - 700, n - 1} {
				from := r.Join(out)
				got := r.Flush(r.Process(nil, in[from*int64(channels):]))
				if !slices.Equal(got, whole[out*audio.Channels:]) {
					t.Errorf("%d Hz, %d channels, joined at %d of %d: it differs", rate, channels, out, n)
				}
			}
		}
	}
}
