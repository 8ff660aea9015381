package voiceserver

import (
	"cmp"
	"slices"
)

func (c *Channel) identify(t Ticket, highest uint16, l *link) *member {
	m := &member{channel: c, id: t.User, token: t.Token, session: t.Session, highest: highest, link: l}
	m.ssrc = c.srv.newSSRC(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.members[t.User]; old != nil {
		c.leave(old, CloseSessionInvalid)
	}
	c.members[t.User] = m
	c.note('<', m.id, opIdentify, "DAVE up to %d", highest)
	l.text(2, map[string]any{
		"ssrc": m.ssrc, "ip": "127.0.0.1", "port": c.srv.udpPort(), "modes": c.srv.opt.Modes,
		"experiments": []string{}, "streams": []any{},
	})
	return m
}

func (c *Channel) resume(t Ticket, ack *int, l *link) (*member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[t.User]
	if m == nil || m.token != t.Token {
		return nil, refuse(CloseSessionInvalid, "resumed a session that is over")
	}
	after := 0
	switch {
	case l.version < 8:
		after = m.seq // the buffered resume came with version 8
	case ack == nil:
		c.srv.violation(m.id, "resumed without seq_ack: everything is sent again")
	case *ack > m.seq:
		return nil, refuse(CloseSessionInvalid, "resumed after message %d of %d", *ack, m.seq)
	default:
		after = max(*ack, 0)
	}
	missing := m.since(after)
	if missing == nil {
		return nil, refuse(CloseSessionInvalid, "resumed after message %d, which is too long ago", after)
	}
	c.note('<', m.id, opResume, "after message %d of %d", after, m.seq)
	if m.link != nil {
		m.link.drop()
	}
	if m.forget != nil {
		m.forget()
	}
	m.link = l
	if c.srv.opt.ResumedFirst {
		l.text(9, nil)
	}
	for _, s := range missing {
		l.send(s.kind, s.data)
	}
	if !c.srv.opt.ResumedFirst {
		l.text(9, nil)
	}
	c.note('!', m.id, 9, "resumed, %d messages sent again", len(missing))
	return m, nil
}

// since lists the messages after one, or nil if they are not kept any more.
func (m *member) since(seq int) []sent {
	if len(m.sent) > 0 && m.sent[0].seq > seq+1 {
		return nil
	}
	i, _ := slices.BinarySearchFunc(m.sent, seq+1, func(s sent, n int) int { return cmp.Compare(s.seq, n) })
	return append([]sent{}, m.sent[i:]...)
}

func (c *Channel) heartbeat(m *member, ack *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.counts.Heartbeats++
	c.change()
	if ack == nil {
		return
	}
	if *ack > m.seq || *ack < -1 {
		c.srv.violation(m.id, "acknowledged message %d of %d", *ack, m.seq)
		return
	}
	if *ack < m.acked && *ack >= 0 { // -1: nothing has come yet
		c.srv.violation(m.id, "acknowledged message %d after %d", *ack, m.acked)
	}
	m.acked = max(m.acked, *ack)
}

// away is called when a link is gone: the session may be resumed for a while.
func (c *Channel) away(m *member, l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.link != l || m.gone {
		return
	}
	m.link = nil
	c.note('!', m.id, 0, "connection lost")
	m.forget = c.srv.timers.after(c.srv.opt.ResumeWindow, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if m.link == nil && !m.gone {
			c.leave(m, 0)
		}
	})
}

// bye is called when a client says 1000 or 1001: it leaves.
func (c *Channel) bye(m *member, l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.link == l {
		c.leave(m, 0)
	}
}

// expel ends a session, and its token with it.
func (c *Channel) expel(m *member) {
	c.srv.Revoke(m.token)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(m, 0)
}

// leave takes a member out of the call for good, closing its connection where
// code is not 0; c.mu is held.
func (c *Channel) leave(m *member, code int) {
	if m.gone {
		return
	}
	m.gone = true
	if m.forget != nil {
		m.forget()
	}
	if code != 0 && m.link != nil {
		m.link.close(code)
	}
	m.link = nil
	delete(c.members, m.id)
	c.srv.forget(m)
	c.note('<', m.id, 13, "left")
	if !m.joined {
		return
	}
	for _, o := range c.others(m) {
		o.text(13, map[string]any{"user_id": id(m.id)})
	}
	c.group.Leave(m.id)
	c.settle()
}
