package hls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"segue/audio"
	"segue/audio/codec/mp3"
	"segue/audio/container/adts"
	"segue/audio/container/input"
	mp3file "segue/audio/container/mp3"
	"segue/audio/container/mp4"
	"segue/audio/container/mpegts"
	"segue/audio/container/tags"
)

const (
	maxTags  = 4
	maxTag   = 256 << 10 // bytes of an ID3v2 tag looked at
	headSize = 4 << 10   // bytes: some frames of any packed audio, some packets of a transport stream
	// wrap is when the clock of 33 bits at 90 kHz begins again, in samples at 48 kHz.
	wrap = (1 << 33) * 8 / 15
)

// A stamp is what a segment says of when it begins.
type stamp struct {
	told  bool
	at    int64 // in samples at 48 kHz, of any beginning
	wraps bool
}

// stampOf is the clock of transport streams, 33 bits at 90 kHz.
func stampOf(ticks int64) stamp {
	return stamp{told: true, at: input.MulDiv(ticks, audio.SampleRate, 90000), wraps: true}
}

// since is how long after o that is, in samples at rate, on the grid of frames of
// so many samples, which it misses by what the clock is rounded to. ok is false
// where the two do not tell.
func (s stamp) since(o stamp, rate int, frame int64) (n int64, ok bool) {
	if !s.told || !o.told {
		return 0, false
	}
	n = s.at - o.at
	if n < 0 && s.wraps {
		n += wrap
	}
	return grid(input.Unscale(n, rate), frame, frame/8), n >= 0
}

// grid is the multiple of frame next to n, if it is no farther than off, else n.
func grid(n, frame, off int64) int64 {
	if frame <= 0 {
		return n
	}
	near := (n + frame/2) / frame * frame
	if d := near - n; d > off || d < -off {
		return n
	}
	return near
}

// open finds out by its content what the run r reads is, and opens that.
func open(r *input.Reader) (audio.Demuxer, stamp, error) {
	var in audio.Info
	at, err := packedTags(r, &in)
	if err != nil {
		return nil, at, err
	}
	kind, err := look(r)
	switch kind {
	case "":
		if err == nil {
			err = fmt.Errorf("hls: segments of no kind we know: %w", audio.ErrUnsupported)
		}
		return nil, at, err
	case "mp3":
		d, err := mp3file.NewDemuxer(r, in)
		return wrapped(d, err, at)
	case "adts":
		d, err := adts.NewDemuxer(r, in)
		return wrapped(d, err, at)
	case "mpegts":
		d, err := mpegts.NewDemuxer(r)
		return wrapped(d, err, at)
	case "mp4":
		d, err := mp4.NewDemuxer(r)
		return wrapped(d, err, at)
	}
	return nil, at, fmt.Errorf("hls: %w", &audio.Foreign{Looks: "an HLS stream of " + kind})
}

// look says what r begins with, from as little as will do: more may have to be
// waited for. It returns "" if that is nothing it knows.
func look(r *input.Reader) (string, error) {
	for want := 512; ; want *= 2 {
		head, err := r.Peek(want)
		if len(head) == 0 || err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		kind := kindOf(head)
		if kind != "" || err != nil || want >= headSize {
			return kind, nil
		}
	}
}

// kindOf says what head is, by its content.
func kindOf(head []byte) string {
	switch {
	case isBox(head):
		return "mp4"
	case isTransport(head):
		return "mpegts"
	case bytes.HasPrefix(head, []byte("WEBVTT")):
		return "subtitles"
	case bytes.HasPrefix(head, []byte{0x0b, 0x77}):
		return "AC-3"
	}
	return frameIn(head)
}

// wrapped keeps a nil pointer from becoming a demuxer that is not nil.
func wrapped[D audio.Demuxer](d D, err error, at stamp) (audio.Demuxer, stamp, error) {
	if err != nil {
		return nil, at, err
	}
	return d, at, nil
}

// frameIn says what frames b has, from its beginning or, where a segment was cut in
// the middle of one, from somewhere near it: "mp3", "adts", or "".
func frameIn(b []byte) string {
	for at := range b {
		if h, ok := adts.ParseHeader(b[at:]); ok {
			if next, ok := adts.ParseHeader(b[min(at+h.Size, len(b)):]); ok && next.Alike(h) || at == 0 && len(b) <= h.Size {
				return "adts"
			}
		}
		if h, ok := mp3.ParseHeader(b[at:]); ok && h.Size > 0 {
			if next, ok := mp3.ParseHeader(b[min(at+h.Size, len(b)):]); ok && next.Alike(h) || at == 0 && len(b) <= h.Size {
				return "mp3"
			}
		}
	}
	return ""
}

// isTransport reports whether b begins with packets of a transport stream.
func isTransport(b []byte) bool {
	const size, sync = 188, 0x47
	for at := 0; at < min(len(b), 3*size); at += size {
		if b[at] != sync {
			return false
		}
	}
	return len(b) >= size
}

// isBox reports whether b begins like a piece of MP4.
func isBox(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	switch string(b[4:8]) {
	case "ftyp", "styp", "moov", "moof", "sidx", "emsg", "prft", "free", "skip":
		return true
	}
	return false
}

// packedTags reads past the ID3v2 tags of packed audio, the first of which says
// when it begins (RFC 8216, 3.4).
func packedTags(r *input.Reader, in *audio.Info) (at stamp, err error) {
	for range maxTags {
		b, err := r.Peek(tags.ID3Header)
		size := tags.ID3Size(b)
		if size == 0 {
			if errors.Is(err, io.EOF) && len(b) > 0 {
				err = nil
			}
			return at, err
		}
		start := r.Pos()
		b, err = r.Peek(int(min(size, maxTag)))
		if err != nil {
			return at, err
		}
		tags.ID3v2(in, b)
		if t, ok := timestamp(b); ok {
			at = stampOf(t)
		}
		if err := r.Skip(start + size - r.Pos()); err != nil {
			return at, err
		}
	}
	return at, nil
}

// timestamp finds the 33 bits at 90 kHz that a PRIV frame of an ID3v2 tag holds.
func timestamp(tag []byte) (int64, bool) {
	const owner = "com.apple.streaming.transportStreamTimestamp\x00"
	i := bytes.Index(tag, []byte("PRIV"))
	if i < 0 {
		return 0, false
	}
	j := bytes.Index(tag[i:], []byte(owner))
	if j < 0 || len(tag) < i+j+len(owner)+8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(tag[i+j+len(owner):]) & (1<<33 - 1)), true
}
