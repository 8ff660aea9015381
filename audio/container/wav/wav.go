// Package wav takes samples out of RIFF, RF64 and BW64 files, and puts them into
// RIFF.
package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"segue/audio"
	"segue/audio/codec/pcm"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxChunks   = 1 << 12
	maxText     = 1 << 12
	maxChannels = 32
	endless     = 0x7fff0000 // sizes from here to 0xffffffff are what programs write that cannot go back
)

// A Demuxer takes 20 ms of samples at a time out of a WAV file.
type Demuxer struct {
	r     *input.Reader
	slab  input.Slab
	codec audio.CodecInfo
	info  audio.Info

	frame int   // bytes of one sample in all channels
	begin int64 // where in the media the samples begin
	size  int64 // bytes of samples, or -1 if nobody knows
	big   int64 // size as RF64 tells it, or -1
	done  int64 // bytes handed out
	err   error
}

// NewDemuxer reads up to the samples. The error wraps audio.ErrUnsupported if
// they are of a kind we do not know.
func NewDemuxer(r *input.Reader) (*Demuxer, error) {
	d := &Demuxer{r: r, size: -1, big: -1, info: audio.Info{Container: "wav"}}
	b, err := r.Next(12)
	if err != nil {
		return nil, cut(err)
	}
	if id := string(b[:4]); id != "RIFF" && id != "RF64" && id != "BW64" || string(b[8:12]) != "WAVE" {
		return nil, malformed("no RIFF/WAVE header")
	}
	for range maxChunks {
		b, err := r.Next(8)
		if err != nil {
			return nil, cut(err)
		}
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		if id == "data" {
			return d, d.readData(size)
		}
		if err := d.readChunk(id, size); err != nil {
			return nil, cut(err)
		}
	}
	return nil, fmt.Errorf("wav: no samples in %d chunks: %w", maxChunks, audio.ErrLimit)
}

// Codec says what kind of samples there are.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what the file tells.
func (d *Demuxer) Info() audio.Info { return d.info }

// readChunk reads one before the samples, and the byte that pads it.
func (d *Demuxer) readChunk(id string, size int64) error {
	end := d.r.Pos() + size + size&1
	switch {
	case id == "fmt " && size >= 16:
		b, err := d.r.Next(int(min(size, 40)))
		if err != nil {
			return err
		}
		if err := d.readFormat(b); err != nil {
			return err
		}
	case id == "ds64" && size >= 16:
		b, err := d.r.Next(16)
		if err != nil {
			return err
		}
		d.big = int64(binary.LittleEndian.Uint64(b[8:]))
	case id == "LIST" && size >= 4:
		if err := d.readList(size); err != nil {
			return err
		}
	}
	return d.r.Skip(end - d.r.Pos())
}

// readFormat reads a fmt chunk.
func (d *Demuxer) readFormat(b []byte) error {
	le := binary.LittleEndian
	tag, channels, rate := int(le.Uint16(b)), int(le.Uint16(b[2:])), le.Uint32(b[4:])
	block, bits := int(le.Uint16(b[12:])), int(le.Uint16(b[14:]))
	if tag == 0xfffe && len(b) >= 26 { // extensible: the GUID begins with the tag
		tag = int(le.Uint16(b[24:]))
	}
	name := ""
	switch {
	case tag == 1 && bits > 0 && bits <= 8:
		name = "pcm_u8"
	case tag == 1 && bits <= 32:
		name = fmt.Sprintf("pcm_s%dle", (bits+7)/8*8)
	case tag == 3:
		name = fmt.Sprintf("pcm_f%dle", bits)
	case tag == 6:
		name = "pcm_alaw"
	case tag == 7:
		name = "pcm_mulaw"
	}
	width := pcm.Width(name)
	switch {
	case width == 0:
		return fmt.Errorf("wav: %s: %w", formatName(tag, bits), audio.ErrUnsupported)
	case channels == 0 || rate == 0 || block != 0 && block != width*channels:
		return malformed("impossible format")
	case channels > maxChannels || rate > 768_000:
		return fmt.Errorf("wav: %d channels at %d Hz: %w", channels, rate, audio.ErrLimit)
	}
	d.frame = width * channels
	d.codec = audio.CodecInfo{Name: name, SampleRate: int(rate), Channels: channels}
	return nil
}

