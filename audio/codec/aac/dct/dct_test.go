package dct_test

import (
	"math"
	"testing"

	"segue/audio/codec/aac/dct"
)

func TestTheTransformIsWhatItsFormulaSays(t *testing.T) {
	for _, n := range []int{16, 64, 128, 1024} {
		d := dct.New(n)
		src, dst := make([]float32, n), make([]float32, n)
		for i := range src {
			src[i] = float32(math.Sin(float64(i * i)))
		}
		d.Transform(make([]complex64, d.Size()), src, dst)
		for k, got := range dst {
			want := 0.0
			for i, x := range src {
				want += float64(x) * math.Cos(math.Pi/float64(n)*(float64(i)+0.5)*(float64(k)+0.5))
			}
			if want /= float64(n); math.Abs(float64(got)-want) > 1e-6 {
				t.Fatalf("size %d: number %d is %v, want %v", n, k, got, want)
			}
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	for _, n := range []int{64, 1024} {
		b.Run("", func(b *testing.B) {
			d, room, v := dct.New(n), make([]complex64, n), make([]float32, n)
			v[1] = 1
			for b.Loop() {
				d.Transform(room, v, v)
			}
		})
	}
}
