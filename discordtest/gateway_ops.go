package discordtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// receive handles one message of a client. d.mu is held.
func (c *conn) receive(kind int, msg []byte) {
	c.d.record.received(c, msg)
	if len(msg) > payloadLimit {
		c.refuse(4002, "Payload of more than 4096 bytes.")
		return
	}
	if !c.sends.take(c.d.now(), sendLimit, sendWindow) {
		c.refuse(4008, "You are being rate limited.")
		return
	}
	o, ok := decodeObject(msg)
	op, isInt := intOf(o["op"])
	if kind != websocket.TextMessage && kind != websocket.BinaryMessage || !ok || !isInt {
		c.refuse(4002, "Error while decoding payload.")
		return
	}
	c.operate(op, o["d"])
	c.d.touch()
}

// operate carries an opcode out.
func (c *conn) operate(op int, data any) {
	if c.session == nil && op != 1 && op != 2 && op != 6 && knownOp(op) {
		c.refuse(4003, "Not authenticated.")
		return
	}
	if op == 1 {
		c.heartbeat(data)
		return
	}
	body, ok := data.(obj)
	if knownOp(op) && !ok {
		c.refuse(4002, "Error while decoding payload.")
		return
	}
	switch op {
	case 2:
		c.identify(body)
	case 3:
		c.presence(body)
	case 4:
		c.voiceState(body)
	case 6:
		c.takeUp(body)
	case 8:
		c.requestMembers(body)
	case 31:
		c.known("op 31", body, "guild_ids")
	case 43:
		c.channelInfo(body)
	default:
		c.refuse(4001, "Unknown opcode.")
	}
}

func knownOp(op int) bool { return slices.Contains([]int{1, 2, 3, 4, 6, 8, 31, 43}, op) }

// known remembers fields that Discord would ignore without a word.
func (c *conn) known(where string, o obj, keys ...string) {
	for _, k := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(keys, k) {
			c.d.violate("gateway %s: unknown field %q", where, k)
		}
	}
}

func (c *conn) heartbeat(data any) {
	if _, ok := intOf(data); data != nil && !ok {
		c.refuse(4002, "A heartbeat carries the last sequence number or null.")
		return
	}
	if n, _ := intOf(data); c.session != nil && n > c.session.seq {
		c.refuse(4007, "Invalid seq.")
		return
	}
	c.beat = time.Now()
	if !c.d.faults.deaf {
		c.send(obj{"op": 11})
	}
}

func (c *conn) presence(o obj) {
	c.known("op 3", o, "since", "activities", "status", "afk")
	status, _ := o["status"].(string)
	if !slices.Contains([]string{"online", "dnd", "idle", "invisible", "offline"}, status) {
		c.refuse(4002, "Unknown status.")
	}
}

// voiceState is op 4: join, move, leave, mute.
func (c *conn) voiceState(o obj) {
	c.known("op 4", o, "guild_id", "channel_id", "self_mute", "self_deaf", "self_video")
	guild, ok := idOf(o["guild_id"])
	channel, isID := idOf(o["channel_id"])
	mute, okMute := o["self_mute"].(bool)
	deaf, okDeaf := o["self_deaf"].(bool)
	if !ok || o["channel_id"] != nil && !isID || o["self_mute"] != nil && !okMute || o["self_deaf"] != nil && !okDeaf {
		c.refuse(4002, "Error while decoding payload.")
		return
	}
	d := c.d
	g := d.guildByID(guild)
	if g == nil || g.member(c.session.bot.user.id) == nil {
		d.violate("gateway op 4: guild %v is not one of the bot's", guild)
		return
	}
	var target *Channel
	if isID {
		if target = g.find(channel); target == nil || target.kind == kindText {
			d.violate("gateway op 4: channel %v is no voice channel of guild %q", channel, g.name)
			return
		}
	}
	d.botJoins(c.session, g, target, mute, deaf)
}

// requestMembers is op 8. Everyone by an empty query needs the members intent.
func (c *conn) requestMembers(o obj) {
	c.known("op 8", o, "guild_id", "query", "limit", "presences", "user_ids", "nonce")
	id, _ := idOf(o["guild_id"])
	g := c.d.guildByID(id)
	query, byName := o["query"].(string)
	if g == nil || !byName && o["user_ids"] == nil {
		c.d.violate("gateway op 8: unknown guild, or neither query nor user_ids")
		return
	}
	if byName && query == "" && c.session.intents&IntentGuildMembers == 0 {
		c.refuse(4014, "Disallowed intent(s).")
		return
	}
	list := []obj{}
	var missing []any
	for _, m := range g.members {
		if byName && strings.HasPrefix(strings.ToLower(m.user.name), strings.ToLower(query)) {
			list = append(list, m.json())
		}
	}
	wanted, isList := o["user_ids"].([]any)
	if !isList && o["user_ids"] != nil {
		wanted = []any{o["user_ids"]}
	}
	for _, w := range wanted {
		id, _ := idOf(w)
		if m := g.member(id); m != nil {
			list = append(list, m.json())
		} else {
			missing = append(missing, w)
		}
	}
	chunk := obj{"guild_id": g.id, "members": list, "chunk_index": 0, "chunk_count": 1}
	if missing != nil {
		chunk["not_found"] = missing
	}
	if o["nonce"] != nil {
		chunk["nonce"] = o["nonce"]
	}
	c.session.dispatch("GUILD_MEMBERS_CHUNK", chunk)
}

// channelInfo is op 43: what is not on the channel object.
func (c *conn) channelInfo(o obj) {
	c.known("op 43", o, "guild_id", "fields")
	id, _ := idOf(o["guild_id"])
	g := c.d.guildByID(id)
	fields, _ := o["fields"].([]any)
	if g == nil || len(fields) == 0 {
		c.d.violate("gateway op 43: unknown guild, or no fields asked for")
		return
	}
	list := []obj{}
	for _, ch := range g.channels {
		if ch.kind != kindText && ch.status != "" && slices.Contains(fields, any("status")) {
			list = append(list, obj{"id": ch.id, "status": ch.status})
		}
	}
	c.session.dispatch("CHANNEL_INFO", obj{"guild_id": g.id, "channels": list})
}

// decodeObject reads one JSON object, numbers kept exact.
func decodeObject(b []byte) (obj, bool) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var o obj
	if dec.Decode(&o) != nil || o == nil {
		return nil, false
	}
	return o, !dec.More()
}

// intOf reads a JSON integer.
func intOf(v any) (int, bool) {
	switch n := v.(type) {
	case json.Number:
		i, err := n.Int64()
		return int(i), err == nil
	case int:
		return n, true
	}
	return 0, false
}

// idOf reads a snowflake from a string or an integer.
func idOf(v any) (ID, bool) {
	switch s := v.(type) {
	case string:
		return parseID(s)
	case json.Number:
		return parseID(s.String())
	case ID:
		return s, true
	}
	return 0, false
}
