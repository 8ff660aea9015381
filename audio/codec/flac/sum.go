package flac

import (
	"crypto/md5"
	"hash"

	"segue/audio"
)

// A Sum checks a whole stream against the MD5 in its STREAMINFO.
type Sum struct {
	dec     *Decoder
	hash    hash.Hash
	samples []int32
	raw     []byte
}

// NewSum returns a Sum over no frames yet. The error is NewDecoder's.
func NewSum(private []byte) (*Sum, error) {
	dec, err := NewDecoder(private)
	if err != nil {
		return nil, err
	}
	return &Sum{dec: dec, hash: md5.New()}, nil
}

// Add decodes the frame in p and adds its samples, which are in as few whole bytes
// as hold them, the lowest first (RFC 9639, 8.2). Errors are Decode's. It returns how
// many samples per channel they were.
func (s *Sum) Add(p audio.Packet) (n int, err error) {
	var bits int
	if s.samples, bits, err = s.dec.DecodeInt(s.samples[:0], p); err != nil {
		return 0, err
	}
	s.raw = s.raw[:0]
	for _, v := range s.samples {
		for range (bits + 7) / 8 {
			s.raw = append(s.raw, byte(v))
			v >>= 8
		}
	}
	s.hash.Write(s.raw)
	return len(s.samples) / s.dec.channels, nil
}

// Matches reports whether all that was added is what the encoder was given; known
// is false if the encoder did not say.
func (s *Sum) Matches() (ok, known bool) {
	return [md5.Size]byte(s.hash.Sum(nil)) == s.dec.info.MD5, s.dec.info.MD5 != [md5.Size]byte{}
}

// MD5 is the sum so far.
func (s *Sum) MD5() [md5.Size]byte { return [md5.Size]byte(s.hash.Sum(nil)) }
