package vorbis

// Order gives, for a number of channels, which of Vorbis's channels (Vorbis I,
// 4.3.9) is the first in WAVE order, the second, and so on. It is nil for numbers
// that mean no loudspeakers, and the caller's to read only.
func Order(channels int) []int {
	switch channels {
	case 1:
		return []int{0}
	case 2:
		return []int{0, 1}
	case 3: // L C R
		return []int{0, 2, 1}
	case 4: // L R BL BR
		return []int{0, 1, 2, 3}
	case 5: // L C R BL BR
		return []int{0, 2, 1, 3, 4}
	case 6: // L C R BL BR LFE
		return []int{0, 2, 1, 5, 3, 4}
	case 7: // L C R SL SR BC LFE
		return []int{0, 2, 1, 6, 5, 3, 4}
	case 8: // L C R SL SR BL BR LFE
		return []int{0, 2, 1, 7, 5, 6, 3, 4}
	}
	return nil
}

// reorder brings interleaved samples into an order.
func reorder(pcm []float32, order []int) {
	if len(order) < 3 {
		return
	}
	var sample [8]float32
	for ; len(pcm) >= len(order); pcm = pcm[len(order):] {
		copy(sample[:], pcm[:len(order)])
		for out, in := range order {
			pcm[out] = sample[in]
		}
	}
}
