package qmf

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// TestAnalysisIsWhatItsFormulaSays holds the bank against ISO/IEC 14496-3, 4.6.18.4.1.
func TestAnalysisIsWhatItsFormulaSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var a Analysis
	var x [320]float64
	for frame := range 2 {
		var in [1024]float32
		for i := range in {
			in[i] = rng.Float32() - 0.5
		}
		var got [Slots][Core]complex64
		a.Process(&Room{}, got[:], &in)
		for slot := range Slots {
			copy(x[32:], x[:288])
			for n := range 32 {
				x[31-n] = float64(in[slot*32+n])
			}
			for k := range Core {
				var want complex128
				for n := range 64 {
					u := 0.0
					for j := range 5 {
						u += x[n+64*j] * float64(Coefficient(2*(n+64*j)))
					}
					want += complex(u, 0) * 2 * cmplx.Exp(complex(0, math.Pi/64*(float64(k)+0.5)*(2*float64(n)-0.5)))
				}
				if cmplx.Abs(complex128(got[slot][k])-want) > 1e-5 {
					t.Fatalf("frame %d, slot %d, band %d is %v, want %v", frame, slot, k, got[slot][k], want)
				}
			}
		}
	}
}

// TestSynthesisIsWhatItsFormulaSays holds the bank against ISO/IEC 14496-3, 4.6.18.4.2.
func TestSynthesisIsWhatItsFormulaSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var s Synthesis
	var v [1280]float64
	for frame := range 2 {
		var m Matrix
		for slot := range Slots {
			for k := range Bands {
				m[slot][k] = complex(rng.Float32()-0.5, rng.Float32()-0.5)
			}
		}
		got := make([]float32, 2*Slots*Bands)
		s.Process(&Room{}, &m, got[1:], 2)
		for slot := range Slots {
			copy(v[128:], v[:1152])
			for n := range 128 {
				v[n] = 0
				for k := range Bands {
					x := complex128(m[slot][k]) * cmplx.Exp(complex(0, math.Pi/128*(float64(k)+0.5)*(2*float64(n)-255)))
					v[n] += real(x) / 64
				}
			}
			for k := range Bands {
				want := 0.0
				for n := range 5 {
					want += v[256*n+k]*float64(Coefficient(128*n+k)) + v[256*n+192+k]*float64(Coefficient(128*n+64+k))
				}
				if x := got[2*(slot*64+k)+1]; math.Abs(float64(x)-want) > 1e-5 {
					t.Fatalf("frame %d, slot %d, sample %d is %v, want %v", frame, slot, k, x, want)
				}
			}
		}
	}
}

// TestTheBanksTogetherDelayAndNoMore sends a chirp of the lower half of the
// spectrum through both.
func TestTheBanksTogetherDelayAndNoMore(t *testing.T) {
	var a Analysis
	var s Synthesis
	var in, out []float32
	for i := range 8 * 1024 {
		x := float64(i) / 8192
		in = append(in, float32(0.5*math.Sin(math.Pi*0.45*8192*x*x)))
	}
	for f := range 8 {
		var m Matrix
		var low [Slots][Core]complex64
		a.Process(&Room{}, low[:], (*[1024]float32)(in[f*1024:]))
		for slot := range Slots {
			copy(m[slot][:], low[slot][:])
		}
		pcm := make([]float32, 2048)
		s.Process(&Room{}, &m, pcm, 1)
		out = append(out, pcm...)
	}
	const delay = 578 // samples of the output
	var signal, noise float64
	for i := 1000; i < 7500; i++ {
		d := float64(out[2*i+delay] - in[i])
		signal += float64(in[i]) * float64(in[i])
		noise += d * d
	}
	if dB := 10 * math.Log10(signal/noise); dB < 55 {
		t.Errorf("%.1f dB like what went in", dB)
	}
}

func BenchmarkAnalysis(b *testing.B) {
	var a Analysis
	var in [1024]float32
	var low [Slots][Core]complex64
	for i := range in {
		in[i] = float32(math.Sin(float64(i)))
	}
	r := &Room{}
	for b.Loop() {
		a.Process(r, low[:], &in)
	}
}

func BenchmarkSynthesis(b *testing.B) {
	var s Synthesis
	var m Matrix
	for i := range m {
		for k := range m[i] {
			m[i][k] = complex(float32(i), float32(k))
		}
	}
	out := make([]float32, 4096)
	r := &Room{}
	for b.Loop() {
		s.Process(r, &m, out, 2)
	}
}
