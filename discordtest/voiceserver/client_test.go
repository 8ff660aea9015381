package voiceserver_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/crypto/chacha20poly1305"

	"segue/discordtest/voiceserver"
)

const (
	guild, channel = 100, 500000000000000001
	alice, bob     = 11, 22
	patience       = 10 * time.Second
)

// silence is the frame that may travel bare.
var silence = []byte{0xf8, 0xff, 0xfe}

func newServer(t *testing.T, opt voiceserver.Options) *voiceserver.Server {
	t.Helper()
	before := runtime.NumGoroutine()
	s, err := voiceserver.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		for range 200 { // the clients' own goroutines need a moment
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after Close:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
	})
	return s
}

func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// client is a voice client that does nothing by itself.
type client struct {
	t    *testing.T
	srv  *voiceserver.Server
	ws   *websocket.Conn
	user uint64

	token string
	ssrc  uint32
	udp   *net.UDPConn
	own   *net.UDPAddr
	aead  cipher.AEAD
	seq   int // of the last numbered message

	packets uint32
}

type message struct {
	Op  int             `json:"op"`
	D   json.RawMessage `json:"d"`
	Seq *int            `json:"seq"`
	bin []byte
}

func dial(t *testing.T, s *voiceserver.Server, query string) (*websocket.Conn, error) {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: s.ClientTLS(), HandshakeTimeout: patience}
	ws, resp, err := d.Dial("wss://"+s.Endpoint()+"/"+query, nil)
	if err != nil && resp != nil {
		return nil, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	if err == nil {
		t.Cleanup(func() { _ = ws.Close() })
	}
	return ws, err
}

func connect(t *testing.T, s *voiceserver.Server, user uint64) *client {
	t.Helper()
	c := &client{t: t, srv: s, user: user}
	c.redial()
	return c
}

func (c *client) redial() {
	c.t.Helper()
	ws, err := dial(c.t, c.srv, "?v=8")
	if err != nil {
		c.t.Fatal(err)
	}
	c.ws = ws
	c.next(8)
}

