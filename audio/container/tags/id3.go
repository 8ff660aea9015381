package tags

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"segue/audio"
)

const (
	// ID3Header is the length of the beginning of an ID3v2 tag that says how long
	// the whole is.
	ID3Header = 10

	maxFrame  = 8 << 10  // bytes of a frame looked at, pictures apart
	maxFrames = 4 << 10  // of a tag
	maxUndone = 16 << 20 // bytes of a tag that are read because they cannot be skipped
)

// ID3Size is the length in bytes of the ID3v2 tag that begins with b, header and
// footer included, or 0 if none does. b should have ID3Header bytes.
func ID3Size(b []byte) int64 {
	if len(b) < ID3Header || string(b[:3]) != "ID3" || b[3] == 0xff || b[4] == 0xff {
		return 0
	}
	if (b[6]|b[7]|b[8]|b[9])&0x80 != 0 {
		return 0
	}
	size := ID3Header + int64(syncsafe(b[6:]))
	if b[5]&0x10 != 0 {
		size += ID3Header
	}
	return size
}

// ID3v2 reads the ID3v2 tag that begins with b, as far as b goes. It keeps
// nothing of b.
func ID3v2(in *audio.Info, b []byte) {
	if ID3Size(b) > 0 {
		_ = ReadID3(in, Bytes(bytes.Clone(b))) // as far as it goes
	}
}

// ReadID3 reads the ID3v2 tag (2.2 to 2.4) that begins where r is, and passes it
// to its end. Of a tag that is damaged or too large it takes what it can. The
// error is that of r, or audio.ErrMalformed if there is no tag.
func ReadID3(in *audio.Info, r Source) error {
	var head [ID3Header]byte
	if _, err := r.ReadFull(head[:]); err != nil {
		return err
	}
	size := ID3Size(head[:])
	if size == 0 {
		return fmt.Errorf("tags: no ID3 tag: %w", audio.ErrMalformed)
	}
	t := &id3{in: in, r: r, version: head[3], left: int64(syncsafe(head[6:]))}
	footer := size - ID3Header - t.left
	t.unsync = head[5]&0x80 != 0
	t.whole = t.unsync && t.version < 4
	if t.version >= 2 && t.version <= 4 && !(t.version == 2 && head[5]&0x40 != 0) { // compressed as nobody knows
		t.read(head[5]&0x40 != 0)
	}
	if t.err != nil {
		return t.err
	}
	return r.Skip(t.left + footer)
}

// id3 is a tag while it is read.
type id3 struct {
	in      *audio.Info
	r       Source
	version byte
	unsync  bool  // 0xff 0x00 stands for 0xff
	whole   bool  // and sizes count what that leaves
	ff      bool  // what was read last ended with 0xff
	left    int64 // bytes not read yet, as they are in the file
	undone  int64 // of them read for nothing
	scratch []byte
	err     error // of r
	cover   Cover
	part    bool // it is what a chapter consists of
}

// next reads n bytes of the tag, or returns nil.
func (t *id3) next(n int64) (b []byte) {
	if t.err != nil || n > t.left {
		return nil
	}
	if !t.whole {
		b, t.err = take(t.r, int(n))
		t.left -= n
		return b
	}
	for int64(len(b)) < n {
		if t.left == 0 || t.err != nil {
			return nil
		}
		b = append(b, t.pull(n-int64(len(b)))...)
	}
	return b
}

// pull reads at most n bytes of a tag that is unsynchronised as a whole, and
// undoes that. What it returns is good until the next call.
func (t *id3) pull(n int64) []byte {
	if t.scratch == nil {
		t.scratch = make([]byte, maxFrame)
	}
	raw := t.scratch[:min(n, t.left, maxFrame)]
	if _, t.err = t.r.ReadFull(raw); t.err != nil {
		return nil
	}
	t.left -= int64(len(raw))
	before := t.ff
	t.ff = raw[len(raw)-1] == 0xff
	return synchronise(raw, before)
}

// synchronise takes out each 0 that follows an 0xff, which may have come before.
// It changes b.
func synchronise(b []byte, ff bool) []byte {
	n := 0
	for _, c := range b {
		if !ff || c != 0 {
			b[n] = c
			n++
		}
		ff = c == 0xff
	}
	return b[:n]
}

