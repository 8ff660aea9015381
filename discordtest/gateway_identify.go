package discordtest

import (
	"strings"
	"time"
)

const (
	identifyWindow = 5 * time.Second // for so long an identify occupies its rate-limit key
	identifyDay    = 24 * time.Hour  // Options.Identifies go into it
)

// identify is op 2.
func (c *conn) identify(o obj) {
	d := c.d
	if c.session != nil {
		c.refuse(4005, "Already authenticated.")
		return
	}
	c.known("op 2", o, "token", "properties", "compress", "large_threshold", "shard", "presence", "intents", "guild_subscriptions", "capabilities")
	b := d.botByToken(o["token"])
	if b == nil {
		c.refuse(4004, "Authentication failed.")
		return
	}
	if code, reason := c.badIdentify(o, b); code != 0 {
		c.refuse(code, reason)
		return
	}
	shard, shards, ok := shardOf(o["shard"])
	if !ok {
		c.refuse(4010, "Invalid shard.")
		return
	}
	if b.guildsOn(shard, shards) > d.opt.ShardGuilds {
		c.refuse(4011, "Sharding required.")
		return
	}
	now := d.now()
	key := shard % d.opt.MaxConcurrency
	if last, busy := b.identifies[key]; busy && now.Sub(last) < identifyWindow {
		d.opt.Logf("identify too early: %v since the last one", now.Sub(last))
		d.violate("gateway: identify of shard %d within 5 s of another", shard)
		c.send(obj{"op": 9, "d": false})
		return
	}
	b.identifies[key] = now
	if !b.starts.take(now, d.opt.Identifies, identifyDay) {
		c.refuse(4004, "Authentication failed: too many identifies in a day, the token is another now.")
		b.reset()
		return
	}
	intents, _ := intOf(o["intents"])
	c.payload = o["compress"] == true
	d.ready(c, &session{id: secret(16), bot: b, shard: shard, shards: shards, intents: Intents(intents), query: c.query})
}

// badIdentify checks what Identify must carry.
func (c *conn) badIdentify(o obj, b *Bot) (code int, reason string) {
	props, ok := o["properties"].(obj)
	if !ok {
		return 4002, "Identify without properties."
	}
	for _, k := range []string{"os", "browser", "device"} {
		if _, ok := props[k].(string); !ok {
			c.d.violate("gateway op 2: properties lack %q", k)
		}
	}
	n, ok := intOf(o["intents"])
	if !ok || n < 0 || Intents(n)&^allIntents != 0 {
		return 4013, "Invalid intent(s)."
	}
	if Intents(n)&privilegedIntents&^b.privileged != 0 {
		return 4014, "Disallowed intent(s)."
	}
	if t, ok := intOf(o["large_threshold"]); o["large_threshold"] != nil && (!ok || t < 50 || t > 250) {
		return 4002, "large_threshold out of 50..250."
	}
	compress, isBool := o["compress"].(bool)
	if o["compress"] != nil && !isBool || compress && c.stream {
		return 4002, "compress does not go with transport compression."
	}
	return 0, ""
}

// shardOf reads [id, count]; absent is the only shard of one.
func shardOf(v any) (shard, shards int, ok bool) {
	if v == nil {
		return 0, 1, true
	}
	list, _ := v.([]any)
	if len(list) != 2 {
		return 0, 0, false
	}
	shard, ok1 := intOf(list[0])
	shards, ok2 := intOf(list[1])
	return shard, shards, ok1 && ok2 && shard >= 0 && shard < shards
}

// botByToken finds a bot by its bare token.
func (d *Discord) botByToken(v any) *Bot {
	token, _ := v.(string)
	for _, b := range d.bots {
		if token == b.token && !strings.HasPrefix(token, "Bot ") {
			return b
		}
	}
	return nil
}

// takeUp is op 6: resume.
func (c *conn) takeUp(o obj) {
	d := c.d
	if c.session != nil {
		c.refuse(4005, "Already authenticated.")
		return
	}
	c.known("op 6", o, "token", "session_id", "seq")
	b := d.botByToken(o["token"])
	if b == nil {
		c.refuse(4004, "Authentication failed.")
		return
	}
	if c.onMain {
		d.violate("gateway: resumed at the first URL, not at resume_gateway_url")
	}
	d.sweep()
	id, _ := o["session_id"].(string)
	s := d.sessions[id]
	seq, ok := intOf(o["seq"])
	switch {
	case d.faults.refuseResumes > 0:
		d.faults.refuseResumes--
		if s != nil && s.bot == b {
			d.endSession(s)
		}
		c.send(obj{"op": 9, "d": false})
	case s == nil || s.bot != b:
		c.send(obj{"op": 9, "d": false})
	case !ok || seq < 0 || seq > s.seq:
		c.refuse(4007, "Invalid seq.")
	case len(s.log) > 0 && seq+1 < s.log[0].seq:
		d.endSession(s)
		c.send(obj{"op": 9, "d": false})
	default:
		if c.query != s.query {
			d.violate("gateway: resumed with %s after %s: the query must be the same", c.query, s.query)
		}
		d.resumeSession(c, s, seq)
	}
}
