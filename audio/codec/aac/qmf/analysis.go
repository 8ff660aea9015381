package qmf

const (
	step  = Core           // samples a slot takes in
	reach = 5*Bands - step // samples before them that it looks at
)

// quiet is far below what anybody hears or a file can hold. What is less counts as
// nothing: numbers too small to be normal take a processor very long.
const quiet = 1e-10

// An Analysis splits the samples of a channel into Core bands. Its zero value has
// heard nothing yet.
type Analysis struct {
	x [reach + Slots*step]float32
}

// Process takes in the samples of a frame and fills dst, which has a row for each
// slot.
func (a *Analysis) Process(r *Room, dst [][Core]complex64, in *[Slots * step]float32) {
	copy(a.x[:], a.x[Slots*step:])
	for i, x := range in {
		if x < quiet && x > -quiet {
			x = 0
		}
		a.x[reach+i] = x
	}
	w, v := &shared.analysis, &r.a
	for slot := range Slots {
		x := (*[5 * Bands]float32)(a.x[slot*step:])
		for n := range Bands {
			// The newest samples meet the first coefficients.
			r.b[n] = x[n]*w[4][n] + x[Bands+n]*w[3][n] + x[2*Bands+n]*w[2][n] + x[3*Bands+n]*w[1][n] + x[4*Bands+n]*w[0][n]
		}
		// r.b is the sum of the standard backwards. Its exponentials are a cosine
		// transform of twice the size with the terms interleaved from both ends.
		v[0] = r.b[Bands-1]
		for n := range Core {
			v[2*n+1] = r.b[Bands-2-n]
		}
		for n := 1; n < Core; n++ {
			v[2*n] = r.b[n-1]
		}
		shared.all.Transform(r.c[:], v[:], v[:])
		out := &dst[slot]
		for k := range Core {
			out[k] = complex(v[k], -v[Bands-1-k])
		}
	}
}
