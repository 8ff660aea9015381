package mpegts

// Origin is the time stamp of time 0, in ticks of 90 kHz, of which it has 33 bits,
// and whether there is one. It is known once a packet was read.
func (d *Demuxer) Origin() (at int64, ok bool) { return d.first & (wrap - 1), d.dated }
