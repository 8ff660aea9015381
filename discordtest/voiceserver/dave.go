package voiceserver

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"segue/discordtest/delivery"
)

// daveText takes in opcodes 23 and 31.
func (c *Channel) daveText(m *member, op int, data json.RawMessage) error {
	var d struct {
		ID *uint16 `json:"transition_id"`
	}
	if err := decode(data, &d); err != nil {
		return err
	}
	if d.ID == nil {
		return refuse(CloseBadPayload, "sent opcode %d without a transition id", op)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note('<', m.id, op, "transition %d", *d.ID)
	if op == delivery.OpInvalidCommitWelcome {
		c.group.Invalid(m.id)
	} else {
		c.judge(m.id, op, c.group.Ready(m.id, *d.ID))
	}
	c.settle()
	return nil
}

// daveBinary takes in opcodes 26 and 28.
func (c *Channel) daveBinary(m *member, op int, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note('<', m.id, op, "%d bytes", len(body))
	if op == delivery.OpKeyPackage {
		c.judge(m.id, op, c.group.KeyPackage(m.id, body))
		c.settle()
		return
	}
	if c.hold == 0 {
		c.commit(m.id, body)
		return
	}
	if c.held = append(c.held, heldCommit{m.id, slices.Clone(body)}); len(c.held) == 1 {
		c.srv.timers.after(c.hold, c.release)
	}
}

// commit hands a commit to the group; c.mu is held.
func (c *Channel) commit(from uint64, body []byte) {
	err := c.group.Commit(from, body)
	c.judge(from, delivery.OpCommitWelcome, err)
	if err == nil {
		c.note('!', from, delivery.OpCommitWelcome, "accepted: epoch %d, leaves %v", c.group.Epoch(), c.group.Leaves())
	}
	c.settle()
}

// release hands over the commits held back, the preferred user's first.
func (c *Channel) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.held
	c.held = nil
	if c.prefer != nil {
		slices.SortStableFunc(held, func(a, b heldCommit) int { return c.prefer(b.from) - c.prefer(a.from) })
	}
	for _, h := range held {
		if c.members[h.from] != nil {
			c.commit(h.from, h.body)
		}
	}
}

// judge writes down why something was dropped: as a violation unless it only
// came too late.
func (c *Channel) judge(user uint64, op int, err error) {
	if err == nil {
		return
	}
	c.note('!', user, op, "dropped: %v", err)
	if !errors.Is(err, delivery.ErrLate) {
		c.srv.violation(user, "sent a bad opcode %d: %v", op, err)
	}
}

// settle sends what the group has to say and sees to its transitions; c.mu is
// held. It is called after everything that touches the group.
func (c *Channel) settle() {
	c.deliver()
	for _, t := range c.group.Pending() {
		since, known := c.timed[t.ID]
		if !known {
			since = time.Now()
			c.timed[t.ID] = since
			c.srv.timers.after(c.srv.opt.TransitionTimeout, func() { c.expire(t, since) })
		}
		if len(t.Missing()) > 0 {
			continue
		}
		if wait := c.srv.opt.ExecuteDelay - time.Since(since); wait > 0 {
			c.srv.timers.after(wait, func() { c.execute(t, since) })
			continue
		}
		delete(c.timed, t.ID)
		c.group.Execute(t.ID)
		c.deliver()
	}
	if c.srv.opt.ProposalDelay > 0 && !c.flush {
		c.flush = true
		c.srv.timers.after(c.srv.opt.ProposalDelay, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.flush = false
			c.group.Flush()
			c.deliver()
		})
	}
}

func (c *Channel) expire(t *delivery.Transition, since time.Time) {
	c.mu.Lock()
	if c.timed[t.ID] == since {
		c.note('!', 0, delivery.OpExecuteTransition, "transition %d: no answer from %v", t.ID, t.Missing())
	}
	c.mu.Unlock()
	c.execute(t, since)
}

func (c *Channel) execute(t *delivery.Transition, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed[t.ID] != since {
		return // executed already
	}
	delete(c.timed, t.ID)
	c.group.Execute(t.ID)
	c.settle()
}

// deliver sends the group's messages, spoiling those that a fault asks for.
func (c *Channel) deliver() {
	for _, msg := range c.group.Take() {
		m := c.members[msg.To]
		if m == nil {
			continue
		}
		if key := (spoilKey{msg.To, msg.Op}); c.spoil[key] > 0 {
			c.spoil[key]--
			from := map[int]int{delivery.OpAnnounceCommit: 40, delivery.OpWelcome: 20}[msg.Op]
			msg.Body[len(msg.Body)-from] ^= 0x5a // in the confirmation or the sealed group info
			c.note('!', msg.To, msg.Op, "spoiled on purpose")
		}
		if msg.JSON != nil {
			m.text(msg.Op, msg.JSON)
		} else {
			m.binary(msg.Op, msg.Body)
		}
	}
}
