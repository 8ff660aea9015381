package discordtest

import (
	"encoding/json"
	"slices"
	"time"
)

// A Payload is one gateway message, as recorded.
type Payload struct {
	At    time.Time
	Conn  int    // counts gateway connections from 1
	Shard int    // -1 before Identify
	Op    int    // opcode
	Type  string // event name of a dispatch
	Seq   int    // of a dispatch
	Data  json.RawMessage
}

const recordLimit = 50000 // payloads kept per direction

// recorder remembers gateway traffic; guarded by Discord.mu.
type recorder struct {
	out, in []Payload
	conns   int
}

func (r *recorder) connection() int {
	r.conns++
	return r.conns
}

func payloadOf(c *conn, raw []byte) Payload {
	var w struct {
		Op int             `json:"op"`
		T  string          `json:"t"`
		S  int             `json:"s"`
		D  json.RawMessage `json:"d"`
	}
	_ = json.Unmarshal(raw, &w) // a payload that is no JSON is recorded as nothing but its time
	p := Payload{At: time.Now(), Conn: c.number, Shard: -1, Op: w.Op, Type: w.T, Seq: w.S, Data: w.D}
	if c.session != nil {
		p.Shard = c.session.shard
	}
	return p
}

func (r *recorder) sent(c *conn, raw []byte) {
	if len(r.out) < recordLimit {
		r.out = append(r.out, payloadOf(c, raw))
	}
}

func (r *recorder) received(c *conn, raw []byte) {
	if len(r.in) < recordLimit {
		r.in = append(r.in, payloadOf(c, raw))
	}
}

// Sent lists the gateway payloads sent to bots so far.
func (d *Discord) Sent() []Payload {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.record.out)
}

// Received lists the gateway payloads bots have sent so far.
func (d *Discord) Received() []Payload {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.record.in)
}
