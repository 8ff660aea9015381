package listener

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/disgoorg/godave"

	"segue/audio"
)

const (
	// reorder is how many packets may wait for one that is late: 60 ms, about
	// what Discord's own clients buffer.
	reorder = 3
	// maxLost is the longest run of missing packets that counts as lost. After
	// more the sender has begun anew.
	maxLost = 500
	// maxPause is the longest jump of the timestamp that is filled with silence.
	maxPause = 10 * 60 * audio.SampleRate
	// concealed is how much of a gap the decoder makes up; the rest is silence.
	concealed = 5 * audio.FrameSamples
)

var silence = []byte{0xf8, 0xff, 0xfe}

// A Packet is one that was heard, in the order of the sender.
type Packet struct {
	At        time.Time // of arrival
	Seq       uint16
	Timestamp uint32 // of RTP
	SSRC      uint32
	Opus      []byte
	E2EE      bool  // came as a DAVE frame
	Start     int64 // where its PCM begins, in samples per channel
}

// A Gap is sound that was made up because packets did not come, or silence
// because the sender's clock jumped.
type Gap struct {
	Start   int64 // in the PCM, samples per channel
	Samples int64 // per channel
	Lost    int   // packets; 0 where only the timestamp jumped
}

// Counts of one speaker.
type Counts struct {
	Packets       int // heard: decrypted and in order
	E2EE          int // of them, came as DAVE frames
	Silence       int // of them, bare silence frames
	Plain         int // of them, neither
	Lost          int // never came
	Late          int // came twice, or after their gap was made up
	BeforeJoin    int // could not be decrypted, before the listener was in the group
	Undecryptable int // could not be decrypted, after that
	Undecodable   int // the decoder refused them
	Samples       int64
}

// Heard is what came from one person.
type Heard struct {
	Counts
	User    uint64
	Epochs  int // MLS epochs the listener has entered so far
	Packets []Packet
	Gaps    []Gap
	PCM     []float32 // interleaved stereo, 48 kHz
}

// AllE2EE says whether everything, silence frames apart, came end-to-end
// encrypted, and there was something.
func (h *Heard) AllE2EE() bool { return h.E2EE > 0 && h.Plain == 0 }

// speaker is one person's sound. The listener's mutex guards it.
type speaker struct {
	l       *Listener
	user    uint64
	decoder audio.Decoder
	counts  Counts
	taken   int
	packets []Packet
	gaps    []Gap
	pcm     []float32
	scratch []float32

	begun     bool
	ssrc      uint32
	next      uint16 // sequence number to come
	timestamp uint32 // where it should be
	waiting   []Packet
}

