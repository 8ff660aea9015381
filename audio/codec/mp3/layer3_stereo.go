package mp3

// stereo undoes joint coding of a granule of two channels, as the bits of the mode
// extension say. b and f are those of the right channel.
func (d *Decoder) stereo(h Header, gr int, b *bands, f *factors) {
	left, right := &d.ch[0], &d.ch[1]
	n := max(left.used, right.used)
	middle := h.extension&2 != 0
	if h.extension&1 == 0 {
		if middle {
			middleSide(left.lines[:n], right.lines[:n])
			left.used, right.used = n, n
		}
		return
	}
	top := right.top(b)
	end := 0
	for i := range b.count {
		from, to := b.edge[i], b.edge[i+1]
		position, ok := d.position(h, b, f, &top, i)
		switch {
		case i > top[b.window(i)] && ok:
			d.pan(h, gr, left.lines[from:to], right.lines[from:to], position)
		case middle:
			middleSide(left.lines[from:to], right.lines[from:to])
		}
		if from < n {
			end = to
		}
	}
	left.used, right.used = end, end
}

// top is, for each short block, the last band with a line that is not 0, or -1. Long
// blocks have one for all, above those of any short ones.
func (c *channel) top(b *bands) [3]int {
	top, last := [3]int{-1, -1, -1}, -1
	for i := range b.count {
		if b.edge[i] >= c.used {
			break
		}
		for _, v := range c.lines[b.edge[i]:b.edge[i+1]] {
			if v != 0 {
				top[b.window(i)], last = i, i
				break
			}
		}
	}
	if b.long > 0 {
		top = [3]int{last, last, last}
	}
	return top
}

// position is the intensity position of band i, which the standard does not send for
// the last band: there it is that of the one before, or the middle if that is none.
func (d *Decoder) position(h Header, b *bands, f *factors, top *[3]int, i int) (int, bool) {
	last := 1
	if b.long < b.count {
		last = 3
	}
	if i < b.count-last {
		return int(f.scale[i]), !f.illegal[i]
	}
	before := i - last
	if top[b.window(i)] < before {
		return int(f.scale[before]), !f.illegal[before]
	}
	if h.Version == MPEG1 {
		return 3, true
	}
	return 0, true
}

// pan spreads what is in left over both channels.
func (d *Decoder) pan(h Header, gr int, left, right []float32, position int) {
	var l, r float32
	if h.Version == MPEG1 {
		l = d.tables.ratios[min(position, 6)]
		r = 1 - l
	} else {
		// Powers of 2^-1/4, or of 2^-1/2, in which gains count quarters.
		half := d.side[gr][1].scale&1 + 1
		l, r = 1, d.tables.gains[gainBias-half*(position/2)]
		if position&1 == 1 {
			l, r = d.tables.gains[gainBias-half*((position+1)/2)], 1
		}
	}
	for i, v := range left[:len(right)] {
		left[i], right[i] = v*l, v*r
	}
}

func middleSide(left, right []float32) {
	const r = 0.70710678118654752
	right = right[:len(left)]
	for i, m := range left {
		s := right[i]
		left[i], right[i] = (m+s)*r, (m-s)*r
	}
}
