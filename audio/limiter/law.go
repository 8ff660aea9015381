package limiter

import (
	"math"
	"slices"

	"segue/audio"
)

const (
	window = 12             // blocks the gain slides over: 4 ms
	ring   = window + 2 + 1 // blocks a need is held for: two more before it, one after

	settled = window + 1 // blocks after which nothing moves any more

	second = audio.SampleRate / block // in blocks

	margin = 0.3 // dB below the ceiling, for what the peaks of blocks do not tell

	quick  = 0.060 * second // a single peak is let go
	charge = 0.040 * second // a loud passage becomes known as one
	gentle = 0.600 * second // and is let go

	nothing = 0.05 // dB: what has come down so far is over
)

// A law makes gains from needs, block by block. The package comment has its formulas.
type law struct {
	hann       [window]float64 // of sum 1
	needs      [ring]float64   // dB, the newest last
	hold       float64         // the highest of them
	down       [window]float64 // dB, the newest last
	fast, slow float64         // dB
	calm       int             // blocks since down was last above 0
}

// newLaw returns a law that has heard of nothing but calm.
func newLaw() law {
	w := law{calm: settled}
	for i := range w.hann {
		w.hann[i] = math.Pow(math.Sin(math.Pi*float64(i+1)/(window+1)), 2) * 2 / (window + 1)
	}
	return w
}

// next hears the need of a block in dB, and returns the gain at the beginning of
// the block window blocks ago.
func (w *law) next(need float64) float32 {
	if need == 0 && w.calm >= settled {
		return 1
	}
	gone := w.needs[0]
	copy(w.needs[:], w.needs[1:])
	w.needs[ring-1] = need
	if need >= w.hold {
		w.hold = need
	} else if gone == w.hold {
		w.hold = slices.Max(w.needs[:])
	}
	hold := w.hold
	w.fast = max(hold, w.fast*(1-1/quick))
	if hold > w.slow {
		w.slow += (hold - w.slow) / charge
	} else {
		w.slow += (hold - w.slow) / gentle
	}
	down := max(w.fast, w.slow)
	if down < nothing && hold == 0 {
		w.fast, w.slow, down = 0, 0, 0
	}
	copy(w.down[:], w.down[1:])
	w.down[window-1] = down
	if w.calm++; down > 0 {
		w.calm = 0
	}
	var sum [3]float64 // one would wait for itself
	for i := 0; i < window; i += len(sum) {
		sum[0] += w.hann[i] * w.down[i]
		sum[1] += w.hann[i+1] * w.down[i+1]
		sum[2] += w.hann[i+2] * w.down[i+2]
	}
	return float32(math.Exp2(-(sum[0] + sum[1] + sum[2]) * math.Log2(10) / 20))
}
