package pipeline

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"segue/audio"
	"segue/audio/codec"
	"segue/audio/effect"
	"segue/audio/resample"
)

// Mode says how a frame comes about.
type Mode uint8

// The two modes.
const (
	Passthrough Mode = iota // the source's own packet
	Transcode               // decoded, changed, encoded
)

// String is "passthrough" or "transcode".
func (m Mode) String() string {
	if m == Transcode {
		return "transcode"
	}
	return "passthrough"
}

// packets is where a stream reads from: its demuxer, or what has been read ahead.
type packets interface {
	ReadPacket() (audio.Packet, error)
}

// A Stream is one track being played. One goroutine owns it; Want, Mode, Stats
// and Close may be called from any.
type Stream struct {
	o       Options
	close   func() error
	demux   audio.Demuxer
	from    packets
	rules   rules
	codec   audio.CodecInfo
	aligned bool // frames line up with packets, so that these may pass
	begun   bool // the first packet has been looked at, aligned is decided

	want  atomic.Pointer[effect.Settings]
	mode  Mode
	shown atomic.Uint32 // mode of the last frame
	count counters

	zero   int64   // the container's time at which the music begins; read makes it 0
	dated  bool    // zero is known
	heard  int64   // where the last frame ended
	last   int64   // where the packet last read ends
	joined bool    // the listener's decoder has heard what comes before
	origin int64   // where on the timeline an unaligned stream begins
	skip   int64   // samples at 48 kHz to drop before that
	held   []timed // read, not yet heard, and next in order
	past   history // heard, of an aligned stream
	warmup []timed // scratch of enter
	ended  error   // what reading ended with
	failed error   // what Next ended with
	coder  *coder  // nil until something has to be encoded
}

// New returns the stream of frames of d's packets. Closing it closes c.
func New(d audio.Demuxer, c io.Closer, o Options) *Stream {
	if o.Decoder == nil {
		o.Decoder = codec.NewDecoder
	}
	if o.Tables == nil {
		o.Tables = &resample.Tables{}
	}
	s := &Stream{o: o, close: sync.OnceValue(c.Close), demux: d, from: d, codec: d.Codec()}
	s.rules = rulesFor(s.codec)
	s.want.Store(&s.o.Settings)
	s.skip = s.codec.PreSkip
	return s
}

// Close closes the media; a read that is waiting for it fails. It may be called
// more than once.
func (s *Stream) Close() error { return s.close() }

// Info is what the container tells about the track.
func (s *Stream) Info() audio.Info { return s.demux.Info() }

// Codec says how the track's packets are coded.
func (s *Stream) Codec() audio.CodecInfo { return s.codec }

// Mode reports how the last frame came about; before the first it is
// Passthrough. It may be called from any goroutine.
func (s *Stream) Mode() Mode { return Mode(s.shown.Load()) }

// Lead is by how many samples at 48 kHz the next frame begins before the music:
// the pre-skip of packets that pass, at their beginning, and else 0. It may wait
// for the first packet. It is for the stream's owner.
func (s *Stream) Lead() (int64, error) {
	if !s.begun {
		if err := s.look(); err != nil {
			return 0, err
		}
	}
	if s.mode == Passthrough && s.aligned && len(s.held) > 0 {
		return max(-s.held[0].PTS, 0), nil
	}
	return 0, nil
}

// Length is where the music ended, in samples at 48 kHz from its beginning: the
// last frame may hold padding after it. It is known once Next has returned an
// error, and for the stream's owner.
func (s *Stream) Length() int64 {
	if s.mode == Transcode {
		return max(s.coder.fed, 0)
	}
	return max(s.last, 0)
}

// Want changes what is wanted of the sound from the next frame on.
func (s *Stream) Want(e effect.Settings) { s.want.Store(&e) }

// Next returns the next frame. After the last it returns io.EOF, or, if the
// media failed or was cut short, everything that was good and then that error,
// again and again.
func (s *Stream) Next() (audio.Frame, error) {
	if s.failed != nil {
		return audio.Frame{}, s.failed
	}
	f, err := s.next(s.want.Load())
	if err != nil {
		s.failed = err
		return audio.Frame{}, err
	}
	s.heard, s.joined = f.Pos+frameSamples, true
	if uint32(s.mode) != s.shown.Load() {
		s.shown.Store(uint32(s.mode))
	}
	return f, nil
}

func (s *Stream) next(want *effect.Settings) (audio.Frame, error) {
	if s.mode == Passthrough && (!s.begun || !s.aligned) {
		if err := s.begin(); err != nil {
			return audio.Frame{}, err
		}
	}
	neutral := want.Neutral()
	if s.mode == Transcode && neutral && s.mayLeave() {
		s.leave()
	}
	if s.mode == Passthrough {
		p, err := s.read()
		if err != nil {
			return audio.Frame{}, err
		}
		if neutral && s.rules.pass(p) {
			s.past.add(p)
			s.count.passed.Add(1)
			return audio.Frame{Opus: p.Data, Pos: max(p.PTS, 0)}, nil
		}
		s.held = append([]timed{p}, s.held...)
		if err := s.enter(p.PTS); err != nil {
			return audio.Frame{}, err
		}
	}
	return s.encode(want.Gain())
}

