package flac

// A sample is of 32 bits, or, if it is the difference of two such, of 33.
type sample interface{ int32 | int64 }

// sumUp adds up residuals as often as the order of a fixed predictor says, after
// that many samples. That may wrap around on the way, and comes out right.
func sumUp[T sample](s []T, residual []int32, order int) {
	out := s[order:][:len(residual)]
	switch order {
	case 0:
		for i, e := range residual {
			out[i] = T(e)
		}
	case 1:
		v := s[0]
		for i, e := range residual {
			v += T(e)
			out[i] = v
		}
	case 2:
		v, d := s[1], s[1]-s[0]
		for i, e := range residual {
			d += T(e)
			v += d
			out[i] = v
		}
	case 3:
		v, d, dd := s[2], s[2]-s[1], s[2]-2*s[1]+s[0]
		for i, e := range residual {
			dd += T(e)
			d += dd
			v += d
			out[i] = v
		}
	case 4:
		v, d, dd, ddd := s[3], s[3]-s[2], s[3]-2*s[2]+s[1], s[3]-3*s[2]+3*s[1]-s[0]
		for i, e := range residual {
			ddd += T(e)
			dd += ddd
			d += dd
			v += d
			out[i] = v
		}
	}
}

// predictWide is predict for samples of any size.
func predictWide[T sample](buf []T, residual []int32, s *subframe) {
	coefs := s.coefs[maxOrder-s.order:]
	for i, e := range residual {
		h := buf[margin+i:][:len(coefs)+1]
		sum := int64(0)
		for j, c := range coefs {
			sum += c * int64(h[j])
		}
		h[len(coefs)] = T(sum>>s.shift) + T(e)
	}
}

// predict is predictWide for samples of 32 bits, in loops for orders rounded up:
// the coefficients added are 0, and what they meet is in the margin.
func predict(buf, residual []int32, s *subframe) {
	c, first := &s.coefs, margin+s.order // the first sample to predict
	switch {
	case s.order <= 4:
		predict4(buf[first-4:], residual, (*[4]int64)(c[maxOrder-4:]), s.shift)
	case s.order <= 8:
		predict8(buf[first-8:], residual, (*[8]int64)(c[maxOrder-8:]), s.shift)
	case s.order <= 12:
		predict12(buf[first-12:], residual, (*[12]int64)(c[maxOrder-12:]), s.shift)
	default:
		predict32(buf[first-32:], residual, c, s.shift)
	}
}

// In the loops the newest sample stays in a register: the sum over the others need
// not wait for it.

func predict4(buf, residual []int32, c *[4]int64, shift uint) {
	c0, c1, c2, c3, last := c[0], c[1], c[2], c[3], int64(buf[3])
	for i, e := range residual {
		h := (*[5]int32)(buf[i:])
		sum := c0*int64(h[0]) + c1*int64(h[1]) + c2*int64(h[2])
		v := int32((sum+c3*last)>>(shift&31)) + e
		h[4], last = v, int64(v)
	}
}

func predict8(buf, residual []int32, c *[8]int64, shift uint) {
	c7, last := c[7], int64(buf[7])
	for i, e := range residual {
		h := (*[9]int32)(buf[i:])
		sum := c[0]*int64(h[0]) + c[1]*int64(h[1]) + c[2]*int64(h[2]) + c[3]*int64(h[3]) +
			c[4]*int64(h[4]) + c[5]*int64(h[5]) + c[6]*int64(h[6])
		v := int32((sum+c7*last)>>(shift&31)) + e
		h[8], last = v, int64(v)
	}
}

func predict12(buf, residual []int32, c *[12]int64, shift uint) {
	c11, last := c[11], int64(buf[11])
	for i, e := range residual {
		h := (*[13]int32)(buf[i:])
		sum := c[0]*int64(h[0]) + c[1]*int64(h[1]) + c[2]*int64(h[2]) + c[3]*int64(h[3]) +
			c[4]*int64(h[4]) + c[5]*int64(h[5]) + c[6]*int64(h[6]) + c[7]*int64(h[7]) +
			c[8]*int64(h[8]) + c[9]*int64(h[9]) + c[10]*int64(h[10])
		v := int32((sum+c11*last)>>(shift&31)) + e
		h[12], last = v, int64(v)
	}
}

func predict32(buf, residual []int32, c *[32]int64, shift uint) {
	c31, last := c[31], int64(buf[31])
	for i, e := range residual {
		h := (*[33]int32)(buf[i:])
		sum := c[28]*int64(h[28]) + c[29]*int64(h[29]) + c[30]*int64(h[30])
		for j := 0; j < 28; j += 4 {
			sum += c[j]*int64(h[j]) + c[j+1]*int64(h[j+1]) + c[j+2]*int64(h[j+2]) + c[j+3]*int64(h[j+3])
		}
		v := int32((sum+c31*last)>>(shift&31)) + e
		h[32], last = v, int64(v)
	}
}
