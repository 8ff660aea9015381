package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/effect"
)

// The stand-in codec: a packet is its samples, so that "nothing lost, repeated
// or shifted" is an equality. The music is a ramp: left and right of sample i
// are i+1 and -(i+1). Its encoder trails by lookahead samples; its decoder gives
// poison until it has heard a warm-up, unless it began at the beginning.

const (
	lookahead = 312
	poison    = -12345
)

// A ramp is a demuxer of stand-in packets with the lengths it is given.
type ramp struct {
	info    audio.CodecInfo
	lengths []int64
	trim    int64 // at the end of the last packet
	n       int
	at      int64
	zero    int64 // time of the first packet
	end     error // instead of io.EOF
	damage  map[int]bool
	noSeek  bool
	seeks   int
}

func evenly(packets int) *ramp {
	r := &ramp{info: audio.CodecInfo{Name: "opus", SampleRate: 48000, Channels: 2}}
	for range packets {
		r.lengths = append(r.lengths, frameSamples)
	}
	return r
}

func (r *ramp) total() (n int64) {
	for _, l := range r.lengths {
		n += l
	}
	return n - r.trim
}

func (r *ramp) Codec() audio.CodecInfo { return r.info }
func (r *ramp) Info() audio.Info       { return audio.Info{Container: "ramp"} }

func (r *ramp) Seek(to time.Duration) (time.Duration, error) {
	if r.noSeek {
		return 0, fmt.Errorf("ramp: %w", audio.ErrNotSeekable)
	}
	r.seeks++
	r.n, r.at = 0, 0
	for r.n < len(r.lengths) && r.zero+r.at+r.lengths[r.n] <= toSamples(to) {
		r.at += r.lengths[r.n]
		r.n++
	}
	return toTime(r.zero + r.at), nil
}

func (r *ramp) ReadPacket() (audio.Packet, error) {
	if r.n == len(r.lengths) {
		if r.end != nil {
			return audio.Packet{}, r.end
		}
		return audio.Packet{}, io.EOF
	}
	length := r.lengths[r.n]
	p := audio.Packet{PTS: r.zero + r.at, Duration: length}
	for i := r.at; i < r.at+length; i++ {
		p.Data = append(p.Data, pack([]float32{float32(i + 1), float32(-i - 1)})...)
	}
	if r.damage[r.n] {
		p.Data = []byte("damaged")
	}
	r.at += length
	if r.n++; r.n == len(r.lengths) {
		p.TrimEnd = r.trim
	}
	return p, nil
}

