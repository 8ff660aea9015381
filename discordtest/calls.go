package discordtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
)

// calls is the voice side: two voice servers under one authority, so that a
// guild can be moved from one to the other.
type calls struct {
	ca        *voiceserver.CA
	servers   []*voiceserver.Server
	placed    map[ID]int           // guild to server; guarded by Discord.mu
	taken     []int                // violations already taken, per server; guarded by Discord.mu
	listeners []*listener.Listener // guarded by Discord.mu
}

func (c *calls) open(d *Discord) error {
	c.placed = map[ID]int{}
	if d.opt.NoVoice {
		return nil
	}
	opt := d.opt.Voice
	var err error
	if c.ca = opt.CA; c.ca == nil {
		if c.ca, err = voiceserver.NewCA(); err != nil {
			return err
		}
	}
	opt.CA = c.ca
	for range 2 {
		s, err := voiceserver.New(opt)
		if err != nil {
			return errors.Join(err, c.close())
		}
		c.servers = append(c.servers, s)
		c.taken = append(c.taken, 0)
	}
	return nil
}

// close ends listeners and servers, and waits for them.
func (c *calls) close() (err error) {
	for _, l := range c.listeners {
		err = errors.Join(err, l.Close())
	}
	for _, s := range c.servers {
		err = errors.Join(err, s.Close())
	}
	return err
}

func (c *calls) pem() []byte {
	if c.ca == nil {
		return nil
	}
	return c.ca.PEM()
}

// server is where a guild's calls are, nil without voice.
func (c *calls) server(g *Guild) *voiceserver.Server {
	if len(c.servers) == 0 {
		return nil
	}
	return c.servers[c.placed[g.id]%len(c.servers)]
}

// admit registers a member with the guild's voice server.
func (c *calls) admit(g *Guild, vs *voiceState) {
	s := c.server(g)
	if s == nil {
		return
	}
	vs.token = s.Admit(voiceserver.Ticket{
		Guild: uint64(g.id), Channel: uint64(vs.channel.id), User: uint64(vs.user),
		Session: vs.session, Stage: vs.channel.kind == kindStage,
	})
	vs.endpoint = s.Endpoint()
	vs.server = s
	c.hush(g, vs)
}

// hush has the voice server do what the voice state says of mute and deaf.
func (c *calls) hush(g *Guild, vs *voiceState) {
	if vs.server != nil {
		vs.server.Hush(uint64(g.id), uint64(vs.user), vs.mute || vs.suppress, vs.deaf)
	}
}

// dismiss closes a member's voice connection for good, with a close code.
func (c *calls) dismiss(g *Guild, vs *voiceState, code int) {
	if vs.server == nil || vs.channel == nil {
		return
	}
	vs.server.Channel(uint64(g.id), uint64(vs.channel.id)).Close(uint64(vs.user), code)
	vs.server.Revoke(vs.token)
}

// violations lists what the voice servers saw since the last call.
func (c *calls) violations() (out []string) {
	for i, s := range c.servers {
		all := s.Violations()
		for _, v := range all[min(c.taken[i], len(all)):] {
			out = append(out, "voice: "+v)
		}
		c.taken[i] = len(all)
	}
	return out
}

// VoiceServer is the voice server the guild's calls are on, for faults of its
// own; nil without voice.
func (g *Guild) VoiceServer() *voiceserver.Server {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	return g.d.calls.server(g)
}

// Call is the channel's call on the voice server it is on; nil without voice.
func (c *Channel) Call() *voiceserver.Channel {
	s := c.guild.VoiceServer()
	if s == nil {
		return nil
	}
	return s.Channel(uint64(c.guild.id), uint64(c.id))
}

// Listener is the person's voice client in the call they are in: dialled with
// the options (at most one) when there is none, or when the last one is over.
// Close ends it, at the latest when the Discord is closed. A failure fails the
// test.
func (m *Member) Listener(ctx context.Context, opt ...listener.Options) (*listener.Listener, error) {
	l, err := m.listen(ctx, opt)
	if err != nil {
		return nil, m.guild.d.fail(fmt.Errorf("discordtest: %s listens: %w", m.user.name, err))
	}
	return l, nil
}

func (m *Member) listen(ctx context.Context, opts []listener.Options) (*listener.Listener, error) {
	m.dialling.Lock()
	defer m.dialling.Unlock()
	d := m.guild.d
	d.mu.Lock()
	vs, old := m.guild.voice[m.user.id], m.listener
	var call listener.Call
	var server *voiceserver.Server
	if vs != nil {
		server = vs.server
		call = listener.Call{
			Endpoint: vs.endpoint, Token: vs.token, SessionID: vs.session,
			Guild: uint64(m.guild.id), Channel: uint64(vs.channel.id), User: uint64(m.user.id),
		}
	}
	d.mu.Unlock()
	switch {
	case old != nil && old.Err() == nil:
		return old, nil
	case call.Guild == 0:
		return nil, errors.New("not in voice")
	case server == nil:
		return nil, errNoVoice
	}
	opt := listener.Options{Log: slog.New(slog.DiscardHandler)}
	if len(opts) > 0 {
		opt = opts[0]
	}
	if opt.TLS == nil {
		opt.TLS = server.ClientTLS()
	}
	l, err := listener.Dial(ctx, call, opt)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.Join(errClosed, l.Close())
	}
	m.listener = l
	d.calls.listeners = append(d.calls.listeners, l)
	return l, nil
}

// Hears waits until the person has heard the main bot in their call, and gives
// what was heard of it so far. A failure fails the test.
func (m *Member) Hears(ctx context.Context) (listener.Heard, error) {
	l, err := m.Listener(ctx)
	if err != nil {
		return listener.Heard{}, err
	}
	bot := uint64(m.guild.d.bot.user.id)
	if err := l.AwaitPackets(ctx, bot, 1); err != nil {
		return listener.Heard{}, m.guild.d.fail(fmt.Errorf("discordtest: %s hears nothing: %w", m.user.name, err))
	}
	return l.Heard(bot), nil
}
