package voiceserver

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	discoverySize  = 74
	keepAliveSize  = 8
	speakingGrace  = 250 * time.Millisecond // by how much a datagram may overtake a websocket message
	keepAliveAsks  = 0x1337cafe             // of Discord's own clients
	keepAliveReply = 0x1337f00d
)

func (s *Server) udpPort() int {
	if a, ok := s.udp.LocalAddr().(*net.UDPAddr); ok {
		return a.Port
	}
	return 0
}

func (s *Server) newSSRC(m *member) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastSSRC++
	s.ssrcs[s.lastSSRC] = m
	return s.lastSSRC
}

// forget frees what a member who left has here.
func (s *Server) forget(m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ssrcs, m.ssrc)
	if s.addrs[m.addr] == m {
		delete(s.addrs, m.addr)
		s.former[m.addr] = struct{}{}
	}
}

// rekey gives a member a fresh transport key; the channel is locked.
func (m *member) rekey(mode string) error {
	if _, err := rand.Read(m.key[:]); err != nil {
		return fmt.Errorf("transport key: %w", err)
	}
	var err error
	if mode == ModeXChaCha20 {
		m.aead, err = chacha20poly1305.NewX(m.key[:])
	} else {
		var block cipher.Block
		if block, err = aes.NewCipher(m.key[:]); err == nil {
			m.aead, err = cipher.NewGCM(block)
		}
	}
	m.mode, m.nonce, m.rtp.keyed = mode, 0, false
	return err
}

// forward reads datagrams until the socket is closed.
func (s *Server) forward() {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		s.datagram(buf[:n], from)
	}
}

func (s *Server) datagram(b []byte, from netip.AddrPort) {
	switch {
	case len(b) == discoverySize && binary.BigEndian.Uint16(b) == 1:
		s.discover(b, from)
	case len(b) == keepAliveSize:
		s.keepAlive(b, from)
	default:
		s.media(b, from)
	}
}

// discover answers IP discovery: 74 bytes, big-endian.
func (s *Server) discover(b []byte, from netip.AddrPort) {
	if s.loses(func(f *Faults) *int { return &f.LoseDiscovery }) {
		return
	}
	s.mu.Lock()
	m := s.ssrcs[binary.BigEndian.Uint32(b[4:])]
	s.mu.Unlock()
	if length := binary.BigEndian.Uint16(b[2:]); m == nil || length != discoverySize-4 {
		s.violation(0, "sent a discovery request for ssrc %d with length %d", binary.BigEndian.Uint32(b[4:]), length)
		return
	}
	m.channel.mu.Lock()
	s.mu.Lock()
	if !m.gone {
		if s.addrs[m.addr] == m {
			delete(s.addrs, m.addr)
		}
		m.addr = from
		s.addrs[from] = m
		delete(s.former, from)
	}
	s.mu.Unlock()
	m.channel.mu.Unlock()
	out := make([]byte, discoverySize)
	binary.BigEndian.PutUint16(out, 2)
	copy(out[2:8], b[2:8])
	copy(out[8:], from.Addr().Unmap().String())
	binary.BigEndian.PutUint16(out[discoverySize-2:], from.Port())
	s.sendUDP(out, from)
}

// keepAlive echoes, as the real server does.
func (s *Server) keepAlive(b []byte, from netip.AddrPort) {
	s.mu.Lock()
	m := s.addrs[from]
	_, left := s.former[from]
	s.mu.Unlock()
	if left {
		return // as with media
	}
	if m == nil {
		s.violation(0, "sent a keep-alive from an address without discovery")
		return
	}
	m.channel.mu.Lock()
	m.counts.KeepAlives++
	m.channel.change()
	m.channel.mu.Unlock()
	out := bytes.Clone(b)
	if binary.BigEndian.Uint32(out) == keepAliveAsks {
		binary.BigEndian.PutUint32(out, keepAliveReply)
	}
	s.sendUDP(out, from)
}

func (s *Server) sendUDP(b []byte, to netip.AddrPort) {
	_, _ = s.udp.WriteToUDPAddrPort(b, to) // datagrams may be lost, and Close ends them all
}

// media checks a packet where it arrives, then lets it meet its fate.
func (s *Server) media(b []byte, from netip.AddrPort) {
	p, err := parsePacket(b)
	s.mu.Lock()
	m, up := s.addrs[from], s.faults.Up
	_, left := s.former[from]
	s.mu.Unlock()
	if left {
		return // it was on the way when its sender left
	}
	if m == nil || err != nil {
		user := uint64(0)
		if m != nil {
			user = m.id
		}
		s.violation(user, "sent a datagram that is nothing known, or before discovery (%v)", err)
		return
	}
	c := m.channel
	c.mu.Lock()
	payload, ok := c.open(m, p)
	n := m.up
	m.up++
	c.mu.Unlock()
	if !ok {
		return
	}
	header := bytes.Clone(p.header)
	s.pass(up, n, func() { c.relay(m, header, payload) })
}

// open decrypts and judges a packet; c.mu is held.
func (c *Channel) open(m *member, p packet) (payload []byte, ok bool) {
	defer c.change()
	if m.gone {
		return nil, false
	}
	if m.aead == nil {
		c.srv.violation(m.id, "sent media before selecting a protocol")
		return nil, false
	}
	nonce := make([]byte, m.aead.NonceSize())
	copy(nonce, p.nonce)
	payload, err := m.aead.Open(nil, nonce, p.sealed, p.header)
	if err != nil {
		m.counts.Unreadable++
		c.srv.violation(m.id, "sent media that does not decrypt")
		return nil, false
	}
	for _, fault := range m.rtp.next(p, m.ssrc) {
		c.srv.violation(m.id, "%s", fault)
	}
	if !m.spoke && !m.doubted {
		m.doubted = true
		c.srv.timers.after(speakingGrace, func() { c.doubt(m) })
	}
	m.counts.Packets++
	if c.tap != nil {
		c.tap(Media{At: time.Now(), User: m.id, Seq: p.seq, Timestamp: p.timestamp, Payload: bytes.Clone(payload)})
	}
	switch classify(payload) {
	case sealedFrame:
		m.counts.E2EE++
	case silenceFrame:
		m.counts.Silence++
	default:
		m.counts.Plain++
		if c.group.MustSeal(m.id) {
			m.counts.Dropped++
			c.srv.violation(m.id, "sent plaintext into an end-to-end encrypted call")
			return nil, false
		}
	}
	return payload, true
}

// doubt is called a little after media came from somebody who had not said to
// speak. By then the word must be here: it may only have been slower.
func (c *Channel) doubt(m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !m.spoke {
		c.srv.violation(m.id, "sent media before speaking (opcode 5)")
	}
}

// relay hands a payload on to everybody else who can use it.
func (c *Channel) relay(from *member, header, payload []byte) {
	down := c.srv.fault().Down
	sealed := classify(payload) == sealedFrame
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.srv.hush(c.guild, from.id).mute {
		from.counts.Muted++
		c.change()
		return
	}
	for _, m := range c.others(from) {
		if m.aead == nil || !m.addr.IsValid() || sealed && !c.group.MayHear(m.id) || c.srv.hush(c.guild, m.id).deaf {
			continue
		}
		m.nonce++
		nonce := make([]byte, m.aead.NonceSize())
		binary.BigEndian.PutUint32(nonce, m.nonce)
		out := m.aead.Seal(bytes.Clone(header), nonce, payload, header)
		out = append(out, nonce[:4]...)
		n, addr := m.down, m.addr
		m.down++
		c.srv.pass(down, n, func() { c.srv.sendUDP(out, addr) })
	}
}
