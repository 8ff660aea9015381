package voice

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/disgoorg/disgo/discord"
	disgogateway "github.com/disgoorg/disgo/gateway"
	"github.com/disgoorg/snowflake/v2"

	"segue/discordtest/voiceserver"
	"segue/music"
)

// hall is the main gateway as far as voice goes: it answers opcode 4 with the
// two events, in an order of choice, and says what it pleases besides.
type hall struct {
	*stage
	m *Manager

	mu          sync.Mutex
	serverFirst bool
	full        map[music.ChannelID]bool // never answered
	broken      error                    // of sending opcode 4
	session     int                      // of the main gateway
	at          music.ChannelID
	asked       []music.ChannelID // channels of opcode 4, 0 to leave
	said        sync.WaitGroup
}

// inFlight is what a server says of datagrams that were under way when it threw
// their sender out, and of a client that lost the close code with its TCP
// connection and so tries to resume: nothing a client can help.
var inFlight = []string{"without discovery", "before discovery", "after leaving", "resumed a session that is"}

func newHall(t *testing.T, forgiven ...string) *hall {
	t.Helper()
	h := &hall{stage: newStage(t, voiceserver.Options{}, append(forgiven, inFlight...)...), full: map[music.ChannelID]bool{}}
	h.m = NewManager(h.opts)
	h.m.Attach(bot, h.update)
	t.Cleanup(func() {
		h.m.Close(context.Background())
		h.said.Wait()
	})
	return h
}

// update is opcode 4 as it reaches Discord.
func (h *hall) update(ctx context.Context, g music.GuildID, c music.ChannelID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, c)
	if h.broken != nil {
		return h.broken
	}
	if c == 0 {
		h.at = 0
		h.said.Go(func() { h.sayState(0) })
		return nil
	}
	if h.full[c] {
		return nil
	}
	h.at = c
	first := h.serverFirst
	h.said.Go(func() { h.sayBoth(h.srv, c, first) })
	return nil
}

func (h *hall) sayBoth(srv *voiceserver.Server, c music.ChannelID, serverFirst bool) {
	if serverFirst {
		h.sayServer(srv, c)
		h.sayState(c)
		return
	}
	h.sayState(c)
	h.sayServer(srv, c)
}

func (h *hall) sessionID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprintf("session-%d", h.session)
}

func (h *hall) sayState(c music.ChannelID) {
	e := disgogateway.EventVoiceStateUpdate{VoiceState: discord.VoiceState{
		GuildID: snowflake.ID(den), UserID: snowflake.ID(bot), SessionID: h.sessionID(),
	}}
	if c != 0 {
		id := snowflake.ID(c)
		e.ChannelID = &id
	}
	h.m.HandleVoiceStateUpdate(e)
}

func (h *hall) sayServer(srv *voiceserver.Server, c music.ChannelID) {
	token := srv.Admit(voiceserver.Ticket{Guild: uint64(den), Channel: uint64(c), User: uint64(bot), Session: h.sessionID()})
	at := srv.Endpoint()
	h.m.HandleVoiceServerUpdate(disgogateway.EventVoiceServerUpdate{Token: token, GuildID: snowflake.ID(den), Endpoint: &at})
}

func (h *hall) sayNoServer() {
	h.m.HandleVoiceServerUpdate(disgogateway.EventVoiceServerUpdate{GuildID: snowflake.ID(den)})
}

func (h *hall) wishes() []music.ChannelID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]music.ChannelID(nil), h.asked...)
}

func (h *hall) join(c music.ChannelID) *Conn {
	h.Helper()
	conn, err := h.m.Join(h.limit(), den, c)
	if err != nil {
		h.Fatal(err)
	}
	return conn
}

// plays waits until the bot is heard in a channel of a server.
func (h *hall) plays(srv *voiceserver.Server, c music.ChannelID) {
	h.Helper()
	room := srv.Channel(uint64(den), uint64(c))
	was := room.State().Member(uint64(bot)).E2EE
	err := room.Await(h.limit(), func(st voiceserver.State) bool { return st.Member(uint64(bot)).E2EE > was+4 })
	if err != nil {
		h.Fatal(err)
	}
	if m := room.State().Member(uint64(bot)); m.Plain != 0 {
		h.Errorf("plain frames: %+v", m)
	}
}
