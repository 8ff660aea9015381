package mp3

// A granule is the side information of one channel for 576 lines.
type granule struct {
	size      int  // bits of its scale factors and lines: part2_3_length
	gain      int  // global_gain
	scale     int  // scalefac_compress
	block     int  // block type
	mixed     bool // the lowest subbands are long and have the window of a long block
	tables    [3]int
	regions   [3]int // lines at which each table ends
	subgain   [3]int
	preflag   bool
	coarse    int // scalefac_scale
	count1    int // table of the quadruples
	repeat    int // scfsi: a bit for each group of scale factors that is the one before's
	intensity bool
}

// readSide reads the side information into d.side. It reports false if it cannot be
// right.
func (d *Decoder) readSide(h Header) (back int, ok bool) {
	r := &d.in
	granules := granulesOf(h)
	if granules == 2 {
		back = r.take(9)
		r.take(7 - 2*h.Channels) // private bits: 5 or 3
	} else {
		back = r.take(8)
		r.take(h.Channels)
	}
	var repeat [2]int
	if granules == 2 {
		for ch := range h.Channels {
			repeat[ch] = r.take(4)
		}
	}
	for gr := range granules {
		for ch := range h.Channels {
			g := &d.side[gr][ch]
			if !readGranule(r, g, h) {
				return back, false
			}
			g.repeat = repeat[ch] * gr
		}
	}
	return back, true
}

func granulesOf(h Header) int {
	if h.Version == MPEG1 {
		return 2
	}
	return 1
}

func readGranule(r *bits, g *granule, h Header) bool {
	*g = granule{size: r.take(12)}
	big := 2 * r.take(9)
	g.gain = r.take(8)
	if h.Version == MPEG1 {
		g.scale = r.take(4)
	} else {
		g.scale = r.take(9)
	}
	bands := &bandsOf(h).long
	if r.flag() { // window switching
		g.block, g.mixed = r.take(2), r.flag()
		g.tables = [3]int{r.take(5), r.take(5)}
		g.subgain = [3]int{r.take(3), r.take(3), r.take(3)}
		g.regions = [3]int{int(bands[8]), lineCount, lineCount}
		if g.block == shortBlocks {
			g.regions[0] = 3 * int(bandsOf(h).short[3])
		}
		if g.block == longBlock {
			return false
		}
	} else {
		g.tables = [3]int{r.take(5), r.take(5), r.take(5)}
		first := r.take(4) + 1
		second := first + r.take(3) + 1
		g.regions = [3]int{int(bands[first]), int(bands[min(second, 22)]), lineCount}
	}
	for i := range g.regions {
		g.regions[i] = min(g.regions[i], big)
	}
	if h.Version == MPEG1 {
		g.preflag = r.flag()
	}
	g.coarse, g.count1 = r.take(1), r.take(1)
	return big <= lineCount
}

// A layout says where scale factor bands begin: of long blocks, and of one of three
// short blocks.
type layout struct {
	long  [23]int16
	short [14]int16
}

// bandsOf is ISO 11172-3, table B.8, ISO 13818-3, table B.2, and what MPEG-2.5 adds.
func bandsOf(h Header) *layout {
	switch h.Rate {
	case 44100:
		return &layouts[0]
	case 48000:
		return &layouts[1]
	case 32000:
		return &layouts[2]
	case 22050:
		return &layouts[3]
	case 24000:
		return &layouts[4]
	case 8000:
		return &layouts[6]
	}
	return &layouts[5]
}

var layouts = [7]layout{
	{
		[23]int16{0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576},
		[14]int16{0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192},
	},
	{
		[23]int16{0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576},
		[14]int16{0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192},
	},
	{
		[23]int16{0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448, 550, 576},
		[14]int16{0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192},
	},
	{ // 22.05 kHz
		[23]int16{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576},
		[14]int16{0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192},
	},
	{ // 24 kHz
		[23]int16{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464, 540, 576},
		[14]int16{0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192},
	},
	{ // 16, 12 and 11.025 kHz
		[23]int16{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576},
		[14]int16{0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192},
	},
	{ // 8 kHz
		[23]int16{0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570, 572, 574, 576},
		[14]int16{0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192},
	},
}

// bands are the scale factor bands of a granule in the order of its lines. Those of
// short blocks come three by three, one for each block.
type bands struct {
	long  int // how many are of long blocks
	count int
	edge  [40]int // where each begins; edge[count] is where the last ends
}

func (b *bands) set(h Header, g *granule) {
	l := bandsOf(h)
	*b = bands{long: 22}
	first := 13
	switch {
	case g.block != shortBlocks:
	case g.mixed && h.Version == MPEG1:
		b.long, first = 8, 3
	case g.mixed:
		b.long, first = 6, 3
	default:
		b.long, first = 0, 0
	}
	for i := range b.long {
		b.edge[i] = int(l.long[i])
	}
	b.count = b.long
	at := 3 * int(l.short[first])
	if first == 13 {
		at = lineCount
	}
	b.edge[b.count] = at
	for i := first; i < 13; i++ {
		width := int(l.short[i+1] - l.short[i])
		for range 3 {
			at += width
			b.count++
			b.edge[b.count] = at
		}
	}
}

// window is which of the short blocks band i is of; for long ones it is 0.
func (b *bands) window(i int) int {
	if i < b.long {
		return 0
	}
	return (i - b.long) % 3
}
