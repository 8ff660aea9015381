package sbr

import "segue/audio/codec/aac/bits"

// Books are in the order of their numbers.
const (
	LevelTime            = levelTime
	BalanceTime          = balanceTime
	CoarseLevelTime      = coarseLevelTime
	CoarseLevelFrequency = coarseLevelFrequency
	CoarseBalanceTime    = coarseBalanceTime
	CoarseBalanceFreq    = coarseBalanceFrequency
	NoiseTime            = noiseTime
	NoiseBalanceTime     = noiseBalanceTime
)

// Book is a code book, and what its middle is.
func Book(n int) (least int, l bits.Listing) { return listings[n].least, listings[n].Listing }

// Bands are how many bands a header in its bits makes at a rate of the output, or none
// if it cannot be.
func Bands(b []byte, rate int) (high, low, noise int, ok bool) {
	h := readHeader(&bits.Reader{B: b})
	var t bands
	if t.make(h.spectrum, h.limiterBands, rate) != nil {
		return 0, 0, 0, false
	}
	return len(t.high) - 1, len(t.low) - 1, len(t.noise) - 1, true
}
