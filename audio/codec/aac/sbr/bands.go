package sbr

import (
	"errors"
	"math"
	"slices"

	"segue/audio/codec/aac/qmf"
)

// Limits of the standard (ISO/IEC 14496-3, 4.6.18.3.6).
const (
	maxHigh    = 48 // subbands, and so bands, of the extension
	maxNoise   = 5  // bands of noise
	maxPatches = 6  // one more than the standard allows: a stream to test decoders has them
)

// errBands is that a header's bands cannot be. It is never seen outside.
var errBands = errors.New("sbr: bands that cannot be")

// bands are the frequency tables (ISO/IEC 14496-3, 4.6.18.3.2): where bands begin,
// and where the last one ends, in subbands.
type bands struct {
	first int // subband of the master table: what is below can be copied up
	start int // subband where the extension begins
	width int // subbands it has

	master  []int
	high    []int
	low     []int
	noise   []int
	limits  []int
	patches []patch

	room struct {
		master, high, low, limits [maxHigh + maxPatches + 1]int
		noise                     [maxNoise + 1]int
		patches                   [maxPatches]patch
	}
}

// A patch is a run of subbands that is copied up.
type patch struct{ from, width int }

// edges are the offsets of the start frequency, by rate of the output.
var edges = [...]struct {
	rate    int
	offsets [16]int
}{
	{16000, [16]int{-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7}},
	{22050, [16]int{-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13}},
	{24000, [16]int{-5, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 16}},
	{32000, [16]int{-6, -4, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 16}},
	{64000, [16]int{-4, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 16, 20}},
	{math.MaxInt, [16]int{-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 16, 20, 24}},
}

// make makes all tables for a rate of the output.
func (b *bands) make(s spectrum, limiter, rate int) error {
	if err := b.makeMaster(s, rate); err != nil {
		return err
	}
	if s.crossover >= len(b.master)-1 {
		return errBands
	}
	b.high = append(b.room.high[:0], b.master[s.crossover:]...)
	b.start = b.high[0]
	b.width = b.high[len(b.high)-1] - b.start
	if b.start > qmf.Core || b.start+b.width > qmf.Bands || b.width > maxHigh {
		return errBands
	}
	n := len(b.high) - 1
	b.low = append(b.room.low[:0], b.start)
	for i := 2 - n&1; i <= n; i += 2 {
		b.low = append(b.low, b.high[i])
	}
	if err := b.makeNoise(s.noiseBands); err != nil {
		return err
	}
	if err := b.makePatches(rate); err != nil {
		return err
	}
	b.makeLimits(limiter)
	return nil
}

// makeMaster makes the table the others are made of (4.6.18.3.2.1).
func (b *bands) makeMaster(s spectrum, rate int) error {
	base := 5000
	switch {
	case rate < 32000:
		base = 3000
	case rate < 64000:
		base = 4000
	}
	lowest, least := (base*128+rate/2)/rate, (base*256+rate/2)/rate
	for _, e := range edges {
		if rate <= e.rate {
			b.first = lowest + e.offsets[s.start]
			break
		}
	}
	end := b.stop(s.stop, least)
	most := 32
	switch {
	case rate <= 32000:
		most = 48
	case rate <= 44100:
		most = 35
	}
	if b.first <= 0 || end-b.first > most || end <= b.first {
		return errBands
	}
	if s.scale == 0 {
		return b.linear(end, s.alter)
	}
	return b.warped(end, s)
}

// stop is the subband where the master table ends.
func (b *bands) stop(n, least int) int {
	end := least
	switch n {
	case 14:
		end = 2 * b.first
	case 15:
		end = 3 * b.first
	default:
		var room [13]int
		for _, width := range split(room[:], least, qmf.Bands)[:n] {
			end += width
		}
	}
	return min(end, qmf.Bands)
}

// split divides what is between two subbands into len(dst) bands, each wider than
// the one before by the same factor, and returns their widths, sorted.
func split(dst []int, from, to int) []int {
	n, before := len(dst), from
	for i := range dst {
		next := int(math.RoundToEven(float64(from) * math.Pow(float64(to)/float64(from), float64(i+1)/float64(n))))
		dst[i], before = next-before, next
	}
	slices.Sort(dst)
	return dst
}

// linear is the master table of bands of the same width.
func (b *bands) linear(end int, alter bool) error {
	step, n := 1, (end-b.first)/2*2
	if alter {
		step, n = 2, (end-b.first+2)/4*2
	}
	if n <= 0 {
		return errBands
	}
	b.master = b.room.master[:n+1]
	for i := range b.master {
		b.master[i] = step
	}
	switch rest := end - b.first - n*step; {
	case rest < 0:
		b.master[1]--
		if rest < -1 {
			b.master[2]--
		}
	case rest > 0:
		b.master[n]++
	}
	b.master[0] = b.first
	return sum(b.master)
}

