package wav

import "segue/audio"

// picks are the layouts of WAVE_FORMAT_EXTENSIBLE that are not what the number of
// their channels means everywhere else (L R C, quadraphonic, 5.0), by channel mask:
// which of the file's channels each one put out is. The low-frequency channel is
// left out, as every downmix does, and a single one at the back comes out on both
// sides there.
func picks(mask uint32, channels int) []int {
	const back = 0x100
	switch {
	case mask == 0x00b && channels == 3: // L R LFE
		return []int{0, 1}
	case mask == 0x00f && channels == 4: // L R C LFE
		return []int{0, 1, 2}
	case mask == 0x003|back && channels == 3: // L R BC
		return []int{0, 1, 2, 2}
	case mask == 0x007|back && channels == 4: // L R C BC
		return []int{0, 1, 2, 3, 3}
	case mask == 0x00f|back && channels == 5: // L R C LFE BC
		return []int{0, 1, 2, 4, 4}
	}
	return nil
}

// ReadPacket returns the next 20 ms of samples.
func (d *Demuxer) ReadPacket() (audio.Packet, error) {
	p, err := d.Raw.ReadPacket()
	if err != nil || d.pick == nil {
		return p, err
	}
	width := d.frame / d.channels
	out := d.slab.Make(len(p.Data) / d.frame * len(d.pick) * width)[:0]
	for in := p.Data; len(in) >= d.frame; in = in[d.frame:] {
		for _, c := range d.pick {
			out = append(out, in[c*width:(c+1)*width]...)
		}
	}
	p.Data = out
	return p, nil
}