func formatName(tag, bits int) string {
	name := map[int]string{1: "PCM", 2: "ADPCM", 3: "float", 0x11: "IMA ADPCM", 0x31: "GSM", 0x50: "MPEG audio", 0x55: "MP3", 0xff: "AAC", 0x161: "WMA"}[tag]
	if name == "" {
		name = fmt.Sprintf("format %#x", tag)
	}
	return fmt.Sprintf("%s of %d bits", name, bits)
}

// readList reads the names in an INFO list.
func (d *Demuxer) readList(size int64) error {
	end := d.r.Pos() + size
	b, err := d.r.Next(4)
	if err != nil || string(b) != "INFO" {
		return err
	}
	for range maxChunks {
		if end-d.r.Pos() < 8 {
			break
		}
		b, err := d.r.Next(8)
		if err != nil {
			return err
		}
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		next := d.r.Pos() + size + size&1
		if next > end+1 {
			break
		}
		if field := map[string]string{"INAM": "TITLE", "IART": "ARTIST", "IPRD": "ALBUM"}[id]; field != "" {
			text, err := d.r.Next(int(min(size, maxText)))
			if err != nil {
				return err
			}
			tags.Set(&d.info, field, string(text))
		}
		if err := d.r.Skip(next - d.r.Pos()); err != nil {
			return err
		}
	}
	return nil
}

// readData settles how many samples there are.
func (d *Demuxer) readData(size int64) error {
	if d.frame == 0 {
		return malformed("samples before their format")
	}
	d.begin = d.r.Pos()
	switch {
	case d.big > 0 && size == math.MaxUint32:
		d.size = d.big
	case size > 0 && size < endless, size < math.MaxUint32 && d.r.Size() >= 0 && size > 0 && size <= d.r.Size()-d.begin:
		d.size = size
	}
	known := d.size
	if rest := d.r.Size() - d.begin; d.r.Size() >= 0 && (known < 0 || known > rest) {
		known = rest
	}
	if known > 0 {
		d.info.Duration = input.Duration(input.Scale(known/int64(d.frame), d.codec.SampleRate))
	}
	return nil
}

// ReadPacket returns the next 20 ms of samples, or what is left of them.
func (d *Demuxer) ReadPacket() (audio.Packet, error) {
	if d.err != nil {
		return audio.Packet{}, d.err
	}
	want := d.packet()
	if d.size >= 0 {
		want = min(want, (d.size-d.done)/int64(d.frame)*int64(d.frame))
	}
	if want <= 0 {
		d.err = io.EOF
		return audio.Packet{}, d.err
	}
	data := d.slab.Make(int(want))
	n, err := d.r.ReadFull(data)
	if err != nil {
		d.err = d.ending(n, err)
		n -= n % d.frame
		if n == 0 {
			return audio.Packet{}, d.err
		}
	}
	p := audio.Packet{Data: data[:n:n], PTS: d.time(d.done)}
	d.done += int64(n)
	p.Duration = d.time(d.done) - p.PTS
	return p, nil
}

// packet is the size of 20 ms, in bytes.
func (d *Demuxer) packet() int64 { return int64(max(1, d.codec.SampleRate/50) * d.frame) }

// ending says what the end of the media means after n more bytes.
func (d *Demuxer) ending(n int, err error) error {
	switch {
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case d.size >= 0 || n%d.frame != 0:
		return audio.ErrTruncated
	}
	return io.EOF
}

func (d *Demuxer) time(bytes int64) int64 {
	return input.Scale(bytes/int64(d.frame), d.codec.SampleRate)
}

// Seek goes to the packet with the sample.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() {
		return 0, audio.ErrNotSeekable
	}
	at := input.MulDiv(int64(max(0, to)), int64(d.codec.SampleRate), int64(time.Second)) * int64(d.frame)
	end := d.size
	if end < 0 {
		d.r.Measure()
		end = max(0, d.r.Size()-d.begin)
	}
	at = min(at, end)
	at -= at % d.packet()
	if err := d.r.Jump(d.begin + at); err != nil {
		return 0, err
	}
	d.done, d.err = at, nil
	return min(max(0, to), input.Duration(d.time(at))), nil
}

// cut turns the end of the media into what it means in a header.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("wav: header cut off: %w", audio.ErrTruncated)
	}
	return err
}

func malformed(what string) error {
	return fmt.Errorf("wav: %s: %w", what, audio.ErrMalformed)
}
