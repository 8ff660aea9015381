package dave

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/disgoorg/godave"

	"segue/voice/dave/mls"
)

const (
	mediaLabel = "Discord Secure Frames v0" // exporter label (the paper)
	secretSize = 16
)

// prepared is a transition announced and not executed.
type prepared struct {
	version uint16
	sending
	secret []byte // ours for sending; nil when no group was there yet
}

// sending says where the key in use for sending comes from.
type sending struct {
	plain bool // no key: the call is free of DAVE (epoch is the last there could be)
	key   bool
	local bool // of a group of our own: nobody else has it
	life  uint64
	epoch uint64
}

// olderThan orders keys by life, then epoch.
func (k sending) olderThan(o sending) bool {
	return k.life < o.life || k.life == o.life && k.epoch < o.epoch
}

// groupKey is what the keys of the group are for sending.
func (s *Session) groupKey() sending {
	return sending{key: true, local: !s.established, life: s.life, epoch: s.group.Epoch()}
}

// secret is a member's media secret in an epoch of a group.
func (s *Session) secret(g *mls.Group, user uint64) []byte {
	return g.Export(mediaLabel, binary.LittleEndian.AppendUint64(nil, user), secretSize)
}

// forgetGroup drops the group; keys for frames stay until a transition.
func (s *Session) forgetGroup() {
	s.id, s.group, s.established, s.taken, s.ignored = nil, nil, false, nil, 0
	s.nextProposals()
}

func (s *Session) nextProposals() {
	s.proposals = mls.Proposals{}
	clear(s.own)
}

// begin starts a group's life anew: keys, key package, a group of our own.
func (s *Session) begin(version uint16) {
	if version == 0 || version > Version {
		s.fail(fmt.Errorf("%w: %d", ErrVersion, version))
		return
	}
	s.forgetGroup()
	s.version = version
	s.life++
	id, err := mls.NewIdentity(s.self)
	if err != nil {
		s.fail(fmt.Errorf("%w: %w", ErrHandshake, err))
		return
	}
	s.id = id
	s.post("key package", func() error { return s.cb.SendMLSKeyPackage(id.KeyPackage()) })
	s.alone()
}

// alone makes the group of one that we are in until others are. Its key is used
// for sending when there is none: nothing may leave in the clear.
func (s *Session) alone() {
	if s.id == nil || s.external == nil || s.established {
		return
	}
	g, err := mls.NewGroup(s.id, s.groupID, s.external)
	if err != nil {
		s.log.Warn("dave external sender refused", slog.Any("err", err))
		return
	}
	s.group = g
	s.nextProposals()
	if !s.sending.plain && !s.sending.key {
		s.use(prepared{sending: s.groupKey(), secret: s.secret(g, s.self)})
	}
}

// commit commits all proposals that stand.
func (s *Session) commit() {
	if s.group == nil || s.proposals.Len() == 0 {
		return
	}
	c, err := s.group.Commit(&s.proposals)
	if err != nil { // somebody else's commit may still be taken
		s.log.Debug("dave proposals not committed", slog.Any("err", err))
		return
	}
	s.own[string(c.Message)] = c.Group
	s.post("commit", func() error { return s.cb.SendMLSCommitWelcome(slices.Concat(c.Message, c.Welcome)) })
}

// recover says that a commit or welcome is invalid and asks to be added anew,
// a few times. What the others have of our keys stays good for a while.
func (s *Session) recover(id uint16, err error) {
	s.log.Warn("dave commit or welcome invalid", slog.Any("err", err), slog.Int("transition", int(id)))
	if s.invalid++; s.invalid > maxInvalid {
		s.fail(fmt.Errorf("%w: %d invalid commits or welcomes in a row, the last: %w", ErrHandshake, s.invalid, err))
		return
	}
	if s.established && s.sending.life == s.life {
		s.graceUntil = s.now().Add(keyExpiry)
	}
	s.post("invalid commit or welcome", func() error { return s.cb.SendInvalidCommitWelcome(id) })
	s.begin(max(s.version, 1))
}

// enter moves to the next epoch: receive keys now, the send key with the
// transition.
func (s *Session) enter(id uint16, g *mls.Group) {
	s.group, s.established = g, true
	s.nextProposals()
	k := s.groupKey()
	for _, u := range g.Users() {
		if u != s.self {
			s.rx.add(godave.UserID(strconv.FormatUint(u, 10)), newReceiver(s.secret(g, u), k, s.now()))
		}
	}
	s.prepare(id, prepared{version: max(s.version, 1), sending: k, secret: s.secret(g, s.self)})
}

// prepare keeps a transition until it is executed; number 0 is at once.
func (s *Session) prepare(id uint16, p prepared) {
	s.prepared[id] = p
	if id == 0 {
		s.execute(0)
		return
	}
	s.post("ready for transition", func() error { return s.cb.SendReadyForTransition(id) })
}

// execute carries a transition out. Transitions may overlap: a key older than
// the one in use is never gone back to.
func (s *Session) execute(id uint16) {
	p, ok := s.prepared[id]
	if !ok || p.olderThan(s.sending) && p.secret != nil {
		return
	}
	delete(s.prepared, id)
	s.version = p.version
	if p.version == 0 {
		if p.life == s.life {
			s.forgetGroup()
		}
		s.toPlain(p.life)
		return
	}
	s.rx.forbidPlain(s.now())
	if p.secret != nil {
		if !p.local {
			s.invalid = 0
		}
		s.use(p)
		return
	}
	if s.sending.plain { // encrypted from now on, and no group yet
		s.sending = sending{}
		s.tx.set(false, nil)
	}
}

// use seals with the key of p from now on.
func (s *Session) use(p prepared) {
	if p.sending != s.sending {
		s.tx.set(false, newSender(p.secret))
	}
	s.sending, s.graceUntil = p.sending, time.Time{}
	s.rx.expire(p.sending, s.now().Add(keyExpiry))
	s.dropOlder(p.sending)
}

// toPlain leaves DAVE, and all that was prepared in lives up to this one: the
// gateway has declared the call free of it.
func (s *Session) toPlain(life uint64) {
	s.sending = sending{plain: true, life: life, epoch: math.MaxUint64}
	s.dropOlder(s.sending)
	s.rx.allowPlain()
	s.rx.expire(s.sending, s.now().Add(keyExpiry))
	s.tx.set(true, nil)
}

// dropOlder forgets transitions that would go back before k.
func (s *Session) dropOlder(k sending) {
	maps.DeleteFunc(s.prepared, func(_ uint16, p prepared) bool { return p.secret != nil && p.olderThan(k) })
}
