// Package hls plays HTTP Live Streaming (RFC 8216): a playlist of segments, each a
// piece of MPEG-TS, fragmented MP4, or bare AAC or MP3. It asks for them one after
// the other, through the media's Refs, and takes packets out of what they make
// together.
package hls

import (
	"errors"
	"fmt"
	"io"
	"time"

	"segue/audio"
	"segue/audio/container/input"
	"segue/audio/container/mp4"
	"segue/audio/container/mpegts"
)

const (
	// maxTried is how many variants of a master playlist are tried.
	maxTried = 3
	// maxBad is how many pieces in a row without sound are skipped.
	maxBad = 4
	// margin is how far before its target a seek begins at least: what lengths in
	// playlists are rounded by, and what decoders must hear before.
	margin = 500 * time.Millisecond
	// maxPlaces bounds what is remembered for seeking.
	maxPlaces = 4096
)

// A Demuxer takes packets out of a stream of segments. Across discontinuities and
// segments that cannot be had time goes on without a hole: the music of what follows
// begins where that before ended, and its first packet, which has Codec set, by its
// PreSkip before.
type Demuxer struct {
	s     *stream
	inner audio.Demuxer
	rate  int
	codec audio.CodecInfo // of the beginning
	now   audio.CodecInfo // of the run at hand
	told  audio.CodecInfo // that the listener knows
	info  audio.Info

	held  audio.Packet // the first of a run
	holds bool
	first int64 // its time in the run, in samples at rate
	into  int64 // where the first packet is in what is joined to start, in samples at rate
	start int64 // in samples at 48 kHz
	end   int64 // of the music of the last packet, in samples at 48 kHz

	exact  bool // times are those that reading from the beginning gives
	places []place
	err    error
}

// A place is where a run was found to be.
type place struct {
	segment int64 // number of the first
	start   int64 // in samples at 48 kHz
	stamp   stamp
}

// NewDemuxer reads the playlist r begins with, chooses from it if it is a master
// playlist, and opens the first segment. m is where r comes from. Errors are
// audio.ErrUnsupported, if the playlist's segments are nothing we can play or can
// not be reached from m, audio.ErrMalformed, audio.ErrLimit, and those of opening
// what it refers to.
func NewDemuxer(r *input.Reader, m *audio.Media) (*Demuxer, error) {
	if m.Refs == nil {
		return nil, fmt.Errorf("hls: no way to its segments: %w", &audio.Foreign{Looks: "an HLS playlist apart from its segments"})
	}
	p, err := parse(textOf{r})
	if err != nil {
		return nil, err
	}
	refs := m.Refs
	if len(p.variants) > 0 {
		if p, refs, err = choose(p, refs); err != nil {
			return nil, err
		}
	}
	d := &Demuxer{s: &stream{refs: refs, list: p, next: p.sequence, loaded: time.Now(), changed: true}, exact: true}
	if d.info.Live = p.live(); d.info.Live {
		d.s.next = p.edge()
	} else {
		d.info.Duration = p.segments.total
	}
	if err := d.run(); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("hls: nothing in it: %w", audio.ErrTruncated)
		}
		return nil, err
	}
	in := d.inner.Info()
	in.Container, in.Live, in.Duration = "hls", d.info.Live, d.info.Duration
	d.info, d.codec, d.held.Codec = in, d.told, nil
	return d, nil
}

// choose opens the best media playlist of a master playlist that can be had.
func choose(master *playlist, refs audio.Refs) (*playlist, audio.Refs, error) {
	uris, err := master.choices()
	if err != nil {
		return nil, nil, err
	}
	for _, uri := range uris[:min(len(uris), maxTried)] {
		m, oerr := refs.OpenRef(uri, 0, 0)
		if oerr != nil {
			err = errors.Join(err, fmt.Errorf("hls: variant: %w", oerr))
			continue
		}
		p, perr := parse(m)
		_ = m.Close()
		switch {
		case perr != nil:
			err = errors.Join(err, perr)
		case len(p.variants) > 0:
			err = errors.Join(err, fmt.Errorf("hls: a master playlist within another: %w", audio.ErrMalformed))
		case m.Refs == nil:
			err = errors.Join(err, fmt.Errorf("hls: variant: no way to its segments: %w", audio.ErrUnsupported))
		default:
			return p, m.Refs, nil
		}
	}
	return nil, nil, err
}

// textOf is a Reader as playlists are read from.
type textOf struct{ r *input.Reader }

func (t textOf) Read(p []byte) (int, error) {
	if b, err := t.r.Peek(1); len(b) == 0 {
		return 0, err
	}
	return t.r.ReadFull(p[:min(len(p), t.r.Buffered())])
}

// Codec says how the packets of the first segment are coded.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what the playlist and the first segment tell.
func (d *Demuxer) Info() audio.Info { return d.info }

// ReadPacket returns the next packet. In a live stream it waits for it.
func (d *Demuxer) ReadPacket() (audio.Packet, error) {
	for d.err == nil {
		if d.holds {
			d.holds = false
			p := d.held
			d.held = audio.Packet{}
			d.end = p.PTS + p.Duration - p.TrimEnd
			return p, nil
		}
		p, err := d.inner.ReadPacket()
		if err == nil {
			if p.Codec != nil {
				d.turn(p)
			}
			d.place(&p)
			d.end = p.PTS + p.Duration - p.TrimEnd
			return p, nil
		}
		d.err = d.ended(err)
	}
	return audio.Packet{}, d.err
}

