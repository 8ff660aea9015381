package container

import (
	"errors"
	"fmt"
	"io"

	"segue/audio"
	"segue/audio/container/adts"
	"segue/audio/container/aiff"
	"segue/audio/container/flac"
	"segue/audio/container/hls"
	"segue/audio/container/input"
	"segue/audio/container/latm"
	"segue/audio/container/matroska"
	"segue/audio/container/mp3"
	"segue/audio/container/mp4"
	"segue/audio/container/mpegts"
	"segue/audio/container/ogg"
	"segue/audio/container/tags"
	"segue/audio/container/wav"
)

const maxTags = 16 // before the audio

// Open finds out what m is and returns its demuxer, which reads from m from then
// on; closing m stays with the caller. It reads no more of m than it must: what it
// looks at is not lost to media that only flow forward. The error wraps
// audio.ErrUnsupported and says what m looks like if it is no audio we know; other
// errors are those of the demuxer, or of m itself.
//
// No demuxer believes what a file says about its own size: each takes memory only
// for what has come, and none needs more than a few megabytes.
func Open(m *audio.Media) (audio.Demuxer, error) {
	r := input.New(m)
	var in audio.Info
	if err := skipTags(r, &in); err != nil {
		return nil, err
	}
	f, err := probe(r, m)
	if err != nil {
		return nil, err
	}
	d, err := open(f, r, m, in)
	if err == nil && m.Live {
		d = onAir{d}
	}
	return d, err
}

// onAir is a demuxer of media that are live although their container knows nothing
// of it.
type onAir struct{ audio.Demuxer }

func (d onAir) Info() audio.Info {
	in := d.Demuxer.Info()
	in.Live, in.Duration = true, 0
	return in
}

// open makes the demuxer for f; in is what tags before it said.
func open(f Format, r *input.Reader, m *audio.Media, in audio.Info) (audio.Demuxer, error) {
	switch f {
	case Matroska:
		return wrap(matroska.NewDemuxer(r))
	case Ogg:
		return wrap(ogg.NewDemuxer(r))
	case WAV:
		return wrap(wav.NewDemuxer(r))
	case AIFF:
		return wrap(aiff.NewDemuxer(r))
	case FLAC:
		return wrap(flac.NewDemuxer(r, in))
	case MP4:
		return wrap(mp4.NewDemuxer(r))
	case ADTS:
		return wrap(adts.NewDemuxer(r, in))
	case LATM:
		return wrap(latm.NewDemuxer(r, in))
	case MPEGTS:
		return wrap(mpegts.NewDemuxer(r))
	case HLS:
		return wrap(hls.NewDemuxer(r, m))
	default:
		return wrap(mp3.NewDemuxer(r, in))
	}
}

// skipTags reads past ID3v2 tags, which may stand before anything.
func skipTags(r *input.Reader, in *audio.Info) error {
	for range maxTags {
		b, _ := r.Peek(tags.ID3Header)
		if tags.ID3Size(b) == 0 {
			return nil
		}
		if err := tags.ReadID3(in, r); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("container: nothing but a tag: %w", audio.ErrTruncated)
		} else if err != nil {
			return fmt.Errorf("container: %w", err)
		}
	}
	return nil
}

// probe looks at as little as will do: first at what is there already, because
// more of a live stream may take its time.
func probe(r *input.Reader, m *audio.Media) (Format, error) {
	for want := 64; ; want = min(want*4, ProbeSize) {
		head, err := r.Peek(want)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("container: %w", err)
		}
		if n := r.Buffered(); n > len(head) {
			head, _ = r.Peek(min(n, ProbeSize))
		}
		f, perr := Probe(head, m.MIME, m.Ext)
		if perr == nil || err != nil || want >= ProbeSize {
			return f, perr
		}
	}
}

// wrap keeps a nil pointer from becoming a demuxer that is not nil.
func wrap[D audio.Demuxer](d D, err error) (audio.Demuxer, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}
