package dave

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/disgoorg/godave"

	"segue/voice/dave/mls"
)

// Version is the highest protocol version a Session speaks: what a voice
// gateway's Identify says in max_dave_protocol_version.
const Version = 1

const (
	// keyExpiry is how long the keys of a left epoch still open frames, and how
	// long frames in the clear are taken after an upgrade (the paper).
	keyExpiry = 10 * time.Second

	// maxInvalid is how many commits and welcomes in a row may be invalid
	// before the session gives up: one is a mishap of the network or of a peer,
	// more than a few mean that this group will never have us.
	maxInvalid = 5
)

// What a session fails of.
var (
	ErrHandshake = errors.New("dave: handshake failed")
	ErrVersion   = errors.New("dave: protocol version not supported")
	ErrUser      = errors.New("dave: not a user id")
)

// Session is a member's side of DAVE in one voice connection. Make one for
// each Identify, and Close it with the connection; a resumed connection keeps
// its session.
//
// The gateway's messages (the On methods, AddUser, RemoveUser, SetChannelID)
// are to come from one goroutine, in the order they were received; callbacks are
// called from it, before the method returns, and hold no lock. All other
// methods may be called from anywhere at any time.
type Session struct {
	log  *slog.Logger
	cb   godave.Callbacks
	self uint64
	now  func() time.Time

	mu       sync.Mutex // guards the handshake, down to out
	groupID  []byte
	external []byte          // op 25, as it came
	users    map[uint64]bool // announced by op 11, without us
	version  uint16
	life     uint64 // counts groups begun: op 4, op 24, recoveries

	id          *mls.Identity
	group       *mls.Group // of our own at epoch 0, until established
	established bool       // group is one that others are in
	proposals   mls.Proposals
	own         map[string]*mls.Group // what our commits of this epoch lead to
	taken       []byte                // the last commit taken
	ignored     uint16                // transition of a commit not ours, before established
	prepared    map[uint16]prepared   // transitions to come, by id

	sending    sending
	graceUntil time.Time // sending with a key of an earlier life is fine till then
	invalid    int       // invalid commits and welcomes in a row
	over       bool      // closed or failed
	out        []outgoing

	readyUntil   atomic.Int64 // Unix ns; 0: not ready; forever: ready
	unreadySince atomic.Int64 // Unix ns; 0: no op 4 yet
	epoch        atomic.Uint64
	failure      chan error

	tx sealer
	rx opener
}

const forever = math.MaxInt64

// outgoing is a message to the gateway, sent once the lock is released.
type outgoing struct {
	what string
	send func() error
}

var (
	_ godave.SessionCreateFunc = New
	_ godave.Session           = (*Session)(nil)
)

// New is NewSession as a godave.SessionCreateFunc.
func New(log *slog.Logger, user godave.UserID, cb godave.Callbacks) godave.Session {
	return NewSession(log, user, cb)
}

// NewSession makes the session of a user. A nil log is silence. A user that is
// no number gives a session that has failed with ErrUser.
func NewSession(log *slog.Logger, user godave.UserID, cb godave.Callbacks) *Session {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Session{
		log: log, cb: cb, now: time.Now,
		users: map[uint64]bool{}, own: map[string]*mls.Group{}, prepared: map[uint16]prepared{},
		failure: make(chan error, 1),
		rx:      opener{keys: map[godave.UserID][]*receiver{}},
	}
	u, err := strconv.ParseUint(string(user), 10, 64)
	if err != nil || u == 0 {
		s.fail(fmt.Errorf("%w: %q", ErrUser, string(user)))
	}
	s.self = u
	return s
}

// MaxSupportedProtocolVersion is Version.
func (s *Session) MaxSupportedProtocolVersion() int { return Version }

// Ready reports whether frames may be sent: they can be opened by everybody in
// the call, or there is nobody else, or the call is free of DAVE. While it is
// false, hold them. It takes no lock.
func (s *Session) Ready() bool {
	u := s.readyUntil.Load()
	return u == forever || u != 0 && s.now().UnixNano() < u
}

