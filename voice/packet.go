package voice

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// Transport encryption modes, best first. Discord offers the second always.
const (
	modeAES     = "aead_aes256_gcm_rtpsize"
	modeXChaCha = "aead_xchacha20_poly1305_rtpsize"
)

const (
	maxFrame  = 1275 // bytes: the longest Opus frame there is (RFC 6716, 3.2.1)
	header    = 12   // bytes of an RTP header without extras
	daveExtra = 32   // bytes DAVE may add, with room to work
	maxPacket = header + maxFrame + daveExtra + 16 + 4
	rtpType   = 0x78 // payload type 120: Opus at Discord
)

// silence is the Opus frame of 20 ms of nothing.
var silence = [...]byte{0xf8, 0xff, 0xfe}

// An encrypter seals a frame end to end; godave.Session is one.
type encrypter interface {
	Encrypt(ssrc uint32, frame, out []byte) (int, error)
}

// chooseMode picks the transport mode to use of those the server offers.
func chooseMode(offered []string) (string, error) {
	for _, mode := range []string{modeAES, modeXChaCha} {
		if slices.Contains(offered, mode) {
			return mode, nil
		}
	}
	return "", unsupported(fmt.Errorf("no known encryption mode among %q", offered))
}

// A sealer makes RTP packets of one stream under one transport key. Everything
// happens in its one buffer: a packet is good until the next seal.
type sealer struct {
	mode  string
	key   [32]byte
	aead  cipher.AEAD
	ssrc  uint32
	spent bool   // the counter went round: the key must not be used again
	count uint32 // next transport nonce
	nonce [chacha20poly1305.NonceSizeX]byte
	buf   [maxPacket]byte
}

func newSealer(mode string, key [32]byte, ssrc uint32) (*sealer, error) {
	s := &sealer{mode: mode, key: key, ssrc: ssrc}
	var err error
	switch mode {
	case modeAES:
		var block cipher.Block
		if block, err = aes.NewCipher(key[:]); err == nil {
			s.aead, err = cipher.NewGCM(block)
		}
	case modeXChaCha:
		s.aead, err = chacha20poly1305.NewX(key[:])
	default:
		err = unsupported(fmt.Errorf("encryption mode %q", mode))
	}
	if err != nil {
		return nil, err
	}
	s.buf[0], s.buf[1] = 0x80, rtpType
	binary.BigEndian.PutUint32(s.buf[8:], ssrc)
	return s, nil
}

// seal makes the packet for frame, of at most maxFrame bytes: first e, then the
// transport, both in place. When e refuses, no nonce is used up, and the caller
// may use the same sequence number again.
func (s *sealer) seal(e encrypter, frame []byte, seq uint16, timestamp uint32) ([]byte, error) {
	if s.spent {
		return nil, errSpent
	}
	binary.BigEndian.PutUint16(s.buf[2:], seq)
	binary.BigEndian.PutUint32(s.buf[4:], timestamp)
	const room = header + maxFrame + daveExtra
	n, err := e.Encrypt(s.ssrc, frame, s.buf[header:header:room])
	if err != nil {
		return nil, err
	}
	if n <= 0 || n > room-header {
		return nil, protocol("encrypted frame of %d bytes", n)
	}
	binary.LittleEndian.PutUint32(s.nonce[:], s.count)
	body := s.buf[header : header+n]
	out := s.aead.Seal(body[:0], s.nonce[:s.aead.NonceSize()], body, s.buf[:header])
	end := header + len(out)
	copy(s.buf[end:], s.nonce[:4])
	s.count++
	s.spent = s.count == 0
	return s.buf[:end+4], nil
}
