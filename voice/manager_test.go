package voice

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"segue/discordtest/voiceserver"
	"segue/music"
)

// goes plays on after something happened to the call.
func (h *hall) goes(conn *Conn, what string, srv *voiceserver.Server, c music.ChannelID, f func()) {
	h.Helper()
	h.plays(h.srv, lounge)
	f()
	h.plays(srv, c)
	if conn.Err() != nil || conn.Channel() != c {
		h.Errorf("%s: channel %v, %v", what, conn.Channel(), conn.Err())
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*music.Error](err); ok {
		return e.Code
	}
	return "none"
}

func TestEventsInEitherOrder(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{false, true} {
		h := newHall(t)
		h.serverFirst = first
		conn := h.join(lounge)
		conn.Play(newTape(-1, 90))
		h.plays(h.srv, lounge)
		if n := h.room().Count('<', uint64(bot), opIdentify); n != 1 {
			t.Errorf("server first %v: identified %d times", first, n)
		}
		if err := conn.Close(h.limit()); err != nil {
			t.Error(err)
		}
		if got := h.wishes(); !slices.Equal(got, []music.ChannelID{lounge, 0}) {
			t.Errorf("asked for %v", got)
		}
	}
}

func TestTheCallSurvives(t *testing.T) {
	t.Parallel()
	type row struct {
		name string
		f    func(h *hall, other *voiceserver.Server)
		away bool // to the other server
		to   music.ChannelID
	}
	for _, r := range []row{
		{name: "server moved, socket still open", away: true, f: func(h *hall, o *voiceserver.Server) { h.sayServer(o, lounge) }},
		{name: "server moved, closed 4022 first", away: true, f: func(h *hall, o *voiceserver.Server) {
			h.room().Close(uint64(bot), 4022)
			h.sayServer(o, lounge)
		}},
		{name: "server moved, closed 4022 later", away: true, f: func(h *hall, o *voiceserver.Server) {
			h.sayServer(o, lounge)
			h.room().Close(uint64(bot), 4022)
		}},
		{name: "no server, closed 4022, then another", away: true, f: func(h *hall, o *voiceserver.Server) {
			h.sayNoServer()
			h.room().Close(uint64(bot), 4022)
			h.sayServer(o, lounge)
		}},
		{name: "no server for a while", away: true, f: func(h *hall, o *voiceserver.Server) {
			h.sayNoServer()
			h.until("the bot gone", func(st voiceserver.State) bool { return st.Member(uint64(bot)).User == 0 })
			h.sayServer(o, lounge)
		}},
		{name: "dragged: closed 4014, state, server", to: attic, f: func(h *hall, _ *voiceserver.Server) {
			h.room().Close(uint64(bot), 4014)
			h.sayBoth(h.srv, attic, false)
		}},
		{name: "dragged: state, server, closed 4014", to: attic, f: func(h *hall, _ *voiceserver.Server) {
			h.sayBoth(h.srv, attic, false)
			h.room().Close(uint64(bot), 4014)
		}},
		{name: "dragged: server, state", to: attic, f: func(h *hall, _ *voiceserver.Server) { h.sayBoth(h.srv, attic, true) }},
		{name: "dragged to another server: closed 4014, server, state", away: true, to: attic, f: func(h *hall, o *voiceserver.Server) {
			h.room().Close(uint64(bot), 4014)
			h.sayBoth(o, attic, true)
		}},
		{name: "4006", f: func(h *hall, _ *voiceserver.Server) { h.room().Close(uint64(bot), 4006) }},
		{name: "4009", f: func(h *hall, _ *voiceserver.Server) { h.room().Close(uint64(bot), 4009) }},
		{name: "4011", f: func(h *hall, _ *voiceserver.Server) { h.room().Close(uint64(bot), 4011) }},
		{name: "4005", f: func(h *hall, _ *voiceserver.Server) { h.room().Close(uint64(bot), 4005) }},
		{name: "4015", f: func(h *hall, _ *voiceserver.Server) { h.room().Close(uint64(bot), 4015) }},
		{name: "main gateway began anew", f: func(h *hall, _ *voiceserver.Server) {
			h.mu.Lock()
			h.session++
			h.mu.Unlock()
			h.room().Close(uint64(bot), 4014)
			h.m.Rejoin(den)
		}},
		{name: "main gateway began anew, the voice server does not know", f: func(h *hall, _ *voiceserver.Server) {
			h.mu.Lock()
			h.session++
			h.mu.Unlock()
			h.m.Rejoin()
		}},
		{name: "the same state said again", f: func(h *hall, _ *voiceserver.Server) { h.sayState(lounge) }},
		{name: "asked to join where it is", f: func(h *hall, _ *voiceserver.Server) { h.join(lounge) }},
		{name: "asked to join elsewhere", to: attic, f: func(h *hall, _ *voiceserver.Server) { h.join(attic) }},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t)
			other := h.srv
			if r.away {
				var err error
				if other, err = voiceserver.New(voiceserver.Options{CA: h.srv.CA()}); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = other.Close() }()
			}
			if r.to == 0 {
				r.to = lounge
			}
			h.dial(alice)
			conn := h.join(lounge)
			conn.Play(newTape(-1, 90))
			h.goes(conn, r.name, other, r.to, func() { r.f(h, other) })
			if again := h.join(r.to); again != conn {
				t.Error("another call than before")
			}
			if r.away || r.to != lounge {
				h.until("the bot gone from where it was", func(st voiceserver.State) bool { return st.Member(uint64(bot)).User == 0 })
			}
		})
	}
}