// skip passes n bytes.
func (t *id3) skip(n int64) bool {
	if t.err != nil || n > t.left {
		return false
	}
	if !t.whole {
		t.err = t.r.Skip(n)
		t.left -= n
		return t.err == nil
	}
	for n > 0 {
		if t.undone += min(n, maxFrame); t.undone > maxUndone || t.left == 0 || t.err != nil {
			return false
		}
		n -= int64(len(t.pull(n)))
	}
	return t.err == nil
}

// read reads the frames.
func (t *id3) read(extended bool) {
	if extended {
		b := t.next(4)
		if b == nil {
			return
		}
		size := int64(binary.BigEndian.Uint32(b))
		if t.version == 4 {
			size = int64(syncsafe(b)) - 4
		}
		if size < 0 || !t.skip(size) {
			return
		}
	}
	head := 10
	if t.version == 2 {
		head = 6
	}
	for range maxFrames {
		b := t.next(int64(head))
		if b == nil || b[0] == 0 {
			return
		}
		f := t.frame(b)
		if f.size > t.left || !t.take(f) {
			return
		}
	}
}

// A frame is the header of one.
type frame struct {
	name  string // as in 2.3
	size  int64
	flags byte
}

func (t *id3) frame(b []byte) frame {
	switch t.version {
	case 2:
		names := map[string]string{"TT2": "TIT2", "TP1": "TPE1", "TAL": "TALB", "TXX": "TXXX", "PIC": "APIC"}
		return frame{name: names[string(b[:3])], size: int64(b[3])<<16 | int64(b[4])<<8 | int64(b[5])}
	case 3:
		return frame{name: string(b[:4]), size: int64(binary.BigEndian.Uint32(b[4:])), flags: b[9]}
	}
	f := frame{name: string(b[:4]), size: int64(syncsafe(b[4:])), flags: b[9]}
	if (b[4]|b[5]|b[6]|b[7])&0x80 != 0 { // written as in 2.3
		f.size = int64(binary.BigEndian.Uint32(b[4:]))
	}
	return f
}

// take reads the body of f, if it is of use, and passes it.
func (t *id3) take(f frame) bool {
	limit := int64(maxFrame)
	switch f.name {
	case "TIT2", "TPE1", "TALB":
	case "TXXX", "RVA2", "CHAP":
		if t.part {
			return t.skip(f.size)
		}
	case "APIC":
		limit += MaxPicture
		if t.part || f.size > limit || !t.cover.Wants(t.in, FrontCover, 1) {
			return t.skip(f.size)
		}
	default:
		return t.skip(f.size)
	}
	n := min(f.size, limit)
	b := t.next(n)
	if b == nil && n > 0 {
		return false
	}
	if b, ok := t.plain(f, b); ok && len(b) > 1 {
		t.body(f.name, b)
	}
	return t.skip(f.size - n)
}

// plain undoes what the flags of f say was done to its body. It is false for
// what is compressed or encrypted.
func (t *id3) plain(f frame, b []byte) ([]byte, bool) {
	extra := 0
	switch t.version {
	case 3:
		if f.flags&0xc0 != 0 {
			return nil, false
		}
		extra = int(f.flags >> 5 & 1) // a group
	case 4:
		if f.flags&0x0c != 0 {
			return nil, false
		}
		if f.flags&0x02 != 0 || t.unsync {
			b = synchronise(b, false)
		}
		extra = int(f.flags>>6&1) + int(f.flags&1)*4 // a group, the length of the data
	}
	return b[min(extra, len(b)):], true
}

// ID3v1 reads the 128 bytes at the end of a file that begin with "TAG".
func ID3v1(in *audio.Info, b []byte) {
	if len(b) < 128 || string(b[:3]) != "TAG" {
		return
	}
	text := func(b []byte) string {
		b, _, _ = bytes.Cut(b, []byte{0})
		if utf8.Valid(b) {
			return string(b) // as some programs write it
		}
		return latin1(b)
	}
	Set(in, "TITLE", text(b[3:33]))
	Set(in, "ARTIST", text(b[33:63]))
	Set(in, "ALBUM", text(b[63:93]))
}

func syncsafe(b []byte) int {
	return int(b[0]&0x7f)<<21 | int(b[1]&0x7f)<<14 | int(b[2]&0x7f)<<7 | int(b[3]&0x7f)
}
