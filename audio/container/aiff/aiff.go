// Package aiff takes samples out of AIFF and AIFF-C files.
package aiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"segue/audio"
	"segue/audio/codec/pcm"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxChunks   = 1 << 10
	maxBefore   = 64 << 20 // bytes read to come to the samples: room for any artwork
	maxText     = 1 << 12
	maxTag      = 1 << 20
	maxChannels = 32
	maxRate     = 768_000
)

// A Demuxer takes 20 ms of samples at a time out of an AIFF file.
type Demuxer struct {
	*input.Raw // once its place is known
	r          *input.Reader
	codec      audio.CodecInfo
	info       audio.Info

	frame  int   // bytes of one sample in all channels; 0 before they are described
	frames int64 // as many as the description says there are, or -1
}

// NewDemuxer reads up to the samples, and where it can go back what stands behind
// them. The error wraps audio.ErrUnsupported if they are of a kind we do not know,
// or if they come before their description in media that only flow forward.
func NewDemuxer(r *input.Reader) (*Demuxer, error) {
	d := &Demuxer{r: r, frames: -1, info: audio.Info{Container: "aiff"}}
	b, err := r.Next(12)
	if err != nil {
		return nil, cut(err)
	}
	if form := string(b[8:]); string(b[:4]) != "FORM" || form != "AIFF" && form != "AIFC" {
		return nil, malformed("no AIFF header")
	}
	at, size, err := d.find(string(b[8:]) == "AIFC")
	if err != nil {
		return nil, cut(err)
	}
	return d, d.open(at, size)
}