// Waiting is for how long the session has not been ready since op 4; zero when
// it is, and before. It grows without bound if the gateway or the other members
// never finish a handshake: bound it, and leave with a reason.
func (s *Session) Waiting() time.Duration {
	since, until := s.unreadySince.Load(), s.readyUntil.Load()
	if until == forever || since == 0 {
		return 0
	}
	return max(0, time.Duration(s.now().UnixNano()-max(since, until)))
}

// Failed delivers one error when the session has given up: ErrHandshake after
// repeated invalid commits or welcomes, ErrVersion when the gateway picks a
// version we do not speak, ErrUser. It is never ready again; leave the call.
func (s *Session) Failed() <-chan error { return s.failure }

// Encrypted reports whether frames are sealed for a group of several members
// now: false before, alone, and in calls free of DAVE.
func (s *Session) Encrypted() bool { return s.epoch.Load() > 0 }

// Epoch is the MLS epoch frames are sealed in, zero when Encrypted is false.
func (s *Session) Epoch() uint64 { return s.epoch.Load() }

// Close drops all keys. Nothing is sent or sealed afterwards. It returns nil
// and may be called again.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	return nil
}

// SetChannelID names the voice channel, before op 4. The group carries its id.
func (s *Session) SetChannelID(c godave.ChannelID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groupID = groupID(c)
}

// AssignSsrcToCodec does nothing: only Opus is sealed here.
func (s *Session) AssignSsrcToCodec(uint32, godave.Codec) {}

// AddUser says that a user is in the call (op 11). Nobody else is ever added to
// the group by us.
func (s *Session) AddUser(u godave.UserID) {
	n, err := strconv.ParseUint(string(u), 10, 64)
	if err != nil || n == s.self {
		return
	}
	s.handle(func() {
		s.users[n] = true
		if s.proposals.Announce(n) {
			s.commit()
		}
	})
}

// RemoveUser says that a user has left (op 13); frames of theirs are refused
// from now on.
func (s *Session) RemoveUser(u godave.UserID) {
	n, err := strconv.ParseUint(string(u), 10, 64)
	if err != nil {
		return
	}
	s.handle(func() { delete(s.users, n) })
	s.rx.forget(u)
}

// handle runs f on the handshake, unless it is over, then sends what f put out.
func (s *Session) handle(f func()) {
	for _, o := range s.locked(f) {
		if err := o.send(); err != nil {
			s.log.Warn("dave message not sent", slog.String("message", o.what), slog.Any("err", err))
		}
	}
}

// locked is handle up to the sending. It lets go of the lock also if f panics,
// so that the session can be closed.
func (s *Session) locked(f func()) (out []outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		f()
		s.updateReady()
	}
	out, s.out = s.out, nil
	return out
}

// post sends to the gateway once the lock is released.
func (s *Session) post(what string, send func() error) {
	s.out = append(s.out, outgoing{what, send})
}

// end stops everything for good.
func (s *Session) end() {
	s.over = true
	s.forgetGroup()
	clear(s.prepared)
	s.sending = sending{}
	s.tx.set(false, nil)
	s.rx.clear()
	s.epoch.Store(0)
	s.readyUntil.Store(0)
}

func (s *Session) fail(err error) {
	if s.over {
		return
	}
	s.end()
	s.out = nil
	s.failure <- err // the only one: over is set
}

// updateReady works out Ready and Epoch after every change.
func (s *Session) updateReady() {
	if s.over {
		return
	}
	until := int64(0)
	switch k := s.sending; {
	case k.plain:
		until = forever
	case !k.key:
	case k.local:
		if len(s.users) == 0 {
			until = forever
		}
	case k.life == s.life:
		until = forever
	case !s.graceUntil.IsZero():
		until = s.graceUntil.UnixNano()
	}
	if until == 0 && s.readyUntil.Load() != 0 {
		s.unreadySince.Store(s.now().UnixNano())
	}
	s.readyUntil.Store(until)
	epoch := uint64(0)
	if s.sending.key && !s.sending.local && !s.sending.plain {
		epoch = s.sending.epoch
	}
	s.epoch.Store(epoch)
}
