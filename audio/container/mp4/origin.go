package mp4

// Origin is when the first fragment begins by its own account, in samples at
// 48 kHz: packets count from there. It is 0 before a packet of a fragment was read,
// and where no fragment tells.
func (d *Demuxer) Origin() int64 { return d.clock(d.origin) }
