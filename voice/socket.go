package voice

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	discoverySize  = 74   // bytes of an IP discovery request and answer
	largest        = 1536 // bytes, more than a datagram that comes through the Internet
	discoveryFirst = 200 * time.Millisecond
	discoveryTries = 6 // with doubling up to a second: 4.4 s in all
	keepAliveEvery = 5 * time.Second
)

// A socket is the UDP leg of a session: one per session, connected to the
// server's media address.
type socket struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	stats *counters
	done  chan struct{}
	once  sync.Once

	in []byte // of the goroutine that reads, whose stack would double for it

	// Of the goroutine that sends packets.
	out   []byte
	err   error
	write func(fd uintptr) bool // made once: a closure per packet would be an allocation
}

// dialUDP makes the socket; nothing is sent yet.
func dialUDP(ctx context.Context, host string, port int, stats *counters) (*socket, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil || port <= 0 || port > 0xffff {
		return nil, protocol("media address %q port %d", host, port)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp", netip.AddrPortFrom(ip, uint16(port)).String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDiscovery, err)
	}
	s := &socket{conn: c.(*net.UDPConn), stats: stats, done: make(chan struct{}), in: make([]byte, largest)}
	if s.raw, err = s.conn.SyscallConn(); err != nil {
		_ = c.Close()
		return nil, err
	}
	s.write = s.writeOnce
	return s, nil
}

// close ends the socket and whoever reads from it. It may be called twice.
func (s *socket) close() {
	s.once.Do(func() {
		close(s.done)
		_ = s.conn.Close()
	})
}

// discover asks the server for the address it sees us at, again and again
// until it answers or the tries are used up. The first answer may take wait, the
// later ones twice as long each time, up to five times wait.
func (s *socket) discover(ctx context.Context, ssrc uint32, wait time.Duration) (netip.AddrPort, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	ask := discoveryRequest(ssrc)
	most := 5 * wait
	for range discoveryTries {
		if ctx.Err() != nil {
			return netip.AddrPort{}, context.Cause(ctx)
		}
		// A refused datagram is reported on the next call; the server may
		// only just be starting, so it counts as a lost one.
		_, _ = s.conn.Write(ask[:])
		deadline := time.Now().Add(wait)
		_ = s.conn.SetReadDeadline(deadline)
		for ctx.Err() == nil {
			n, err := s.conn.Read(s.in)
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					return netip.AddrPort{}, fmt.Errorf("%w: %w", errDiscovery, err)
				}
				if time.Now().Before(deadline) {
					_ = pause(ctx, time.Until(deadline))
				}
				break
			}
			if addr, ok := parseDiscovery(s.in[:n], ssrc); ok {
				return addr, nil
			}
		}
		wait = min(2*wait, most)
	}
	return netip.AddrPort{}, errDiscovery
}

func discoveryRequest(ssrc uint32) (b [discoverySize]byte) {
	binary.BigEndian.PutUint16(b[0:], 1)
	binary.BigEndian.PutUint16(b[2:], discoverySize-4)
	binary.BigEndian.PutUint32(b[4:], ssrc)
	return b
}

// parseDiscovery reads an answer meant for ssrc: type 2, length 70, ssrc, the
// address as text ending in NUL, port.
func parseDiscovery(b []byte, ssrc uint32) (netip.AddrPort, bool) {
	if len(b) != discoverySize || binary.BigEndian.Uint16(b) != 2 ||
		binary.BigEndian.Uint16(b[2:]) != discoverySize-4 || binary.BigEndian.Uint32(b[4:]) != ssrc {
		return netip.AddrPort{}, false
	}
	text := b[8:72]
	for i, c := range text {
		if c == 0 {
			text = text[:i]
			break
		}
	}
	ip, err := netip.ParseAddr(string(text))
	port := binary.BigEndian.Uint16(b[72:])
	if err != nil || ip.Zone() != "" || port == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip, port), true
}

// drain reads and forgets whatever comes, so that the kernel's buffer never
// fills, and keeps the NAT's mapping alive with a counter every 5 s. It returns
// when the socket is closed.
func (s *socket) drain() {
	var alive [8]byte
	next := time.Now() // the first one goes out at once
	for n := uint64(0); ; {
		if !time.Now().Before(next) {
			binary.LittleEndian.PutUint64(alive[:], n)
			n++
			_, _ = s.conn.Write(alive[:])
			next = time.Now().Add(keepAliveEvery)
			_ = s.conn.SetReadDeadline(next)
		}
		got, err := s.conn.Read(s.in)
		switch ne, timeout := errors.AsType[net.Error](err); {
		case err == nil:
			s.stats.received.Add(int64(got))
		case errors.Is(err, net.ErrClosed):
			return
		case timeout && ne.Timeout():
		default:
			// An ICMP message about an earlier datagram: it may pass.
			select {
			case <-s.done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// send puts one datagram on the wire, or drops it when the kernel has no room:
// it never waits. The packet is the caller's again when it returns.
func (s *socket) send(packet []byte) error {
	s.out = packet
	if err := s.raw.Write(s.write); err != nil {
		return err
	}
	return s.err
}
