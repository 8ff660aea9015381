package voice

import (
	"strconv"

	"github.com/disgoorg/godave"
)

// handleCall takes what the gateway says in JSON about people and epochs.
func (s *session) handleCall(m message) error {
	switch m.op {
	case opConnect:
		c, err := decode[connected](m)
		if err != nil {
			return err
		}
		for _, u := range c.Users {
			s.dave.AddUser(userID(u))
		}
	case opDisconnect:
		d, err := decode[disconnected](m)
		if err != nil {
			return err
		}
		s.dave.RemoveUser(userID(d.User))
	case opPrepareTransition:
		t, err := decode[transitionOf](m)
		if err != nil {
			return err
		}
		if int(t.Version) > s.dave.MaxSupportedProtocolVersion() {
			return protocol("transition to DAVE version %d", t.Version)
		}
		s.dave.OnDavePrepareTransition(t.Transition, t.Version)
		s.versions[t.Transition] = t.Version
		if t.Transition == 0 {
			s.executed(0)
		}
	case opExecuteTransition:
		t, err := decode[transitionID](m)
		if err != nil {
			return err
		}
		s.dave.OnDaveExecuteTransition(t.Transition)
		s.executed(t.Transition)
	case opPrepareEpoch:
		e, err := decode[epochOf](m)
		if err != nil {
			return err
		}
		if int(e.Version) > s.dave.MaxSupportedProtocolVersion() {
			return protocol("epoch of DAVE version %d", e.Version)
		}
		s.dave.OnDavePrepareEpoch(e.Epoch, e.Version)
	}
	return nil
}

// executed notes whether frames are end-to-end encrypted from here on.
func (s *session) executed(id uint16) {
	if v, ok := s.versions[id]; ok {
		s.stats.encrypted.Store(v > 0)
		delete(s.versions, id)
	}
}

// handleDAVE takes the binary messages. Their bodies are the session's to keep.
func (s *session) handleDAVE(m message) {
	switch m.op {
	case opExternalSender:
		s.dave.OnDaveMLSExternalSenderPackage(m.data)
	case opProposals:
		s.dave.OnDaveMLSProposals(m.data)
	case opAnnounceCommit, opWelcome:
		id, body, err := transition(m.data)
		if err != nil {
			return
		}
		if m.op == opAnnounceCommit {
			s.dave.OnDaveMLSPrepareCommitTransition(id, body)
		} else {
			s.dave.OnDaveMLSWelcome(id, body)
		}
	}
}

func userID(u userSnowflake) godave.UserID {
	return godave.UserID(strconv.FormatUint(uint64(u), 10))
}
