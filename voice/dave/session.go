// Package ownsess is a DAVE protocol version 1 session for godave v0.3.0 on
// minimls: no dependency but the standard library and godave's interface.
package dave

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/disgoorg/godave"

	"segue/voice/dave/mls"
)

const (
	mediaLabel = "Discord Secure Frames v0"
	keyExpiry  = 10 * time.Second
)

type prepared struct {
	version uint16
	epoch   uint64 // MLS epoch the keys belong to
	base    []byte // our base secret in that epoch
	gen     uint64 // group incarnation
}

type session struct {
	log  *slog.Logger
	cb   godave.Callbacks
	self uint64

	mu          sync.Mutex
	groupID     []byte
	external    []byte
	id          *mls.Identity
	group       *mls.Group // local (epoch 0) or established
	established bool
	props       mls.Proposals
	own         map[string]*mls.Group // our commits of this epoch
	users       map[uint64]bool
	version     uint16
	trans       map[uint16]prepared
	incarnation uint64 // counts group (re)creations
	txEpoch     uint64
	txInc       uint64

	ready       atomic.Bool
	passthrough atomic.Bool

	txMu sync.Mutex
	tx   *sender

	rxMu       sync.Mutex
	rx         map[godave.UserID][]*receiver
	plainUntil time.Time // zero: never; plainAlways: always
	plain      bool
}

// New is a godave.SessionCreateFunc.
func New(log *slog.Logger, user godave.UserID, cb godave.Callbacks) godave.Session {
	if log == nil {
		log = slog.Default()
	}
	u, _ := strconv.ParseUint(string(user), 10, 64)
	s := &session{log: log, cb: cb, self: u, users: map[uint64]bool{}, trans: map[uint16]prepared{}, own: map[string]*mls.Group{}, rx: map[godave.UserID][]*receiver{}}
	s.passthrough.Store(true)
	return s
}

func (s *session) MaxSupportedProtocolVersion() int { return 1 }
func (s *session) Ready() bool                      { return s.ready.Load() }
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset()
	s.setTx(nil)
	s.ready.Store(false)
	return nil
}

func (s *session) SetChannelID(c godave.ChannelID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groupID = binary.BigEndian.AppendUint64(nil, uint64(c))
}

func (s *session) AssignSsrcToCodec(uint32, godave.Codec) {} // audio only

func (s *session) AddUser(u godave.UserID) {
	n, err := strconv.ParseUint(string(u), 10, 64)
	if err != nil || n == s.self {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[n] = true
	s.updateReady()
}

func (s *session) RemoveUser(u godave.UserID) {
	n, _ := strconv.ParseUint(string(u), 10, 64)
	s.mu.Lock()
	delete(s.users, n)
	s.updateReady()
	s.mu.Unlock()
	s.rxMu.Lock()
	delete(s.rx, u)
	s.rxMu.Unlock()
}

func (s *session) updateReady() {
	s.txMu.Lock()
	tx := s.tx != nil
	s.txMu.Unlock()
	s.ready.Store(s.passthrough.Load() || tx && (s.txInc == s.incarnation && (s.established || len(s.users) == 0) || s.txInc < s.incarnation && s.established))
}

// ---- gateway ----------------------------------------------------------------

func (s *session) OnSelectProtocolAck(v uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.trans)
	s.reset()
	if v == 0 {
		s.toPlain()
		return
	}
	s.init(v)
	s.useLocal()
}

func (s *session) OnDavePrepareEpoch(epoch int, v uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch == 1 {
		s.init(v)
	}
}

func (s *session) OnDavePrepareTransition(id, v uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := prepared{version: v, gen: s.incarnation}
	if v == 0 {
		s.allowPlain(true)
	} else if s.group != nil {
		p.epoch, p.base = s.group.Epoch(), s.base(s.group, s.self)
	}
	s.trans[id] = p
	if id == 0 {
		s.execute(0)
		return
	}
	s.send("ready", s.cb.SendReadyForTransition(id))
}

func (s *session) OnDaveExecuteTransition(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.execute(id)
}

func (s *session) OnDaveMLSExternalSenderPackage(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.established {
		return
	}
	if s.external != nil && bytes.Equal(s.external, p) && s.group != nil {
		return
	}
	s.external = bytes.Clone(p)
	s.local()
}

func (s *session) OnDaveMLSProposals(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == nil || len(b) < 2 {
		return
	}
	list, err := mls.Vector(b[1:])
	if err == nil {
		switch b[0] {
		case 0:
			err = s.group.AddMessages(&s.props, list, func(u uint64) bool { return s.users[u] })
		case 1:
			err = s.props.RevokeRefs(list)
		}
	}
	if err != nil {
		s.log.Warn("dave: proposals refused", slog.Any("err", err))
		return
	}
	if s.props.Len() == 0 {
		return
	}
	commit, welcome, next, err := s.group.Commit(&s.props)
	if err != nil {
		s.log.Warn("dave: cannot commit", slog.Any("err", err))
		return
	}
	s.own[string(commit)] = next
	s.send("commit", s.cb.SendMLSCommitWelcome(append(bytes.Clone(commit), welcome...)))
}

