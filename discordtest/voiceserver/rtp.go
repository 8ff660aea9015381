package voiceserver

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	rtpHeader   = 12
	payloadType = 0x78 // Opus
	frameTime   = 960  // RTP timestamp units in 20 ms
)

// packet is an RTP packet taken apart, still sealed.
type packet struct {
	header    []byte // what the seal authenticates, extension preamble included
	sealed    []byte // ciphertext and tag
	nonce     []byte // 4 bytes
	seq       uint16
	timestamp uint32
	ssrc      uint32
	kind      byte // payload type with the marker bit
}

// parsePacket takes an rtpsize datagram apart. The result refers to b.
func parsePacket(b []byte) (p packet, err error) {
	if len(b) < rtpHeader {
		return p, errors.New("shorter than an RTP header")
	}
	if b[0]>>6 != 2 {
		return p, fmt.Errorf("RTP version %d", b[0]>>6)
	}
	n := rtpHeader + 4*int(b[0]&0xf)
	if b[0]&0x10 != 0 {
		n += 4
	}
	if len(b) < n+16+4 {
		return p, errors.New("too short for its header, a tag and a nonce")
	}
	return packet{
		header: b[:n], sealed: b[n : len(b)-4], nonce: b[len(b)-4:],
		kind: b[1], seq: binary.BigEndian.Uint16(b[2:]),
		timestamp: binary.BigEndian.Uint32(b[4:]), ssrc: binary.BigEndian.Uint32(b[8:]),
	}, nil
}

// rtpCheck holds one sender to what a receiver may count on.
type rtpCheck struct {
	begun     bool
	seq       uint16
	timestamp uint32
	keyed     bool // a nonce has been used with this key
	nonce     [4]byte
	risesBig  bool // nonces have counted up so far, read big-endian
	risesLess bool // and little-endian: Discord does not mind which
}

// next judges a packet that opened and returns what is wrong with it.
func (c *rtpCheck) next(p packet, ssrc uint32) (faults []string) {
	complain := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if p.ssrc != ssrc {
		complain("sent media with ssrc %d, its own is %d", p.ssrc, ssrc)
	}
	if p.kind != payloadType {
		complain("sent media with payload type byte %#x, Opus is %#x", p.kind, payloadType)
	}
	if c.begun {
		if step := p.seq - c.seq; step != 1 {
			complain("sent media whose sequence number moved by %d", int16(step))
		}
		if step := p.timestamp - c.timestamp; step == 0 || step%frameTime != 0 || int32(step) < 0 {
			complain("sent media whose timestamp moved by %d, not by a multiple of %d", int32(step), frameTime)
		}
	}
	nonce := [4]byte(p.nonce)
	if !c.rises(nonce) {
		complain("used nonce %x after %x, which does not count up", nonce, c.nonce)
	}
	c.nonce = nonce
	c.begun, c.seq, c.timestamp = true, p.seq, p.timestamp
	return faults
}

// rises says whether nonces count up still, so that none can be used twice.
func (c *rtpCheck) rises(nonce [4]byte) bool {
	if !c.keyed {
		c.keyed, c.risesBig, c.risesLess = true, true, true
		return true
	}
	c.risesBig = c.risesBig && binary.BigEndian.Uint32(nonce[:]) > binary.BigEndian.Uint32(c.nonce[:])
	c.risesLess = c.risesLess && binary.LittleEndian.Uint32(nonce[:]) > binary.LittleEndian.Uint32(c.nonce[:])
	return c.risesBig || c.risesLess
}

// content says what an opened payload is.
type content int

const (
	plainFrame content = iota
	silenceFrame
	sealedFrame
)

// classify looks for the marker that ends a DAVE frame. Silence may travel bare.
func classify(payload []byte) content {
	n := len(payload)
	switch {
	case n == 3 && payload[0] == 0xf8 && payload[1] == 0xff && payload[2] == 0xfe:
		return silenceFrame
	case n >= 12 && payload[n-1] == 0xfa && payload[n-2] == 0xfa && int(payload[n-3]) < n && payload[n-3] >= 12:
		return sealedFrame
	}
	return plainFrame
}
