package discordtest

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// faults are what is switched on to go wrong; guarded by Discord.mu.
type faults struct {
	deaf          bool // heartbeats are not acknowledged
	refuseResumes int
	noVoice       bool
	rest          []*RESTFault
}

// A RESTFault makes matching REST requests go wrong. Zero fields do nothing.
type RESTFault struct {
	Method string        // "" is any
	Path   string        // part of the path after /api/v10, "" is any
	Times  int           // requests to hit; 0 is all until Heal
	Delay  time.Duration // answer this much later
	Status int           // 429, or 500 and up; 0 with Delay is a slow but good answer

	Scope      string        // of a 429: "user", "global" or "shared"
	RetryAfter time.Duration // of a 429
	hits       int
}

// Breaks makes REST requests go wrong from now on. Faults are tried in order;
// the first that matches is it.
func (d *Discord) Breaks(f RESTFault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.Status == 429 {
		if f.Scope == "" {
			f.Scope = "user"
		}
		if f.RetryAfter == 0 {
			f.RetryAfter = 500 * time.Millisecond
		}
	}
	d.faults.rest = append(d.faults.rest, &f)
}

// Heal takes all standing faults away.
func (d *Discord) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = faults{}
}

// fault finds what goes wrong with a request. d.mu is held.
func (d *Discord) fault(method, path string) *RESTFault {
	i := slices.IndexFunc(d.faults.rest, func(f *RESTFault) bool {
		return (f.Method == "" || f.Method == method) && strings.Contains(path, f.Path) && (f.Times == 0 || f.hits < f.Times)
	})
	if i < 0 {
		return nil
	}
	f := d.faults.rest[i]
	f.hits++
	return f
}

// each runs f for every live connection of the main bot.
func (d *Discord) each(f func(*conn)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		if c.session != nil && c.session.bot == d.bot {
			f(c)
		}
	}
	d.touch()
}

// ClosesGateway closes the main bot's connections with a code. Sessions stay
// resumable, except after 4007 and 4009.
func (d *Discord) ClosesGateway(code int) {
	d.each(func(c *conn) {
		s := c.session
		c.close(code, "fault")
		if code == 4007 || code == 4009 {
			d.endSession(s)
		}
	})
}

// DropsGateway cuts the main bot's TCP connections without a word.
func (d *Discord) DropsGateway() { d.each(func(c *conn) { c.drop() }) }

// IgnoresHeartbeats stops (or starts again) acknowledging heartbeats.
func (d *Discord) IgnoresHeartbeats(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.deaf = on
}

// AsksReconnect sends op 7.
func (d *Discord) AsksReconnect() { d.each(func(c *conn) { c.send(obj{"op": 7, "d": nil}) }) }

// AsksHeartbeat sends op 1: the client must send a heartbeat at once.
func (d *Discord) AsksHeartbeat() { d.each(func(c *conn) { c.send(obj{"op": 1, "d": nil}) }) }

// Invalidates sends op 9. Not resumable ends the session: the bot leaves voice.
func (d *Discord) Invalidates(resumable bool) {
	d.each(func(c *conn) {
		c.send(obj{"op": 9, "d": resumable})
		if !resumable {
			s := c.session
			c.session, s.conn = nil, nil
			d.endSession(s)
		}
	})
}

// RefusesResumes answers the next n resumes with op 9 false.
func (d *Discord) RefusesResumes(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.refuseResumes = n
}

// SwallowsJoins makes op 4 have no effect: neither voice event arrives.
func (d *Discord) SwallowsJoins(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.noVoice = on
}

var errNoVoice = errors.New("discordtest: this Discord has no voice servers")

// MovesVoiceServer moves the guild's calls to the other voice server at once:
// everyone gets a new token and endpoint; if hangUp, the old server closes
// their connections with 4022, else it stays as it is.
func (g *Guild) MovesVoiceServer(hangUp bool) error {
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.calls.servers) == 0 {
		return errNoVoice
	}
	if hangUp {
		g.hangUp()
	}
	g.reallocate()
	return nil
}

// LosesVoiceServer takes the guild's voice server away: VOICE_SERVER_UPDATE
// with endpoint null, connections closed with 4022. FindsVoiceServer brings
// another.
func (g *Guild) LosesVoiceServer() error {
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.calls.servers) == 0 {
		return errNoVoice
	}
	for user, vs := range g.voice {
		d.tellServer(g.member(user), vs, nil)
	}
	g.hangUp()
	d.touch()
	return nil
}

// FindsVoiceServer gives the guild a voice server again.
func (g *Guild) FindsVoiceServer() error {
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.calls.servers) == 0 {
		return errNoVoice
	}
	g.reallocate()
	return nil
}

func (g *Guild) hangUp() {
	for _, vs := range g.voice {
		g.d.calls.dismiss(g, vs, 4022)
	}
}

func (g *Guild) reallocate() {
	g.d.calls.placed[g.id]++
	for user, vs := range g.voice {
		g.d.calls.admit(g, vs)
		g.d.tellServer(g.member(user), vs, vs.endpoint)
	}
	g.d.touch()
}

// VoiceCloses closes someone's voice connection with a code and nothing else.
func (g *Guild) VoiceCloses(who Someone, code int) error {
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	vs := g.voice[who.ID()]
	if vs == nil || vs.server == nil {
		return errNoVoice
	}
	vs.server.Channel(uint64(g.id), uint64(vs.channel.id)).Close(uint64(who.ID()), code)
	return nil
}

// Unavailable makes the guild unreachable, or reachable again, as in an outage.
func (g *Guild) Unavailable(on bool) {
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	g.gone = on
	for _, b := range d.bots {
		if g.member(b.user.id) == nil {
			continue
		}
		if on {
			d.dispatch(event{name: "GUILD_DELETE", guild: g, only: b, intents: IntentGuilds, data: obj{"id": g.id, "unavailable": true}})
		} else {
			d.dispatch(event{name: "GUILD_CREATE", guild: g, only: b, intents: IntentGuilds, data: g.createJSON(b)})
		}
	}
	d.touch()
}
