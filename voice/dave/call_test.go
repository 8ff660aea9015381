package dave

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/disgoorg/godave"

	"segue/discordtest/delivery"
)

const channel = 500000000000000001

// call is a voice channel: the delivery service of the stand-in, sessions, and
// two queues between each of them and the service.
type call struct {
	t        testing.TB
	service  *delivery.Group
	external *delivery.ExternalSender
	members  map[uint64]*member
	clock    time.Time
	patience bool                                        // transitions wait for Execute by the test
	hold     bool                                        // commits are held back, in member.held
	mangle   func(to uint64, op int, body []byte) []byte // what the network does to a body
}

// member is one session in the call and what is on its way to and from it.
type member struct {
	*Session
	user    uint64
	in      []func()
	out     []func()
	held    []func()
	commits [][]byte // op 28 sent
	invalid int      // op 31 sent
	keys    int      // op 26 sent
}

func newCall(t testing.TB, p delivery.Policy) *call {
	ext := delivery.NewExternalSender([]byte{1})
	return &call{
		t: t, service: delivery.NewGroup(channel, ext, p), external: ext,
		members: map[uint64]*member{}, clock: time.Unix(1e9, 0),
	}
}

func id(user uint64) godave.UserID { return godave.UserID(strconv.FormatUint(user, 10)) }

// callbacks puts what a session says on its way to the service.
type callbacks struct {
	c *call
	m *member
}

func (b callbacks) say(f func() error) error {
	b.m.out = append(b.m.out, func() {
		if b.c.members[b.m.user] != b.m {
			return // it has left since
		}
		if err := f(); err != nil && !errors.Is(err, delivery.ErrLate) {
			b.c.t.Errorf("user %d: %v", b.m.user, err)
		}
	})
	return nil
}

func (b callbacks) SendMLSKeyPackage(p []byte) error {
	b.m.keys++
	return b.say(func() error { return b.c.service.KeyPackage(b.m.user, p) })
}

func (b callbacks) SendMLSCommitWelcome(p []byte) error {
	b.m.commits = append(b.m.commits, p)
	err := b.say(func() error { return b.c.service.Commit(b.m.user, p) })
	if n := len(b.m.out) - 1; b.c.hold {
		b.m.held = append(b.m.held, b.m.out[n])
		b.m.out = b.m.out[:n]
	}
	return err
}

func (b callbacks) SendReadyForTransition(id uint16) error {
	return b.say(func() error { return b.c.service.Ready(b.m.user, id) })
}

func (b callbacks) SendInvalidCommitWelcome(uint16) error {
	b.m.invalid++
	return b.say(func() error { b.c.service.Invalid(b.m.user); return nil })
}

// join brings a user in; highest is the DAVE version it speaks.
func (c *call) join(user uint64, highest uint16) *member {
	m := &member{user: user}
	m.Session = NewSession(slog.New(slog.DiscardHandler), id(user), callbacks{c, m})
	m.now = func() time.Time { return c.clock }
	m.SetChannelID(channel)
	for _, o := range c.sorted() {
		o.in = append(o.in, func() { o.AddUser(id(user)) })
		m.in = append(m.in, func() { m.AddUser(id(o.user)) })
	}
	c.members[user] = m
	v := c.service.Join(user, highest)
	m.in = append(m.in, func() { m.OnSelectProtocolAck(v) })
	c.collect()
	if v > 0 {
		c.service.External(user)
	}
	c.collect()
	return m
}

func (c *call) leave(user uint64) {
	delete(c.members, user)
	for _, o := range c.members {
		o.in = append(o.in, func() { o.RemoveUser(id(user)) })
	}
	c.service.Leave(user)
	c.collect()
}

func (c *call) sorted() []*member {
	var list []*member
	for _, u := range slices.Sorted(maps.Keys(c.members)) {
		list = append(list, c.members[u])
	}
	return list
}

// collect puts what the service says on its way to the members.
func (c *call) collect() {
	if !c.patience {
		for _, tr := range c.service.Pending() {
			if len(tr.Missing()) == 0 {
				c.service.Execute(tr.ID)
			}
		}
	}
	for _, msg := range c.service.Take() {
		if m := c.members[msg.To]; m != nil {
			m.in = append(m.in, func() { c.deliver(m, msg) })
		}
	}
}

func number(v any) uint16 {
	n, _ := strconv.ParseUint(fmt.Sprint(v), 10, 16)
	return uint16(n)
}

