// Package matroska takes the packets of the first audio track out of Matroska and
// WebM.
package matroska

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"segue/audio"
	"segue/audio/container/input"
)

// Element IDs (RFC 9559), and how they nest where that matters here.
const (
	idEBML    = 0x1A45DFA3
	idDocType = 0x4282
	idVoid    = 0xEC
	idCRC     = 0xBF

	idSegment  = 0x18538067
	idSeekHead = 0x114D9B74
	idSeek     = 0x4DBB
	idSeekID   = 0x53AB
	idSeekPos  = 0x53AC
	idInfo     = 0x1549A966
	idScale    = 0x2AD7B1
	idDuration = 0x4489
	idTitle    = 0x7BA9

	idChapters       = 0x1043A770
	idEdition        = 0x45B9
	idEditionHidden  = 0x45BD
	idEditionDefault = 0x45DB
	idAtom           = 0xB6
	idAtomStart      = 0x91
	idAtomHidden     = 0x98
	idAtomDisplay    = 0x80
	idAtomString     = 0x85

	idAttachments = 0x1941A469
	idAttached    = 0x61A7
	idFileName    = 0x466E
	idFileType    = 0x4660
	idFileData    = 0x465C

	idTracks       = 0x1654AE6B
	idTrack        = 0xAE
	idNumber       = 0xD7
	idEnabled      = 0xB9
	idDefault      = 0x88
	idImpaired     = 0x55AC // for who cannot see
	idCommentary   = 0x55AF
	idType         = 0x83
	idName         = 0x536E
	idCodecID      = 0x86
	idCodecPrivate = 0x63A2
	idCodecDelay   = 0x56AA
	idAudio        = 0xE1
	idRate         = 0xB5
	idChannels     = 0x9F
	idBitDepth     = 0x6264
	idEncodings    = 0x6D80
	idEncoding     = 0x6240
	idScope        = 0x5032
	idCompression  = 0x5034
	idEncryption   = 0x5035
	idCompAlgo     = 0x4254
	idCompSettings = 0x4255

	idCluster   = 0x1F43B675
	idTimestamp = 0xE7
	idPosition  = 0xA7
	idPrevSize  = 0xAB
	idSimple    = 0xA3
	idGroup     = 0xA0
	idBlock     = 0xA1
	idDiscard   = 0x75A2

	idCues        = 0x1C53BB6B
	idCuePoint    = 0xBB
	idCueTime     = 0xB3
	idCuePosition = 0xB7
	idCueTrack    = 0xF7
	idCueCluster  = 0xF1

	idTags       = 0x1254C367
	idTag        = 0x7373
	idTargets    = 0x63C0
	idTargetType = 0x68CA
	idSimpleTag  = 0x67C8
	idTagName    = 0x45A3
	idTagString  = 0x4487
)

const (
	unknown   = -1      // size of an element that ends where its parent does, or the next one begins
	maxString = 1 << 12 // bytes of a name or title kept
	maxInside = 1 << 16 // elements within one of those read whole
)

// An element is the beginning of one.
type element struct {
	id   uint32
	size int64 // of its body, or unknown
	body int64 // where in the media that begins
}

func (e element) end() int64 {
	if e.size == unknown {
		return math.MaxInt64
	}
	return e.body + e.size
}

// header reads an element's ID and size. It returns io.EOF if there is not one
// byte more, io.ErrUnexpectedEOF within, and an error that wraps
// audio.ErrMalformed if there is no element; it then has consumed nothing.
func header(r *input.Reader) (element, error) {
	b := r.Ahead()
	if len(b) < 12 {
		var err error
		if b, err = r.Peek(12); len(b) == 0 || err != nil && !errors.Is(err, io.EOF) {
			return element{}, err
		}
	}
	id, n := vint(b, true)
	if n == 0 || n > 4 {
		return element{}, cutOr(b, n, "no element")
	}
	size, m := vint(b[n:], false)
	if m == 0 {
		return element{}, cutOr(b[n:], m, "element without size")
	}
	r.Advance(n + m)
	return element{id: uint32(id), size: size, body: r.Pos()}, nil
}