func (s *session) OnDaveMLSPrepareCommitTransition(id uint16, commit []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == nil {
		return
	}
	next, ours := s.own[string(commit)]
	if !ours {
		if !s.established {
			return // somebody else's group; a welcome follows
		}
		var err error
		if next, err = s.group.Handle(&s.props, commit); err != nil {
			s.log.Warn("dave: invalid commit", slog.Any("err", err), slog.Int("transition", int(id)))
			s.send("invalid", s.cb.SendInvalidCommitWelcome(id))
			s.init(s.version)
			return
		}
	}
	s.enter(id, next)
}

func (s *session) OnDaveMLSWelcome(id uint16, welcome []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id == nil || s.established {
		return
	}
	g, err := mls.Join(s.id, s.groupID, s.external, welcome)
	if err != nil {
		s.log.Warn("dave: invalid welcome", slog.Any("err", err), slog.Int("transition", int(id)))
		s.send("invalid", s.cb.SendInvalidCommitWelcome(id))
		s.init(s.version)
		return
	}
	s.enter(id, g)
}

// ---- state -------------------------------------------------------------------

func (s *session) send(what string, err error) {
	if err != nil {
		s.log.Warn("dave: send failed", slog.String("what", what), slog.Any("err", err))
	}
}

// reset drops the MLS state; media keys stay until a transition replaces them.
func (s *session) reset() {
	s.id, s.group, s.established = nil, nil, false
	s.props = mls.Proposals{}
	clear(s.own)
}

// init starts a new group life: keys, key package, local group.
func (s *session) init(v uint16) {
	s.reset()
	s.version = v
	s.incarnation++
	id, err := mls.NewIdentity(s.self)
	if err != nil {
		s.log.Error("dave: keys", slog.Any("err", err))
		return
	}
	s.id = id
	s.send("key package", s.cb.SendMLSKeyPackage(id.KeyPackage()))
	s.local()
	s.updateReady()
}

// local creates the pending group of one.
func (s *session) local() {
	if s.id == nil || s.external == nil || s.established {
		return
	}
	g, err := mls.NewGroup(s.id, s.groupID, s.external)
	if err != nil {
		s.log.Warn("dave: external sender", slog.Any("err", err))
		return
	}
	s.group = g
	s.props = mls.Proposals{}
	clear(s.own)
	if s.version > 0 && !s.passthrough.Load() && s.txInc != s.incarnation && s.tx == nil {
		s.useLocal()
	}
	s.updateReady()
}

// useLocal seals with the keys of the local group: nobody else has them, and
// nothing leaves in the clear while the group is being made.
func (s *session) useLocal() {
	s.passthrough.Store(false)
	s.allowPlain(false)
	if s.group == nil {
		s.setTx(nil)
		s.updateReady()
		return
	}
	s.setTx(newSender(s.base(s.group, s.self)))
	s.txEpoch, s.txInc = s.group.Epoch(), s.incarnation
	s.updateReady()
}

func (s *session) base(g *mls.Group, u uint64) []byte {
	return g.Export(mediaLabel, binary.LittleEndian.AppendUint64(nil, u), 16)
}

// enter moves to the next epoch: receive keys at once, send keys when the
// transition is executed.
func (s *session) enter(id uint16, g *mls.Group) {
	s.group, s.established = g, true
	s.props = mls.Proposals{}
	clear(s.own)
	exp := time.Now().Add(keyExpiry)
	s.rxMu.Lock()
	for _, u := range g.Users() {
		if u == s.self {
			continue
		}
		k := godave.UserID(strconv.FormatUint(u, 10))
		for _, r := range s.rx[k] {
			if r.expires.IsZero() || r.expires.After(exp) {
				r.expires = exp
			}
		}
		s.rx[k] = append(s.rx[k], newReceiver(s.base(g, u)))
	}
	s.rxMu.Unlock()
	s.trans[id] = prepared{version: max(s.version, 1), epoch: g.Epoch(), base: s.base(g, s.self), gen: s.incarnation}
	if id == 0 {
		s.execute(0)
		return
	}
	s.updateReady()
	s.send("ready", s.cb.SendReadyForTransition(id))
}

func (s *session) execute(id uint16) {
	p, ok := s.trans[id]
	if !ok {
		return
	}
	delete(s.trans, id)
	if p.version == 0 {
		s.reset()
		s.toPlain()
		return
	}
	s.version = p.version
	s.allowPlain(false)
	if p.base == nil || p.gen < s.txInc || p.gen == s.txInc && p.epoch < s.txEpoch {
		s.passthrough.Store(false)
		s.updateReady()
		return // an older transition executed late
	}
	if p.gen != s.txInc || p.epoch != s.txEpoch || s.passthrough.Load() {
		s.setTx(newSender(p.base))
		s.txEpoch, s.txInc = p.epoch, p.gen
	}
	s.passthrough.Store(false)
	s.updateReady()
}

func (s *session) toPlain() {
	s.version = 0
	s.allowPlain(true)
	s.passthrough.Store(true)
	s.setTx(nil)
	s.ready.Store(true)
}

func (s *session) allowPlain(on bool) {
	s.rxMu.Lock()
	defer s.rxMu.Unlock()
	if on {
		s.plain = true
	} else if s.plain {
		s.plain = false
		s.plainUntil = time.Now().Add(keyExpiry)
	}
}

func (s *session) setTx(t *sender) {
	s.txMu.Lock()
	s.tx = t
	s.txMu.Unlock()
}
