package mp3

// layer3 decodes the frame at d.in, whose header h is, into pcm. A frame that builds
// on bytes not there is silent, but for the rest of the one before.
func (d *Decoder) layer3(h Header, frame []byte, pcm []float32) error {
	d.in.load(frame[h.Body() : h.Body()+h.SideInfo()])
	back, ok := d.readSide(h)
	granules, total := granulesOf(h), 0
	for gr := range granules {
		for ch := range h.Channels {
			total += d.side[gr][ch].size
		}
	}
	body := frame[h.Body()+h.SideInfo():]
	if !ok || total > 8*(back+len(body)) {
		d.kept = 0
		return malformed("side information")
	}
	// The main data is what was kept and this frame's, less what others had.
	start := copy(d.main[:], d.reservoir[:d.kept])
	end := start + copy(d.main[start:], body)
	missing := back > start
	d.kept = copy(d.reservoir[:], d.main[max(0, end-maxReservoir):end])
	if !missing {
		d.in.load(d.main[start-back : end])
	}
	for gr := range granules {
		for ch := range h.Channels {
			d.ch[ch].used = 0
		}
		if !missing {
			d.granule(h, gr)
		}
		for ch := range h.Channels {
			c := &d.ch[ch]
			d.tables.hybrid.run(c, &d.side[gr][ch])
			d.tables.synthesis.run(&c.bank, &c.samples, perBand, pcm[gr*2*lineCount+ch:])
		}
	}
	return nil
}

// granule reads the lines of all channels.
func (d *Decoder) granule(h Header, gr int) {
	for ch := range h.Channels {
		g, c := &d.side[gr][ch], &d.ch[ch]
		end := d.in.pos + g.size
		c.bands.set(h, g)
		if h.Version == MPEG1 {
			readScale(&d.in, g, &c.bands, &c.factors)
		} else {
			g.intensity = ch == 1 && h.extension&1 != 0
			readScaleLSF(&d.in, g, &c.factors)
		}
		c.used = d.tables.huffman.lines(&d.in, g, end, &c.lines)
		d.tables.dequantize(&c.lines, c.used, g, &c.bands, &c.factors)
		d.in.pos = end
	}
	if h.Channels == 2 && h.extension != 0 {
		d.stereo(h, gr, &d.ch[1].bands, &d.ch[1].factors)
	}
	for ch := range h.Channels {
		if d.side[gr][ch].block == shortBlocks {
			d.reorder(&d.ch[ch])
		}
	}
}

// reorder interleaves the lines of short blocks, so that those of one frequency are
// next to each other.
func (d *Decoder) reorder(c *channel) {
	b := &c.bands
	for i := b.long; i < b.count && b.edge[i] < c.used; i += 3 {
		from, width := b.edge[i], b.edge[i+1]-b.edge[i]
		x := c.lines[from : from+3*width]
		copy(d.spare[:], x)
		for k := range width {
			x[3*k], x[3*k+1], x[3*k+2] = d.spare[k], d.spare[width+k], d.spare[2*width+k]
		}
		c.used = max(c.used, from+3*width)
	}
}

// run brings a channel's lines through the hybrid filter bank to its samples.
func (h *hybrid) run(c *channel, g *granule) {
	n := min((c.used+perBand-1)/perBand, subbands)
	long := subbands // how many have a long transform
	if g.block == shortBlocks {
		long = 0
		if g.mixed {
			long = c.bands.edge[c.bands.long] / perBand
		}
	}
	if n > 0 {
		n = max(n, min(n+1, long)) // aliasing reaches into the next
		h.antialias(&c.lines, min(n, long))
	}
	for sb := range n {
		x, over, block := (*[perBand]float32)(c.lines[sb*perBand:]), &c.over[sb], g.block
		if g.mixed && (sb < 2 || sb < long && g.block == shortBlocks) {
			block = longBlock
		}
		if block == shortBlocks {
			h.shortBand(x, over, sb, &c.samples)
			continue
		}
		h.longBand(x, over, &h.long[block][sb&1], sb, &c.samples)
	}
	for sb := n; sb < subbands; sb++ {
		noBand(&c.over[sb], sb, &c.samples)
	}
}
