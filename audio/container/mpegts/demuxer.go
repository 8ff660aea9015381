// Package mpegts takes the sound out of MPEG transport streams (ISO/IEC 13818-1),
// as broadcasts, recorders and HLS have them.
package mpegts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	maxUnit   = 64 << 10 // bytes of a frame
	maxSilent = 32 << 20 // bytes of packets between two frames
	noKey     = -1       // of no frame
	noPID     = -1       // of no packet
)

// A Demuxer takes the packets of the first stream of sound that can be played out
// of a transport stream: AAC in ADTS or LATM, MPEG audio, Opus. It follows when the
// tables name another one. What is fed to it may be segments one after the other:
// tables that come again and counters that start anew are normal.
//
// Time is counted in samples, from the first frame on. The time stamps of the
// stream are followed where they differ by more than jitter: forward, if something
// is missing; else the frame is taken to follow those before, on another time base.
// Either way its packet has Codec set.
type Demuxer struct {
	ts    packets
	slab  input.Slab
	codec audio.CodecInfo
	info  audio.Info

	programmes programmes
	blind      bool     // to tables
	found      []string // that cannot be played
	pid        int
	pcr        int // PID on which the clock comes
	kind       int
	guessing   bool // nobody says what the stream is
	es         stream
	coding     coding
	traits     traits // of coding

	now    audio.CodecInfo  // how the next packet is coded
	key    int              // of its frame
	fresh  bool             // the next packet is to say so
	told   *audio.CodecInfo // where it was said last
	known  audio.CodecInfo  // what whoever reads knows
	synced bool             // where the front of the stream is, a frame begins
	need   int              // bytes there must be before it is worth to look
	astray int              // bytes since the last frame
	timing

	queue []audio.Packet
	next  int   // of queue
	start int64 // where the transport stream begins
	final bool  // there are no more bytes
	ended error // why
	err   error
}

// NewDemuxer reads up to the first frame of sound. The error wraps
// audio.ErrUnsupported if there is none that can be played, and names what there is.
func NewDemuxer(r *input.Reader) (*Demuxer, error) {
	d := &Demuxer{ts: packets{r: r}, info: audio.Info{Container: "mpegts"}}
	if err := d.ts.sync(); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("mpegts: no packets: %w", audio.ErrUnsupported)
		}
		return nil, err
	}
	d.start = r.Pos()
	d.rewind()
	if err := d.advance(); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, audio.ErrTruncated) {
			err = d.refusal(audio.ErrTruncated)
		}
		return nil, err
	}
	d.known = d.codec
	d.measure()
	return d, nil
}

// refusal says that there is no sound, and what there is; or, if nothing was found,
// that this may be because of err.
func (d *Demuxer) refusal(err error) error {
	if len(d.found) == 0 {
		return fmt.Errorf("mpegts: no sound: %w", err)
	}
	return fmt.Errorf("mpegts: no audio we know, but %s: %w", strings.Join(d.found, ", "), audio.ErrUnsupported)
}

// rewind makes d one that has read nothing. What the stream was like it remembers.
func (d *Demuxer) rewind() {
	d.programmes = programmes{}
	d.pid, d.pcr, d.kind, d.found = noPID, noPID, 0, nil
	d.timing = timing{dated: d.dated, first: d.first, uneven: d.uneven, clock: input.Clock{Rate: audio.SampleRate}}
	d.forget()
}

// forget makes d ready for bytes that have nothing to do with those before.
func (d *Demuxer) forget() {
	d.es.reset()
	d.es.torn = false
	d.ts.lost = false
	d.synced, d.need, d.astray, d.fresh = false, 0, 0, false
	d.queue, d.next = d.queue[:0], 0
	d.final, d.err = false, nil
}

// Codec says how the packets at the beginning are coded.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info has the duration, if the media can seek.
func (d *Demuxer) Info() audio.Info { return d.info }

// ReadPacket returns the next packet.
func (d *Demuxer) ReadPacket() (p audio.Packet, err error) {
	if d.next == len(d.queue) {
		if d.err == nil {
			d.err = d.advance()
		}
		if d.next == len(d.queue) {
			return audio.Packet{}, d.err
		}
	}
	q := &d.queue[d.next] // field by field: processors dislike copies of a whole just written
	p.Data, p.PTS, p.Duration, p.TrimEnd, p.Codec = q.Data, q.PTS, q.Duration, q.TrimEnd, q.Codec
	d.next++
	if p.Codec != nil {
		d.known = *p.Codec
	}
	return p, nil
}

// advance reads until there are packets, in d.queue.
func (d *Demuxer) advance() error {
	d.queue, d.next = d.queue[:0], 0
	for n := 0; ; {
		ok, err := d.unit()
		switch {
		case err != nil:
			return err
		case d.due():
			return nil
		case ok:
			continue
		case d.final && len(d.queue) > 0:
			return nil
		case d.final:
			return d.ended
		}
		if err := d.pull(); err != nil {
			return err
		}
		if n += packetSize; n > maxSilent {
			return d.refusal(fmt.Errorf("%d MiB without any: %w", maxSilent>>20, audio.ErrLimit))
		}
	}
}