// hear decrypts a packet and puts it in its place.
func (l *Listener) hear(user uint64, d datagram) {
	p := Packet{At: d.at, Seq: d.seq, Timestamp: d.timestamp, SSRC: d.ssrc}
	marked := len(d.payload) >= 2 && bytes.HasSuffix(d.payload, []byte{0xfa, 0xfa})
	bare := bytes.Equal(d.payload, silence)
	var err error
	if bare {
		p.Opus = d.payload
	} else {
		out := make([]byte, len(d.payload)+64)
		var n int
		n, err = l.dave.Decrypt(godave.UserID(strconv.FormatUint(user, 10)), d.payload, out)
		p.Opus, p.E2EE = out[:max(n, 0)], marked && err == nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.change()
	s := l.speakers[user]
	if s == nil {
		s = &speaker{l: l, user: user}
		l.speakers[user] = s
	}
	if err != nil {
		if l.epochs == 0 {
			s.counts.BeforeJoin++
		} else {
			s.counts.Undecryptable++
		}
		return
	}
	switch {
	case p.E2EE:
		s.counts.E2EE++
	case bare:
		s.counts.Silence++
	default:
		s.counts.Plain++
	}
	s.take(p)
}

// lull gives up on packets that have been waited for long enough.
func (l *Listener) lull(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.speakers {
		if len(s.waiting) > 0 && now.Sub(s.waiting[0].At) >= lull {
			s.flush()
			l.change()
		}
	}
}

// take puts packets into the sender's order, waiting a little for late ones.
func (s *speaker) take(p Packet) {
	if !s.begun || p.SSRC != s.ssrc {
		s.flush()
		s.begun, s.ssrc, s.next, s.timestamp = true, p.SSRC, p.Seq, p.Timestamp
	}
	if ahead := int16(p.Seq - s.next); ahead < 0 && ahead > -maxLost {
		s.counts.Late++
		return
	}
	i, dup := slices.BinarySearchFunc(s.waiting, p, func(a, b Packet) int { return int(int16(a.Seq - b.Seq)) })
	if dup {
		s.counts.Late++
		return
	}
	s.waiting = slices.Insert(s.waiting, i, p)
	for len(s.waiting) > 0 && (s.waiting[0].Seq == s.next || len(s.waiting) > reorder) {
		s.accept(s.waiting[0])
		s.waiting = slices.Delete(s.waiting, 0, 1)
	}
}

// flush accepts whatever waits.
func (s *speaker) flush() {
	for _, p := range s.waiting {
		s.accept(p)
	}
	s.waiting = s.waiting[:0]
}

// accept decodes a packet, after making up for what is missing before it.
func (s *speaker) accept(p Packet) {
	lost := int(p.Seq - s.next)
	if lost >= maxLost {
		lost = 0
		s.timestamp = p.Timestamp
	}
	if missing := int64(p.Timestamp - s.timestamp); missing > 0 && missing <= maxPause {
		s.fill(missing, lost)
	} else if lost > 0 {
		s.fill(int64(lost)*audio.FrameSamples, lost)
	}
	p.Start = s.counts.Samples
	s.decode(p.Opus)
	s.counts.Packets++
	s.taken++
	if !s.l.opt.Forget {
		s.packets = append(s.packets, p)
	}
	s.next, s.timestamp = p.Seq+1, p.Timestamp+audio.FrameSamples
}

func (s *speaker) fill(samples int64, lost int) {
	s.counts.Lost += lost
	if !s.l.opt.Forget {
		s.gaps = append(s.gaps, Gap{Start: s.counts.Samples, Samples: samples, Lost: lost})
	}
	if lost > 0 {
		piece := min(samples, concealed)
		s.conceal(piece)
		samples -= piece
	}
	for samples > 0 { // in pieces, so that nothing large is ever handed over
		piece := min(samples, audio.SampleRate)
		clear(s.room(piece))
		s.hand(s.scratch)
		samples -= piece
	}
}

func (s *speaker) room(samples int64) []float32 {
	n := int(samples) * audio.Channels
	s.scratch = slices.Grow(s.scratch[:0], n)[:n]
	return s.scratch
}

func (s *speaker) decode(opus []byte) {
	if !s.ready() {
		s.counts.Samples += audio.FrameSamples
		return
	}
	pcm, err := s.decoder.Decode(s.scratch[:0], audio.Packet{Data: opus, Duration: audio.FrameSamples})
	if err != nil {
		s.counts.Undecodable++
		clear(s.room(audio.FrameSamples))
		pcm = s.scratch
	}
	s.scratch = pcm
	s.hand(pcm)
}

func (s *speaker) conceal(samples int64) {
	if !s.ready() {
		s.counts.Samples += samples
		return
	}
	pcm, err := s.decoder.Decode(s.scratch[:0], audio.Packet{Duration: samples})
	if err != nil || int64(len(pcm)) != samples*audio.Channels {
		clear(s.room(samples))
		pcm = s.scratch
	}
	s.scratch = pcm
	s.hand(pcm)
}

// ready makes the one decoder this person ever gets.
func (s *speaker) ready() bool {
	if s.l.opt.PacketsOnly {
		return false
	}
	if s.decoder == nil {
		d, err := s.l.opt.NewDecoder()
		if err != nil {
			s.counts.Undecodable++
			return false
		}
		s.decoder = d
	}
	return true
}

func (s *speaker) hand(pcm []float32) {
	s.counts.Samples += int64(len(pcm) / audio.Channels)
	if s.l.opt.OnPCM != nil {
		s.l.opt.OnPCM(s.user, pcm)
	}
	if !s.l.opt.Forget {
		s.pcm = append(s.pcm, pcm...)
	}
}

// Heard returns a copy of what came from a user so far; the zero Heard if
// nothing did.
func (l *Listener) Heard(user uint64) Heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := Heard{User: user, Epochs: l.epochs}
	if s := l.speakers[user]; s != nil {
		h.Counts, h.Packets, h.Gaps, h.PCM = s.counts, slices.Clone(s.packets), slices.Clone(s.gaps), slices.Clone(s.pcm)
	}
	return h
}

// Counts is Heard without the copies.
func (l *Listener) Counts(user uint64) Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.speakers[user]; s != nil {
		return s.counts
	}
	return Counts{}
}
