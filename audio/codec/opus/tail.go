package opus

import "segue/audio"

// A Tail is what a packet leaves behind in the decoder that has heard it, as far
// as the next packet's sound depends on it: how its last frame was coded. Of what
// SILK leaves nothing is known.
type Tail struct {
	// Transient says that the frame was coded in short blocks. Energies of such
	// frames and of others are not to be compared.
	Transient bool
	// Comb is the pitch filter, which goes on over the first 2.5 ms of the next
	// frame and fades into that one's over as much again.
	Comb Comb
}

// A Comb is the pitch filter of CELT (RFC 6716, 4.3.7.1): the sound, and what it
// was Period samples before and around that, weighted with Taps. Period is 0
// where there is none.
type Comb struct {
	Period int        // samples at 48 kHz, at most MaxPeriod
	Taps   [3]float32 // at Period, beside it on either side, and beside that
}

// MaxPeriod is the longest period of a Comb.
const MaxPeriod = 1022

// combTaps are those of a gain of 1 (RFC 6716, 4.3.7.1).
var combTaps = [3][3]float32{
	{0.3066406250, 0.2170410156, 0.1296386719},
	{0.4638671875, 0.2680664062, 0},
	{0.7998046875, 0.1000976562, 0},
}

// TailOf reads what packet leaves behind. It is false for packets that are none,
// that lost their last frame, and that SILK has a part in.
func TailOf(packet []byte) (Tail, bool) {
	var f frames
	if _, err := f.parse(packet, false); err != nil {
		return Tail{}, false
	}
	last := f.data[f.n-1]
	if f.toc&0x80 == 0 || len(last) < 2 {
		return Tail{}, false
	}
	var t Tail
	r := newRangeDecoder(last)
	if r.bit(15) { // silence
		return t, true
	}
	if r.bit(1) {
		octave := uint(r.symbol(6))
		t.Comb.Period = max(16<<octave+r.raw(4+octave)-1, 15)
		gain := float32(r.raw(3)+1) * (3. / 32)
		for i, tap := range combTaps[r.taps()] {
			t.Comb.Taps[i] = gain * tap
		}
	}
	if frameSamples(f.toc) > audio.FrameSamples/8 {
		t.Transient = r.bit(3)
	}
	return t, true
}

// A rangeDecoder reads the beginning of a CELT frame (RFC 6716, 4.1): what is
// coded from its front, and bits as they are from its end.
type rangeDecoder struct {
	front       []byte
	end         []byte
	rest        byte // of front: the byte of which one bit is still to come
	ranges, val uint32
	used        uint // bits of end
}

func newRangeDecoder(frame []byte) rangeDecoder {
	r := rangeDecoder{front: frame[1:], end: frame, rest: frame[0], ranges: 128}
	r.val = 127 - uint32(r.rest>>1)
	r.refill()
	return r
}

func (r *rangeDecoder) refill() {
	for r.ranges <= 1<<23 {
		next := byte(0)
		if len(r.front) > 0 {
			next, r.front = r.front[0], r.front[1:]
		}
		b := (uint32(r.rest)<<8 | uint32(next)) >> 1 & 255
		r.ranges <<= 8
		r.val = (r.val<<8 + 255 - b) & 0x7fffffff
		r.rest = next
	}
}

// bit reads one that is set once in 2^rare.
func (r *rangeDecoder) bit(rare uint) bool {
	set := r.ranges >> rare
	if r.val < set {
		r.ranges = set
		r.refill()
		return true
	}
	r.val -= set
	r.ranges -= set
	r.refill()
	return false
}

// symbol reads one of n that are equally likely.
func (r *rangeDecoder) symbol(n uint32) uint32 {
	each := r.ranges / n
	k := n - min(r.val/each+1, n)
	r.val -= each * (n - k - 1)
	if k > 0 {
		r.ranges = each
	} else {
		r.ranges -= each * (n - 1)
	}
	r.refill()
	return k
}

// taps reads which of combTaps: the first half the time, the others a quarter.
func (r *rangeDecoder) taps() int {
	above, quarter := r.ranges, r.ranges>>2
	for k, below := range [3]uint32{2 * quarter, quarter, 0} {
		if r.val >= below {
			r.val -= below
			r.ranges = above - below
			r.refill()
			return k
		}
		above = below
	}
	return 0 // never: the last is 0
}

// raw reads n bits from the end.
func (r *rangeDecoder) raw(n uint) (v int) {
	for i := range n {
		if at := len(r.end) - 1 - int(r.used>>3); at >= 0 {
			v |= int(r.end[at]>>(r.used&7)&1) << i
		}
		r.used++
	}
	return v
}
