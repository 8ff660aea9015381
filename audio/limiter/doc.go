// Package limiter keeps sound below a ceiling by turning it down in time, instead
// of clipping it. What counts is the true peak, the highest value at and between
// the samples (ITU-R BS.1770-4, annex 2: four times oversampling), because that is
// what comes out of a loudspeaker and what an encoder is given to reproduce.
//
// The limiter looks 5 ms ahead. It goes by blocks of 16 samples, a third of a
// millisecond. For a block whose true peak, in either channel, lies x dB above the
// ceiling, the sound must be lower by
//
//	need = x + min(x, 0.3) dB
//
// The second part leaves room for what the sliding of the gain adds between
// samples, and for meters whose filters differ from ours. From there:
//
//	hold[m]  = the highest need from block m-2 to m+12
//	fast[m]  = max(hold[m], fast[m-1] * (1 - t/60 ms))
//	slow[m]  = slow[m-1] + (hold[m] - slow[m-1]) * t/T
//	           with T = 40 ms while hold is higher, else 600 ms
//	down[m]  = max(fast[m], slow[m])
//	gain[m]  = 10^(-(sum of w[j] * down[m-j], j = 0..11)/20)
//
// where t is one block and w a Hann window of sum 1, and between the blocks'
// beginnings the gain is a straight line. As hold reaches over all that the window
// sees, the whole need is met from the block before a peak to the one after it,
// where the gain arrives in a curve 4 ms long, without a corner that could be heard.
// A single peak is let go of quickly; after a loud passage the slow part brings the
// level back so gently that bass is not bent. Both channels have the same gain, so
// that nothing moves to a side.
//
// What is down by less than 0.05 dB, with nothing to hold it there, is let go. No
// need at all is a gain of exactly 1, and the sound comes out bit by bit as it went in.
package limiter
