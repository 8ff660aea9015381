package loudness

import "math"

const (
	bins   = 1300 // from the absolute gate to 60 LUFS, what wildest comes to
	perBin = 10   // bins to a LU
)

// A histogram keeps how many blocks were how loud. Its sums are exact: what bins
// round is only where the gate lies, by less than a tenth of a LU.
type histogram struct {
	counts [bins]uint32
	sums   [bins]float64 // of mean squares
}

// add counts a block with that mean square.
func (h *histogram) add(mean float64) {
	l := lufs(mean)
	if !(l > absoluteGate) {
		return
	}
	i := min(int((l-absoluteGate)*perBin), bins-1)
	h.counts[i]++
	h.sums[i] += mean
}

// mean is that of the blocks in bins from first on, 0 if there are none.
func (h *histogram) mean(first int) float64 {
	count, sum := 0.0, 0.0
	for i := first; i < bins; i++ {
		count += float64(h.counts[i])
		sum += h.sums[i]
	}
	if count == 0 {
		return 0
	}
	return sum / count
}

// gated is the loudness of the blocks above both gates.
func (h *histogram) gated() float64 {
	mean := h.mean(0)
	if mean == 0 {
		return math.Inf(-1)
	}
	gate := lufs(mean) + relativeGate
	first := max(int((gate-absoluteGate)*perBin), 0)
	if n := h.counts[first]; gate > absoluteGate && n > 0 && lufs(h.sums[first]/float64(n)) <= gate {
		first++ // most of the bin lies below
	}
	return lufs(h.mean(first))
}
