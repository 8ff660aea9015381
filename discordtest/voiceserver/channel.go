package voiceserver

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"segue/discordtest/delivery"
)

// A Channel is one voice channel on one server: who is connected, the DAVE
// group, and a diary of what went to and fro.
type Channel struct {
	srv   *Server
	guild uint64
	stage bool

	mu      sync.Mutex
	members map[uint64]*member
	group   *delivery.Group
	timed   map[uint16]time.Time // transitions that have a timer, and since when
	flush   bool                 // a timer for collected proposals runs
	held    []heldCommit
	hold    time.Duration
	prefer  func(user uint64) int
	spoil   map[spoilKey]int
	events  []Event
	changed chan struct{} // closed at the next change; nil while nobody waits
	tap     func(Media)
}

type spoilKey struct {
	user uint64
	op   int
}

type heldCommit struct {
	from uint64
	body []byte
}

// member is one user's session. The channel's mutex guards it.
type member struct {
	channel *Channel
	id      uint64
	token   string
	session string
	highest uint16
	ssrc    uint32
	link    *link // nil while away
	gone    bool
	joined  bool // has had its session description
	spoke   bool // has sent opcode 5 with a flag set
	doubted bool // media came before that
	forget  func()

	seq   int
	acked int
	sent  []sent

	mode   string
	key    [32]byte
	aead   cipher.AEAD
	addr   netip.AddrPort
	nonce  uint32 // of the last datagram to it
	rtp    rtpCheck
	up     int // datagrams from it and to it, for Faults
	down   int
	counts Counts
}

// sent is a message that can be asked for again.
type sent struct {
	seq  int
	kind int
	data []byte
}

func newChannel(s *Server, guild, id uint64, stage bool) *Channel {
	policy := s.opt.Policy
	policy.Plain = policy.Plain || stage
	policy.Batch = policy.Batch || s.opt.ProposalDelay > 0
	identity := binary.BigEndian.AppendUint64(nil, 1)
	return &Channel{
		srv: s, guild: guild, stage: stage, members: map[uint64]*member{}, timed: map[uint16]time.Time{}, spoil: map[spoilKey]int{},
		group: delivery.NewGroup(id, delivery.NewExternalSender(identity), policy),
	}
}

// An Event is one line of a channel's diary. Heartbeats and media are left out.
type Event struct {
	At   time.Time
	Dir  byte // '<' from a client, '>' to a client, '!' a remark of the server
	User uint64
	Op   int
	Note string
}

// note writes a line; c.mu is held.
func (c *Channel) note(dir byte, user uint64, op int, format string, args ...any) {
	e := Event{time.Now(), dir, user, op, fmt.Sprintf(format, args...)}
	c.events = append(c.events, e)
	c.change()
	c.srv.opt.Log.LogAttrs(context.Background(), slog.LevelDebug, "voice server",
		slog.String("dir", string(dir)), slog.Uint64("user", user), slog.Int("op", op), slog.String("note", e.Note))
}

func (c *Channel) mark(dir byte, user uint64, op int, note string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(dir, user, op, "%s", note)
}

func (c *Channel) change() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// post sends a message that resuming repeats; c.mu is held.
func (m *member) post(kind int, data []byte) {
	m.sent = append(m.sent, sent{m.seq, kind, data})
	if len(m.sent) > 2*backlog {
		m.sent = slices.Clone(m.sent[backlog:])
	}
	if m.link != nil {
		m.link.send(kind, data)
	}
}

func (m *member) text(op int, data any) {
	m.seq++
	b := encode(map[string]any{"op": op, "d": data, "seq": m.seq})
	m.channel.note('>', m.id, op, "%s", b)
	m.post(websocket.TextMessage, b)
}

func (m *member) binary(op int, body []byte) {
	m.seq++
	b := append(binary.BigEndian.AppendUint16(nil, uint16(m.seq)), byte(op))
	m.channel.note('>', m.id, op, "%d bytes", len(body))
	m.post(websocket.BinaryMessage, append(b, body...))
}

// others lists the members who have joined, without m, in order of their ids.
func (c *Channel) others(m *member) []*member {
	var out []*member
	for _, id := range slices.Sorted(maps.Keys(c.members)) {
		if o := c.members[id]; o != m && o.joined {
			out = append(out, o)
		}
	}
	return out
}

