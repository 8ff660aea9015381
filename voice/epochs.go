package voice

import (
	"errors"
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
	case opExecuteTransition:
		t, err := decode[transitionID](m)
		if err != nil {
			return err
		}
		s.dave.OnDaveExecuteTransition(t.Transition)
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

// callbacks let the DAVE session write to the gateway. It may do so while there
// is none; what it says then is lost, and the gateway asks again.
type callbacks struct{ s *session }

var errOffline = errors.New("no gateway connection")

func (c callbacks) with(f func(*gateway) error) error {
	c.s.mu.Lock()
	gw := c.s.gw
	c.s.mu.Unlock()
	if gw == nil {
		return errOffline
	}
	return f(gw)
}

func (c callbacks) SendMLSKeyPackage(b []byte) error {
	return c.with(func(g *gateway) error { return g.sendBinary(opKeyPackage, b) })
}

func (c callbacks) SendMLSCommitWelcome(b []byte) error {
	return c.with(func(g *gateway) error { return g.sendBinary(opCommitWelcome, b) })
}

func (c callbacks) SendReadyForTransition(id uint16) error {
	return c.with(func(g *gateway) error { return g.send(opTransitionReady, transitionID{id}) })
}

func (c callbacks) SendInvalidCommitWelcome(id uint16) error {
	return c.with(func(g *gateway) error { return g.send(opInvalidCommit, transitionID{id}) })
}