// find reads chunks as far as it must to know what the samples are and where, and
// on to the end where it can come back.
func (d *Demuxer) find(packed bool) (at, size int64, err error) {
	begin := d.r.Pos()
	at = -1
	for range maxChunks {
		c, err := d.next()
		switch {
		case err != nil && at >= 0 && d.frame > 0:
			return at, size, nil
		case err != nil:
			return 0, 0, err
		case c.id == "SSND" && at < 0:
			at, size, err = d.place(c)
			switch {
			case err != nil:
				return 0, 0, err
			case d.frame > 0 && (size < 0 || !d.r.Seekable()):
				return at, size, nil
			case size < 0 || !d.r.Seekable():
				return 0, 0, fmt.Errorf("aiff: %w", &audio.Foreign{Looks: "an AIFF stream whose description comes last"})
			}
		case !d.r.Seekable() && (c.size > maxBefore || d.r.Pos()-begin > maxBefore):
			return 0, 0, fmt.Errorf("aiff: no samples in %d bytes: %w", maxBefore, audio.ErrLimit)
		default:
			err = d.readChunk(c, packed)
		}
		if err == nil {
			err = d.r.Skip(c.end - d.r.Pos())
		}
		if err != nil && at >= 0 && d.frame > 0 {
			return at, size, nil // they are cut off, or what stands behind them is
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if at < 0 {
		return 0, 0, fmt.Errorf("aiff: no samples in %d chunks: %w", maxChunks, audio.ErrLimit)
	}
	return at, size, nil
}

// Codec says what kind of samples there are.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what the file tells.
func (d *Demuxer) Info() audio.Info { return d.info }

// A chunk is what its header says: its body's length, and where that ends with
// the byte that makes it even.
type chunk struct {
	id        string
	size, end int64
}

func (d *Demuxer) next() (chunk, error) {
	b, err := d.r.Next(8)
	if err != nil {
		return chunk{}, err
	}
	size := int64(binary.BigEndian.Uint32(b[4:]))
	return chunk{string(b[:4]), size, d.r.Pos() + size + size&1}, nil
}

// place reads the beginning of an SSND chunk and returns where its samples begin
// and how many bytes they are, or -1 if it does not say.
func (d *Demuxer) place(c chunk) (at, size int64, err error) {
	const head = 8
	b, err := d.r.Next(head)
	if err != nil {
		return 0, 0, err
	}
	offset := int64(binary.BigEndian.Uint32(b)) // the block size after it tells nothing more
	at = d.r.Pos() + offset
	size = c.size - head - offset
	switch {
	case c.size == 0 || c.size >= math.MaxInt32-head: // what programs write that cannot go back
		size = -1
	case size < 0:
		return 0, 0, malformed("samples begin behind their end")
	}
	return at, size, nil
}

// open goes to the samples.
func (d *Demuxer) open(at, size int64) error {
	if d.frame == 0 {
		return malformed("samples without a description")
	}
	if said := d.frames * int64(d.frame); said > 0 && (size < 0 || said < size) {
		size = said
	}
	if err := d.r.Jump(at); err != nil {
		return cut(err)
	}
	d.Raw = input.NewRaw(d.r, d.codec.SampleRate, d.frame, size)
	d.info.Duration = d.Raw.Duration()
	return nil
}

// readChunk reads one that is not the samples.
func (d *Demuxer) readChunk(c chunk, packed bool) error {
	switch c.id {
	case "COMM":
		return d.readDescription(c, packed)
	case "NAME", "AUTH":
		b, err := d.r.Next(int(min(c.size, maxText)))
		if err != nil {
			return err
		}
		tags.Set(&d.info, map[string]string{"NAME": "TITLE", "AUTH": "ARTIST"}[c.id], string(b))
	case "ID3 ", "id3 ":
		b, err := d.r.Peek(int(min(c.size, maxTag)))
		if err != nil {
			return err
		}
		tags.ID3v2(&d.info, b)
	}
	return nil
}

// readDescription reads a COMM chunk.
func (d *Demuxer) readDescription(c chunk, packed bool) error {
	size := 18
	if packed {
		size = 22
	}
	if c.size < int64(size) || d.frame > 0 {
		return malformed("bad description")
	}
	b, err := d.r.Next(size)
	if err != nil {
		return err
	}
	kind := "NONE"
	if packed {
		kind = string(b[18:])
	}
	be := binary.BigEndian
	channels, frames, bits := int(be.Uint16(b)), be.Uint32(b[2:]), int(be.Uint16(b[6:]))
	rate, ok := extended(b[8:18])
	name := codecOf(kind, bits)
	width := pcm.Width(name)
	switch {
	case width == 0:
		return refuse(kind, bits)
	case !ok || channels == 0:
		return malformed("impossible sample rate or channel count")
	case channels > maxChannels:
		return fmt.Errorf("aiff: %d channels: %w", channels, audio.ErrLimit)
	}
	if frames > 0 && frames < math.MaxUint32 {
		d.frames = int64(frames)
	}
	d.frame = width * channels
	d.codec = audio.CodecInfo{Name: name, SampleRate: rate, Channels: channels}
	return nil
}

// codecOf is what samples of a kind are called, or "". Those of odd widths stand
// at the upper end of whole bytes.
func codecOf(kind string, bits int) string {
	bytes := (bits + 7) / 8
	switch kind {
	case "NONE", "twos", "in24", "in32", "sowt":
		switch kind {
		case "in24":
			bytes = 3
		case "in32":
			bytes = 4
		}
		switch {
		case bytes == 1:
			return "pcm_s8"
		case kind == "sowt":
			return fmt.Sprintf("pcm_s%dle", 8*bytes)
		}
		return fmt.Sprintf("pcm_s%dbe", 8*bytes)
	case "raw ":
		if bytes == 1 {
			return "pcm_u8"
		}
	case "fl32", "FL32":
		return "pcm_f32be"
	case "fl64", "FL64":
		return "pcm_f64be"
	case "ulaw", "ULAW":
		return "pcm_mulaw"
	case "alaw", "ALAW":
		return "pcm_alaw"
	}
	return ""
}

// refuse says what it is that we cannot play.
func refuse(kind string, bits int) error {
	what := map[string]string{
		"ima4": "IMA ADPCM", "ADP4": "Intel ADPCM", "MAC3": "MACE 3:1", "MAC6": "MACE 6:1", "QDM2": "QDesign Music", "QDMC": "QDesign Music",
		"Qclp": "QUALCOMM PureVoice", "GSM ": "GSM speech", "agsm": "GSM speech", "G722": "G.722 speech", "G726": "G.726 speech", "G728": "G.728 speech",
		"DWVW": "DWVW", "dwvw": "DWVW", ".mp3": "MP3",
	}[kind]
	if what == "" {
		what = fmt.Sprintf("%q of %d bits", kind, bits)
	}
	return fmt.Errorf("aiff: %w", &audio.Foreign{Looks: "an AIFF file with " + what + " in it"})
}

// extended reads a sample rate as an 80-bit floating-point number, as far as one
// can be.
func extended(b []byte) (rate int, ok bool) {
	const bias, bits = 16383, 64
	exponent := int(binary.BigEndian.Uint16(b)) - bias // a sign makes it too large
	mantissa := binary.BigEndian.Uint64(b[2:])
	if exponent < 0 || exponent > 20 {
		return 0, false
	}
	rate = int(math.Round(math.Ldexp(float64(mantissa), exponent-bits+1)))
	return rate, rate > 0 && rate <= maxRate
}

// cut turns the end of the media into what it means in a header.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("aiff: header cut off: %w", audio.ErrTruncated)
	}
	return err
}

func malformed(what string) error {
	return fmt.Errorf("aiff: %s: %w", what, audio.ErrMalformed)
}