func (c *call) deliver(m *member, msg delivery.Message) {
	body := msg.Body
	if c.mangle != nil && body != nil {
		body = c.mangle(m.user, msg.Op, body)
	}
	transition, version := number(msg.JSON["transition_id"]), number(msg.JSON["protocol_version"])
	switch msg.Op {
	case delivery.OpPrepareTransition:
		m.OnDavePrepareTransition(transition, version)
	case delivery.OpExecuteTransition:
		m.OnDaveExecuteTransition(transition)
	case delivery.OpPrepareEpoch:
		m.OnDavePrepareEpoch(int(number(msg.JSON["epoch"])), version)
	case delivery.OpExternalSender:
		m.OnDaveMLSExternalSenderPackage(body)
	case delivery.OpProposals:
		m.OnDaveMLSProposals(body)
	case delivery.OpAnnounceCommit:
		m.OnDaveMLSPrepareCommitTransition(uint16(body[0])<<8|uint16(body[1]), body[2:])
	case delivery.OpWelcome:
		m.OnDaveMLSWelcome(uint16(body[0])<<8|uint16(body[1]), body[2:])
	default:
		c.t.Fatalf("opcode %d", msg.Op)
	}
}

// queues are those with something on its way, in a fixed order.
func (c *call) queues() []*[]func() {
	var q []*[]func()
	for _, m := range c.sorted() {
		for _, p := range []*[]func(){&m.in, &m.out} {
			if len(*p) > 0 {
				q = append(q, p)
			}
		}
	}
	return q
}

// pass lets the first thing in a queue arrive.
func (c *call) pass(q *[]func()) {
	f := (*q)[0]
	*q = (*q)[1:]
	f()
	c.collect()
}

// settle lets everything arrive. It fails if that has no end.
func (c *call) settle() {
	c.t.Helper()
	c.collect()
	for range 10_000 {
		if q := c.queues(); len(q) > 0 {
			c.pass(q[0])
		} else if p := c.service.Pending(); len(p) > 0 && !c.patience {
			c.service.Execute(p[0].ID) // the service's patience ends
			c.collect()
		} else {
			return
		}
	}
	c.t.Fatal("the call does not settle")
}

// drain lets everything on its way to a member arrive, and nothing else.
func (c *call) drain(m *member) {
	for len(m.in) > 0 {
		c.pass(&m.in)
	}
}

// offer lets a joiner's key package arrive.
func (c *call) offer(m *member) {
	c.drain(m)
	c.pass(&m.out)
}

// hear seals a frame at one member and opens it at another.
func hear(from, to *member) error {
	want := fmt.Sprintf("opus of user %d", from.user)
	buf := make([]byte, len(want), from.MaxEncryptedFrameSize(len(want)))
	copy(buf, want)
	n, err := from.Encrypt(1, buf, buf)
	if err != nil {
		return err
	}
	n, err = to.Decrypt(id(from.user), buf[:n], buf)
	if err == nil && string(buf[:n]) != want {
		err = fmt.Errorf("%q opened as %q", want, buf[:n])
	}
	return err
}

// talks checks that everybody is ready and everybody hears everybody, sealed.
func (c *call) talks() {
	c.t.Helper()
	for _, a := range c.sorted() {
		if !a.Ready() || a.Waiting() != 0 {
			c.t.Errorf("user %d is not ready (epoch %d)", a.user, a.Epoch())
			continue
		}
		if len(c.members) > 1 && (!a.Encrypted() || a.Epoch() != c.service.Epoch()) {
			c.t.Errorf("user %d: encrypted %v, epoch %d, the service is in %d", a.user, a.Encrypted(), a.Epoch(), c.service.Epoch())
		}
		for _, b := range c.sorted() {
			if a == b {
				continue
			}
			if err := hear(a, b); err != nil {
				c.t.Errorf("user %d does not hear user %d: %v", b.user, a.user, err)
			}
		}
	}
}

// plain checks that everybody hears everybody in the clear.
func (c *call) plain() {
	c.t.Helper()
	frame := []byte("opus in the clear")
	for _, a := range c.sorted() {
		out := make([]byte, 64)
		n, err := a.Encrypt(1, frame, out)
		if err != nil || string(out[:n]) != string(frame) || !a.Ready() || a.Encrypted() {
			c.t.Errorf("user %d: %q, %v, ready %v, encrypted %v", a.user, out[:n], err, a.Ready(), a.Encrypted())
		}
		for _, b := range c.sorted() {
			if b != a {
				if _, err := b.Decrypt(id(a.user), frame, out); err != nil {
					c.t.Errorf("user %d does not hear user %d: %v", b.user, a.user, err)
				}
			}
		}
	}
}

// sound checks that nobody had to recover.
func (c *call) sound() {
	c.t.Helper()
	for _, m := range c.sorted() {
		if m.invalid > 0 {
			c.t.Errorf("user %d sent op 31 %d times", m.user, m.invalid)
		}
	}
}
