// Package mp4 takes the frames of one sound track out of MP4, M4A and QuickTime
// files, whole or in fragments (ISO/IEC 14496-12).
package mp4

import (
	"errors"
	"fmt"
	"io"
	"time"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	maxSample = 1 << 20 // bytes
	runUp     = 4       // frames to decode before a place
	maxStart  = 48000   // samples of delay that are still one, not an edit
)

// A Demuxer takes frames out of the first sound track that can be decoded.
//
// A packet's PTS counts from the first sample the decoder gives, so the music is
// at PTS less PreSkip.
type Demuxer struct {
	r     *input.Reader
	codec audio.CodecInfo
	info  audio.Info
	boxes int // headers read since the last sample

	movie   movie
	track   *track
	table   *table // of the file, or of the fragment at hand
	at      cursor
	begun   int64  // when the table at hand begins, in units of the track
	origin  int64  // when the first fragment begins
	end     int64  // of the music, in units of the track; 0 if unknown
	coded   int64  // what a frame decodes to, in units of the track; 0 if it says itself
	resume  int64  // where the boxes go on behind what the table describes
	shift   int64  // where the file begins in the media
	first   int64  // where the first fragment may be
	seen    bool   // a fragment told its time
	marks   []mark // of fragments, in order
	asked   bool   // the index at the end was looked for
	indexed bool   // there was an index before a fragment
	from    int64  // the time with which it begins, in its own units
	pieces  table  // of the fragment
	err     error
}

// NewDemuxer reads up to the index, which is at the beginning of most files. The
// error wraps audio.ErrUnsupported if there is no sound track we can decode, or if
// the index is at the end and r cannot go back.
func NewDemuxer(r *input.Reader) (*Demuxer, error) {
	d := &Demuxer{r: r, info: audio.Info{Container: "mp4"}, shift: r.Pos()}
	data := false
	for {
		b, err := d.header(forever)
		if errors.Is(err, io.EOF) && d.boxes > 1 {
			return nil, fmt.Errorf("mp4: no index: %w", audio.ErrTruncated)
		}
		if err != nil {
			return nil, cut(err)
		}
		switch b.kind {
		case "moov":
			if err := d.within(b.end, 0, d.readMovie); err != nil {
				return nil, err
			}
			d.r.Measure()
			if err := d.open(b.end); err != nil {
				return nil, err
			}
			d.finish()
			return d, d.lookAhead()
		case "mdat":
			data = true
		case "moof":
			return nil, fmt.Errorf("mp4: a fragment without the beginning of its file: %w", &audio.Foreign{Looks: "a piece of a stream"})
		}
		if data && !r.Seekable() {
			return nil, fmt.Errorf("mp4: its index comes last, and this stream cannot go back: %w", &audio.Foreign{Looks: "an MP4 stream whose index comes last"})
		}
		if err := d.leave(b); err != nil {
			return nil, err
		}
	}
}

// open makes ready what the index tells. It ends at end.
func (d *Demuxer) open(end int64) error {
	t := d.movie.chosen
	if t == nil {
		if d.movie.refused != nil {
			return d.movie.refused
		}
		return fmt.Errorf("mp4: no sound: %w", &audio.Foreign{Looks: "an MP4 file without sound"})
	}
	d.track, d.table, d.codec = t, &t.table, t.codec
	d.resume, d.first = end, end
	if t.frame > 0 && t.codec.SampleRate > 0 {
		d.coded = input.MulDiv(t.frame, int64(t.scale), int64(t.codec.SampleRate))
	}
	total := t.table.total()
	start := d.gapless(total)
	if start > 0 && start <= input.MulDiv(maxStart, int64(t.scale), audio.SampleRate)*4 {
		d.codec.PreSkip = d.clock(start)
	}
	length := max(d.end-start, 0)
	switch {
	case d.end > 0:
		d.info.Duration = input.Duration(d.clock(length))
	case d.movie.scale > 0:
		d.info.Duration = input.Duration(input.MulDiv(d.movie.duration, audio.SampleRate, int64(d.movie.scale)))
	}
	return nil
}

