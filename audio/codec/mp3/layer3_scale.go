package mp3

// factors are a granule's scale factors, by its bands. Of the last bands, which have
// none, they are 0.
type factors struct {
	scale [40]uint8
	// illegal marks those that, read as intensity positions, mean no intensity.
	illegal [40]bool
}

// readScale reads the scale factors of MPEG-1. f holds those of the granule before.
func readScale(r *bits, g *granule, b *bands, f *factors) {
	low := [16]int{0, 0, 0, 0, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4}[g.scale]
	high := [16]int{0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 2, 3}[g.scale]
	if g.block == shortBlocks {
		border := b.count - 3*7 // six short bands at the end are of the high sizes, and one has none
		readSome(r, f.scale[:border], low)
		readSome(r, f.scale[border:b.count-3], high)
		clear(f.scale[b.count-3:])
	} else {
		groups := [5]int{0, 6, 11, 16, 21}
		for i := range 4 {
			if g.repeat>>(3-i)&1 == 1 {
				continue
			}
			size := low
			if i >= 2 {
				size = high
			}
			readSome(r, f.scale[groups[i]:groups[i+1]], size)
		}
		clear(f.scale[21:])
	}
	for i, v := range f.scale {
		f.illegal[i] = v >= 7
	}
}

func readSome(r *bits, to []uint8, size int) {
	for i := range to {
		to[i] = uint8(r.take(size))
	}
}

// spread says how many scale factors of MPEG-2 have each of four sizes, by kind of
// coding, and in long, short and mixed blocks (ISO 13818-3, 2.4.3.2).
var spread = [6][3][4]uint8{
	{{6, 5, 5, 5}, {9, 9, 9, 9}, {6, 9, 9, 9}},
	{{6, 5, 7, 3}, {9, 9, 12, 6}, {6, 9, 12, 6}},
	{{11, 10, 0, 0}, {18, 18, 0, 0}, {15, 18, 0, 0}},
	{{7, 7, 7, 0}, {12, 12, 12, 0}, {6, 15, 12, 0}},
	{{6, 6, 6, 3}, {12, 9, 9, 6}, {6, 12, 9, 6}},
	{{8, 8, 5, 0}, {15, 12, 9, 0}, {6, 18, 9, 0}},
}

// sizesOf takes apart the scalefac_compress of MPEG-2.
func sizesOf(g *granule) (kind int, size [4]int) {
	s := g.scale
	if g.intensity {
		switch s >>= 1; {
		case s < 180:
			return 3, [4]int{s / 36, s % 36 / 6, s % 6, 0}
		case s < 244:
			s -= 180
			return 4, [4]int{s >> 4 & 3, s >> 2 & 3, s & 3, 0}
		}
		s -= 244
		return 5, [4]int{s / 3, s % 3, 0, 0}
	}
	switch {
	case s < 400:
		return 0, [4]int{s >> 4 / 5, s >> 4 % 5, s >> 2 & 3, s & 3}
	case s < 500:
		s -= 400
		return 1, [4]int{s >> 2 / 5, s >> 2 % 5, s & 3, 0}
	}
	s -= 500
	return 2, [4]int{s / 3, s % 3, 0, 0}
}

// readScaleLSF reads the scale factors of MPEG-2 and 2.5.
func readScaleLSF(r *bits, g *granule, f *factors) {
	kind, size := sizesOf(g)
	g.preflag = kind == 2
	shape := 0
	if g.block == shortBlocks {
		shape = 1
		if g.mixed {
			shape = 2
		}
	}
	*f = factors{}
	at := 0
	for i, n := range spread[kind][shape] {
		for range n {
			v := r.take(size[i])
			f.scale[at], f.illegal[at] = uint8(v), size[i] > 0 && v == 1<<size[i]-1
			at++
		}
	}
}

// pretab raises the high bands of long blocks at once.
var pretab = [22]uint8{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0}

// dequantize multiplies the first n lines by what gains and scale factors say.
func (t *tables) dequantize(lines *[lineCount + 4]float32, n int, g *granule, b *bands, f *factors) {
	shift := 1 + g.coarse // of scale factors in quarters of a power of two
	for i := range b.count {
		from, to := b.edge[i], b.edge[i+1]
		if from >= n {
			return
		}
		scale, quarters := int(f.scale[i]), g.gain-210
		if i >= b.long {
			quarters -= 8 * g.subgain[b.window(i)]
		} else if g.preflag {
			scale += int(pretab[i])
		}
		gain := t.gains[quarters-scale<<shift+gainBias]
		x := lines[from:min(to, n)]
		for k := range x {
			x[k] *= gain
		}
	}
}
