package listener

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	headerSize    = 12
	tagSize       = 16
	discoverySize = 74
	discoverTries = 5
	discoverWait  = 300 * time.Millisecond
	maxStrays     = 100 // datagrams kept for an ssrc that nobody has announced
	lull          = 100 * time.Millisecond
)

// discover asks the server how it sees us, 74 bytes big-endian, and asks again
// if the datagram is lost.
func discover(ip string, port int, ssrc uint32) (conn *net.UDPConn, addr string, own int, err error) {
	conn, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(ip), Port: port})
	if err != nil {
		return nil, "", 0, err
	}
	_ = conn.SetReadBuffer(4 << 20)
	ask := make([]byte, discoverySize)
	binary.BigEndian.PutUint16(ask, 1)
	binary.BigEndian.PutUint16(ask[2:], discoverySize-4)
	binary.BigEndian.PutUint32(ask[4:], ssrc)
	b := make([]byte, 1500)
	for range discoverTries {
		if _, err = conn.Write(ask); err != nil {
			break
		}
		_ = conn.SetReadDeadline(time.Now().Add(discoverWait))
		var n int
		if n, err = conn.Read(b); err == nil && n == discoverySize && binary.BigEndian.Uint16(b) == 2 {
			text, _, _ := bytes.Cut(b[8:72], []byte{0})
			return conn, string(text), int(binary.BigEndian.Uint16(b[72:])), nil
		}
	}
	_ = conn.Close()
	return nil, "", 0, fmt.Errorf("IP discovery: no answer: %w", err)
}

// seal is the transport encryption of one call.
type seal struct {
	aead  cipher.AEAD
	nonce uint32 // the next to use
}

func newSeal(mode string, key []byte) (*seal, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("secret key of %d bytes", len(key))
	}
	var aead cipher.AEAD
	var err error
	switch mode {
	case ModeAES256GCM:
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	case ModeXChaCha20:
		aead, err = chacha20poly1305.NewX(key)
	default:
		err = fmt.Errorf("mode %q", mode)
	}
	return &seal{aead: aead}, err
}

// close seals a payload behind its header.
func (s *seal) close(header, payload []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	binary.BigEndian.PutUint32(nonce, s.nonce)
	s.nonce++
	out := s.aead.Seal(bytes.Clone(header), nonce, payload, header)
	return append(out, nonce[:4]...)
}

// datagram is a media packet, transport encryption taken off.
type datagram struct {
	at        time.Time
	seq       uint16
	timestamp uint32
	ssrc      uint32
	payload   []byte
}

var errNotMedia = errors.New("not a media packet")

// open takes a datagram apart. The payload is a slice of its own.
func (s *seal) open(b []byte, at time.Time) (d datagram, err error) {
	if len(b) < headerSize || b[0]>>6 != 2 || b[1]&0x7f != 0x78 {
		return d, errNotMedia
	}
	end := headerSize + 4*int(b[0]&0xf)
	extended := b[0]&0x10 != 0
	if extended {
		end += 4
	}
	if len(b) < end+tagSize+4 {
		return d, errNotMedia
	}
	nonce := make([]byte, s.aead.NonceSize())
	copy(nonce, b[len(b)-4:])
	payload, err := s.aead.Open(nil, nonce, b[end:len(b)-4], b[:end])
	if err != nil {
		return d, err
	}
	if extended { // its body is in the sealed part
		n := 4 * int(binary.BigEndian.Uint16(b[end-2:]))
		if n > len(payload) {
			return d, errNotMedia
		}
		payload = payload[n:]
	}
	if b[0]&0x20 != 0 && len(payload) > 0 { // padding says its own length
		n := int(payload[len(payload)-1])
		if n == 0 || n > len(payload) {
			return d, errNotMedia
		}
		payload = payload[:len(payload)-n]
	}
	return datagram{
		at: at, seq: binary.BigEndian.Uint16(b[2:]), timestamp: binary.BigEndian.Uint32(b[4:]),
		ssrc: binary.BigEndian.Uint32(b[8:]), payload: payload,
	}, nil
}

// receive reads datagrams until the socket is closed.
func (l *Listener) receive() {
	b := make([]byte, 1<<16)
	for {
		_ = l.udp.SetReadDeadline(time.Now().Add(lull))
		n, err := l.udp.Read(b)
		now := time.Now()
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			l.lull(now)
			continue
		}
		if err != nil {
			l.end(fmt.Errorf("media: %w", err))
			return
		}
		l.mu.Lock()
		s := l.seal
		l.mu.Unlock()
		l.lull(now)
		d, err := s.open(b[:n], now)
		if err != nil {
			continue // keep-alives and noise
		}
		l.mu.Lock()
		user, known := l.users[d.ssrc]
		if !known && len(l.strays[d.ssrc]) < maxStrays {
			l.strays[d.ssrc] = append(l.strays[d.ssrc], d)
		}
		l.mu.Unlock()
		if known {
			l.hear(user, d)
		}
	}
}
