package discordtest

import "slices"

// ID is the channel's id.
func (c *Channel) ID() ID { return c.id }

// Name is the channel's name.
func (c *Channel) Name() string { return c.name }

// Guild is the guild the channel belongs to.
func (c *Channel) Guild() *Guild { return c.guild }

// Someone is a person or a bot.
type Someone interface {
	ID() ID
}

// Limit sets how many may be in a voice channel; 0 is no limit.
func (c *Channel) Limit(n int) *Channel {
	return c.change(func() { c.limit = n })
}

// Bitrate sets how many bit/s a voice channel carries; it begins with 64000.
func (c *Channel) Bitrate(bps int) *Channel {
	return c.change(func() { c.bitrate = bps })
}

// Denies takes permissions away from one person or bot in this channel, or
// from everyone if who is nil.
func (c *Channel) Denies(who Someone, p Permissions) *Channel {
	return c.change(func() { c.set(who, overwrite{deny: p}) })
}

// Allows gives permissions to one person or bot in this channel, or to
// everyone if who is nil.
func (c *Channel) Allows(who Someone, p Permissions) *Channel {
	return c.change(func() { c.set(who, overwrite{allow: p}) })
}

func (c *Channel) set(who Someone, o overwrite) {
	id := c.guild.id
	if who != nil {
		id, o.member = who.ID(), true
	}
	was := c.overwrites[id]
	o.allow |= was.allow &^ o.deny
	o.deny |= was.deny &^ o.allow
	c.overwrites[id] = o
	for user, vs := range c.guild.voice {
		if vs.channel == c {
			c.guild.d.resuppress(c.guild.member(user), vs)
		}
	}
}

// change runs f and tells the bots that the channel is another now.
func (c *Channel) change(f func()) *Channel {
	d := c.guild.d
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	d.dispatch(event{name: "CHANNEL_UPDATE", guild: c.guild, channel: c, intents: IntentGuilds, data: c.json()})
	d.touch()
	return c
}

// Deleted deletes the channel; everyone in its call is thrown out.
func (c *Channel) Deleted() {
	g := c.guild
	d := g.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.deleted {
		return
	}
	for user, vs := range g.voice {
		if vs.channel == c {
			d.moveVoice(g, g.member(user), nil)
		}
	}
	c.deleted = true
	g.channels = slices.DeleteFunc(g.channels, func(o *Channel) bool { return o == c })
	d.dispatch(event{name: "CHANNEL_DELETE", guild: g, intents: IntentGuilds, data: c.json()})
	d.touch()
}

// Messages are the channel's messages that everyone sees, oldest first.
func (c *Channel) Messages() []Message {
	d := c.guild.d
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Message
	for _, m := range c.messages {
		if !m.deleted && !m.ephemeral() {
			out = append(out, m.snapshot())
		}
	}
	return out
}

// Status is the voice channel's status line.
func (c *Channel) Status() string {
	c.guild.d.mu.Lock()
	defer c.guild.d.mu.Unlock()
	return c.status
}

// Present lists who is in the channel's call.
func (c *Channel) Present() []ID {
	c.guild.d.mu.Lock()
	defer c.guild.d.mu.Unlock()
	var out []ID
	for user, vs := range c.guild.voice {
		if vs.channel == c {
			out = append(out, user)
		}
	}
	slices.Sort(out)
	return out
}