func (c *client) send(op int, d any) {
	c.t.Helper()
	if err := c.ws.WriteJSON(map[string]any{"op": op, "d": d}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) raw(kind int, b []byte) {
	c.t.Helper()
	if err := c.ws.WriteMessage(kind, b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() (message, error) {
	_ = c.ws.SetReadDeadline(time.Now().Add(patience))
	kind, b, err := c.ws.ReadMessage()
	if err != nil {
		return message{}, err
	}
	var m message
	if kind == websocket.BinaryMessage {
		seq := int(binary.BigEndian.Uint16(b))
		m = message{Op: int(b[2]), Seq: &seq, bin: b[3:]}
	} else if err := json.Unmarshal(b, &m); err != nil {
		return message{}, err
	}
	if m.Seq != nil {
		c.seq = *m.Seq
	}
	return m, nil
}

// next skips to the next message with an opcode.
func (c *client) next(op int) message {
	c.t.Helper()
	for {
		m, err := c.read()
		if err != nil {
			c.t.Fatalf("waiting for opcode %d: %v", op, err)
		}
		if m.Op == op {
			return m
		}
	}
}

// closedWith skips to the end and returns the close code, 0 for a cut.
func (c *client) closedWith() int {
	c.t.Helper()
	for {
		_, err := c.read()
		if ce, ok := errors.AsType[*websocket.CloseError](err); ok && ce.Code != websocket.CloseAbnormalClosure {
			return ce.Code
		}
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			c.t.Fatal("not closed")
		}
		if err != nil {
			return 0
		}
	}
}

func (c *client) identity(change map[string]any) map[string]any {
	if c.token == "" {
		c.token = c.srv.Admit(voiceserver.Ticket{Guild: guild, Channel: channel, User: c.user, Session: "session"})
	}
	d := map[string]any{
		"server_id": fmt.Sprint(guild), "user_id": fmt.Sprint(c.user), "session_id": "session",
		"token": c.token, "max_dave_protocol_version": 1,
	}
	for k, v := range change {
		d[k] = v
	}
	return d
}

func (c *client) identify() *client {
	c.t.Helper()
	c.send(0, c.identity(nil))
	var d struct {
		SSRC uint32
		Port int
	}
	if err := json.Unmarshal(c.next(2).D, &d); err != nil {
		c.t.Fatal(err)
	}
	c.ssrc = d.SSRC
	c.openUDP(d.Port)
	return c
}

func (c *client) openUDP(port int) {
	c.t.Helper()
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	c.udp, c.own = conn, conn.LocalAddr().(*net.UDPAddr)
}

func (c *client) discovery() []byte {
	b := make([]byte, 74)
	binary.BigEndian.PutUint16(b, 1)
	binary.BigEndian.PutUint16(b[2:], 70)
	binary.BigEndian.PutUint32(b[4:], c.ssrc)
	return b
}

// udpNext returns the next datagram, or nil when none comes within d.
func (c *client) udpNext(d time.Duration) []byte {
	b := make([]byte, 2000)
	_ = c.udp.SetReadDeadline(time.Now().Add(d))
	n, err := c.udp.Read(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

func (c *client) discover() {
	c.t.Helper()
	c.datagram(c.discovery())
	b := c.udpNext(patience)
	if len(b) != 74 || int(binary.BigEndian.Uint16(b[72:])) != c.own.Port || strings.TrimRight(string(b[8:72]), "\x00") != "127.0.0.1" {
		c.t.Fatalf("discovery answered %x", b)
	}
}

func (c *client) datagram(b []byte) {
	c.t.Helper()
	if _, err := c.udp.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) selectProtocol(mode string) {
	c.t.Helper()
	c.send(1, map[string]any{"protocol": "udp", "data": map[string]any{"address": "127.0.0.1", "port": c.own.Port, "mode": mode}})
}

// join goes all the way to where media may flow.
func (c *client) join(mode string) *client {
	c.t.Helper()
	c.identify()
	c.discover()
	c.selectProtocol(mode)
	var d struct {
		Key []int `json:"secret_key"`
	}
	if err := json.Unmarshal(c.next(4).D, &d); err != nil {
		c.t.Fatal(err)
	}
	key := make([]byte, len(d.Key))
	for i, v := range d.Key {
		key[i] = byte(v)
	}
	if mode == voiceserver.ModeXChaCha20 {
		c.aead, _ = chacha20poly1305.NewX(key)
	} else {
		block, err := aes.NewCipher(key)
		if err != nil {
			c.t.Fatal(err)
		}
		c.aead, _ = cipher.NewGCM(block)
	}
	return c
}

func (c *client) speak() *client {
	c.t.Helper()
	c.send(5, map[string]any{"speaking": 1, "delay": 0, "ssrc": c.ssrc})
	ch := c.srv.Channel(guild, channel)
	if err := ch.Await(limit(c.t), func(s voiceserver.State) bool { return s.Member(c.user).Speaking }); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// seal makes a media packet; change may spoil its header first.
func (c *client) seal(payload []byte, nonce uint32, change func(header []byte) []byte) []byte {
	header := []byte{0x80, 0x78, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(header[2:], uint16(c.packets))
	binary.BigEndian.PutUint32(header[4:], c.packets*960)
	binary.BigEndian.PutUint32(header[8:], c.ssrc)
	if change != nil {
		header = change(header)
	}
	n := make([]byte, c.aead.NonceSize())
	binary.BigEndian.PutUint32(n, nonce)
	return append(c.aead.Seal(slices.Clone(header), n, payload, header), n[:4]...)
}

func (c *client) media(payload []byte) {
	c.t.Helper()
	c.datagram(c.seal(payload, c.packets, nil))
	c.packets++
}

// hear opens the next media packet, nil when none comes within d.
func (c *client) hear(d time.Duration) []byte {
	c.t.Helper()
	b := c.udpNext(d)
	if b == nil {
		return nil
	}
	n := make([]byte, c.aead.NonceSize())
	copy(n, b[len(b)-4:])
	p, err := c.aead.Open(nil, n, b[12:len(b)-4], b[:12])
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// daveFrame looks like one; only its outside matters to the server.
func daveFrame(n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(n))
	return append(b, 1, 2, 3, 4, 5, 6, 7, 8, 1, 12, 0xfa, 0xfa)
}
