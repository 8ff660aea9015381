package input

import (
	"math"
	"math/bits"
	"time"

	"segue/audio"
)

// Scale converts n samples at rate to samples at 48 kHz, rounding to the
// nearest; results beyond int64 are cut off there. rate is positive.
func Scale(n int64, rate int) int64 {
	if rate == audio.SampleRate {
		return n
	}
	return MulDiv(n, audio.SampleRate, int64(rate))
}

// Unscale converts n samples at 48 kHz to samples at rate, rounding to the nearest.
func Unscale(n int64, rate int) int64 { return MulDiv(n, int64(rate), audio.SampleRate) }

// Samples is d in samples at 48 kHz.
func Samples(d time.Duration) int64 { return MulDiv(int64(d), audio.SampleRate, int64(time.Second)) }

// Duration is how long n samples at 48 kHz last.
func Duration(n int64) time.Duration {
	return time.Duration(MulDiv(n, int64(time.Second), audio.SampleRate))
}

// mulDiv is n*m/d to the nearest, for m, d > 0.
func MulDiv(n, m, d int64) int64 {
	if n < 0 {
		if n == math.MinInt64 {
			n++
		}
		return -MulDiv(-n, m, d)
	}
	hi, lo := bits.Mul64(uint64(n), uint64(m))
	lo, carry := bits.Add64(lo, uint64(d)/2, 0)
	hi += carry
	if hi >= uint64(d) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(d))
	return int64(min(q, math.MaxInt64))
}

// A Clock counts samples of coded audio and tells the time at 48 kHz, without
// the errors of adding up rounded durations. It is a value.
type Clock struct {
	Rate int   // Hz of what is counted; positive, and changed only with Set
	now  int64 // at 48 kHz, to the nearest
	over int64 // what of a sample at 48 kHz now is short of, times Rate
}

// Now is the time in samples at 48 kHz.
func (c *Clock) Now() int64 { return c.now }

// Set makes now the time, in samples at 48 kHz.
func (c *Clock) Set(now int64) { c.now, c.over = now, 0 }

// SetCount makes now the time after n samples at Rate from the beginning.
func (c *Clock) SetCount(n int64) {
	c.Set(0)
	c.Advance(n)
}

// Advance counts n samples at Rate and returns how long they are at 48 kHz.
func (c *Clock) Advance(n int64) int64 {
	const most = 1 << 40 // samples that are counted to the last
	before := c.now
	switch rate := int64(c.Rate); {
	case rate == audio.SampleRate:
		c.now += n
	case n < 0 || n > most:
		c.Set(c.now + Scale(n, c.Rate))
	default:
		sum := uint64(c.over + n*audio.SampleRate + rate/2)
		c.now += int64(sum / uint64(rate))
		c.over = int64(sum%uint64(rate)) - rate/2
	}
	return c.now - before
}