func id(user uint64) string { return strconv.FormatUint(user, 10) }

func (c *Channel) selectProtocol(m *member, data json.RawMessage) error {
	var d struct {
		Protocol string `json:"protocol"`
		Data     struct {
			Address string `json:"address"`
			Port    uint16 `json:"port"`
			Mode    string `json:"mode"`
		} `json:"data"`
	}
	if err := decode(data, &d); err != nil {
		return err
	}
	if d.Protocol != "udp" {
		return refuse(CloseUnknownProtocol, "selected protocol %q", d.Protocol)
	}
	if !slices.Contains(c.srv.opt.Modes, d.Data.Mode) {
		return refuse(CloseUnknownMode, "selected mode %q", d.Data.Mode)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.gone {
		return nil
	}
	c.note('<', m.id, opSelectProtocol, "%s", d.Data.Mode)
	switch own := netip.AddrPortFrom(parseAddr(d.Data.Address), d.Data.Port); {
	case !m.addr.IsValid():
		c.srv.violation(m.id, "selected a protocol before IP discovery")
	case own != m.addr:
		c.srv.violation(m.id, "selected address %v, discovery had told it %v", own, m.addr)
	}
	if err := m.rekey(d.Data.Mode); err != nil {
		return err
	}
	if m.joined {
		c.srv.violation(m.id, "selected a protocol twice")
		m.text(4, m.description(c.group.Version()))
		return nil
	}
	c.join(m)
	return nil
}

func parseAddr(s string) netip.Addr {
	a, _ := netip.ParseAddr(s) // the zero Addr equals no address
	return a
}

func (m *member) description(version uint16) map[string]any {
	key := make([]int, len(m.key))
	for i, b := range m.key {
		key[i] = int(b)
	}
	return map[string]any{
		"mode": m.mode, "secret_key": key, "audio_codec": "opus", "video_codec": nil,
		"media_session_id": fmt.Sprintf("%x", m.ssrc), "dave_protocol_version": version,
	}
}

// join takes a member into the call; c.mu is held.
func (c *Channel) join(m *member) {
	others := c.others(m)
	version := c.group.Join(m.id, m.highest)
	for _, o := range others {
		o.text(11, map[string]any{"user_ids": []string{id(m.id)}})
	}
	if c.srv.opt.ExternalBeforeAck && version > 0 {
		c.group.External(m.id)
		c.settle()
	}
	m.joined = true
	m.text(4, m.description(version))
	if len(others) > 0 {
		ids := make([]string, len(others))
		for i, o := range others {
			ids[i] = id(o.id)
		}
		m.text(11, map[string]any{"user_ids": ids})
	}
	for _, o := range others {
		if o.spoke {
			m.text(5, map[string]any{"user_id": id(o.id), "ssrc": o.ssrc, "speaking": 1})
		}
	}
	if !c.srv.opt.ExternalBeforeAck && version > 0 {
		c.group.External(m.id)
	}
	c.settle()
}

func (c *Channel) speaking(m *member, data json.RawMessage) error {
	var d struct {
		Speaking *int   `json:"speaking"`
		Delay    int    `json:"delay"`
		SSRC     uint32 `json:"ssrc"`
	}
	if err := decode(data, &d); err != nil {
		return err
	}
	if d.Speaking == nil {
		return refuse(CloseBadPayload, "sent speaking without its flags")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note('<', m.id, opSpeaking, "flags %d", *d.Speaking)
	if d.SSRC != m.ssrc {
		c.srv.violation(m.id, "sent speaking with ssrc %d, its own is %d", d.SSRC, m.ssrc)
	}
	if d.Delay != 0 {
		c.srv.violation(m.id, "sent speaking with delay %d", d.Delay)
	}
	if *d.Speaking < 0 || *d.Speaking > 7 {
		c.srv.violation(m.id, "sent speaking flags %d", *d.Speaking)
	}
	m.spoke = m.spoke || *d.Speaking > 0
	for _, o := range c.others(m) {
		o.text(5, map[string]any{"user_id": id(m.id), "ssrc": m.ssrc, "speaking": *d.Speaking})
	}
	return nil
}
