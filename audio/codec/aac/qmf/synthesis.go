package qmf

const history = 9 // slots before that a slot still hears

// A Synthesis makes the samples of a channel from its bands. Its zero value has
// heard nothing yet.
type Synthesis struct {
	v [(Slots + history) * 2 * Bands]float32 // the newest first
}

// Process makes the Slots*Bands samples of m
// and puts them at out[0], out[step], …
func (s *Synthesis) Process(r *Room, m *Matrix, out []float32, step int) {
	copy(s.v[Slots*2*Bands:], s.v[:history*2*Bands])
	w := &shared.synthesis
	for slot := range Slots {
		re, im := &r.a, &r.b
		row := &m[slot]
		for k := range Bands {
			re[k] = real(row[k])
		}
		for k := 0; k < Bands; k += 2 {
			im[k], im[k+1] = imag(row[k]), -imag(row[k+1])
		}
		shared.all.Transform(r.c[:], re[:], re[:])
		shared.all.Transform(r.c[:], im[:], im[:])
		at := (Slots - 1 - slot) * 2 * Bands
		v := (*[2 * Bands]float32)(s.v[at:])
		for n := range Bands {
			c, d := re[n], im[Bands-1-n]
			v[n], v[2*Bands-1-n] = d-c, d+c
		}
		x := (*[(2*history + 2) * Bands]float32)(s.v[at:])
		to := out[slot*Bands*step:]
		for n := range Bands {
			to[n*step] = x[n]*w[0][n] + x[3*Bands+n]*w[1][n] + x[4*Bands+n]*w[2][n] + x[7*Bands+n]*w[3][n] + x[8*Bands+n]*w[4][n] +
				x[11*Bands+n]*w[5][n] + x[12*Bands+n]*w[6][n] + x[15*Bands+n]*w[7][n] + x[16*Bands+n]*w[8][n] + x[19*Bands+n]*w[9][n]
		}
	}
}
