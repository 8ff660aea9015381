package wav

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"segue/audio"
)

// A Format is how a Writer writes samples.
type Format struct {
	Rate, Channels int
	Float          bool // 32-bit float; else 16-bit integers
}

// A Writer writes a WAV file. If it can seek, Close puts the sizes in; if not,
// they stay at what means "to the end".
type Writer struct {
	w     io.Writer
	f     Format
	buf   []byte
	bytes int64
	err   error
}

// NewWriter writes the header to w. The error wraps audio.ErrUnsupported if the
// format makes no sense. The writer does not close w.
func NewWriter(w io.Writer, f Format) (*Writer, error) {
	if f.Rate <= 0 || f.Rate > 768_000 || f.Channels <= 0 || f.Channels > maxChannels {
		return nil, fmt.Errorf("wav: %d channels at %d Hz: %w", f.Channels, f.Rate, audio.ErrUnsupported)
	}
	x := &Writer{w: w, f: f}
	_, x.err = w.Write(x.header(math.MaxUint32, math.MaxUint32))
	return x, x.err
}

func (x *Writer) width() int {
	if x.f.Float {
		return 4
	}
	return 2
}

func (x *Writer) header(riff, data uint32) []byte {
	le, width, tag := binary.LittleEndian, x.width(), uint16(1)
	if x.f.Float {
		tag = 3
	}
	frame := width * x.f.Channels
	b := append([]byte(nil), "RIFF"...)
	b = le.AppendUint32(b, riff)
	b = append(b, "WAVEfmt \x10\x00\x00\x00"...)
	b = le.AppendUint16(b, tag)
	b = le.AppendUint16(b, uint16(x.f.Channels))
	b = le.AppendUint32(b, uint32(x.f.Rate))
	b = le.AppendUint32(b, uint32(x.f.Rate*frame))
	b = le.AppendUint16(b, uint16(frame))
	b = le.AppendUint16(b, uint16(8*width))
	b = append(b, "data"...)
	return le.AppendUint32(b, data)
}

// Write writes interleaved samples. Integers are rounded to the nearest and
// limited to what fits.
func (x *Writer) Write(pcm []float32) error {
	b := x.buf[:0]
	for _, v := range pcm {
		if x.f.Float {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			continue
		}
		n := math.Round(min(max(float64(v)*32768, -32768), 32767))
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(n)))
	}
	x.buf = b
	if x.err == nil {
		_, x.err = x.w.Write(b)
		x.bytes += int64(len(b))
	}
	return x.err
}

// Close puts the sizes in where they can be, and leaves w open.
func (x *Writer) Close() error {
	const head = 44
	seeker, ok := x.w.(io.WriteSeeker)
	if x.err != nil || !ok || x.bytes > math.MaxUint32-head {
		return x.err
	}
	if _, err := seeker.Seek(0, io.SeekStart); err != nil {
		return nil // a pipe says it is a file
	}
	if _, err := x.w.Write(x.header(uint32(x.bytes+head-8), uint32(x.bytes))); err != nil {
		return err
	}
	_, err := seeker.Seek(0, io.SeekEnd)
	return err
}
