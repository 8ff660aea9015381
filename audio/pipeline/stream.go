package pipeline

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"segue/audio"
	"segue/audio/codec"
	"segue/audio/codec/opus"
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

// A Stream is one track being played. One goroutine owns it; Want, Mode,
// Playing, Stats and Close may be called from any.
type Stream struct {
	o       Options
	close   func() error
	playing func() string // nil if the media never says
	demux   audio.Demuxer
	from    packets
	framing framing // what from is until a Pump reads ahead
	rules   rules
	codec   audio.CodecInfo
	tail    func([]byte) (opus.Tail, bool) // what a packet leaves in the listener's decoder
	aligned bool                           // frames line up with packets, so that these may pass
	begun   bool                           // the first packet has been looked at, aligned is decided

	want  atomic.Pointer[wanted]
	mode  Mode
	shown atomic.Uint32 // mode of the last frame
	count counters

	zero     int64        // the container's time at which the music begins; read makes it 0
	dated    bool         // zero is known
	zeroed   atomic.Int64 // zero, for whoever reads ahead
	known    atomic.Bool  // and whether it is known
	jumped   bool         // the next packet to be read follows a seek
	coding   string       // of the packets now being read
	floor    int64        // where the music of the stream at hand begins
	end      int64        // where the last frame ended, padding and all
	added    int64        // samples heard at joins that are nobody's music
	heard    int64        // the end of the last frame, as its place says
	last     int64        // where the packet last read ends
	joined   bool         // the listener's decoder has heard what comes before
	origin   int64        // where on the timeline an unaligned stream begins
	skip     int64        // samples at 48 kHz to drop before that
	held     []timed      // read, not yet heard, and next in order
	past     history      // heard, of an aligned stream
	warmup   []timed      // scratch of enter
	ended    error        // what reading ended with
	turning  bool         // the coder comes to an end: packets of the next stream pass
	failed   error        // what Next ended with
	coder    *coder       // nil until something has to be decoded
	idle     int          // frames that have passed since it was needed
	overlays []*overlay   // that have come, but not to the console
	before   []byte       // what would have been the frame before the first that was encoded
	gauge    *gauge       // nil: it is not measured
	trimmed  bool         // silence was left out
	exact    bool         // what comes before should be followed to the sample
	declined bool         // what comes next does not follow to the sample
}

// New returns the stream of frames of d's packets. Closing it closes c.
func New(d audio.Demuxer, c io.Closer, o Options) *Stream {
	if o.Decoder == nil {
		o.Decoder = codec.NewDecoder
	}
	if o.Tables == nil {
		o.Tables = &resample.Tables{}
	}
	s := &Stream{o: o, close: sync.OnceValue(c.Close), demux: d, rules: opusRules(), codec: d.Codec(), tail: opus.TailOf}
	s.framing = framing{from: d, on: s.rules.passable(s.codec), damaged: &s.count.damaged}
	s.from, s.coding = &s.framing, s.codec.Name
	s.want.Store(&wanted{level: 1})
	s.Want(o.Settings)
	s.skip = s.codec.PreSkip
	s.gauge = newGauge(o.Measure, d.Info())
	return s
}

// Close closes the media; a read that is waiting for it fails. It may be called
// more than once.
func (s *Stream) Close() error { return s.close() }

// Info is what the container tells about the track.
func (s *Stream) Info() audio.Info { return s.demux.Info() }

// Playing is what a live stream says is on just now, or "". It may be called from
// any goroutine.
func (s *Stream) Playing() string {
	if s.playing == nil {
		return ""
	}
	return s.playing()
}

// Codec says how the track's packets are coded; of several streams that follow
// each other, the one at hand.
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
// last frame may hold padding after it. What was heard between streams that
// follow each other counts too. It is known once Next has returned an error, and
// for the stream's owner.
func (s *Stream) Length() int64 {
	if s.mode == Transcode {
		return max(s.coder.fed, 0) + s.coder.ring.lasted + s.added + s.coder.bent
	}
	return max(s.last, 0) + s.added
}

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
		if s.count.passed.Load()+s.count.transcoded.Load() > 1 {
			s.count.splices.Add(1)
		}
		s.shown.Store(uint32(s.mode))
	}
	return f, nil
}

