package tags

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	apeFooter = 32
	id3v1Size = 128
	maxItems  = 1 << 10
)

// ReadEnd reads the tags at the end of media that can seek and whose size is
// known: APE (version 1 or 2) and ID3v1. Nothing before begin is looked at. Where r
// is afterwards is not told; the error is that of r.
func ReadEnd(in *audio.Info, r *input.Reader, begin int64) error {
	const both = apeFooter + id3v1Size
	end := r.Size()
	if end < begin+apeFooter {
		return nil
	}
	if err := r.Jump(max(begin, end-both)); err != nil {
		return err
	}
	b, err := r.Peek(int(min(both, end-begin)))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var old [id3v1Size]byte
	if n := len(b) - id3v1Size; n >= 0 && string(b[n:n+3]) == "TAG" {
		copy(old[:], b[n:])
		b, end = b[:n], end-id3v1Size
	}
	if n := len(b) - apeFooter; n >= 0 && string(b[n:n+8]) == "APETAGEX" {
		size, count := int64(binary.LittleEndian.Uint32(b[n+12:])), binary.LittleEndian.Uint32(b[n+16:])
		if at := end - size; size >= apeFooter && at >= begin {
			if err := r.Jump(at); err != nil {
				return err
			}
			if err := readItems(in, r, size-apeFooter, count); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
		}
	}
	ID3v1(in, old[:])
	return nil
}

// readItems reads the items of an APE tag, left bytes long.
func readItems(in *audio.Info, r Source, left int64, count uint32) error {
	const head, maxKey = 8, 256
	var cover Cover
	for range min(count, maxItems) {
		var b [head]byte
		if left -= head; left < 0 {
			return nil
		}
		if _, err := r.ReadFull(b[:]); err != nil {
			return err
		}
		size := int64(binary.LittleEndian.Uint32(b[:]))
		key, err := word(r, min(left, maxKey))
		if err != nil {
			return err
		}
		if left -= int64(len(key)) + 1; size > left || key == "" {
			return nil
		}
		left -= size
		if err := readItem(in, &cover, r, key, size); err != nil {
			return err
		}
	}
	return nil
}

// readItem reads the size bytes of one.
func readItem(in *audio.Info, cover *Cover, r Source, key string, size int64) error {
	kind := uint32(0)
	switch strings.ToUpper(key) {
	case "COVER ART (FRONT)":
		kind = FrontCover
		fallthrough
	case "COVER ART (BACK)", "COVER ART (OTHER)":
		if !cover.Wants(in, kind, 1) || size > MaxPicture+maxText {
			return r.Skip(size)
		}
		name, err := word(r, min(size, maxText)) // of the file it was
		if err != nil {
			return err
		}
		size -= min(int64(len(name))+1, size)
		if cover.Wants(in, kind, size) {
			return cover.Picture(in, r, kind, "", size)
		}
		return r.Skip(size)
	}
	b, err := take(r, int(min(size, maxFrame)))
	if err != nil {
		return err
	}
	Set(in, key, first(string(b)))
	return r.Skip(size - int64(len(b)))
}

// word reads up to a zero, at most limit bytes with it.
func word(r Source, limit int64) (string, error) {
	var b []byte
	for range limit {
		var c [1]byte
		if _, err := r.ReadFull(c[:]); err != nil {
			return "", err
		}
		if c[0] == 0 {
			break
		}
		b = append(b, c[0])
	}
	return string(b), nil
}
