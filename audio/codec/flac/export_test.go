package flac

// Held is how many bytes of samples d has room for.
func (d *Decoder) Held() int {
	n := 4*cap(d.residual) + 8*cap(d.side)
	for _, c := range d.channel {
		n += 4 * cap(c)
	}
	return n
}
