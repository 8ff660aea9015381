package mp3

import "math"

const (
	lineCount = 576 // lines of a granule
	subbands  = 32
	perBand   = 18 // lines of a subband, and its samples in a granule
)

// The block types of Layer III.
const (
	longBlock = iota
	startBlock
	shortBlocks
	stopBlock
)

// hybrid has the windows and turns of the modified cosine transforms. It never
// changes.
type hybrid struct {
	// long has one window for each block type but that of three short blocks, and
	// for even and odd subbands: these have every other sample negated.
	long  [4][2][2 * perBand]float32
	short [12]float32
	turn  [9][2]float32 // cosine and sine
	turn3 [3][2]float32
	cs    [8]float32 // of the butterflies against aliasing
	ca    [8]float32
}

func newHybrid() *hybrid {
	h := &hybrid{}
	for i := range 12 {
		h.short[i] = float32(math.Sin(math.Pi / 12 * (float64(i) + 0.5)))
	}
	for i := range 2 * perBand {
		full := float32(math.Sin(math.Pi / 36 * (float64(i) + 0.5)))
		h.long[longBlock][0][i] = full
		switch {
		case i < 18:
			h.long[startBlock][0][i], h.long[stopBlock][0][35-i] = full, full
		case i < 24:
			h.long[startBlock][0][i], h.long[stopBlock][0][35-i] = 1, 1
		case i < 30:
			h.long[startBlock][0][i], h.long[stopBlock][0][35-i] = h.short[i-18], h.short[i-18]
		}
	}
	for t := range h.long {
		for i, v := range h.long[t][0] {
			h.long[t][1][i] = v * float32(1-2*(i&1))
		}
	}
	for m := range h.turn {
		sin, cos := math.Sincos(math.Pi / 72 * float64(2*m+1))
		h.turn[m] = [2]float32{float32(cos), float32(sin)}
	}
	for m := range h.turn3 {
		sin, cos := math.Sincos(math.Pi / 24 * float64(2*m+1))
		h.turn3[m] = [2]float32{float32(cos), float32(sin)}
	}
	for i, c := range [8]float64{-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037} {
		h.cs[i], h.ca[i] = float32(1/math.Sqrt(1+c*c)), float32(c/math.Sqrt(1+c*c))
	}
	return h
}

// antialias works on the borders of the first n subbands.
func (h *hybrid) antialias(lines *[lineCount + 4]float32, n int) {
	for sb := 1; sb < n; sb++ {
		low, high := (*[8]float32)(lines[sb*perBand-8:]), (*[8]float32)(lines[sb*perBand:])
		for i := range 8 {
			a, b := low[7-i], high[i]
			low[7-i] = a*h.cs[i] - b*h.ca[i]
			high[i] = b*h.cs[i] + a*h.ca[i]
		}
	}
}

// samples is a granule behind the hybrid filter bank: perBand times subbands.
type samples [perBand * subbands]float32

// longBand transforms the lines x of subband sb, adds what the block before left
// in over, and leaves there what the next one needs.
//
// The transform is a type-IV cosine transform y of 18 points, unfolded. With
// neighbouring lines paired, each y(m) and y(17-m) are two type-III transforms of 9
// points, turned by (2m+1)π/72.
func (h *hybrid) longBand(x, over *[perBand]float32, w *[2 * perBand]float32, sb int, out *samples) {
	a := [9]float32{x[0], x[1] + x[2], x[3] + x[4], x[5] + x[6], x[7] + x[8], x[9] + x[10], x[11] + x[12], x[13] + x[14], x[15] + x[16]}
	b := [9]float32{x[17], x[15] - x[16], x[13] - x[14], x[11] - x[12], x[9] - x[10], x[7] - x[8], x[5] - x[6], x[3] - x[4], x[1] - x[2]}
	cosine9(&a)
	cosine9(&b)
	b[1], b[3], b[5], b[7] = -b[1], -b[3], -b[5], -b[7]
	sb &= subbands - 1
	for m := range 9 {
		c, s := h.turn[m][0], h.turn[m][1]
		early := s*a[m] - c*b[m] // y(17-m)
		late := c*a[m] + s*b[m]  // y(m)
		n := 8 - m
		out[n*subbands+sb] = over[n] + early*w[n]
		out[(17-n)*subbands+sb] = over[17-n] - early*w[17-n]
		over[n] = -late * w[18+n]
		over[17-n] = -late * w[35-n]
	}
}

