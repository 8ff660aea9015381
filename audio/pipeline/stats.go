package pipeline

import "sync/atomic"

// Stats counts what a stream has done so far.
type Stats struct {
	Passed     int64 // frames that were the source's own packets
	Transcoded int64 // frames that were encoded
	Splices    int64 // changes of mode after the first frame
	Damaged    int64 // packets that could not be decoded and were concealed
}

type counters struct {
	passed, transcoded, splices, damaged atomic.Int64
}

// Stats may be called from any goroutine.
func (s *Stream) Stats() Stats {
	return Stats{
		Passed:     s.count.passed.Load(),
		Transcoded: s.count.transcoded.Load(),
		Splices:    s.count.splices.Load(),
		Damaged:    s.count.damaged.Load(),
	}
}
