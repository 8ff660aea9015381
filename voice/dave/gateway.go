package dave

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/disgoorg/godave"

	"segue/voice/dave/mls"
)

// errMissed is a transition to a group we did not follow into: a commit that
// looked like somebody else's was ours, damaged, or the welcome never came.
var errMissed = errors.New("dave: transition to a group that is not ours")

// groupID is the MLS group id of a channel: 8 bytes, big endian.
func groupID(c godave.ChannelID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(c)) }

// OnSelectProtocolAck takes op 4: the call begins, at version 0 in the clear.
// Whatever was before is forgotten, but for op 11 and op 25, which may come
// first.
func (s *Session) OnSelectProtocolAck(version uint16) {
	s.handle(func() {
		clear(s.prepared)
		s.rx.clear()
		s.sending, s.graceUntil, s.invalid = sending{}, time.Time{}, 0
		s.unreadySince.Store(s.now().UnixNano())
		s.tx.set(false, nil)
		s.forgetGroup()
		if version == 0 {
			s.toPlain(s.life)
			return
		}
		s.begin(version)
	})
}

// OnDavePrepareEpoch takes op 24. Epoch 1 is a new group: one of our own until
// the next welcome.
func (s *Session) OnDavePrepareEpoch(epoch int, version uint16) {
	s.handle(func() {
		if epoch == 1 {
			s.graceUntil = time.Time{}
			s.begin(version)
		}
	})
}

// OnDavePrepareTransition takes op 21: a downgrade, an upgrade, or the end of a
// sole member's reset. Transition 0 is executed at once.
func (s *Session) OnDavePrepareTransition(id, version uint16) {
	s.handle(func() {
		p := prepared{version: version, sending: sending{life: s.life}}
		switch {
		case version > Version:
			s.fail(fmt.Errorf("%w: %d", ErrVersion, version))
			return
		case version == 0:
			s.rx.allowPlain() // the others may be quicker than us
		case s.group != nil:
			p.sending = s.groupKey()
			p.secret = s.secret(s.group, s.self)
		}
		s.prepare(id, p)
	})
}

// OnDaveExecuteTransition takes op 22. Its argument is the transition's id.
func (s *Session) OnDaveExecuteTransition(id uint16) {
	s.handle(func() {
		if id != 0 && id == s.ignored && !s.established {
			s.recover(id, errMissed)
			return
		}
		s.execute(id)
	})
}

// OnDaveMLSExternalSenderPackage takes op 25: who may propose in the groups
// from now on. It may come before op 4 or after.
func (s *Session) OnDaveMLSExternalSenderPackage(p []byte) {
	s.handle(func() {
		if bytes.Equal(s.external, p) && s.group != nil {
			return
		}
		s.external = bytes.Clone(p)
		s.alone()
	})
}

// OnDaveMLSProposals takes op 27: proposals made or revoked. All that stand are
// committed anew.
func (s *Session) OnDaveMLSProposals(b []byte) {
	s.handle(func() {
		if s.group == nil || len(b) == 0 {
			return
		}
		var err error
		switch b[0] {
		case 0:
			err = s.group.Append(&s.proposals, b[1:], func(u uint64) bool { return s.users[u] })
		case 1:
			err = s.proposals.Revoke(b[1:])
		default:
			err = fmt.Errorf("dave: proposals operation %d", b[0])
		}
		if err != nil {
			s.log.Warn("dave proposals refused", slog.Any("err", err))
			return
		}
		s.commit()
	})
}

// OnDaveMLSPrepareCommitTransition takes op 29: the commit that won. One that
// cannot be taken is answered with op 31 and a new key package.
func (s *Session) OnDaveMLSPrepareCommitTransition(id uint16, commit []byte) {
	s.handle(func() {
		if s.group == nil || bytes.Equal(commit, s.taken) {
			return
		}
		next := s.own[string(commit)]
		if next == nil {
			if !s.established {
				// a group we are not in: a welcome follows, unless it
				// was our own commit, which only its transition will tell
				if len(s.own) > 0 {
					s.ignored = id
				}
				return
			}
			var err error
			if next, err = s.group.Handle(&s.proposals, commit); err != nil {
				s.recover(id, err)
				return
			}
		}
		s.taken = bytes.Clone(commit)
		s.enter(id, next)
	})
}

// OnDaveMLSWelcome takes op 30. One that cannot be taken is answered with op 31
// and a new key package.
func (s *Session) OnDaveMLSWelcome(id uint16, welcome []byte) {
	s.handle(func() {
		if s.id == nil || s.established {
			return
		}
		g, err := mls.Join(s.id, s.groupID, s.external, welcome)
		if err != nil {
			s.recover(id, err)
			return
		}
		s.enter(id, g)
	})
}
