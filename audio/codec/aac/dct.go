package aac

import (
	"math"
	"math/cmplx"
)

// A dct4 is the discrete cosine transform of type IV of n numbers, divided by n:
// the inverse modified cosine transform before it is unfolded. It runs through a
// complex transform of half the size.
type dct4 struct {
	n      int
	turn   []complex64    // before and after
	passes [][3]complex64 // factors of each pass of the Fourier transform, one after the other
}

func newDCT4(n int) *dct4 {
	d := &dct4{n: n, turn: make([]complex64, n/2)}
	scale := complex(math.Sqrt(1/float64(n)), 0)
	for i := range d.turn {
		d.turn[i] = complex64(scale * cmplx.Rect(1, -math.Pi*(float64(i)+0.125)/float64(n)))
	}
	for m := n / 2; m >= 4; m /= 4 {
		for p := range m / 4 {
			w := func(k int) complex64 { return complex64(cmplx.Rect(1, -2*math.Pi*float64(k*p)/float64(m))) }
			d.passes = append(d.passes, [3]complex64{w(1), w(2), w(3)})
		}
	}
	return d
}

// transform puts the transform of src into dst. Both have n numbers.
func (d *dct4) transform(s *scratch, src, dst []float32) {
	half := d.n / 2
	x, y := s.a[:half], s.b[:half]
	src, dst, turn := src[:d.n], dst[:d.n], d.turn[:half]
	for i := range x {
		a, b, w := src[2*i], src[d.n-1-2*i], turn[i]
		x[i] = complex(a*real(w)-b*imag(w), a*imag(w)+b*real(w))
	}
	x = d.fourier(x, y)
	for i, t := range x[:half] {
		w := turn[i]
		dst[2*i] = real(t)*real(w) - imag(t)*imag(w)
		dst[d.n-1-2*i] = -(real(t)*imag(w) + imag(t)*real(w))
	}
}

// fourier transforms x with y as room and returns the one of the two that has the
// result. It sorts itself (Stockham), four at a time and, where half the
// size is twice a power of four, two at the end.
func (d *dct4) fourier(x, y []complex64) []complex64 {
	factors := d.passes
	stride := 1
	for m := len(x); m >= 4; m /= 4 {
		quarter := m / 4
		for p := range quarter {
			w := &factors[p]
			a, b := x[stride*p:][:stride], x[stride*(p+quarter):][:stride]
			c, e := x[stride*(p+2*quarter):][:stride], x[stride*(p+3*quarter):][:stride]
			out := y[stride*4*p:][:4*stride]
			o0, o1, o2, o3 := out[:stride], out[stride:][:stride], out[2*stride:][:stride], out[3*stride:][:stride]
			for q := range a {
				sum, diff := a[q]+c[q], a[q]-c[q]
				odd, cross := b[q]+e[q], b[q]-e[q]
				cross = complex(-imag(cross), real(cross))
				o0[q] = sum + odd
				o1[q] = w[0] * (diff - cross)
				o2[q] = w[1] * (sum - odd)
				o3[q] = w[2] * (diff + cross)
			}
		}
		factors = factors[quarter:]
		stride *= 4
		x, y = y, x
	}
	if stride == len(x)/2 {
		for q := range stride {
			a, b := x[q], x[q+stride]
			y[q], y[q+stride] = a+b, a-b
		}
		return y
	}
	return x
}
