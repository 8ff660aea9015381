package voice

import (
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/disgoorg/godave"

	"segue/discordtest/voiceserver"
	"segue/voice/dave"
)

// touchy is a DAVE session that panics once, at the first proposals.
type touchy struct {
	*dave.Session
	calm *atomic.Bool
}

func (t touchy) OnDaveMLSProposals(b []byte) {
	if t.calm.CompareAndSwap(false, true) {
		panic("foreign bytes did this")
	}
	t.Session.OnDaveMLSProposals(b)
}

// What a voice server or a member of the group can make of our MLS must not end
// the calls of all other guilds.
func TestAPanicIsTheEndOfOneSession(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	var calm atomic.Bool
	h.m.o.newDAVE = func(log *slog.Logger, u godave.UserID, cb godave.Callbacks) godave.Session {
		return touchy{dave.NewSession(log, u, cb), &calm}
	}
	conn := h.join(lounge)
	conn.Play(newTape(-1, 90))
	h.until("frames", func(st voiceserver.State) bool { return st.Member(uint64(bot)).E2EE > 4 })
	h.dial(alice)
	h.plays(h.srv, lounge)
	if !calm.Load() || conn.Err() != nil || conn.Stats().Reconnects != 1 {
		t.Errorf("panicked %v, %v, %+v", calm.Load(), conn.Err(), conn.Stats())
	}
}
