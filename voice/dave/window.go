package dave

const windowSize = 1024 // frames: 20 s of audio out of order

// window remembers which of the last counts were used, so that each opens one
// frame. The zero value has seen none.
type window struct {
	any    bool
	newest uint64
	bits   [windowSize / 64]uint64
}

// widen completes a nonce of 32 bits to the count nearest after the window: the
// counter of an epoch may pass 2^32.
func (w *window) widen(nonce uint32) uint64 {
	count := w.newest&^0xffff_ffff | uint64(nonce)
	switch {
	case count+1<<31 < w.newest:
		count += 1 << 32
	case count > w.newest+1<<31 && count >= 1<<32:
		count -= 1 << 32
	}
	return count
}

// fresh reports whether a count may still be used.
func (w *window) fresh(count uint64) bool {
	switch {
	case !w.any || count > w.newest:
		return true
	case w.newest-count >= windowSize:
		return false
	}
	return w.bits[count/64%uint64(len(w.bits))]&(1<<(count%64)) == 0
}

// mark uses a count that is fresh.
func (w *window) mark(count uint64) {
	switch {
	case !w.any || count > w.newest && count-w.newest >= windowSize:
		clear(w.bits[:])
	case count > w.newest:
		for c := w.newest + 1; c < count; c++ {
			w.bits[c/64%uint64(len(w.bits))] &^= 1 << (c % 64)
		}
	}
	w.newest, w.any = max(w.newest, count), true
	w.bits[count/64%uint64(len(w.bits))] |= 1 << (count % 64)
}
