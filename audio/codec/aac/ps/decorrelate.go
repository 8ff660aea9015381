package ps

import "math"

const (
	pathLinks = 3    // filters in a row
	firstLink = 3    // slots the first delays; each after it delays one more
	ahead     = 2    // slots before them
	longDelay = 14   // slots, above the filters
	slope     = 0.05 // a subband's filters do that much less than those of the one below
	memory    = 16   // slots kept of the input, a power of two
	loop      = 8    // slots kept in the filters, a power of two
)

// decays are how quickly the links ring out, fractions by how much less than a whole
// slot they delay more, and fraction that of all.
var (
	decays    = [pathLinks]float64{0.65143905753106, 0.56471812200776, 0.48954165955695}
	fractions = [pathLinks]float64{0.43, 0.75, 0.347}
)

const fraction = 0.39

// An allpass is the filter of a subband: links that feed back on themselves, which
// change phases and nothing else.
type allpass struct {
	turn  complex64
	turns [pathLinks]complex64
	gains [pathLinks]float32
}

// newAllpass is the filter around center, in bands of the matrix. Full is how much of
// it there is.
func newAllpass(center, full float64) (a allpass) {
	full = min(max(full, 0), 1)
	turn := func(fraction float64) complex64 {
		sin, cos := math.Sincos(-math.Pi * fraction * center)
		return complex(float32(cos), float32(sin))
	}
	a.turn = turn(fraction)
	for m := range pathLinks {
		a.turns[m], a.gains[m] = turn(fractions[m]), float32(decays[m]*full)
	}
	return a
}

// A decorrelator makes of the subbands a second signal that is as loud and sounds
// alike, but has nothing in common with them.
type decorrelator struct {
	clock uint // slots so far
	past  [memory][maxSubbands]complex64
	links [pathLinks][loop][maxAllpasses]complex64
	duck  ducker
	out   [maxSubbands]complex64
}

// in is where the subbands of the slot belong.
func (d *decorrelator) in() *[maxSubbands]complex64 { return &d.past[d.clock%memory] }

// run takes in the slot in d.in, and fills d.out and the gains that are due to it.
func (d *decorrelator) run(l *layout) {
	in := d.in()
	d.duck.run(l, in)
	t := d.clock
	d.clock++
	before := &d.past[(t-ahead)%memory]
	var from, to [pathLinks]*[maxAllpasses]complex64
	for m := range pathLinks {
		from[m], to[m] = &d.links[m][(t-firstLink-uint(m))%loop], &d.links[m][t%loop]
	}
	for k := range l.links {
		a := &l.links[k]
		re, im := times(before[k], a.turn)
		for m := range pathLinks {
			late, lateIm := times(from[m][k], a.turns[m])
			g := a.gains[m]
			late -= g * re
			lateIm -= g * im
			to[m][k] = complex(re+g*late, im+g*lateIm)
			re, im = late, lateIm
		}
		d.out[k] = complex(re, im)
	}
	copy(d.out[l.allpass:l.long], d.past[(t-longDelay)%memory][l.allpass:])
	copy(d.out[l.long:l.subbands], d.past[(t-1)%memory][l.long:])
}

// times is a product, in its parts.
func times(a, b complex64) (re, im float32) {
	return real(a)*real(b) - imag(a)*imag(b), real(a)*imag(b) + imag(a)*real(b)
}

// settle ends what rings on far below anything that can be heard, before it becomes
// so small that computing with it takes long. It also ends what is no number.
func (d *decorrelator) settle() {
	for m := range d.links {
		for t := range d.links[m] {
			for k, x := range d.links[m][t] {
				if re, im := audible(real(x)), audible(imag(x)); re != real(x) || im != imag(x) {
					d.links[m][t][k] = complex(re, im)
				}
			}
		}
	}
	d.duck.settle()
}

const (
	quiet = 1e-20 // -400 dB; it takes more than a frame to fall to what is slow
	loud  = 1e10  // +200 dB
)

func audible(x float32) float32 {
	if a := math.Float32bits(x) &^ (1 << 31); a < math.Float32bits(quiet) || a > math.Float32bits(loud) {
		return 0
	}
	return x
}

// A ducker turns the second signal down after sudden sounds, which it would smear.
type ducker struct {
	peak, smooth, excess [maxBands]float32 // energies, by band
	gain                 [maxBands]float32 // for the slot
}

const (
	peakDecay = 0.76592833836465 // a slot
	smoothing = 0.25
	impact    = 1.5
)

// run takes the energy of a slot.
func (d *ducker) run(l *layout, in *[maxSubbands]complex64) {
	var power [maxBands]float32
	for i := range l.groups {
		g := &l.groups[i]
		sum := power[g.band]
		for _, x := range in[g.from:g.to] {
			sum += real(x)*real(x) + imag(x)*imag(x)
		}
		power[g.band] = sum
	}
	for b, p := range power[:l.bands] {
		d.peak[b] = max(peakDecay*d.peak[b], p)
		d.smooth[b] += smoothing * (p - d.smooth[b])
		d.excess[b] += smoothing * (d.peak[b] - p - d.excess[b])
		d.gain[b] = 1
		if limit := impact * d.excess[b]; limit > d.smooth[b] {
			d.gain[b] = d.smooth[b] / limit
		}
	}
}

func (d *ducker) settle() {
	for b := range d.peak {
		d.peak[b], d.smooth[b], d.excess[b] = audible(d.peak[b]), audible(d.smooth[b]), audible(d.excess[b])
	}
}