func (s *Stream) next(want *wanted) (audio.Frame, error) {
	for {
		f, err := s.make(want)
		if !errors.Is(err, errTurned) {
			return f, err
		}
		if err := s.turn(); err != nil {
			return f, err
		}
	}
}

// make is next, but for the end of one stream and the beginning of another, at
// which it returns errTurned.
func (s *Stream) make(want *wanted) (audio.Frame, error) {
	if s.mode == Passthrough && (!s.begun || !s.aligned) {
		if err := s.begin(); err != nil {
			return audio.Frame{}, err
		}
	}
	plain := want.plain() && len(s.overlays) == 0
	if s.mode == Transcode && plain && s.mayLeave() {
		s.leave()
	}
	if s.mode == Passthrough {
		p, err := s.read()
		if err != nil {
			return audio.Frame{}, err
		}
		at := p.PTS
		if p.Codec != nil {
			if s.passes(p) {
				return audio.Frame{}, errTurned
			}
			at = s.end
		} else {
			if plain && s.rules.pass(p) && !s.cut(p) {
				if s.past.add(p); s.gauge != nil && s.o.Measure == MeasureAll {
					s.passed(p)
				}
				if s.coder != nil {
					s.dismiss()
				}
				s.count.passed.Add(1)
				s.end = p.PTS + frameSamples
				return audio.Frame{Opus: p.Data, Pos: max(p.PTS, s.floor)}, nil
			}
			s.unget(p)
		}
		if err := s.enter(at); err != nil {
			return audio.Frame{}, err
		}
	}
	return s.encode(want)
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

// ready makes the decoder of the stream at hand, and the encoder, once.
func (s *Stream) ready() error {
	if err := s.audition(); err != nil || s.coder.console != nil {
		return err
	}
	enc, err := s.o.Encoder()
	if err != nil {
		return err
	}
	s.coder.console = &console{enc: enc, tuner: newTuner(enc, &s.o), limit: s.rules.limit()}
	s.coder.duck.reset(1)
	return nil
}

// audition makes the decoder of the stream at hand, once.
func (s *Stream) audition() error {
	if s.coder == nil {
		s.coder = &coder{gauge: s.gauge, level: still(), rise: still(), fade: still()}
	}
	if s.coder.in != nil {
		return nil
	}
	dec, err := s.o.Decoder(s.codec)
	if err != nil {
		return err
	}
	s.coder.in = newIntake(dec, s.o.Tables, s.codec.GainDB)
	return nil
}

// fill decodes until there are so many samples, or no more.
func (s *Stream) fill(samples int64) error {
	for s.coder.short(samples) && !s.turning {
		p, err := s.read()
		if err != nil {
			s.coder.finish()
			return nil
		}
		if p.Codec != nil {
			if s.turning = s.passes(p); s.turning {
				s.coder.finish()
				return nil
			}
			p, _ = s.read() // the same again: passes put it back
			if err := s.replace(&p); err != nil {
				return err
			}
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
func (s *Stream) encode(want *wanted) (audio.Frame, error) {
	c := s.coder
	c.over, s.overlays = append(c.over, s.overlays...), s.overlays[:0]
	c.aim(want)
	if err := s.produce(); err != nil {
		return audio.Frame{}, err
	}
	pos := c.next
	b, err := c.encode(&s.past)
	if err != nil {
		return audio.Frame{}, fmt.Errorf("encode: %w", err)
	}
	s.count.transcoded.Add(1)
	s.end = c.next
	return audio.Frame{Opus: b, Pos: max(pos, s.floor)}, nil
}

// produce sees to it that there is a frame to encode; if there will be none, the
// error says why.
func (s *Stream) produce() error {
	c := s.coder
	if c.led {
		if err := s.land(); err != nil {
			return err
		}
	}
	if !c.wet {
		if err := s.fill(frameSamples); err != nil {
			return err
		}
	}
	for c.wet && !c.full() && !c.flushed {
		if err := s.fill(min(max(c.lacks(), least), most)); err != nil {
			return err
		}
		s.ring()
		c.step()
	}
	if c.ended && (!c.wet || c.flushed) && !c.pad() {
		return s.over()
	}
	return nil
}

// over is what ends the frames once the coder has come to its end.
func (s *Stream) over() error {
	if s.turning {
		return errTurned
	}
	return s.ended
}
