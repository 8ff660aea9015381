package framecache

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"

	"segue/audio"
)

// A file is Ogg Opus, then what is told of the piece as JSON, then its picture,
// then a foot of fixed size. Numbers are little-endian.
const (
	magic = "segue frames\r\n\x1a\n"

	maxTold    = 4 << 20 // bytes: a thousand chapters, each with a title of the longest
	maxPicture = 4 << 20
)

// A foot is the end of a file.
type foot struct {
	Ogg, Told, Picture int64 // bytes of each part
	Key                key
	Sum                uint32 // CRC-32C of all before it
	Magic              [len(magic)]byte
}

var footSize = int64(binary.Size(foot{}))

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// known is what is told of a piece.
type known struct {
	Level float64
	Info  audio.Info // without the picture's data
}

// told returns the parts of a file that say what is known of the piece.
func told(level float64, in audio.Info) (text, picture []byte, err error) {
	picture, in.Artwork.Data = in.Artwork.Data, nil
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(known{level, in}); err != nil {
		return nil, nil, fmt.Errorf("what is known of the piece: %w", err)
	}
	if b.Len() > maxTold || len(picture) > maxPicture {
		return nil, nil, fmt.Errorf("%d bytes of text and a picture of %d: %w", b.Len(), len(picture), audio.ErrLimit)
	}
	return b.Bytes(), picture, nil
}

// read checks a whole file and returns what it holds. The media reads from r, and
// closes nothing. What is not as it should be is an audio.ErrMalformed.
func read(r io.ReaderAt, size int64, k key) (Piece, error) {
	bad := func(what string) (Piece, error) {
		return Piece{}, fmt.Errorf("kept frames: %s: %w", what, audio.ErrMalformed)
	}
	if size < footSize {
		return bad("too short")
	}
	end := make([]byte, footSize)
	if _, err := r.ReadAt(end, size-footSize); err != nil {
		return Piece{}, err
	}
	var f foot
	if _, err := binary.Decode(end, binary.LittleEndian, &f); err != nil {
		return Piece{}, err
	}
	rest := size - footSize
	switch {
	case string(f.Magic[:]) != magic:
		return bad("not ours")
	case f.Key != k:
		return bad("of something else")
	case f.Ogg < 0 || f.Told < 0 || f.Told > maxTold || f.Picture < 0 || f.Picture > maxPicture || f.Ogg != rest-f.Told-f.Picture:
		return bad("its parts do not make up the whole")
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, size-int64(4+len(magic)))); err != nil {
		return Piece{}, err
	}
	if sum.Sum32() != f.Sum {
		return bad("damaged")
	}
	about := make([]byte, f.Told+f.Picture)
	if _, err := io.ReadFull(io.NewSectionReader(r, f.Ogg, int64(len(about))), about); err != nil {
		return Piece{}, err
	}
	var all known
	if err := json.Unmarshal(about[:f.Told], &all); err != nil {
		return bad(err.Error())
	}
	p := Piece{Info: all.Info, Level: all.Level}
	if f.Picture > 0 {
		p.Info.Artwork.Data = about[f.Told:]
	}
	ogg := io.NewSectionReader(r, 0, f.Ogg)
	p.Media = &audio.Media{ReadCloser: io.NopCloser(ogg), Seeker: ogg, MIME: "audio/ogg", Ext: ending, Size: f.Ogg}
	return p, nil
}

// appendFoot ends a file whose parts are so long and have the checksum sum so far.
func appendFoot(dst []byte, f foot, sum uint32) ([]byte, error) {
	copy(f.Magic[:], magic)
	n := len(dst)
	dst, err := binary.Append(dst, binary.LittleEndian, f)
	if err != nil {
		return dst, err
	}
	at := len(dst) - 4 - len(magic)
	binary.LittleEndian.PutUint32(dst[at:], crc32.Update(sum, castagnoli, dst[n:at]))
	return dst, nil
}

// media is what is read from a file, and the file.
type media struct {
	io.Reader
	io.Closer
}