// cosine9 replaces a by its type-III cosine transform of 9 points: the sum of
// a(j) cos(πj(2m+1)/18).
func cosine9(a *[9]float32) {
	const (
		c30 = 0.86602540378443865 // degrees
		c40 = 0.76604444311897804
		c50 = 0.64278760968653933
		c70 = 0.34202014332566873
		c80 = 0.17364817766693035
	)
	t := a[0] + 0.5*a[6]
	p, q := a[2]+a[4], a[2]+a[8]
	e0 := t + p*c40 + q*c80
	e2 := t - p*c80 - (p-q)*c40
	e3 := 3*t - e0 - e2
	u, v := a[0]-a[6], a[2]-a[4]-a[8]
	e1, e4 := u+0.5*v, u-v

	s := a[3] * c30
	f, g := a[1]+a[5], a[1]+a[7]
	o2 := g*c50 + (g-f)*c70 - s
	o3 := (f-g)*c50 + f*c70 - s
	o0 := o2 + o3 + 3*s
	o1 := (a[1] - a[5] - a[7]) * c30
	a[0], a[8] = e0+o0, e0-o0
	a[1], a[7] = e1+o1, e1-o1
	a[2], a[6] = e2+o2, e2-o2
	a[3], a[5] = e3+o3, e3-o3
	a[4] = e4
}

// shortBand is longBand for three short blocks, whose lines are interleaved.
func (h *hybrid) shortBand(x, over *[perBand]float32, sb int, out *samples) {
	var sum [2 * perBand]float32
	copy(sum[:perBand], over[:])
	sign := float32(1 - 2*(sb&1))
	for i := 1; i < perBand && sign < 0; i += 2 {
		sum[i] = -sum[i] // over is negated as it comes out
	}
	for block := range 3 {
		h.shortBlock(x[block:], (*[12]float32)(sum[6+6*block:]))
	}
	for i := 1; i < len(sum) && sign < 0; i += 2 {
		sum[i] = -sum[i]
	}
	sb &= subbands - 1
	for i := range perBand {
		out[i*subbands+sb] = sum[i]
	}
	copy(over[:], sum[perBand:])
}

// shortBlock adds the 12 windowed samples of every third of x.
func (h *hybrid) shortBlock(x []float32, sum *[12]float32) {
	const c30 = 0.86602540378443865
	_ = x[15]
	a := [3]float32{x[0], x[3] + x[6], x[9] + x[12]}
	b := [3]float32{x[15], x[9] - x[12], x[3] - x[6]}
	a[0], a[1], a[2] = a[0]+0.5*a[2]+c30*a[1], a[0]-a[2], a[0]+0.5*a[2]-c30*a[1]
	b[0], b[1], b[2] = b[0]+0.5*b[2]+c30*b[1], b[2]-b[0], b[0]+0.5*b[2]-c30*b[1]
	for m := range 3 {
		c, s := h.turn3[m][0], h.turn3[m][1]
		early := s*a[m] - c*b[m]
		late := c*a[m] + s*b[m]
		n := 2 - m
		sum[n] += early * h.short[n]
		sum[5-n] -= early * h.short[5-n]
		sum[6+n] -= late * h.short[6+n]
		sum[11-n] -= late * h.short[11-n]
	}
}

// noBand is longBand for lines that are all 0.
func noBand(over *[perBand]float32, sb int, out *samples) {
	sb &= subbands - 1
	for i := range perBand {
		out[i*subbands+sb] = over[i]
	}
	*over = [perBand]float32{}
}
