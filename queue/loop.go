package queue

// Loop says what comes back by itself.
type Loop uint8

// The ways to loop.
const (
	LoopOff   Loop = iota
	LoopTrack      // the current track, until it is skipped
	LoopQueue      // everything, each entry going to the end when it was heard
)

// String gives the word used in logs and stored text.
func (l Loop) String() string {
	switch l {
	case LoopTrack:
		return "track"
	case LoopQueue:
		return "queue"
	default:
		return "off"
	}
}

// Loop is how the queue loops.
func (q *Queue) Loop() Loop { return q.loop }

// SetLoop changes how the queue loops; an unknown value means LoopOff.
func (q *Queue) SetLoop(l Loop) {
	if l > LoopQueue {
		l = LoopOff
	}
	q.loop = l
}