func pack(pcm []float32) []byte {
	b := make([]byte, 0, 4*len(pcm))
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func unpack(b []byte) []float32 {
	pcm := make([]float32, 0, len(b)/4)
	for ; len(b) > 0; b = b[4:] {
		pcm = append(pcm, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return pcm
}

type decoder struct {
	rate, channels int
	cold           int // samples still to be poisoned
	fresh          bool
	warm           bool             // never poisons
	early          int              // by how many frames it is warm before others are
	begins         map[float32]bool // first samples of streams, but for 1
}

func (d *decoder) Format() (rate, channels int) { return d.rate, d.channels }
func (d *decoder) Reset()                       { d.fresh = true }
func (d *decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if len(p.Data)%(4*d.channels) != 0 || len(p.Data) == 0 {
		return dst, audio.ErrMalformed
	}
	pcm := unpack(p.Data)
	if d.fresh {
		d.fresh, d.cold = false, 0
		if pcm[0] != 1 && !d.warm && !d.begins[pcm[0]] {
			d.cold = (warm - d.early) * audio.FrameSamples
		}
	}
	for i, v := range pcm {
		if i/d.channels < d.cold {
			v = poison
		}
		dst = append(dst, v)
	}
	d.cold = max(d.cold-len(pcm)/d.channels, 0)
	return dst, nil
}

type encoder struct {
	line  []float32
	look  int
	alone int // how often Independent was asked for
}

func (e *encoder) Independent() { e.alone++ }

func (e *encoder) Reset()         { e.line = make([]float32, e.look*2) }
func (e *encoder) Lookahead() int { return e.look }
func (e *encoder) Encode(dst []byte, pcm []float32) ([]byte, error) {
	if len(pcm) != frameLen {
		return dst, errors.New("not a frame")
	}
	e.line = append(e.line, pcm...)
	dst = append(dst, pack(e.line[:frameLen])...)
	e.line = append(e.line[:0], e.line[frameLen:]...)
	return dst, nil
}

// delaying is a limiter without a ceiling: it looks ahead and leaves all as it is.
type delaying struct{ line []float32 }

const delayed = 240

func (d *delaying) Latency() int { return delayed }
func (d *delaying) Idle() bool   { return true }
func (d *delaying) Reset()       { d.line = nil }
func (d *delaying) Process(dst, src []float32) []float32 {
	d.line = append(d.line, src...)
	if n := len(d.line) - 2*delayed; n > 0 {
		dst = append(dst, d.line[:n]...)
		d.line = append([]float32(nil), d.line[n:]...)
	}
	return dst
}

func (d *delaying) Flush(dst []float32) []float32 {
	dst = d.Process(dst, make([]float32, 2*delayed))
	d.Reset()
	return dst
}

type nothing struct{}

func (nothing) Close() error { return nil }

// standIn is a stream over d with the stand-in codec in both directions.
func standIn(d audio.Demuxer) *Stream { return standInWith(d, lookahead) }

func standInWith(d audio.Demuxer, look int) *Stream {
	c := d.Codec()
	s := New(d, nothing{}, Options{
		Encoder: func() (audio.Encoder, error) { return &encoder{look: look}, nil },
		Decoder: func(audio.CodecInfo) (audio.Decoder, error) {
			return &decoder{rate: c.SampleRate, channels: c.Channels}, nil
		},
	})
	s.tail = func([]byte) (opus.Tail, bool) { return opus.Tail{}, false }
	s.from = d // its packets are no Opus to be framed
	s.rules.pass = func(p timed) bool { return len(p.Data) == 4*frameLen }
	s.rules.limit = func() limiting { return &delaying{} }
	s.rules.length = func(_ string, p audio.Packet) (int64, bool) { return p.Duration, true }
	return s
}

var (
	loud    = effect.Settings{Volume: 1e-9} // wanted, but too little to change a float32
	neutral = effect.Settings{}
)

// A tape is all that came out of a stream.
type tape struct {
	modes string
	left  []float32
	pos   []int64
	err   error
}

func record(t testing.TB, s *Stream, want func(i int) effect.Settings) tape {
	t.Helper()
	return recordWith(t, s, want, func(f audio.Frame) []float32 { return unpack(f.Opus) })
}

// recordWith is record with its own idea of what a frame's samples are.
func recordWith(t testing.TB, s *Stream, want func(i int) effect.Settings, hear func(audio.Frame) []float32) (out tape) {
	t.Helper()
	for i := 0; ; i++ {
		s.Want(want(i))
		f, err := s.Next()
		if err != nil {
			out.err = err
			return out
		}
		out.modes += string("pT"[s.Mode()])
		out.pos = append(out.pos, f.Pos)
		pcm := hear(f)
		if len(pcm) != frameLen {
			t.Fatalf("frame %d has %d samples", i, len(pcm))
		}
		for k := 0; k < len(pcm); k += 2 {
			if pcm[k] != -pcm[k+1] && pcm[k] != poison {
				t.Fatalf("frame %d: left %v, right %v", i, pcm[k], pcm[k+1])
			}
			out.left = append(out.left, pcm[k])
		}
	}
}

// isWhole fails unless the tape is the ramp from sample from to total, and then
// less than a frame of silence.
func (o tape) isWhole(t testing.TB, from, total int64) {
	t.Helper()
	for i, v := range o.left {
		want := float32(0)
		if at := from + int64(i); at >= 0 && at < total {
			want = float32(at + 1)
		}
		if v != want {
			t.Fatalf("modes %s: sample %d (frame %d) is %v, want %v", o.modes, i, i/960, v, want)
		}
	}
	if frames := (total - from + frameSamples - 1) / frameSamples; int64(len(o.pos)) != frames {
		t.Fatalf("modes %s: %d frames, want %d", o.modes, len(o.pos), frames)
	}
	for i, p := range o.pos {
		if want := max(from, 0) + int64(i)*frameSamples; from >= 0 && p != want {
			t.Fatalf("frame %d says it is at %d, want %d", i, p, want)
		}
	}
}

func always(e effect.Settings) func(int) effect.Settings {
	return func(int) effect.Settings { return e }
}

func during(spans ...[2]int) func(int) effect.Settings {
	return func(i int) effect.Settings {
		for _, s := range spans {
			if i >= s[0] && i < s[1] {
				return loud
			}
		}
		return neutral
	}
}
