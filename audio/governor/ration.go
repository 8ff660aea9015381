package governor

const (
	// most is how many bytes of packets all streams of a process may hold ahead
	// of what is heard: a tenth of what a thousand players may take in all. Some
	// four hundred of them hold four seconds of Opus each, and feel nothing of it.
	most = 32 << 20
	// portion is the part of a limit on memory that they may be: the rest is for
	// everything else, and for what the garbage collector leaves lying.
	portion = 1.0 / 8
	// tight and loose are the parts of the limit in use from which they shall hold
	// a quarter, and below which they may hold all of it again.
	tight, loose = 0.9, 0.75
)

// Strain is how memory stands.
type Strain struct {
	Streams int   // that read ahead
	Used    int64 // bytes the process has from the system
	Limit   int64 // bytes it may have; 0: as many as it likes
}

// A Ration turns strains, one after the other, into how many bytes of packets one
// stream may hold. The zero value is ready.
//
// Load is no reason to hold more or less: what is held has to be read either way,
// and what the machine lacks time for is encoded with less effort (see Rule).
type Ration struct{ tight bool }

// Next takes in a strain and gives each stream's share after it.
func (r *Ration) Next(s Strain) int {
	all := int64(most)
	if s.Limit > 0 {
		all = min(all, int64(float64(s.Limit)*portion))
		switch used := float64(s.Used) / float64(s.Limit); {
		case used >= tight:
			r.tight = true
		case used < loose:
			r.tight = false
		}
	} else {
		r.tight = false
	}
	if r.tight {
		all /= 4
	}
	return int(all / int64(max(s.Streams, 1)))
}
