package voiceserver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// State is a copy of what a channel is like at one moment.
type State struct {
	Version     uint16 // of DAVE
	Established bool   // there is an MLS group
	Epoch       uint64
	Leaves      []uint64 // users by leaf, 0 where blank
	Proposals   int      // that wait for a commit
	Transitions int      // under way
	Members     []Member // in order of their ids
	Events      int      // lines in the diary
}

// Member returns a member by user id; the zero Member if there is none.
func (s State) Member(user uint64) Member {
	for _, m := range s.Members {
		if m.User == user {
			return m
		}
	}
	return Member{}
}

// Member is a copy of one user's state.
type Member struct {
	User      uint64
	SSRC      uint32
	Mode      string
	Connected bool // its websocket is up
	Joined    bool // has had its session description
	Speaking  bool // has said so at least once
	Sealed    bool // may send end-to-end encrypted frames only
	Seq       int  // of the last message to it
	Acked     int  // highest seq_ack seen
	Counts
}

// Counts of one member's datagrams and heartbeats.
type Counts struct {
	Heartbeats int
	KeepAlives int
	Packets    int // of media that opened
	E2EE       int // of them, with a DAVE frame
	Silence    int // of them, bare silence frames
	Plain      int // of them, neither
	Dropped    int // plain ones that had to be sealed
	Unreadable int // that did not open
	Muted      int // of the opened, not handed on because the server mutes or suppresses the user
}

// Media is one media datagram from a member, after transport decryption.
type Media struct {
	At        time.Time
	User      uint64
	Seq       uint16
	Timestamp uint32
	Payload   []byte // the callee's to keep
}

// State returns the channel as it is now.
func (c *Channel) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state()
}

func (c *Channel) state() State {
	s := State{
		Version: c.group.Version(), Established: c.group.Established(), Epoch: c.group.Epoch(), Leaves: c.group.Leaves(),
		Proposals: c.group.Proposals(), Transitions: len(c.group.Pending()), Events: len(c.events),
	}
	for _, id := range slices.Sorted(maps.Keys(c.members)) {
		m := c.members[id]
		s.Members = append(s.Members, Member{
			User: id, SSRC: m.ssrc, Mode: m.mode, Connected: m.link != nil, Joined: m.joined, Speaking: m.spoke,
			Sealed: c.group.MustSeal(id), Seq: m.seq, Acked: m.acked, Counts: m.counts,
		})
	}
	return s
}

// Await waits until the channel's state is as wanted.
func (c *Channel) Await(ctx context.Context, want func(State) bool) error {
	for {
		c.mu.Lock()
		s := c.state()
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		if want(s) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("voice server: waited in vain, state %+v: %w", s, context.Cause(ctx))
		}
	}
}

// AwaitEvents waits until the diary has n lines with a direction, user and
// opcode; user 0 is anybody.
func (c *Channel) AwaitEvents(ctx context.Context, n int, dir byte, user uint64, op int) error {
	return c.Await(ctx, func(State) bool { return c.Count(dir, user, op) >= n })
}

// Events returns a copy of the diary.
func (c *Channel) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// Count is the number of diary lines with a direction, user and opcode; user 0
// is anybody.
func (c *Channel) Count(dir byte, user uint64, op int) int {
	n := 0
	for _, e := range c.Events() {
		if e.Dir == dir && e.Op == op && (user == 0 || e.User == user) {
			n++
		}
	}
	return n
}

// OnMedia makes f hear of every media datagram from now on. f is called with
// the channel locked: it must not call back, and must be quick.
func (c *Channel) OnMedia(f func(Media)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tap = f
}

// Close closes a user's websocket with a code. Codes after which Discord keeps
// no session (4004, 4006, 4009, 4011, 4012, 4014, 4016, 4017, 4021, 4022) end
// it and its token; after others it may be resumed. It reports whether the
// user was connected.
func (c *Channel) Close(user uint64, code int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[user]
	if m == nil || m.link == nil {
		return false
	}
	c.note('!', user, code, "closed on purpose")
	if ends(code) {
		c.srv.Revoke(m.token)
		c.leave(m, code)
		return true
	}
	m.link.close(code)
	return true
}

// Drop cuts a user's TCP connection. The session may be resumed.
func (c *Channel) Drop(user uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[user]
	if m == nil || m.link == nil {
		return false
	}
	c.note('!', user, 0, "dropped on purpose")
	m.link.drop()
	return true
}

// Spoil corrupts the next n messages to a user with opcode 29 or 30.
func (c *Channel) Spoil(user uint64, op, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spoil[spoilKey{user, op}] = n
}

// HoldCommits collects commits for so long, then hands them to the group, those
// of the users whom prefer gives the highest number first. A duration of 0
// ends that; prefer may be nil.
func (c *Channel) HoldCommits(d time.Duration, prefer func(user uint64) int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold, c.prefer = d, prefer
}

// NextTransition makes id the next transition's.
func (c *Channel) NextTransition(id uint16) { c.grouped(func() { c.group.NextTransition(id) }) }

// Downgrade takes everybody to DAVE version 0, Upgrade back to version 1 with a
// new group.
func (c *Channel) Downgrade() { c.grouped(c.group.Downgrade) }

// Upgrade takes everybody to DAVE version 1 with a new group.
func (c *Channel) Upgrade() { c.grouped(c.group.Upgrade) }

// ResetGroup starts a new group as if everybody were alone, without waiting for
// that.
func (c *Channel) ResetGroup() { c.grouped(c.group.ResetSole) }

// RevokeAdd takes back the proposal to add a user, if there is one.
func (c *Channel) RevokeAdd(user uint64) (revoked bool) {
	c.grouped(func() { revoked = c.group.RevokeAdd(user) })
	return revoked
}

func (c *Channel) grouped(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.settle()
}

// Send sends a user any message, numbered like the others.
func (c *Channel) Send(user uint64, op int, data any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.members[user]; m != nil {
		m.text(op, data)
	}
}

// SendBinary sends a user any binary message, numbered like the others.
func (c *Channel) SendBinary(user uint64, op int, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.members[user]; m != nil {
		m.binary(op, body)
	}
}

// SendRaw sends a user a text message as it is, numbered or not.
func (c *Channel) SendRaw(user uint64, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.members[user]; m != nil && m.link != nil {
		m.link.send(websocket.TextMessage, []byte(text))
	}
}
