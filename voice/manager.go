package voice

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	disgogateway "github.com/disgoorg/disgo/gateway"
	disgovoice "github.com/disgoorg/disgo/voice"
	"github.com/disgoorg/snowflake/v2"

	"segue/music"
)

// fresh is how long a token may be older than the change of channel it belongs
// to; an older one is of the channel we have left.
const fresh = 2 * time.Second

// A Manager gets calls from the main gateway and keeps them up to date. It is
// what disgo wants with bot.WithVoiceManager; of that interface only the two
// Handle methods and Close do something. All methods may be called from any
// goroutine; the Handle methods never block.
type Manager struct {
	o   Options
	own *Pacer // to close in the end; may be nil

	mu     sync.Mutex // everything below
	self   music.UserID
	update func(context.Context, music.GuildID, music.ChannelID) error
	places map[music.GuildID]*place
	closed bool
}

var _ disgovoice.Manager = (*Manager)(nil)

// A place is what the main gateway has said about us in a guild: facts, in
// whatever order they came. Its fields are under Manager.mu.
type place struct {
	turn chan struct{} // held by whoever joins: one at a time

	conn   *Conn           // nil: none
	wanted music.ChannelID // where opcode 4 is to bring us

	channel music.ChannelID // from voice state
	session string
	token   string // from voice server
	server  string
	served  time.Time
	owed    bool // a token is to come: for the channel we asked for or were moved to
	spare   bool // the token came unasked: it may be for a channel that is yet to be told

	out  bool      // Discord has said that we are in no channel
	sent bool      // we have asked for one and heard of none since: out may be older
	left time.Time // when we said we leave; the echo of that is no kick
}

// NewManager makes a Manager that can do nothing until Attach.
func NewManager(o Options) *Manager {
	m := &Manager{o: o.filled(), places: map[music.GuildID]*place{}}
	if m.o.Pacer == nil {
		m.own = NewPacer()
		m.o.Pacer = m.own
	}
	return m
}

// Attach says who we are, and how to send opcode 4 over the main gateway:
// update is for the guild's shard, and channel 0 means to leave. It is never
// called from within a Handle method.
func (m *Manager) Attach(self music.UserID, update func(ctx context.Context, g music.GuildID, c music.ChannelID) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.self, m.update = self, update
}

// Join brings us to channel c of guild g and returns when frames can be heard
// there. A call the guild already has is moved, and is what is returned. The
// error is a *music.Error, or the cause of ctx if that was cancelled. If moving
// fails for want of an answer, the old call goes on where it was.
func (m *Manager) Join(ctx context.Context, g music.GuildID, c music.ChannelID) (*Conn, error) {
	m.mu.Lock()
	p := m.at(g)
	turn := p.turn
	m.mu.Unlock()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		m.mu.Lock()
		old := p.conn
		m.mu.Unlock()
		if old == nil {
			return m.open(ctx, g, p, c)
		}
		var err error
		if !old.ending() {
			err = m.move(ctx, g, p, old, c)
		}
		if old.ending() {
			// A new one, once it is gone.
			select {
			case <-old.Done():
				continue
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		if err != nil {
			return nil, err
		}
		return old, nil
	}
}

// open makes the guild's call. The turn is ours.
func (m *Manager) open(ctx context.Context, g music.GuildID, p *place, to music.ChannelID) (*Conn, error) {
	conn := newConn(m.o,
		func(ctx context.Context) error { return m.ask(ctx, g, p) },
		func(ctx context.Context) { m.over(ctx, g, p) })
	m.mu.Lock()
	if m.closed || m.update == nil {
		m.mu.Unlock()
		return nil, noAnswer(errors.New("no main gateway"))
	}
	p.conn, p.wanted = conn, to
	conn.start() // under the lock: whoever sees it may close it
	m.mu.Unlock()
	if err := conn.wait(ctx, 0); err != nil {
		conn.abandon()
		return nil, err
	}
	return conn, nil
}

// move brings an existing call to another channel. The turn is ours.
func (m *Manager) move(ctx context.Context, g music.GuildID, p *place, conn *Conn, to music.ChannelID) error {
	m.mu.Lock()
	if p.conn != conn {
		m.mu.Unlock()
		return noAnswer(errors.New("call has ended"))
	}
	update, from := m.update, p.wanted
	moving := p.channel != to
	if moving {
		p.wanted = to
	}
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 2*m.o.answer)
	defer cancel()
	if moving {
		if err := update(ctx, g, to); err != nil {
			return fault(err)
		}
	}
	err := conn.wait(ctx, to)
	if err != nil && moving {
		m.mu.Lock()
		if p.wanted == to && p.channel != to {
			p.wanted = from
		}
		m.mu.Unlock()
	}
	return err
}