// gapless finds where the music begins and, if total, the length of the track, is
// known, ends.
func (d *Demuxer) gapless(total int64) (start int64) {
	t := d.track
	d.end = total
	switch s := d.movie.smooth; {
	case t.editStart > 0 || t.editLength > 0 && s.samples == 0:
		start = t.editStart
		if t.editLength > 0 && d.movie.scale > 0 {
			ticks := int64(t.scale)/int64(d.movie.scale) + 1 // the length is no more exact than that
			if end := start + input.MulDiv(t.editLength, int64(t.scale), int64(d.movie.scale)); end+ticks < total {
				d.end = end
			}
		}
	case s.samples > 0 && t.codec.SampleRate > 0:
		unit := func(n int64) int64 { return input.MulDiv(n, int64(t.scale), int64(t.codec.SampleRate)) }
		if end := unit(s.delay) + unit(s.samples); end <= total {
			start, d.end = unit(s.delay), end
		}
	}
	return start
}

// clock turns units of the track into samples at 48 kHz.
func (d *Demuxer) clock(n int64) int64 { return input.Scale(n, int(d.track.scale)) }

// Codec says what the sample description says.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what the index and the tags in it tell.
func (d *Demuxer) Info() audio.Info { return d.info }

// ReadPacket returns the next frame.
func (d *Demuxer) ReadPacket() (p audio.Packet, err error) {
	if d.err == nil {
		d.err = d.packet(&p)
	}
	return p, d.err
}

// packet makes p, which is empty, the next.
func (d *Demuxer) packet(p *audio.Packet) error {
	s, err := d.sample()
	if err != nil {
		return err
	}
	if s.size > maxSample {
		return malformed("sample too large")
	}
	if s.offset < 0 {
		return malformed("sample before the beginning")
	}
	if err := d.r.Jump(s.offset); err != nil {
		if errors.Is(err, audio.ErrNotSeekable) {
			err = malformed("samples out of order in a stream")
		}
		return cut(err)
	}
	b, err := d.r.Keep(int(s.size))
	if err != nil {
		return cut(err)
	}
	d.dress(p, s, b)
	return nil
}

// dress makes p, which is empty, the packet of a sample.
func (d *Demuxer) dress(p *audio.Packet, s sample, b []byte) {
	p.Data, p.PTS = b, d.clock(s.time)
	coded := d.coded
	if d.codec.Name == "opus" {
		n, _ := d.track.head.Duration(b) // the decoder will say what is wrong with it
		coded = input.MulDiv(int64(n), int64(d.track.scale), audio.SampleRate)
	}
	if coded == 0 {
		coded = s.duration
	}
	p.Duration = d.clock(s.time+coded) - p.PTS
	over := int64(0)
	switch {
	case d.end > 0:
		over = s.time + coded - d.end
	case d.at.sample == d.table.count && int64(d.track.scale) == int64(d.codec.SampleRate):
		over = coded - s.duration // a last sample that lasts less than it decodes to
	}
	if over > 0 {
		p.TrimEnd = p.Duration
		if over < coded {
			p.TrimEnd = d.clock(over)
		}
	}
}

// sample finds the next one, in the next fragment if need be.
func (d *Demuxer) sample() (sample, error) {
	for {
		s, ok := d.table.next(&d.at)
		if ok {
			d.boxes = 0
			s.time += d.begun
			if d.table != &d.pieces {
				s.offset += d.shift
			}
			return s, nil
		}
		if d.at.sample < d.table.count {
			return s, malformed("the tables do not agree")
		}
		if !d.movie.fragmented {
			return s, io.EOF
		}
		if err := d.nextFragment(); err != nil {
			return s, err
		}
	}
}

// Seek goes to a frame some before to, because they build on those, by the
// table or, in fragments, by reading their headers.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() {
		return 0, audio.ErrNotSeekable
	}
	to = max(to, 0)
	target := input.MulDiv(input.Samples(to)+d.codec.PreSkip, int64(d.track.scale), audio.SampleRate)
	d.err, d.boxes = nil, 0
	if d.movie.fragmented && d.track.table.count == 0 {
		if err := d.seekFragment(target); err != nil {
			return 0, err
		}
	}
	var back [runUp + 1]cursor
	d.at = cursor{}
	n := 0
	for c := d.at; ; n++ {
		back[n%len(back)] = c
		if s, ok := d.table.next(&c); !ok || s.time+d.begun+s.duration > target && s.duration > 0 {
			break
		}
	}
	d.at = back[max(n-runUp, 0)%len(back)]
	landed := input.Duration(d.clock(d.begun+d.at.time) - d.codec.PreSkip)
	return min(max(0, landed), to), nil
}