// pull takes in one transport packet, or notes that there are no more.
func (d *Demuxer) pull() error {
	p, err := d.ts.next()
	if err != nil {
		if unlessEnd(err) != nil {
			return err
		}
		d.final, d.ended = true, err
		return nil
	}
	if d.ts.lost {
		d.ts.lost = false
		d.es.cut()
	}
	if p[1]&0x80 != 0 { // damaged on the way, as it says itself
		return nil
	}
	switch pid := int(p[1]&0x1f)<<8 | int(p[2]); {
	case pid == d.pid:
		d.es.add(p)
		if d.es.torn {
			d.es.torn, d.synced, d.need = false, false, 0
		}
		if d.es.scrambled > maxScrambled {
			return fmt.Errorf("mpegts: the sound is scrambled: %w", audio.ErrUnsupported)
		}
	case d.blind:
	case pid == 0:
		return d.table(p, &d.programmes.pat, nil)
	case pid == d.pcr && breaks(p):
		d.es.broken = true
	default:
		if programme := d.programmes.at(pid); programme != nil {
			return d.table(p, &programme.sections, programme)
		}
	}
	return nil
}

// unit takes one frame off the stream, if there is one and it is certain that it is
// one: by those before, by the next, or because nothing follows.
func (d *Demuxer) unit() (ok bool, err error) {
	if d.coding == nil {
		return false, nil
	}
	t := &d.traits
	for {
		b := d.es.bytes()
		if len(b) < d.need && !d.final {
			return false, nil
		}
		if len(b) < t.least {
			return false, d.rest(len(b))
		}
		size, key := d.coding.look(b)
		whole, sure := size > 0 && size <= len(b), d.synced && key == d.key
		if whole && !sure && size < maxUnit {
			behind := b[size:]
			if len(behind) < t.least && !d.final {
				d.need = size + t.least
				return false, nil
			}
			if sure = len(behind) < t.least; !sure {
				n, k := d.coding.look(behind)
				sure = n > 0 && k == key
			}
		}
		if !sure && d.key == noKey && d.otherwise(b) {
			if len(b) < d.need {
				return false, nil
			}
			continue
		}
		switch {
		case size > len(b) && size < maxUnit && !d.final:
			d.need = size
			return false, nil
		case whole && sure:
			return true, d.taken(b[:size:size], key)
		case size > len(b) && d.synced && d.final:
			return false, d.rest(len(b))
		}
		if err := d.search(b, t.first); err != nil {
			return false, err
		}
	}
}

// rest notes what it means that n bytes are left that are no frame.
func (d *Demuxer) rest(n int) error {
	if d.final && (n > 0 && d.synced || len(d.es.head) > 0 || d.es.left > 0 && !d.es.waiting) {
		d.ended = audio.ErrTruncated
	}
	return nil
}

// search drops what can be no beginning of a frame.
func (d *Demuxer) search(b []byte, first byte) error {
	n := 1 + bytes.IndexByte(b[1:], first)
	if n == 0 {
		n = len(b)
	}
	if d.synced && d.es.astride() { // who knows what of that it was
		d.es.cut()
		d.es.torn, n = false, 0
	}
	d.synced, d.need = false, 0
	d.es.drop(n)
	if d.astray += n; d.astray > maxGarbage {
		return d.refusal(fmt.Errorf("%d bytes without a frame: %w", maxGarbage, audio.ErrMalformed))
	}
	return nil
}

// taken dates a frame and takes its packets.
func (d *Demuxer) taken(frame []byte, key int) error {
	if m, ok := d.es.passed(); ok && d.date(m, d.traits.grain) {
		d.fresh = true
	}
	d.synced, d.need, d.astray = true, 0, 0
	var err error
	if !d.placing { // else nobody knows when it is
		err = d.coding.take(d, frame, key)
		d.key = key
	}
	d.es.drop(len(frame))
	return err
}

// adopt makes c what packets are coded by from here on. Their frames count samples
// at rate.
func (d *Demuxer) adopt(c audio.CodecInfo, rate int) {
	now := d.clock.Now()
	if d.clock.Rate != rate {
		d.clock.Rate = rate
		d.clock.Set(now)
	}
	if d.now.Name != c.Name || d.now.SampleRate != c.SampleRate || d.now.Channels != c.Channels || !bytes.Equal(d.now.Private, c.Private) {
		d.fresh = true
	}
	d.now = c
}

// emit queues a packet of n samples and returns it.
func (d *Demuxer) emit(data []byte, n int64) *audio.Packet {
	d.queue = append(d.queue, audio.Packet{})
	p := &d.queue[len(d.queue)-1]
	p.Data, p.PTS = data, d.clock.Now()
	p.Duration = d.clock.Advance(n)
	d.each = n
	if d.fresh {
		d.fresh = false
		if d.codec.Name == "" {
			d.codec = d.now
			d.told = &d.codec
		} else {
			c := d.now
			p.Codec, d.told = &c, &c
		}
	}
	return p
}