func TestTheCallEnds(t *testing.T) {
	t.Parallel()
	type row struct {
		name   string
		f      func(h *hall)
		code   string
		leaves bool // Discord has to be told
	}
	for _, r := range []row{
		{"kicked: state, closed 4014", func(h *hall) { h.sayState(0); h.room().Close(uint64(bot), 4014) }, "voice.kicked", false},
		{"kicked: closed 4014, state", func(h *hall) { h.room().Close(uint64(bot), 4014); h.sayState(0) }, "voice.kicked", false},
		{"channel deleted: closed 4022, state", func(h *hall) { h.room().Close(uint64(bot), 4022); h.sayState(0) }, "voice.kicked", false},
		{"4017", func(h *hall) { h.room().Close(uint64(bot), 4017) }, "voice.e2ee_required", true},
		{"4021", func(h *hall) { h.room().Close(uint64(bot), 4021) }, "voice.rate_limited", true},
		{"4016", func(h *hall) { h.room().Close(uint64(bot), 4016) }, "voice.unsupported", true},
		{"4012", func(h *hall) { h.room().Close(uint64(bot), 4012) }, "voice.unsupported", true},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t)
			conn := h.join(lounge)
			conn.Play(newTape(-1, 90))
			r.f(h)
			select {
			case <-conn.Done():
			case <-h.limit().Done():
				t.Fatal("the call goes on")
			}
			if code(conn.Err()) != r.code {
				t.Errorf("ended with %v, want %s", conn.Err(), r.code)
			}
			want := []music.ChannelID{lounge}
			if r.leaves {
				want = append(want, 0)
			}
			if got := h.wishes(); !slices.Equal(got, want) {
				t.Errorf("asked for %v, want %v", got, want)
			}
			h.join(lounge) // and it can be joined again
		})
	}
}

func TestAfter4014AloneItWaitsToBeToldMore(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conn := h.join(lounge)
	conn.Play(newTape(-1, 90))
	h.plays(h.srv, lounge)
	h.room().Close(uint64(bot), 4014)
	h.until("the bot gone", func(st voiceserver.State) bool { return st.Member(uint64(bot)).User == 0 })
	select {
	case <-conn.Done():
		t.Fatalf("ended with %v", conn.Err())
	case <-time.After(200 * time.Millisecond): // that it ends at last is another test's
	}
	if got := h.wishes(); !slices.Equal(got, []music.ChannelID{lounge}) {
		t.Errorf("asked for %v", got)
	}
	h.sayServer(h.srv, lounge)
	h.plays(h.srv, lounge)
}

// Who is dragged right after he came holds a token that is new, but not for where he
// is now: the voice server would refuse it.
func TestDraggedRightAfterItCameItWaitsForTheToken(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conn := h.join(lounge)
	conn.Play(newTape(-1, 90))
	h.plays(h.srv, lounge)
	h.sayState(attic)
	h.room().Close(uint64(bot), 4014)
	h.until("the bot gone", func(st voiceserver.State) bool { return st.Member(uint64(bot)).User == 0 })
	_ = pause(h.limit(), 3*settle) // the second event is late
	if n := h.room().Count('<', uint64(bot), opIdentify); n != 1 {
		t.Errorf("identified %d times with the token of the channel it was dragged from", n)
	}
	h.sayServer(h.srv, attic)
	h.plays(h.srv, attic)
	if conn.Err() != nil || conn.Channel() != attic {
		t.Errorf("in channel %v, %v", conn.Channel(), conn.Err())
	}
}

func TestJoinThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.full[attic] = true
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := h.m.Join(ctx, den, attic); code(err) != "voice.no_answer" {
		t.Errorf("error is %v", err)
	}
	if got := h.wishes(); !slices.Equal(got, []music.ChannelID{attic, 0}) {
		t.Errorf("asked for %v: should have taken it back", got)
	}
	// A move into a full channel leaves the call where it is.
	conn := h.join(lounge)
	conn.Play(newTape(-1, 90))
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := h.m.Join(ctx, den, attic); err == nil {
		t.Error("moved into a full channel")
	}
	h.plays(h.srv, lounge)
}

func TestJoinWithoutMainGateway(t *testing.T) {
	t.Parallel()
	m := NewManager(Options{})
	if _, err := m.Join(t.Context(), den, lounge); code(err) != "voice.no_answer" {
		t.Errorf("error is %v", err)
	}
	m.Rejoin()
	m.Close(t.Context())
	if m.CreateConn(1) != nil || m.GetConn(1) != nil {
		t.Error("a disgo connection")
	}
	for range m.Conns() {
		t.Error("a disgo connection")
	}
	m.RemoveConn(1)
}

func TestOpcode4ThatCannotBeSent(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.broken = errors.New("gateway not ready")
	if _, err := h.m.Join(h.limit(), den, lounge); code(err) != "voice.unreachable" {
		t.Errorf("error is %v", err)
	}
}

func TestManyJoinAtOnce(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conns := make(chan *Conn, 8)
	for range cap(conns) {
		go func() {
			c, err := h.m.Join(h.limit(), den, lounge)
			if err != nil {
				t.Error(err)
			}
			conns <- c
		}()
	}
	first := <-conns
	for range cap(conns) - 1 {
		if c := <-conns; c != first {
			t.Error("two calls in one guild")
		}
	}
	if got := h.wishes(); !slices.Equal(got, []music.ChannelID{lounge}) {
		t.Errorf("asked for %v", got)
	}
}

func TestJoinAndLeaveOverAndOver(t *testing.T) {
	nothingLeft(t)
	h := newHall(t)
	for range 20 {
		if err := h.join(lounge).Close(h.limit()); err != nil {
			t.Fatal(err)
		}
	}
	conn := h.join(lounge)
	h.m.Close(h.limit())
	select {
	case <-conn.Done():
	default:
		t.Error("closing the manager left a call open")
	}
	if _, err := h.m.Join(h.limit(), den, lounge); err == nil {
		t.Error("joined after Close")
	}
}

func TestCloseWhileJoining(t *testing.T) {
	nothingLeft(t)
	for range 300 {
		m := NewManager(Options{})
		m.Attach(bot, func(ctx context.Context, _ music.GuildID, _ music.ChannelID) error { return ctx.Err() })
		ended := make(chan error)
		go func() {
			_, err := m.Join(t.Context(), den, lounge)
			ended <- err
		}()
		for open := false; !open; { // a call that is only just beginning
			m.mu.Lock()
			p := m.places[den]
			open = p != nil && p.conn != nil
			m.mu.Unlock()
		}
		m.Close(t.Context())
		if err := <-ended; code(err) != "voice.no_answer" {
			t.Fatalf("error is %v", err)
		}
	}
}

// A moderator's word counts also while we wait to try again: to ask for the
// channel once more would leave us standing in it without a call.
func TestKickedWhileTryingAgain(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.m.o.limits = usual
	h.m.o.limits.answer = 20 * time.Millisecond
	conn := h.join(lounge)
	conn.Play(newTape(-1, 90))
	h.plays(h.srv, lounge)
	h.mu.Lock()
	h.broken = errors.New("gateway not ready")
	h.mu.Unlock()
	h.room().Close(uint64(bot), 4006)
	for len(h.wishes()) < 3 { // the next one is a second away or more
		_ = pause(h.limit(), time.Millisecond)
	}
	_ = pause(h.limit(), 10*h.m.o.limits.answer) // nor is an answer to this one expected any more
	h.mu.Lock()
	h.broken = nil
	h.mu.Unlock()
	h.sayState(0)
	h.ended(conn, "voice.kicked")
	if got := h.wishes(); len(got) != 3 {
		t.Errorf("asked again after the kick: %v", got)
	}
}

// Between the end of a call and the last it does, it looks alive.
func TestJoiningWhatIsEnding(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *hall, c *Conn){
		"closed": func(h *hall, c *Conn) {
			gone, cancel := context.WithCancel(h.Context())
			cancel()
			_ = c.Close(gone) // goes on all the same
		},
		"kicked": func(h *hall, _ *Conn) { h.sayState(0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t)
			for range 20 {
				old := h.join(lounge)
				end(h, old)
				conn := h.join(lounge)
				if conn == old {
					t.Fatal("joined a call that was ending")
				}
				if err := conn.Close(h.limit()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
