package pipeline

// How a stream goes back to the source's packets; enter.go is the way there.

// idleFrames is for how long the coder is kept while packets pass: 5 s.
const idleFrames = 250

// mayLeave reports whether the source's packets can take over: all that have
// been decoded ahead may pass, and the coder has settled.
func (s *Stream) mayLeave() bool {
	if !s.aligned || !s.coder.settled() || !s.seamless() {
		return false
	}
	for i := range s.coder.ahead {
		if !s.rules.pass(s.coder.ahead[i].timed) {
			return false
		}
	}
	return true
}

// seamless reports whether the listener's decoder is as the source's next packet
// expects it. What that cannot do without is the pitch filter of the frame
// before, which goes on sounding for 5 ms, and energies to predict from: where
// the encoder chose another filter, or where one of the two frames was cut into
// short blocks, it is heard. After patience frames that does not matter any more.
func (s *Stream) seamless() bool {
	if s.coder.settling++; s.coder.settling > patience || s.past.count == 0 {
		return true
	}
	theirs, ok := s.tail(s.past.ring[(s.past.count-1)%remembered].Data)
	ours, known := s.tail(s.coder.last)
	return !ok || !known || theirs == ours
}

// leave hands back to the source: the packets decoded ahead are the next to be heard.
func (s *Stream) leave() {
	s.mode, s.turning = Passthrough, false
	s.unread()
	s.relieve()
}

// relieve takes down what the coder has done, which has nothing to do for now.
func (s *Stream) relieve() {
	s.idle = 0
	if s.coder != nil {
		s.added += s.coder.bent
		s.coder.bent = 0
	}
}

// dismiss lets go of decoder, effects and encoder when they have had nothing to do for
// idleFrames: they hold most of what a player may take. But where packets are damaged now
// and then they would be made again and again.
func (s *Stream) dismiss() {
	if s.idle++; s.idle > idleFrames {
		s.relieve()
		s.coder = nil
	}
}

// unread makes the packets that were decoded but not heard the next to be read.
func (s *Stream) unread() {
	held := make([]timed, 0, len(s.coder.ahead)+len(s.held))
	for _, p := range s.coder.ahead {
		held = append(held, p.timed)
	}
	s.held = append(held, s.held...)
}