// begin looks at the first packet: if it may pass, frames are aligned with
// packets from here on, whatever the settings; else with the music.
func (s *Stream) begin() error {
	if !s.begun {
		if err := s.look(); err != nil || s.aligned {
			return err
		}
	}
	return s.enter(s.origin)
}

// look decides by the first packet what frames are aligned with.
func (s *Stream) look() error {
	p, err := s.read()
	if err != nil {
		return err
	}
	s.held = append(s.held, p)
	s.begun = true
	s.aligned = s.rules.passable(s.codec) && s.rules.pass(p)
	return nil
}

// read takes the next packet, skipping those that are padding throughout.
func (s *Stream) read() (timed, error) {
	if len(s.held) > 0 {
		p := s.held[0]
		s.held = s.held[1:]
		return p, nil
	}
	for s.ended == nil {
		p, err := s.from.ReadPacket()
		if err != nil {
			s.ended = err
			break
		}
		if !s.dated {
			s.zero, s.dated = p.PTS+s.codec.PreSkip, true
		}
		p.PTS -= s.zero
		t := timed{Packet: p}
		t.length, t.ok = s.rules.length(p)
		s.last = t.PTS + t.length - min(t.TrimEnd, t.length)
		if t.TrimEnd > 0 && t.length > 0 && t.TrimEnd >= t.length {
			continue
		}
		return t, nil
	}
	return timed{}, s.ended
}

// enter starts transcoding: the next packet's place on the timeline is at.
// Decoder and encoder first live through what the listener has already heard,
// so that neither starts cold.
func (s *Stream) enter(at int64) error {
	if err := s.ready(); err != nil {
		return err
	}
	if s.mode == Passthrough && s.count.passed.Load() > 0 {
		s.count.splices.Add(1)
	}
	s.mode = Transcode
	heard, skip := int64(0), s.skip
	s.warmup = s.warmup[:0]
	if s.aligned {
		s.warmup, heard = s.past.all(s.warmup)
		skip = 0
	}
	s.coder.start(at, heard, skip)
	for _, p := range s.warmup {
		if _, err := s.coder.feed(p, true); err != nil {
			return err
		}
	}
	var again history // the past is remembered already
	for range warm {
		if err := s.fill(); err != nil {
			return err
		}
		if !s.coder.pad() {
			return s.ended
		}
		if _, err := s.coder.encode(1, &again); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	if i, ok := s.coder.enc.(independent); ok && !s.joined {
		i.Independent()
	}
	return nil
}

// independent is what an encoder may know besides: to code the next frame
// without reference to those before it. The listener's decoder has not heard
// the warm-up at the start of a track or after a seek; without this the first
// 80 ms fade in. (In the middle, where it has heard the same music, reference
// to the warm-up is better.)
type independent interface{ Independent() }

// ready makes decoder and encoder, once.
func (s *Stream) ready() error {
	if s.coder != nil {
		return nil
	}
	dec, err := s.o.Decoder(s.codec)
	if err != nil {
		return err
	}
	enc, err := s.o.Encoder()
	if err != nil {
		return err
	}
	s.coder = &coder{in: newIntake(dec, s.o.Tables, s.codec.GainDB), enc: enc, tuner: newTuner(enc, &s.o)}
	return nil
}

// fill decodes until there is enough for a frame, or no more.
func (s *Stream) fill() error {
	for s.coder.short() {
		p, err := s.read()
		if err != nil {
			s.coder.finish()
			return nil
		}
		damaged, err := s.coder.feed(p, s.aligned)
		if damaged {
			s.count.damaged.Add(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// encode makes the next frame the long way.
func (s *Stream) encode(gain float64) (audio.Frame, error) {
	if err := s.fill(); err != nil {
		return audio.Frame{}, err
	}
	if s.coder.ended && !s.coder.pad() {
		return audio.Frame{}, s.ended
	}
	pos := s.coder.next
	b, err := s.coder.encode(gain, &s.past)
	if err != nil {
		return audio.Frame{}, fmt.Errorf("encode: %w", err)
	}
	s.count.transcoded.Add(1)
	return audio.Frame{Opus: b, Pos: max(pos, 0)}, nil
}

// mayLeave reports whether the source's packets can take over: all that have
// been decoded ahead may pass, and the coder has settled.
func (s *Stream) mayLeave() bool {
	if !s.aligned || !s.coder.settled() {
		return false
	}
	for i := range s.coder.ahead {
		if !s.rules.pass(s.coder.ahead[i].timed) {
			return false
		}
	}
	return true
}

// leave hands back to the source: the packets decoded ahead are the next to be heard.
func (s *Stream) leave() {
	s.count.splices.Add(1)
	s.mode = Passthrough
	s.unread()
}

// unread makes the packets that were decoded but not heard the next to be read.
func (s *Stream) unread() {
	held := make([]timed, 0, len(s.coder.ahead)+len(s.held))
	for _, p := range s.coder.ahead {
		held = append(held, p.timed)
	}
	s.held = append(held, s.held...)
}