// ended goes on to the next run after the one at hand ended with err. At the end
// of all it returns that.
func (d *Demuxer) ended(err error) error {
	switch s := d.s; {
	case s.failed != nil:
		return s.failed
	case s.done:
		return err
	case !s.over: // damage within a segment
		s.skip()
	}
	return d.run()
}

// run opens the next run that has sound, as what follows d.end.
func (d *Demuxer) run() error {
	for bad := 0; ; bad++ {
		d.s.begin()
		at, err := d.open()
		if err == nil {
			if d.start, d.into = d.end, 0; d.told.Name != "" {
				d.start -= d.now.PreSkip // music follows music
			}
			d.remember(at)
			d.announce(true)
			return nil
		}
		switch {
		case d.s.failed != nil:
			return d.s.failed
		case d.s.done && errors.Is(err, io.EOF):
			return io.EOF
		case d.s.done:
			return err
		case bad >= maxBad, d.inner == nil && errors.Is(err, audio.ErrUnsupported):
			return err
		case !d.s.over:
			d.s.skip()
		}
	}
}

// open opens a run and reads its first packet.
func (d *Demuxer) open() (stamp, error) {
	inner, at, err := open(input.New(&audio.Media{ReadCloser: io.NopCloser(d.s), Size: -1}))
	if err != nil {
		return at, err
	}
	p, err := inner.ReadPacket()
	if err != nil {
		return at, err
	}
	c := inner.Codec()
	switch m := inner.(type) {
	case *mp4.Demuxer:
		if at = (stamp{told: true, at: m.Origin()}); at.at > 0 {
			c.PreSkip = 0 // which is for the beginning of the whole
		}
	case *mpegts.Demuxer:
		if ticks, ok := m.Origin(); ok {
			at = stampOf(ticks)
		}
	}
	d.inner, d.now, d.rate = inner, c, max(c.SampleRate, 1)
	d.held, d.holds = p, true
	d.first = input.Unscale(p.PTS, d.rate)
	return at, nil
}

// announce dates the packet held and says how it is coded, if the listener does
// not know: because it follows nothing, or because it is coded otherwise.
func (d *Demuxer) announce(follows bool) {
	c := d.now
	same := c.Name == d.told.Name && c.SampleRate == d.told.SampleRate && c.Channels == d.told.Channels &&
		c.GainDB == d.told.GainDB && string(c.Private) == string(d.told.Private)
	if follows || !same {
		if !follows {
			c.PreSkip = 0 // it begins somewhere in the middle
		}
		d.held.Codec = &c
	}
	d.told = c
	d.place(&d.held)
}

// turn goes on counting from p, which is coded otherwise than those before in its run.
func (d *Demuxer) turn(p audio.Packet) {
	at := p
	d.place(&at)
	d.told, d.rate = *p.Codec, max(p.Codec.SampleRate, 1)
	d.start, d.into, d.first = at.PTS, 0, input.Unscale(p.PTS, d.rate)
}

// place dates a packet of the run at hand.
func (d *Demuxer) place(p *audio.Packet) {
	from := input.Unscale(p.PTS, d.rate) - d.first + d.into
	to := input.Unscale(p.PTS+p.Duration, d.rate) - d.first + d.into
	p.PTS = d.start + input.Scale(from, d.rate)
	p.Duration = d.start + input.Scale(to, d.rate) - p.PTS
}

// remember keeps where the run at hand is, for seeking.
func (d *Demuxer) remember(at stamp) {
	n := len(d.places)
	if d.info.Live || !d.exact || n >= maxPlaces || n > 0 && d.places[n-1].segment >= d.s.first {
		return
	}
	d.places = append(d.places, place{d.s.first, d.start, at})
}

// Seek goes to the segment before to, by the lengths the playlist tells. The
// packets then say where they are by the clock of the segments, or, where those
// have none or it was set anew between, by those lengths.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if d.info.Live {
		return 0, audio.ErrNotSeekable
	}
	l := &d.s.list.segments
	to = max(to, 0)
	i := l.find(max(to-margin, 0))
	for back := 1; ; back *= 2 { // few steps, whatever the segments say
		if d.err = d.land(i); d.err != nil {
			if errors.Is(d.err, io.EOF) {
				return to, nil // nothing from there on
			}
			return 0, d.err
		}
		if at := input.Duration(d.held.PTS - d.codec.PreSkip); at <= to || i == 0 {
			return min(max(at, 0), to), nil
		}
		i = max(i-back, 0)
	}
}

// land makes segment i of the list the next to be read.
func (d *Demuxer) land(i int) error {
	s := d.s
	s.jump(s.list.sequence + int64(i))
	d.holds = false
	at, err := d.open()
	for bad := 0; err != nil; bad++ {
		if s.failed != nil {
			return s.failed
		}
		if s.done || bad >= maxBad {
			return err
		}
		if !s.over {
			s.skip()
		}
		s.begin()
		at, err = d.open()
	}
	i = int(s.first - s.list.sequence)
	d.exact = false
	d.start, d.into = input.Samples(s.list.segments.from(i).begin)+d.codec.PreSkip, 0
	frame := input.Unscale(d.held.Duration, d.rate)
	for n := len(d.places) - 1; n >= 0; n-- {
		p := d.places[n]
		if p.segment > s.first {
			continue
		}
		from := int(p.segment - s.list.sequence)
		if s.list.segments.joined(from, i) {
			d.start = p.start
			d.into, d.exact = at.since(p.stamp, d.rate, frame)
			if !d.exact {
				d.into = grid(input.Unscale(input.Samples(s.list.segments.from(i).begin-s.list.segments.from(from).begin), d.rate), frame, frame)
			}
		}
		break
	}
	d.exact = d.exact || i == 0
	d.announce(false)
	return nil
}