// cutOr tells a number cut off by the end of the media from one that is none.
func cutOr(b []byte, n int, what string) error {
	if n == 0 && len(b) < 8 && (len(b) == 0 || b[0] != 0) {
		return io.ErrUnexpectedEOF
	}
	return malformed(what)
}

// vint reads a variable-length integer and says how many bytes it has, or 0 if it
// is cut off or none. All ones, where the marker is not kept, mean unknown.
func vint(b []byte, keepMarker bool) (v int64, n int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	n = 1 + bits.LeadingZeros8(b[0])
	switch {
	case len(b) >= 8:
		v = int64(binary.BigEndian.Uint64(b) >> (64 - 8*n))
	case len(b) < n:
		return 0, 0
	default:
		for _, c := range b[:n] {
			v = v<<8 | int64(c)
		}
	}
	if keepMarker {
		return v, n
	}
	v &= 1<<(7*n) - 1
	if v == 1<<(7*n)-1 {
		return unknown, n
	}
	return v, n
}

// children calls f for each element within parent, which must have a size. What
// f leaves of an element is skipped.
func children(r *input.Reader, parent element, f func(element) error) error {
	if parent.size == unknown {
		return malformed("element of unknown size")
	}
	for range maxInside {
		if r.Pos() >= parent.end() {
			return nil
		}
		e, err := header(r)
		if err != nil {
			return within(err)
		}
		if e.size == unknown || e.size > parent.end()-e.body {
			return malformed("element longer than its parent")
		}
		if err := f(e); err != nil {
			return err
		}
		if err := r.Skip(e.end() - r.Pos()); err != nil {
			return within(err)
		}
	}
	return fmt.Errorf("matroska: more than %d elements in one: %w", maxInside, audio.ErrLimit)
}

// within turns the end of the media into what it means inside an element.
func within(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return audio.ErrTruncated
	}
	return err
}

// number reads an unsigned integer of up to eight bytes, cut off at MaxInt64.
func number(r *input.Reader, e element) (int64, error) {
	if e.size < 0 || e.size > 8 {
		return 0, malformed("integer of more than 8 bytes")
	}
	b, err := r.Next(int(e.size))
	if err != nil {
		return 0, within(err)
	}
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return int64(min(v, math.MaxInt64)), nil
}

// signed reads a two's complement integer of up to eight bytes.
func signed(r *input.Reader, e element) (int64, error) {
	if e.size < 0 || e.size > 8 {
		return 0, malformed("integer of more than 8 bytes")
	}
	b, err := r.Next(int(e.size))
	if err != nil || len(b) == 0 {
		return 0, within(err)
	}
	v := int64(int8(b[0]))
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	return v, nil
}

// float reads a floating-point number.
func float(r *input.Reader, e element) (float64, error) {
	if e.size != 0 && e.size != 4 && e.size != 8 {
		return 0, malformed("float of an odd size")
	}
	b, err := r.Next(int(e.size))
	switch {
	case err != nil:
		return 0, within(err)
	case len(b) == 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b))), nil
	case len(b) == 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	}
	return 0, nil
}

// data reads the body of e, which may have at most limit bytes.
func data(r *input.Reader, e element, limit int64) ([]byte, error) {
	if e.size < 0 || e.size > limit {
		return nil, fmt.Errorf("matroska: element of %d bytes: %w", e.size, audio.ErrLimit)
	}
	b, err := r.Peek(int(e.size)) // so that memory is taken for what is there, not for what is claimed
	if err != nil {
		return nil, within(err)
	}
	return append([]byte(nil), b...), r.Skip(e.size)
}

// text reads a string, the first 4 KiB of it.
func text(r *input.Reader, e element) (string, error) {
	b, err := r.Next(int(min(e.size, maxString)))
	if err != nil {
		return "", within(err)
	}
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	return string(b), nil
}

func malformed(what string) error {
	return fmt.Errorf("matroska: %s: %w", what, audio.ErrMalformed)
}