// sum turns widths behind a beginning into borders.
func sum(v []int) error {
	for i := range v[1:] {
		if v[i+1] <= 0 {
			return errBands
		}
		v[i+1] += v[i]
	}
	return nil
}

// warped is the master table of bands that grow.
func (b *bands) warped(end int, s spectrum) error {
	per := float64(7 - s.scale) // bands an octave, halved
	middle := end
	if 49*end > 110*b.first {
		middle = 2 * b.first
	}
	n := 2 * int(math.RoundToEven(per*math.Log2(float64(middle)/float64(b.first))))
	if n <= 0 || n > maxHigh {
		return errBands
	}
	b.master = b.room.master[:n+1]
	b.master[0] = b.first
	widest := split(b.master[1:], b.first, middle)[n-1]
	if err := sum(b.master); err != nil || middle == end {
		return err
	}
	if s.alter {
		per /= 1.3
	}
	more := 2 * int(math.RoundToEven(per*math.Log2(float64(end)/float64(middle))))
	if more <= 0 {
		return nil
	}
	if n+more > maxHigh {
		return errBands
	}
	b.master = b.room.master[:n+more+1]
	upper := split(b.master[n+1:], middle, end)
	if upper[0] < widest {
		change := min(widest-upper[0], (upper[more-1]-upper[0])/2)
		upper[0] += change
		upper[more-1] -= change
		slices.Sort(upper)
	}
	return sum(b.master[n:])
}

// makeNoise makes the table of noise floors.
func (b *bands) makeNoise(perOctave int) error {
	end := float64(b.master[len(b.master)-1])
	n := max(1, int(math.RoundToEven(float64(perOctave)*math.Log2(end/float64(b.start)))))
	if n > maxNoise {
		return errBands
	}
	b.noise = append(b.room.noise[:0], b.low[0])
	at := 0
	for i := range n {
		at += (len(b.low) - 1 - at) / (n - i)
		b.noise = append(b.noise, b.low[at])
	}
	return nil
}

// makePatches decides what is copied where (4.6.18.6.3).
func (b *bands) makePatches(rate int) error {
	b.patches = b.room.patches[:0]
	last := len(b.master) - 1
	goal, end := (1000<<11+rate/2)/rate, b.start+b.width
	k := last
	if goal < end {
		k = 0
		for b.master[k] < goal {
			k++
		}
	}
	source, covered := b.first, b.start // end of what there is to copy, and of what is done
	for range 4 * maxHigh {
		i := k
		to := b.master[i]
		odd := (to + b.first) & 1
		for to > b.first-1+source-odd {
			if i--; i < 0 {
				return errBands
			}
			to = b.master[i]
			odd = (to + b.first) & 1
		}
		if width := to - covered; width > 0 {
			if len(b.patches) == maxPatches || b.first-odd-width < 0 {
				return errBands
			}
			b.patches = append(b.patches, patch{b.first - odd - width, width})
			covered, source = to, to
		} else {
			source = b.start
		}
		if b.master[k]-to < 3 {
			k = last
		}
		if to == end {
			if n := len(b.patches); n > 1 && b.patches[n-1].width < 3 {
				b.patches = b.patches[:n-1]
			}
			return nil
		}
	}
	return errBands
}

// makeLimits makes the table of limiter bands (4.6.18.3.2.3).
func (b *bands) makeLimits(kind int) {
	end := b.low[len(b.low)-1]
	b.limits = append(b.room.limits[:0], b.start)
	if kind == 0 {
		b.limits = append(b.limits, end)
		return
	}
	var room [maxPatches + 1]int
	borders := append(room[:0], b.start)
	for _, p := range b.patches {
		borders = append(borders, borders[len(borders)-1]+p.width)
	}
	b.limits = append(b.limits[:0], b.low...)
	b.limits = append(b.limits, borders[1:max(1, len(borders)-1)]...)
	slices.Sort(b.limits)
	most := [...]float64{0, 0.49 / 1.2, 0.49 / 2, 0.49 / 3}[kind] // octaves that are too few for a band
	kept := b.limits[:1]
	for _, next := range b.limits[1:] {
		at := len(kept) - 1
		switch before := kept[at]; {
		case math.Log2(float64(next)/float64(before)) >= most:
			kept = append(kept, next)
		case next == before || !slices.Contains(borders, next):
		case !slices.Contains(borders, before):
			kept[at] = next
		default:
			kept = append(kept, next)
		}
	}
	b.limits = kept
}
