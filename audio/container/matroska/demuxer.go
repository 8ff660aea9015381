package matroska

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"segue/audio"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxBlock   = 1 << 20 // bytes of a block of ours
	maxOpening = 1 << 14 // elements before the first cluster
	maxBeside  = 1 << 18 // elements between two blocks of ours
	maxGarbage = 64 << 20
	tolerance  = 480        // samples at 48 kHz: what rounding may do to a block's time
	maxJump    = 600 * 48e3 // samples at 48 kHz that a gap may last
)

// A Demuxer takes the packets of the first audio track out of Matroska.
//
// A packet's PTS counts from the first sample the decoder gives, so the music is
// at PTS less PreSkip.
type Demuxer struct {
	r    *input.Reader
	slab input.Slab
	info audio.Info
	coding
	number int64 // of our track
	prefix []byte

	scale      int64 // nanoseconds per tick
	segment    element
	first      int64 // where the first cluster begins
	cluster    element
	clusterAt  int64 // its time, in samples at 48 kHz
	cues       []cue
	cuesAt     int64            // where the SeekHead says they are; 0 if it does not
	places     map[uint32]int64 // where it says tags, attachments and chapters are
	cuesSought bool

	clock  input.Clock
	origin int64 // samples at 48 kHz: the time of the first block
	begun  bool
	dated  bool // origin is known for good: something was to be heard
	landed bool // the next block's time counts as it stands

	length int64 // of the packet before, in samples at the codec's rate

	queue []audio.Packet
	at    int
	sizes []int
	whole []byte // a frame with what was stripped of it
	err   error
}

// NewDemuxer reads as far as the first cluster. The error wraps
// audio.ErrUnsupported if there is no audio track, or none we can decode.
func NewDemuxer(r *input.Reader) (*Demuxer, error) {
	d := &Demuxer{r: r, scale: 1e6}
	if err := d.readDocument(); err != nil {
		return nil, within(err)
	}
	c := choice{err: fmt.Errorf("matroska: %w", &audio.Foreign{Looks: "a Matroska file without sound (no audio track)"})}
	if err := d.readOpening(&c); err != nil {
		return nil, within(err)
	}
	if c.number == 0 {
		return nil, c.err
	}
	d.coding, d.number, d.prefix = c.coding, c.number, c.prefix
	tags.Set(&d.info, "TITLE", c.name)
	d.info.Live = d.segment.size == unknown && d.info.Duration == 0 && !r.Seekable()
	d.clock.Rate = d.coding.info.SampleRate
	d.late()
	return d, nil
}

// Codec says how the packets are coded.
func (d *Demuxer) Codec() audio.CodecInfo { return d.coding.info }

// Rest lets go of memory that is needed only for reading on, until that happens.
func (d *Demuxer) Rest() { d.r.Rest() }

// Info is what the file tells.
func (d *Demuxer) Info() audio.Info { return d.info }

// readDocument reads the EBML header.
func (d *Demuxer) readDocument() error {
	e, err := header(d.r)
	if err != nil {
		return err
	}
	if e.id != idEBML {
		return malformed("no EBML header")
	}
	document := "matroska"
	err = children(d.r, e, func(e element) (err error) {
		if e.id == idDocType {
			document, err = text(d.r, e)
		}
		return err
	})
	if err == nil && document != "webm" && document != "matroska" {
		return fmt.Errorf("matroska: EBML document of type %q: %w", clip(document), audio.ErrUnsupported)
	}
	d.info.Container = document
	return err
}

// readOpening reads everything before the first cluster, and that one's header.
func (d *Demuxer) readOpening(c *choice) error {
	for range maxOpening {
		at := d.r.Pos()
		e, err := header(d.r)
		if err != nil {
			return err
		}
		switch e.id {
		case idSegment:
			d.segment = e
			continue
		case idCluster:
			d.first, d.cluster = at, e
			return nil
		case idTracks:
			err = children(d.r, e, func(e element) error {
				if e.id != idTrack {
					return nil
				}
				t, err := readTrack(d.r, e)
				c.consider(&t)
				return err
			})
		case idInfo:
			err = d.readInfo(e)
		case idSeekHead:
			err = d.readSeekHead(e)
		case idTags:
			err = nicety(d.readTags(e))
		case idAttachments:
			err = nicety(d.readAttachments(e))
		case idChapters:
			err = nicety(d.readChapters(e))
		case idCues:
			err = d.readCues(e)
		}
		if err != nil {
			return err
		}
		if e.size == unknown {
			return malformed("element of unknown size")
		}
		if err := d.r.Skip(e.end() - d.r.Pos()); err != nil {
			return err
		}
	}
	return fmt.Errorf("matroska: no cluster in %d elements: %w", maxOpening, audio.ErrLimit)
}

// A choice is the best of the tracks looked at.
type choice struct {
	coding
	number, rank int64
	name         string
	prefix       []byte
	refused      bool
	err          error // why there is none
}

// consider takes t if it is audio that can be decoded and more wanted than that
// taken before.
func (c *choice) consider(t *track) {
	if t.kind != typeAudio || c.number > 0 && int64(t.rank()) <= c.rank {
		return
	}
	coding, err := t.coding()
	if err == nil && t.number > 0 {
		c.coding, c.number, c.rank, c.name, c.prefix = coding, t.number, int64(t.rank()), t.name, t.prefix
	} else if err != nil && !c.refused {
		c.err, c.refused = err, true
	}
}

