package discordtest

import (
	"encoding/json"
	"time"
)

// A session is one shard's gateway session; it outlives its connections.
type session struct {
	id      string
	bot     *Bot
	shard   int
	shards  int
	intents Intents
	query   string // version, encoding and compression it began with
	seq     int
	log     []logged
	conn    *conn     // nil while disconnected
	left    time.Time // when it got disconnected
}

// logged is a dispatch kept for replay.
type logged struct {
	seq int
	raw []byte
}

const replayLimit = 20000 // dispatches kept per session

// dispatch sends an event to every session that may see it. d.mu is held.
func (d *Discord) dispatch(e event) {
	for _, s := range d.sessions {
		if e.reaches(s) {
			s.dispatch(e.name, e.forSession(s))
		}
	}
}

// dispatch numbers an event, keeps it for replay, and sends it if connected.
func (s *session) dispatch(name string, data any) {
	s.seq++
	raw, err := json.Marshal(obj{"op": 0, "t": name, "s": s.seq, "d": data})
	if err != nil {
		s.bot.d.violate("stand-in: %s: %v", name, err)
		return
	}
	s.log = append(s.log, logged{s.seq, raw})
	if len(s.log) > replayLimit {
		s.log = s.log[len(s.log)-replayLimit:]
	}
	if s.conn != nil {
		s.conn.sendRaw(raw)
	}
}

// endSession forgets a session: it cannot be resumed, and its bot leaves voice.
func (d *Discord) endSession(s *session) {
	if d.sessions[s.id] != s {
		return
	}
	delete(d.sessions, s.id)
	d.leaveAll(s)
	d.touch()
}

// ready starts a session on a connection: READY, then its guilds.
func (d *Discord) ready(c *conn, s *session) {
	d.sessions[s.id] = s
	c.session, s.conn = s, c
	stubs := []obj{}
	var mine []*Guild
	for _, g := range d.guilds {
		if g.member(s.bot.user.id) != nil && g.on(s.shard, s.shards) {
			mine = append(mine, g)
			stubs = append(stubs, obj{"id": g.id, "unavailable": true})
		}
	}
	s.dispatch("READY", obj{
		"v": 10, "user": with(s.bot.user.json(), "mfa_enabled", false, "verified", true, "email", nil),
		"guilds": stubs, "session_id": s.id, "resume_gateway_url": d.ResumeURL(), "shard": []int{s.shard, s.shards},
		"application":      obj{"id": s.bot.user.id, "flags": s.bot.flags(), "flags_new": itoa(s.bot.flags())},
		"private_channels": []obj{}, "relationships": []obj{}, "presences": []obj{}, "user_settings": obj{},
		"session_type": "normal", "geo_ordered_rtc_regions": []string{"rotterdam"}, "_trace": []string{},
	})
	for _, g := range mine {
		if s.intents&IntentGuilds != 0 && !g.gone {
			s.dispatch("GUILD_CREATE", g.createJSON(s.bot))
		}
	}
	d.touch()
}

// resume takes a session up again: what was missed, in order, then RESUMED.
func (d *Discord) resumeSession(c *conn, s *session, seq int) {
	if old := s.conn; old != nil && old != c {
		old.close(4000, "Resumed elsewhere.")
	}
	c.session, s.conn = s, c
	for _, l := range s.log {
		if l.seq > seq {
			c.sendRaw(l.raw)
		}
	}
	s.dispatch("RESUMED", obj{"_trace": []string{}})
	d.touch()
}
