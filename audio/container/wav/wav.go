// Package wav takes samples out of RIFF, RF64, BW64 and Wave64 files, and puts
// them into RIFF.
package wav

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
	maxChunks   = 1 << 12
	maxText     = 1 << 12
	maxChannels = 32
	maxBefore   = 64 << 20 // bytes read to come to the samples: room for any artwork

	// What the chunks of Wave64 are called: four letters and the rest of a GUID.
	riffGUID = "riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
	waveGUID = "\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
	endless  = 0x7fff0000 // sizes from here to 0xffffffff are what programs write that cannot go back
)

// A Demuxer takes 20 ms of samples at a time out of a WAV file.
type Demuxer struct {
	*input.Raw // once its place is known
	r          *input.Reader
	codec      audio.CodecInfo
	info       audio.Info

	wide  bool             // Wave64
	frame int              // bytes of one sample in all channels
	big   int64            // size of the samples as RF64 tells it, or -1
	sizes map[string]int64 // of other chunks, as RF64 tells them

	channels int   // in the file
	pick     []int // of them, where not all come out as they are
	slab     input.Slab
}

// NewDemuxer reads up to the samples. The error wraps audio.ErrUnsupported if
// they are of a kind we do not know.
func NewDemuxer(r *input.Reader) (*Demuxer, error) {
	d := &Demuxer{r: r, big: -1, info: audio.Info{Container: "wav"}}
	if err := d.readHeader(); err != nil {
		return nil, cut(err)
	}
	begin := r.Pos()
	for range maxChunks {
		id, size, err := d.next()
		if err != nil {
			return nil, cut(err)
		}
		if id == "data" {
			return d, d.readData(size)
		}
		if !r.Seekable() && (size > maxBefore || r.Pos()-begin > maxBefore) {
			return nil, fmt.Errorf("wav: no samples in %d bytes: %w", maxBefore, audio.ErrLimit)
		}
		if err := d.readChunk(id, size); err != nil {
			return nil, cut(err)
		}
	}
	return nil, fmt.Errorf("wav: no samples in %d chunks: %w", maxChunks, audio.ErrLimit)
}

// readHeader tells RIFF from Wave64.
func (d *Demuxer) readHeader() error {
	b, err := d.r.Peek(len(riffGUID))
	if err == nil && string(b) == riffGUID {
		b, err = d.r.Next(len(riffGUID) + 8 + 16)
		if err != nil {
			return err
		}
		if string(b[24:]) != "wave"+waveGUID {
			return malformed("no Wave64 header")
		}
		d.wide, d.info.Container = true, "w64"
		return nil
	}
	if b, err = d.r.Next(12); err != nil {
		return err
	}
	if id := string(b[:4]); id != "RIFF" && id != "RF64" && id != "BW64" || string(b[8:12]) != "WAVE" {
		return malformed("no RIFF/WAVE header")
	}
	return nil
}

// next reads the header of a chunk and returns the length of its body.
func (d *Demuxer) next() (id string, size int64, err error) {
	if !d.wide {
		b, err := d.r.Next(8)
		if err != nil {
			return "", 0, err
		}
		id, size = string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		if big, ok := d.sizes[id]; ok && size == math.MaxUint32 {
			size = big
		}
		return id, size, nil
	}
	b, err := d.r.Next(24)
	if err != nil {
		return "", 0, err
	}
	size = int64(binary.LittleEndian.Uint64(b[16:])) - 24
	switch guid := string(b[4:16]); {
	case guid == waveGUID:
		id = string(b[:4])
	case guid == riffGUID[4:] && string(b[:4]) == "list":
		id = "LIST"
	}
	if size < 0 && id != "data" { // of samples it says that nobody knew
		return "", 0, malformed("chunk shorter than its header")
	}
	return id, size, nil
}

// Codec says what kind of samples there are.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what the file tells.
func (d *Demuxer) Info() audio.Info { return d.info }

// readChunk reads one before the samples, and the byte that pads it.
func (d *Demuxer) readChunk(id string, size int64) error {
	end := d.r.Pos() + size + size&1
	if d.wide {
		end = d.r.Pos() + size + -size&7
	}
	if end < 0 {
		return malformed("chunk of an impossible size")
	}
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
		if err := d.readSizes(size); err != nil {
			return err
		}
	case id == "LIST" && size >= 4:
		if err := d.readList(size); err != nil {
			return err
		}
	case (id == "id3 " || id == "ID3 ") && size >= tags.ID3Header:
		if err := d.readID3(size); err != nil {
			return err
		}
	}
	return d.r.Skip(end - d.r.Pos())
}

// readSizes reads a ds64 chunk. Sizes of 0 and -1 tell nothing.
func (d *Demuxer) readSizes(size int64) error {
	const table, entry, most = 28, 12, 16
	b, err := d.r.Peek(int(min(size, table+most*entry)))
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	d.big = int64(le.Uint64(b[8:]))
	if len(b) < table {
		return nil
	}
	d.sizes = map[string]int64{}
	n := le.Uint32(b[table-4:])
	for b = b[table:]; len(b) >= entry && n > 0; b, n = b[entry:], n-1 {
		if size := int64(le.Uint64(b[4:])); size >= 0 {
			d.sizes[string(b[:4])] = size
		}
	}
	return nil
}

// readFormat reads a fmt chunk.
func (d *Demuxer) readFormat(b []byte) error {
	le := binary.LittleEndian
	tag, channels, rate := int(le.Uint16(b)), int(le.Uint16(b[2:])), le.Uint32(b[4:])
	block, bits := int(le.Uint16(b[12:])), int(le.Uint16(b[14:]))
	mask := uint32(0)                  // of loudspeakers
	if tag == 0xfffe && len(b) >= 26 { // extensible: the GUID begins with the tag
		tag, mask = int(le.Uint16(b[24:])), le.Uint32(b[20:])
	}
	if tag == 1 && bits > 8 && channels > 0 && block > (bits+7)/8*channels && block%channels == 0 {
		bits = block / channels * 8 // 20 or 24 bits at the upper end of more
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
	d.frame, d.channels = width*channels, channels
	if d.pick = picks(mask, channels); d.pick != nil {
		channels = len(d.pick)
	}
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

// readData settles how many samples there are.
func (d *Demuxer) readData(size int64) error {
	if d.frame == 0 {
		return malformed("samples before their format")
	}
	rest := d.r.Size() - d.r.Pos()
	known := int64(-1)
	switch {
	case d.wide:
		if size > 0 && size < 1<<56 {
			known = size
		}
	case d.big > 0 && size == math.MaxUint32:
		known = d.big
	case size > 0 && size < endless, size < math.MaxUint32 && d.r.Size() >= 0 && size > 0 && size <= rest:
		known = size
	}
	d.Raw = input.NewRaw(d.r, d.codec.SampleRate, d.frame, known)
	d.info.Duration = d.Raw.Duration()
	return d.lateTags(known)
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
