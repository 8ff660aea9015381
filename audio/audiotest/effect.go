package audiotest

import (
	"math"
	"slices"
	"testing"

	"segue/audio"
)

// TestEffect checks what audio.Effect promises.
func TestEffect(t *testing.T, make func(t testing.TB) audio.Effect) {
	t.Helper()
	runAll(t, effectChecks(make))
}

func effectChecks(make func(t testing.TB) audio.Effect) []check {
	src := Music(audio.SampleRate / 2)
	return []check{
		{"appends, and leaves its input alone", func(t testing.TB) {
			was := slices.Clone(src)
			dst := make(t).Process([]float32{1, 2}, src)
			if dst[0] != 1 || dst[1] != 2 {
				t.Fatal("what dst held was changed")
			}
			if len(dst)%audio.Channels != 0 {
				t.Fatalf("%d values are not whole samples", len(dst))
			}
			if !slices.Equal(src, was) {
				t.Fatal("the input was changed")
			}
		}},
		{"does not care how its input is cut", func(t testing.TB) {
			whole := make(t).Process(nil, src)
			e, parts := make(t), []float32(nil)
			for rest, n := src, 2; len(rest) > 0; n = n*5%1998 + 2 {
				n = min(n&^1, len(rest))
				parts, rest = e.Process(parts, rest[:n]), rest[n:]
			}
			for i := range min(len(whole), len(parts)) {
				if math.Abs(float64(whole[i]-parts[i])) > 1e-5 {
					t.Fatalf("value %d is %v in one piece, %v in many", i, whole[i], parts[i])
				}
			}
			if d := len(whole) - len(parts); d > 2*audio.SampleRate/5 || -d > 2*audio.SampleRate/5 {
				t.Fatalf("%d values in one piece, %d in many", len(whole), len(parts))
			}
		}},
		{"begins anew after Reset", func(t testing.TB) {
			e := make(t)
			first := e.Process(nil, src)
			e.Reset()
			if !slices.Equal(first, e.Process(nil, src)) {
				t.Fatal("the same input sounds different after Reset")
			}
		}},
		{"allocates nothing where there is room", func(t testing.TB) { allocatesNothing(t, make(t), src) }},
		{"makes no infinities", func(t testing.TB) {
			e := make(t)
			for _, pcm := range [][]float32{Noise(1, 1, 9600), Impulses(100, 1, 9600), Sine(20, 1, 9600), Sine(0, 0, 9600)} {
				for i, v := range e.Process(nil, pcm) {
					if v != v || math.IsInf(float64(v), 0) {
						t.Fatalf("value %d is %v", i, v)
					}
				}
			}
		}},
	}
}

// allocatesNothing feeds e frame by frame.
func allocatesNothing(t testing.TB, e audio.Effect, src []float32) {
	const frame = audio.FrameSamples * audio.Channels
	dst := e.Process(slices.Grow([]float32(nil), 64*frame), src)
	next := 0
	if n := testing.AllocsPerRun(10, func() {
		dst = e.Process(dst[:0], src[next:next+frame])
		next += frame
	}); n != 0 {
		t.Fatalf("%v allocations a frame", n)
	}
}
