package mp3

import "math"

const (
	history  = 15 // slots before that the window reaches back to
	maxSlots = perBand
)

// synthesis has the tables of the polyphase filter bank. It never changes.
type synthesis struct {
	// taps for samples j and 32-j, in the order in which both use the history.
	taps    [16][32]float32
	first   [16]float32 // for sample 0
	middle  [8]float32  // for sample 16
	halves  [16]float32 // 1/(2 cos((2i+1)π/64))
	quarter [8]float32  // the same with π/32
}

func newSynthesis() *synthesis {
	var d [512]float32
	for i := range d {
		v := window[min(i, 512-i)]
		if i > 256 && i%64 != 0 {
			v = -v
		}
		d[i] = float32(v) / 65536
	}
	s := &synthesis{}
	for i := range 8 {
		for j := range 16 {
			t := (*[4]float32)(s.taps[j][4*i:])
			*t = [4]float32{d[64*i+j], -d[64*i+32+j], -d[64*i+32-j], 0}
			if j > 0 {
				t[3] = -d[64*i+64-j]
			}
		}
		s.first[2*i], s.first[2*i+1] = d[64*i], -d[64*i+32]
		s.middle[i] = -d[64*i+48]
	}
	for i := range s.halves {
		s.halves[i] = float32(0.5 / math.Cos(math.Pi/64*float64(2*i+1)))
	}
	for i := range s.quarter {
		s.quarter[i] = float32(0.5 / math.Cos(math.Pi/32*float64(2*i+1)))
	}
	return s
}

// A bank is what one channel's filter bank remembers: of every slot the 32 values
// of its cosine transform, from which the standard's vector V follows by symmetry.
type bank [(history + maxSlots) * subbands]float32

// run turns n slots of subband samples into sound: every other value of out.
func (s *synthesis) run(b *bank, in *samples, n int, out []float32) {
	for i := range n {
		s.cosine32((*[32]float32)(in[i*subbands:]), (*[32]float32)(b[(history+i)*subbands:]))
		s.slot((*[512]float32)(b[i*subbands:]), (*[63]float32)(out[i*2*subbands:]))
	}
	copy(b[:history*subbands], b[n*subbands:(n+history)*subbands])
}

// slot windows the 16 newest transforms in u, the oldest first.
func (s *synthesis) slot(u *[512]float32, out *[63]float32) {
	var zero, mid float32
	for i := range 8 {
		zero += s.first[2*i]*u[496-64*i] + s.first[2*i+1]*u[464-64*i]
		mid += s.middle[i] * u[448-64*i]
	}
	out[0], out[32] = zero, mid
	for j := 1; j < 16; j++ {
		t := &s.taps[j]
		e, o := u[496+j], u[464-j]
		a, b := t[0]*e+t[1]*o, t[2]*e+t[3]*o
		e, o = u[432+j], u[400-j]
		a, b = a+t[4]*e+t[5]*o, b+t[6]*e+t[7]*o
		e, o = u[368+j], u[336-j]
		a, b = a+t[8]*e+t[9]*o, b+t[10]*e+t[11]*o
		e, o = u[304+j], u[272-j]
		a, b = a+t[12]*e+t[13]*o, b+t[14]*e+t[15]*o
		e, o = u[240+j], u[208-j]
		a, b = a+t[16]*e+t[17]*o, b+t[18]*e+t[19]*o
		e, o = u[176+j], u[144-j]
		a, b = a+t[20]*e+t[21]*o, b+t[22]*e+t[23]*o
		e, o = u[112+j], u[80-j]
		a, b = a+t[24]*e+t[25]*o, b+t[26]*e+t[27]*o
		e, o = u[48+j], u[16-j]
		out[2*j] = a + t[28]*e + t[29]*o
		out[64-2*j] = b + t[30]*e + t[31]*o
	}
}

// cosine32 is the type-II cosine transform by Lee's method: sums make the even
// values, scaled differences the odd ones, each again a transform of half as many.
func (s *synthesis) cosine32(x, y *[32]float32) {
	var t [4][8]float32
	for i := range 8 {
		p, q := x[i]+x[31-i], x[15-i]+x[16+i]
		t[0][i], t[1][i] = p+q, (p-q)*s.quarter[i]
		p, q = (x[i]-x[31-i])*s.halves[i], (x[15-i]-x[16+i])*s.halves[15-i]
		t[2][i], t[3][i] = p+q, (p-q)*s.quarter[i]
	}
	for i := range t {
		cosine8(&t[i])
	}
	// t[0] and t[1] make the even values; t[2] and t[3] what the odd ones are sums of.
	for i := range 7 {
		t[1][i] += t[1][i+1]
		t[3][i] += t[3][i+1]
	}
	for i := range 7 {
		y[4*i], y[4*i+2] = t[0][i], t[1][i]
		y[4*i+1] = t[2][i] + t[3][i]
		y[4*i+3] = t[3][i] + t[2][i+1]
	}
	y[28], y[30] = t[0][7], t[1][7]
	y[29], y[31] = t[2][7]+t[3][7], t[3][7]
}

// cosine8 is the same of 8 values, in place.
func cosine8(x *[8]float32) {
	const (
		h1 = 0.50979557910415917 // 1/(2 cos(π/16)), and so on
		h3 = 0.60134488693504528
		h5 = 0.89997622313641570
		h7 = 2.56291544774150617
		q1 = 0.54119610014619698 // 1/(2 cos(π/8))
		q3 = 1.30656296487637652
		r  = 0.70710678118654752
	)
	a0, a1, a2, a3 := x[0]+x[7], x[1]+x[6], x[2]+x[5], x[3]+x[4]
	b0, b1, b2, b3 := (x[0]-x[7])*h1, (x[1]-x[6])*h3, (x[2]-x[5])*h5, (x[3]-x[4])*h7

	p, q := a0+a3, a1+a2
	u, v := (a0-a3)*q1, (a1-a2)*q3
	w := (u - v) * r
	x[0], x[4] = p+q, (p-q)*r
	x[2], x[6] = u+v+w, w

	p, q = b0+b3, b1+b2
	u, v = (b0-b3)*q1, (b1-b2)*q3
	w = (u - v) * r
	e0, e1, e2 := p+q, u+v+w, (p-q)*r
	x[1], x[3], x[5], x[7] = e0+e1, e1+e2, e2+w, w
}
