package ogg

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
	maxPacket  = 1 << 20 // bytes of one packet; a longer header is read as far as that
	maxStreams = 64      // logical streams side by side
	maxOpening = 1 << 12 // pages before the first audio, and between two packets
	maxBeside  = 1 << 14 // pages of other streams between two of ours
)

// A Demuxer takes the packets of the first audio stream out of Ogg, and of the
// streams chained after it. The first packet of each of those says how it is
// coded, and so does the first after a seek from one to another.
//
// A packet's PTS counts from the first sample the decoder gives, so the music is
// at PTS less the PreSkip of Codec. The music of a chained stream follows that of
// the one before: its PreSkip overlaps what came before.
type Demuxer struct {
	pages
	slab input.Slab
	info audio.Info
	code coding

	serial   uint32
	sequence uint32   // of the page before
	ended    bool     // the last page of the stream was read
	begun    bool     // the position of the next packet is known
	first    int64    // where in the media the audio pages begin
	beside   []uint32 // streams that begin with ours, and ours

	opened  audio.CodecInfo // how the first stream is coded
	at0     int64           // where in the media that begins
	other   audio.Info      // what streams other than the first say of themselves
	link    int             // how many streams of the chain were before
	told    int             // in which the reader of packets believes to be
	mark    int64           // where the music of the next stream begins, as a PTS
	chained bool            // the last page of the media belongs to another stream
	links   []link          // all streams of the chain, once they were looked for

	rate    int   // Hz in which positions count
	pos     int64 // granule position of the next packet
	heard   int64 // granule position at which the music read so far ends
	origin  int64 // granule position that is at time base
	base    int64 // samples at 48 kHz
	preSkip int64 // samples at 48 kHz the first page does without

	page    []byte   // what is on it: the reader's own, good until that is asked for more
	cut     int32    // how much of its beginning is gone
	joined  []byte   // the packet that ends on it and began before
	queue   []queued // packets completed on it, in order
	at      int      // the next of them
	partial []byte   // packet begun on a page before
	open    bool     // partial goes on
	over    bool     // partial is longer than maxPacket: its end is gone
	err     error    // what to say after the queue
}

// queued is a packet ready to hand out.
type queued struct {
	span
	samples, trim int32 // at rate
}

// A span is where a packet is: on the page, or joined.
type span struct {
	from, to int32
	joined   bool
}

// NewDemuxer reads as far as the first audio. The error wraps
// audio.ErrUnsupported if there is no audio, or none of a codec we know.
func NewDemuxer(r *input.Reader) (*Demuxer, error) {
	d := &Demuxer{pages: pages{r: r}, info: audio.Info{Container: "ogg"}, at0: r.Pos()}
	if err := d.enter(); err != nil {
		return nil, err
	}
	d.opened = d.codec()
	d.measure()
	return d, nil
}

// enter reads the headers of the stream that begins next, and its first audio.
func (d *Demuxer) enter() error {
	d.queue, d.at, d.err = d.queue[:0], 0, nil
	if err := d.start(); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("ogg: no audio: %w", audio.ErrTruncated)
		}
		return err
	}
	for range maxOpening {
		if len(d.queue) > 0 || d.err != nil {
			break
		}
		if err := d.load(); err != nil {
			d.err = err
		}
	}
	if !d.code.ready() {
		if d.err != nil && !errors.Is(d.err, io.EOF) {
			return d.err
		}
		return fmt.Errorf("ogg: headers without audio: %w", audio.ErrTruncated)
	}
	return nil
}

// Codec says how the packets are coded; of a chain, how the first stream is.
func (d *Demuxer) Codec() audio.CodecInfo { return d.opened }

// codec says how the stream at hand is coded.
func (d *Demuxer) codec() audio.CodecInfo {
	c := d.code.codec()
	c.PreSkip += d.preSkip
	return c
}

// Info is what the headers tell, and the duration if the media can seek.
func (d *Demuxer) Info() audio.Info { return d.info }

// start reads the pages on which streams begin and picks the first that is audio.
func (d *Demuxer) start() error {
	var others []string
	d.beside = d.beside[:0]
	for range maxOpening {
		pg, err := d.next()
		if err != nil {
			return err
		}
		if pg.flags&flagBegin != 0 {
			d.beside = append(d.beside, pg.serial)
		}
		if pg.flags&flagBegin == 0 || len(others) == maxStreams {
			if others == nil {
				continue // joined in the middle: wait for a beginning
			}
			break
		}
		code, what, err := recognise(pg.body)
		if err != nil {
			return err
		}
		if code != nil {
			d.adopt(pg, code)
			return nil
		}
		others = append(others, what)
	}
	return fmt.Errorf("ogg: no audio we know, but %s: %w", strings.Join(others, ", "), audio.ErrUnsupported)
}

// adopt makes the stream that begins with pg the one to read.
func (d *Demuxer) adopt(pg page, code coding) {
	d.code, d.serial, d.sequence = code, pg.serial, pg.sequence
	d.ended, d.begun, d.open, d.over = pg.flags&flagEnd != 0, false, false, false
	d.rate, d.partial, d.preSkip = audio.SampleRate, d.partial[:0], 0
}

// ReadPacket returns the next packet of the stream.
func (d *Demuxer) ReadPacket() (p audio.Packet, err error) {
	for n := 0; d.at == len(d.queue); n++ {
		if d.err == nil && n > maxOpening {
			d.err = fmt.Errorf("ogg: %d pages without a packet: %w", n, audio.ErrLimit)
		}
		if d.err != nil {
			return audio.Packet{}, d.err
		}
		d.err = d.load()
	}
	q := &d.queue[d.at]
	d.at++
	p.Data, p.PTS = d.packet(q.span), d.time(d.pos)
	if !q.joined {
		p.Data = d.slab.Copy(p.Data)
	}
	d.pos += int64(q.samples)
	end := d.time(d.pos)
	p.Duration = end - p.PTS
	if q.trim > 0 {
		p.TrimEnd = end - d.time(d.pos-int64(q.trim))
	}
	if d.told != d.link {
		c := d.codec()
		p.Codec, d.told = &c, d.link
	}
	return p, nil
}

// packet is what is at that place.
func (d *Demuxer) packet(at span) []byte {
	if at.joined {
		return d.joined[at.from:at.to:at.to]
	}
	return d.page[at.from-d.cut : at.to-d.cut]
}

// hold makes the packets in the queue outlive what the reader is asked for next.
func (d *Demuxer) hold() {
	if d.at < len(d.queue) {
		d.page = bytes.Clone(d.page)
	}
}

// Rest lets go of memory that is needed only for reading on, until that happens.
func (d *Demuxer) Rest() {
	rest := d.queue[d.at:]
	for len(rest) > 0 && rest[0].joined {
		rest = rest[1:]
	}
	if len(rest) > 0 {
		d.page, d.cut = bytes.Clone(d.page[rest[0].from-d.cut:]), rest[0].from
	} else {
		d.page = nil
	}
	d.r.Rest()
}

// time is a granule position in samples at 48 kHz since the beginning.
func (d *Demuxer) time(pos int64) int64 {
	if d.rate == audio.SampleRate {
		return d.base + pos - d.origin
	}
	return d.base + input.Scale(pos-d.origin, d.rate)
}