func (d *Demuxer) readInfo(e element) error {
	length := 0.0
	err := children(d.r, e, func(e element) (err error) {
		switch e.id {
		case idScale:
			d.scale, err = number(d.r, e)
		case idDuration:
			length, err = float(d.r, e)
		case idTitle:
			var s string
			s, err = text(d.r, e)
			d.info.Title = tags.Clean(s)
		}
		return err
	})
	if d.scale < 1 || d.scale > int64(time.Hour) {
		return malformed("impossible timestamp scale")
	}
	if ns := length * float64(d.scale); ns > 0 && ns < math.MaxInt64 {
		d.info.Duration = time.Duration(ns)
	}
	return err
}

func (d *Demuxer) readSeekHead(e element) error {
	return children(d.r, e, func(e element) error {
		if e.id != idSeek {
			return nil
		}
		var id, at int64
		err := children(d.r, e, func(e element) (err error) {
			switch e.id {
			case idSeekID:
				id, err = number(d.r, e)
			case idSeekPos:
				at, err = number(d.r, e)
			}
			return err
		})
		if at < math.MaxInt64-d.segment.body {
			switch id {
			case idCues:
				d.cuesAt = d.segment.body + at
			case idTags, idAttachments, idChapters:
				if d.places == nil {
					d.places = map[uint32]int64{}
				}
				d.places[uint32(id)] = d.segment.body + at
			}
		}
		return err
	})
}

// ReadPacket returns the next packet of the track.
func (d *Demuxer) ReadPacket() (p audio.Packet, err error) {
	for d.at == len(d.queue) {
		if d.err != nil {
			return audio.Packet{}, d.err
		}
		if d.simple(&p) {
			return p, nil
		}
		d.queue, d.at = d.queue[:0], 0
		d.err = d.load()
	}
	d.at++
	return d.queue[d.at-1], nil
}

// load reads elements up to the next block of ours and queues its packets.
func (d *Demuxer) load() error {
	for n := 0; len(d.queue) == 0; n++ {
		if n > maxBeside {
			return fmt.Errorf("matroska: %d elements without a block of ours: %w", n, audio.ErrLimit)
		}
		e, err := header(d.r)
		switch {
		case errors.Is(err, audio.ErrMalformed) || err == nil && !plausible(e):
			if err := d.resync(); err != nil {
				return err
			}
			continue
		case errors.Is(err, io.EOF):
			return d.ending()
		case err != nil:
			return within(err)
		case d.over() && !begins(e):
			return io.EOF
		case d.sticksOut(e):
			if err := d.resync(); err != nil {
				return err
			}
			continue
		}
		switch e.id {
		case idSegment:
			d.segment = e
		case idCluster:
			d.cluster = e
		case idTimestamp:
			err = d.readTime(e)
		case idSimple:
			err = d.block(e)
		case idGroup:
			err = d.group(e)
		default:
			err = d.r.Skip(e.size)
		}
		if err != nil {
			return within(err)
		}
	}
	return nil
}

// plausible reports whether e may stand between blocks: only containers may have
// no size.
func plausible(e element) bool {
	return e.size != unknown || e.id == idSegment || e.id == idCluster
}

// sticksOut reports whether e begins within the cluster and ends behind it, as no
// whole element can.
func (d *Demuxer) sticksOut(e element) bool {
	return d.cluster.size != unknown && e.body <= d.cluster.end() && e.size != unknown && e.end() > d.cluster.end() &&
		e.id != idCluster && e.id != idSegment && e.id != idCues && e.id != idTags
}

// readTime reads the time of a cluster.
func (d *Demuxer) readTime(e element) error {
	ticks, err := number(d.r, e)
	d.clusterAt = d.ticks(ticks)
	return err
}

// ticks is n of the file's ticks, in samples at 48 kHz.
func (d *Demuxer) ticks(n int64) int64 {
	if d.scale == 1e6 && n > -1<<50 && n < 1<<50 {
		return n * 48
	}
	return input.MulDiv(n, d.scale*6, 125_000)
}

// over reports whether what was just read stands behind the segment.
func (d *Demuxer) over() bool {
	return d.segment.size != unknown && d.r.Pos() > d.segment.end()
}

// begins reports whether e can stand behind a segment: what begins another, or
// what belongs into a segment whose size is wrong.
func begins(e element) bool {
	switch e.id {
	case idEBML, idSegment, idCluster, idVoid, idCues, idTags, idInfo, idTracks, idSeekHead, idTimestamp, idSimple, idGroup:
		return true
	}
	return false
}

// ending tells the end of the file from one that comes too early.
func (d *Demuxer) ending() error {
	for _, e := range []element{d.segment, d.cluster} {
		if e.size != unknown && d.r.Pos() < e.end() {
			return audio.ErrTruncated
		}
	}
	return io.EOF
}

// resync goes on at the next cluster, past what is no element.
func (d *Demuxer) resync() error {
	if d.segment.size != unknown && d.r.Pos() >= d.segment.end() {
		return io.EOF // what follows the segment is none of ours
	}
	for garbage := int64(0); garbage < maxGarbage; {
		before := d.r.Pos()
		if err := d.r.Skip(1); err != nil {
			return within(err)
		}
		found, err := d.r.Find([]byte(clusterID), maxGarbage-garbage)
		if err != nil {
			return err
		}
		if !found {
			break
		}
		if d.clusterNext() {
			return nil
		}
		garbage += d.r.Pos() - before
	}
	return malformed("no cluster after damage")
}

// clusterNext reports whether what comes next is not only called a cluster but
// begins like one. It consumes nothing.
func (d *Demuxer) clusterNext() bool {
	b, _ := d.r.Peek(4 + 8 + 1)
	size, n := vint(b[min(4, len(b)):], false)
	if n == 0 || 4+n >= len(b) {
		return n > 0 // cut off
	}
	if size >= 0 && size < 3 {
		return false
	}
	switch b[4+n] {
	case idTimestamp, idCRC, idPosition, idPrevSize, idVoid:
		return true
	}
	return false
}
