package hls

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"segue/audio"
)

// A decrypter undoes AES-128 in CBC mode with PKCS7 padding (RFC 8216, 4.3.2.4)
// as bytes come.
type decrypter struct {
	r      io.Reader
	mode   cipher.BlockMode
	buf    [4096]byte
	clear  []byte // of buf, still to be given
	from   int    // of buf: what is read and not decrypted
	to     int
	last   [aes.BlockSize]byte // decrypted, held back: it may be padding
	holds  bool
	failed error
	idle   int // reads in a row that gave nothing
}

// decrypt makes one; key has 16 bytes.
func decrypt(r io.Reader, key []byte, iv [16]byte) (*decrypter, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("hls: %w", err)
	}
	return &decrypter{r: r, mode: cipher.NewCBCDecrypter(block, iv[:])}, nil
}

// vectorOf is the vector of the segment with a number.
func vectorOf(sequence int64) (iv [16]byte) {
	binary.BigEndian.PutUint64(iv[8:], uint64(sequence))
	return iv
}

func (d *decrypter) Read(p []byte) (int, error) {
	for len(d.clear) == 0 {
		if d.failed != nil {
			return 0, d.failed
		}
		d.fill()
	}
	n := copy(p, d.clear)
	d.clear = d.clear[n:]
	return n, nil
}

// fill decrypts what there is. A block is left free before, for the one held back.
func (d *decrypter) fill() {
	const block = aes.BlockSize
	if d.from > 0 {
		copy(d.buf[block:], d.buf[d.from:d.to])
		d.to += block - d.from
	} else {
		d.to = block
	}
	d.from = block
	n, err := d.r.Read(d.buf[d.to:])
	if d.to += n; n > 0 {
		d.idle = 0
	} else if d.idle++; d.idle > 100 && err == nil {
		err = io.ErrNoProgress
	}
	whole := d.buf[block : d.to-(d.to-block)%block]
	d.from += len(whole)
	if len(whole) > 0 {
		d.mode.CryptBlocks(whole, whole)
		d.clear = whole
		if d.holds {
			copy(d.buf[:block], d.last[:])
			d.clear = d.buf[:block+len(whole)]
		}
		d.holds = true
		copy(d.last[:], d.clear[len(d.clear)-block:])
		d.clear = d.clear[:len(d.clear)-block]
	}
	if err != nil {
		d.finish(err)
	}
}

// finish takes off the padding. Some servers leave it out: what is none is sound.
func (d *decrypter) finish(err error) {
	d.failed = err
	if !errors.Is(err, io.EOF) {
		return
	}
	if d.to > d.from {
		d.failed = fmt.Errorf("hls: an encrypted segment of no whole blocks: %w", audio.ErrTruncated)
	}
	if !d.holds {
		return
	}
	d.holds = false
	keep := len(d.last)
	if pad := int(d.last[keep-1]); pad >= 1 && pad <= keep && padded(d.last[keep-pad:], byte(pad)) {
		keep -= pad
	}
	d.clear = append(d.clear[:len(d.clear):len(d.clear)], d.last[:keep]...)
}

func padded(b []byte, with byte) bool {
	for _, c := range b {
		if c != with {
			return false
		}
	}
	return true
}
