package meter

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// transform is the discrete Fourier transform of x in place, whose length is a
// power of two; inverse is unscaled.
func transform(x []complex128, inverse bool) {
	n := len(x)
	if n < 2 {
		return
	}
	shift := 64 - uint(bits.Len(uint(n-1)))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	sign := -2 * math.Pi
	if inverse {
		sign = 2 * math.Pi
	}
	roots := make([]complex128, n/2)
	for i := range roots {
		roots[i] = cmplx.Rect(1, sign*float64(i)/float64(n))
	}
	for half := 1; half < n; half *= 2 {
		stride := n / (2 * half)
		for from := 0; from < n; from += 2 * half {
			for k := range half {
				a, b := x[from+k], x[from+k+half]*roots[k*stride]
				x[from+k], x[from+k+half] = a+b, a-b
			}
		}
	}
}

// powerOfTwo is the smallest one not below n.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(max(n, 1)-1)) }
