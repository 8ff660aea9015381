// Package latm takes AAC frames out of the Low Overhead MPEG-4 Audio Transport
// Multiplex (ISO/IEC 14496-3, 1.7), in a file or stream of LOAS frames, or as a
// transport stream carries it.
package latm

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"segue/audio"
	"segue/audio/codec/aac/bits"
)

// HeaderSize is how many bytes ParseHeader needs.
const HeaderSize = 3

// MaxFrame is more than the size of any LOAS frame, in bytes.
const MaxFrame = HeaderSize + 1<<13

const (
	maxConfig  = 512 // bytes of an AudioSpecificConfig: more than one with the longest program
	maxElement = 64  // subframes of an element
)

// ParseHeader reads the header of an AudioSyncStream frame (LOAS) and reports
// whether b begins with one. size is that of the frame with the header.
func ParseHeader(b []byte) (size int, ok bool) {
	if len(b) < HeaderSize || b[0] != 0x56 || b[1]&0xe0 != 0xe0 {
		return 0, false
	}
	n := int(b[1]&0x1f)<<8 | int(b[2])
	return HeaderSize + n, n > 0
}

// A Mux reads AudioMuxElements, which build on those before them. It knows those
// of one programme with one layer of AAC. The zero value is ready.
type Mux struct {
	config []byte // AudioSpecificConfig; nil before the first
	rate   int

	subframes  int // of an element
	lengthType int
	fixed      int // bytes of a payload, where the configuration says
	other      int // bits behind the payloads

	element  []byte
	payloads [maxElement]struct{ bit, size int }
	n        int
}

// Config is the AudioSpecificConfig as it was transmitted, padded with zero bits
// to whole bytes, or nil before the first. It is never changed.
func (m *Mux) Config() []byte { return m.config }

// Rate is the sampling frequency the configuration names, in Hz: that of the
// core, where there is an extension.
func (m *Mux) Rate() int { return m.rate }

// Len is how many frames of AAC the element read last has.
func (m *Mux) Len() int { return m.n }

// Size is the length of frame i of them in bytes.
func (m *Mux) Size(i int) int { return m.payloads[i].size }

// Copy copies frame i into dst, which has its size.
func (m *Mux) Copy(dst []byte, i int) { extract(dst, m.element, m.payloads[i].bit) }

// Read reads the element b, which must not change while its frames are asked for.
// It reports whether the configuration has changed. Before one has come there are
// no frames. Errors wrap audio.ErrMalformed or audio.ErrUnsupported; after one
// there are no frames either.
func (m *Mux) Read(b []byte) (changed bool, err error) {
	m.n, m.element = 0, b
	r := &bits.Reader{B: b}
	if same := r.Flag(); !same {
		if changed, err = m.readConfig(r); err != nil {
			return false, err
		}
	}
	if m.config == nil {
		return false, nil
	}
	n := 0
	for i := range m.subframes {
		size := m.fixed
		if m.lengthType == 0 {
			size = 0
			for {
				v := r.Read(8)
				size += v
				if v < 255 {
					break
				}
			}
		}
		m.payloads[i] = struct{ bit, size int }{r.Pos, size}
		if r.Pos += 8 * size; r.Over() {
			return changed, fmt.Errorf("latm: frame cut off: %w", audio.ErrMalformed)
		}
		n++
	}
	if r.Pos += m.other; r.Over() {
		return changed, fmt.Errorf("latm: element cut off: %w", audio.ErrMalformed)
	}
	m.n = n
	return changed, nil
}

// readConfig reads a StreamMuxConfig.
func (m *Mux) readConfig(r *bits.Reader) (changed bool, err error) {
	version := r.Read(1)
	if version == 1 && r.Flag() {
		return false, unsupported("a later version")
	}
	if version == 1 {
		readValue(r) // fullness of a buffer
	}
	if !r.Flag() {
		return false, unsupported("frames of different lengths in one element")
	}
	next := Mux{subframes: r.Read(6) + 1}
	if programmes, layers := r.Read(4)+1, r.Read(3)+1; programmes > 1 || layers > 1 {
		return false, unsupported(fmt.Sprintf("%d programmes in %d layers", programmes, layers))
	}
	from, size := r.Pos, -1
	if version == 1 {
		size = readValue(r)
		from = r.Pos
	}
	config := make([]byte, min(maxConfig, max(0, r.Left()+7)/8))
	extract(config, r.B, from)
	told, rate, err := measure(config)
	switch {
	case err != nil:
		return false, err
	case size < 0:
		size = told
	case size < told || size > 8*maxConfig:
		return false, fmt.Errorf("latm: configuration of %d bits: %w", size, audio.ErrMalformed)
	}
	next.rate = rate
	if r.Pos = from + size; r.Over() {
		return false, fmt.Errorf("latm: configuration cut off: %w", audio.ErrMalformed)
	}
	config = config[:(size+7)/8]
	if size%8 != 0 {
		config[size/8] &= 0xff << (8 - size%8)
	}
	if err := next.readLengths(r, version); err != nil {
		return false, err
	}
	if changed = !bytes.Equal(config, m.config); changed {
		m.config = config
	}
	m.rate, m.subframes, m.lengthType, m.fixed, m.other = next.rate, next.subframes, next.lengthType, next.fixed, next.other
	return changed, nil
}

// readLengths reads what follows the AudioSpecificConfig.
func (m *Mux) readLengths(r *bits.Reader, version int) error {
	switch m.lengthType = r.Read(3); m.lengthType {
	case 0:
		r.Read(8) // fullness of a buffer
	case 1:
		m.fixed = r.Read(9) + 20
	default:
		return unsupported(fmt.Sprintf("frames of length type %d, which is not AAC's", m.lengthType))
	}
	if r.Flag() {
		if version == 1 {
			m.other = readValue(r)
		} else {
			for more := true; more && m.other <= 8*MaxFrame; {
				more = r.Flag()
				m.other = m.other<<8 + r.Read(8)
			}
		}
	}
	if r.Flag() {
		r.Read(8) // a checksum
	}
	if r.Over() || m.other > 8*MaxFrame {
		return fmt.Errorf("latm: configuration cut off: %w", audio.ErrMalformed)
	}
	return nil
}

// readValue reads what the standard calls LatmGetValue.
func readValue(r *bits.Reader) int {
	n := 8 * (r.Read(2) + 1)
	return r.Read(n)
}

func unsupported(what string) error { return fmt.Errorf("latm: %s: %w", what, audio.ErrUnsupported) }

// extract copies len(dst) bytes out of b, from a bit on; behind the end it finds
// zeros.
func extract(dst, b []byte, bit int) {
	at, shift := bit>>3, bit&7
	if shift == 0 {
		n := copy(dst, b[min(at, len(b)):])
		clear(dst[n:])
		return
	}
	i := 0
	for ; i+8 <= len(dst) && at+i+9 <= len(b); i += 8 {
		v := binary.BigEndian.Uint64(b[at+i:])<<shift | uint64(b[at+i+8])>>(8-shift)
		binary.BigEndian.PutUint64(dst[i:], v)
	}
	for ; i < len(dst); i++ {
		v := byte(0)
		if at+i < len(b) {
			v = b[at+i] << shift
		}
		if at+i+1 < len(b) {
			v |= b[at+i+1] >> (8 - shift)
		}
		dst[i] = v
	}
}
