// Package dct has the one transform all filter banks of AAC are made of.
package dct

import (
	"math"
	"math/cmplx"
)

// A IV is the discrete cosine transform of type IV of n numbers, divided by n. It
// runs through a complex transform of half the size. It never changes.
type IV struct {
	n      int
	turn   []complex64    // before and after
	passes [][3]complex64 // factors of each pass of the Fourier transform, one after the other
}

// New returns the transform of n numbers, a power of two from 16 on.
func New(n int) *IV {
	d := &IV{n: n, turn: make([]complex64, n/2)}
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

// Size is how many numbers are transformed.
func (d *IV) Size() int { return d.n }

// Transform puts the transform of src into dst. Both have Size numbers, and may be
// the same; room has as many and is overwritten.
func (d *IV) Transform(room []complex64, src, dst []float32) {
	half := d.n / 2
	x, y := room[:half], room[half:][:half]
	src, dst, turn := src[:d.n], dst[:d.n], d.turn[:half]
	for i := range x {
		x[i] = times(complex(src[2*i], src[d.n-1-2*i]), turn[i])
	}
	x = d.fourier(x, y)
	for i, t := range x[:half] {
		t = times(t, turn[i])
		dst[2*i], dst[d.n-1-2*i] = real(t), -imag(t)
	}
}

// times is a*b, which Go would work out in float64.
func times(a, b complex64) complex64 {
	return complex(real(a)*real(b)-imag(a)*imag(b), real(a)*imag(b)+imag(a)*real(b))
}

// fourier transforms x with y as room and returns the one of the two that has the
// result. It sorts itself (Stockham), four at a time and, where half the
// size is twice a power of four, two at the end.
func (d *IV) fourier(x, y []complex64) []complex64 {
	factors := d.passes
	first(x, y, factors)
	factors = factors[len(x)/4:]
	x, y = y, x
	stride := 4
	for m := len(x) / 4; m >= 4; m /= 4 {
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
				o1[q] = times(w[0], diff-cross)
				o2[q] = times(w[1], sum-odd)
				o3[q] = times(w[2], diff+cross)
			}
		}
		factors = factors[quarter:]
		stride *= 4
		x, y = y, x
	}
	if stride == len(x)/2 {
		a, b := x[:stride], x[stride:][:stride]
		for q := range a {
			y[q], y[q+stride] = a[q]+b[q], a[q]-b[q]
		}
		return y
	}
	return x
}

// first is the first pass, where neighbours are apart as far as can be.
func first(x, y []complex64, factors [][3]complex64) {
	quarter := len(x) / 4
	a, b, c, e := x[:quarter], x[quarter:][:quarter], x[2*quarter:][:quarter], x[3*quarter:][:quarter]
	factors = factors[:quarter]
	for p := range a {
		w, out := &factors[p], y[4*p:][:4]
		sum, diff := a[p]+c[p], a[p]-c[p]
		odd, cross := b[p]+e[p], b[p]-e[p]
		cross = complex(-imag(cross), real(cross))
		out[0] = sum + odd
		out[1] = times(w[0], diff-cross)
		out[2] = times(w[1], sum-odd)
		out[3] = times(w[2], diff+cross)
	}
}