// ask sends opcode 4 for the channel we want to be in. A token known before is
// forgotten: there will be another.
func (m *Manager) ask(ctx context.Context, g music.GuildID, p *place) error {
	m.mu.Lock()
	update, to := m.update, p.wanted
	p.token, p.server, p.sent, p.owed, p.spare = "", "", true, true, false
	m.mu.Unlock()
	err := update(ctx, g, to)
	if err != nil {
		m.mu.Lock()
		p.sent = false
		m.mu.Unlock()
	}
	return err
}

// over is called by a call that has ended: Discord is told, unless it told us,
// and what we asked for last is not on its way.
func (m *Manager) over(ctx context.Context, g music.GuildID, p *place) {
	m.mu.Lock()
	update := m.update
	tell := !p.out || p.sent
	if tell {
		p.left = time.Now()
	}
	turn := p.turn
	*p = place{turn: turn, left: p.left}
	m.mu.Unlock()
	if tell {
		if err := update(ctx, g, 0); err != nil {
			m.o.Log.Warn("leave not sent", slog.String("guild", g.String()), slog.Any("err", err))
		}
	}
}

// Rejoin asks Discord anew for the calls of the guilds named, or of all. Call
// it when the main gateway has begun a new session (READY, not RESUMED): Discord
// has forgotten our voice states with the old one.
func (m *Manager) Rejoin(guilds ...music.GuildID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for g, p := range m.places {
		if p.conn != nil && (len(guilds) == 0 || slices.Contains(guilds, g)) {
			p.session = ""
			p.conn.orders.put(order{kind: orderAsk})
		}
	}
}

// at gives the place of a guild; the lock is held.
func (m *Manager) at(g music.GuildID) *place {
	p := m.places[g]
	if p == nil {
		p = &place{turn: make(chan struct{}, 1)}
		m.places[g] = p
	}
	return p
}

// HandleVoiceStateUpdate takes note of where we are.
func (m *Manager) HandleVoiceStateUpdate(u disgogateway.EventVoiceStateUpdate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.places[music.GuildID(u.GuildID)]
	if p == nil || music.UserID(u.UserID) != m.self {
		return
	}
	if u.ChannelID == nil {
		if time.Since(p.left) < leaveLimit {
			p.left = time.Time{}
			return
		}
		if p.conn != nil {
			p.out = true
			p.conn.doom()
			p.conn.orders.put(order{kind: orderEnd, fault: kicked(errors.New("voice state without a channel"))})
		}
		return
	}
	if p.conn == nil {
		return
	}
	to := music.ChannelID(*u.ChannelID)
	if p.channel != 0 && p.channel != to {
		// The token of the channel we have left would be refused, but that of the
		// next may have come before its name.
		if p.owed = !p.spare || time.Since(p.served) > fresh; p.owed {
			p.token, p.server = "", ""
		}
		p.spare = false
	}
	p.channel, p.session, p.wanted, p.out, p.sent = to, u.SessionID, to, false, false
	m.tell(music.GuildID(u.GuildID), p)
}

// HandleVoiceServerUpdate takes note of who serves our call.
func (m *Manager) HandleVoiceServerUpdate(u disgogateway.EventVoiceServerUpdate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.places[music.GuildID(u.GuildID)]
	if p == nil || p.conn == nil {
		return
	}
	if u.Endpoint == nil || *u.Endpoint == "" {
		p.token, p.server, p.owed, p.spare = "", "", true, false
		p.conn.orders.put(order{kind: orderGone})
		return
	}
	p.token, p.server, p.served = u.Token, *u.Endpoint, time.Now()
	p.owed, p.spare = false, !p.owed
	m.tell(music.GuildID(u.GuildID), p)
}

// tell hands a call its facts once they are complete; the lock is held.
func (m *Manager) tell(g music.GuildID, p *place) {
	if p.session == "" || p.token == "" {
		return
	}
	p.conn.orders.put(order{kind: orderCall, call: Call{
		Endpoint: p.server, Token: p.token, SessionID: p.session, Guild: g, Channel: p.channel, User: m.self,
	}})
}

// Close leaves all calls and waits until they are gone, or for ctx. Join fails
// from then on.
func (m *Manager) Close(ctx context.Context) {
	m.mu.Lock()
	m.closed = true
	var conns []*Conn
	for _, p := range m.places {
		if p.conn != nil {
			conns = append(conns, p.conn)
		}
	}
	m.mu.Unlock()
	for _, c := range conns {
		c.cancel()
	}
	for _, c := range conns {
		if c.Close(ctx) != nil {
			return
		}
	}
	if m.own != nil {
		m.own.Close()
	}
}

// CreateConn gives nil: calls are opened with Join, not through disgo.
func (m *Manager) CreateConn(snowflake.ID) disgovoice.Conn { return nil }

// GetConn gives nil: calls are not disgo's.
func (m *Manager) GetConn(snowflake.ID) disgovoice.Conn { return nil }

// Conns gives none: calls are not disgo's.
func (m *Manager) Conns() iter.Seq[disgovoice.Conn] { return func(func(disgovoice.Conn) bool) {} }

// RemoveConn does nothing: a call goes when it is closed.
func (m *Manager) RemoveConn(snowflake.ID) {}
