package voice

import (
	"math/rand/v2"
	"sync"

	"segue/audio"
)

const (
	trail = 5 // silence frames before a pause, as Discord's documentation asks

	// quiet is after how many ticks without a frame we say we no longer speak:
	// a source that stutters shall not fill the gateway with on and off.
	quiet = 50
)

// A path is how frames leave at present.
type path struct {
	seal *sealer
	sock *socket
	e2ee e2ee
}

// e2ee is the part of a DAVE session a sender needs.
type e2ee interface {
	encrypter
	Ready() bool
}

// A sender lets one frame go at each tick. It outlives sessions: while it has
// no path, or the path's keys are not ready, frames stay where they are.
type sender struct {
	stats *counters
	wake  chan struct{} // there is something new to say about speaking

	mu        sync.Mutex // everything below
	frames    audio.Frames
	path      *path
	hold      bool        // the path is not to be trusted at present
	waiting   audio.Frame // taken, not sent; Opus is nil if there is none
	want, say bool        // whether we speak, and whether the server has been told
	shy       bool        // told only just now: the datagram might be there first
	tail      int         // silence frames still to send
	idle      int         // ticks without anything to send
	seq       uint16
	timestamp uint32
	flowing   bool // the last tick sent something
}

func newSender(stats *counters) *sender {
	return &sender{stats: stats, wake: make(chan struct{}, 1), seq: uint16(rand.Uint32()), timestamp: rand.Uint32()}
}

// play takes frames from f from now on.
func (s *sender) play(f audio.Frames) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = f
	s.waiting, s.idle = audio.Frame{}, 0
	if f != nil {
		s.speak(true)
	}
}

// attach sends over p from now on, once the server there has been told that we
// speak: that is done at once, so that the first frame need not wait for it.
// nil: nothing is sent any more when it returns.
func (s *sender) attach(p *path) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path, s.hold, s.say = p, false, false
	if p != nil {
		s.want, s.idle = true, 0
		s.poke()
	}
}

// holdBack holds frames back, or lets them go again, over the path there is.
func (s *sender) holdBack(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = on
}

// speaking gives what is wanted, and whether the server has yet to be told.
func (s *sender) speaking() (on, tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.want, s.path != nil && s.want != s.say
}

// told notes that the server over p knows whether we speak.
func (s *sender) told(p *path, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == p {
		s.say, s.shy = on, on
	}
}

func (s *sender) speak(on bool) {
	s.want = on
	if s.want != s.say {
		s.poke()
	}
}

func (s *sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// spent reports whether the path's key may not be used any more.
func (s *sender) spent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.path != nil && s.path.seal.spent
}

// tick sends what there is to send. The RTP clock runs on whether or not
// something is sent; while frames flow it counts them, for they follow one
// another however late they are.
func (s *sender) tick(b beat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flowing {
		b.steps = 1 // a late frame is still the one after the last: no hole in the sound
	}
	s.flowing = false
	s.timestamp += b.steps * audio.FrameSamples
	if b.late {
		s.stats.late.Add(1)
	}
	p, shy := s.path, s.shy
	s.shy = false
	if p == nil || s.hold || shy || !p.e2ee.Ready() {
		if s.frames != nil {
			s.stats.held.Add(1)
		}
		return
	}
	if s.take() {
		s.idle = 0
		s.speak(true)
		if s.say && s.send(p, s.waiting.Opus) {
			s.waiting = audio.Frame{}
			s.tail = trail
			s.stats.sent.Add(1)
		}
		return
	}
	if s.frames != nil {
		s.stats.nulled.Add(1)
	}
	if s.tail > 0 {
		if s.say && s.send(p, silence[:]) {
			s.tail--
			s.stats.silence.Add(1)
		}
		return
	}
	if s.idle++; s.idle == quiet {
		s.speak(false)
	}
}

// take makes sure there is a waiting frame, if there is one to be had.
func (s *sender) take() bool {
	if s.waiting.Opus != nil {
		return true
	}
	if s.frames == nil {
		return false
	}
	f, ok := s.frames.Take()
	if !ok || len(f.Opus) == 0 {
		return false
	}
	if len(f.Opus) > maxFrame {
		s.stats.refused.Add(1)
		return false
	}
	s.waiting = f
	return true
}

// send reports whether the frame is dealt with: it is not when encryption
// refused it, and then nothing of the stream's numbering is used up.
func (s *sender) send(p *path, opus []byte) bool {
	packet, err := p.seal.seal(p.e2ee, opus, s.seq, s.timestamp)
	if err != nil {
		s.stats.sendErrors.Add(1)
		return false
	}
	s.seq++
	if err := p.sock.send(packet); err != nil {
		s.stats.sendErrors.Add(1)
		return true
	}
	s.stats.bytes.Add(int64(len(packet)))
	s.flowing = true
	return true
}
