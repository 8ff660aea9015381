package discordtest

import (
	"slices"
	"strconv"
)

// channelFor finds a channel of the path that the bot may view, and what the
// bot may do there.
func (q *request) channelFor() (*Channel, Permissions, error) {
	c := q.d.channelByID(q.id("channel_id"))
	if c == nil {
		return nil, 0, errUnknown("Channel")
	}
	m := c.guild.member(q.bot.user.id)
	if m == nil {
		return nil, 0, errMissingAccess()
	}
	p := m.in(c)
	if !p.Has(ViewChannel) {
		return nil, 0, errMissingAccess()
	}
	return c, p, nil
}

func (q *request) messageFor() (*message, Permissions, error) {
	c, p, err := q.channelFor()
	if err != nil {
		return nil, 0, err
	}
	m := q.d.messages[q.id("message_id")]
	if m == nil || m.deleted || m.channel != c || m.ephemeral() {
		return nil, 0, errUnknown("Message")
	}
	return m, p, nil
}

func getChannel(q *request) (int, any, error) {
	c, _, err := q.channelFor()
	if err != nil {
		return 0, nil, err
	}
	return 200, c.json(), nil
}

// getMessages lists messages, newest first.
func getMessages(q *request) (int, any, error) {
	c, p, err := q.channelFor()
	if err != nil {
		return 0, nil, err
	}
	limit := 50
	if s := q.query.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > 100 {
			return 0, nil, oneError("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
		}
	}
	out := []obj{}
	if !p.Has(ReadMessageHistory) {
		return 200, out, nil
	}
	before, _ := parseID(q.query.Get("before"))
	after, _ := parseID(q.query.Get("after"))
	for _, m := range slices.Backward(c.messages) {
		if m.ephemeral() || before != 0 && m.id >= before || m.id <= after || len(out) == limit {
			continue
		}
		out = append(out, m.json())
	}
	return 200, out, nil
}

func getMessage(q *request) (int, any, error) {
	m, p, err := q.messageFor()
	if err != nil {
		return 0, nil, err
	}
	if !p.Has(ReadMessageHistory) {
		return 0, nil, errMissingPermissions()
	}
	return 200, m.json(), nil
}

// maySend checks what a draft needs beyond text.
func maySend(p Permissions, dr *draft) error {
	if !p.Has(SendMessages) || dr.embeds != nil && len(*dr.embeds) > 0 && !p.Has(EmbedLinks) || len(dr.attachments) > 0 && !p.Has(AttachFiles) {
		return errMissingPermissions()
	}
	return nil
}

func postMessage(q *request) (int, any, error) {
	c, p, err := q.channelFor()
	if err != nil {
		return 0, nil, err
	}
	if !p.Has(SendMessages) {
		return 0, nil, errMissingPermissions()
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	dr := q.d.draft(&f, o, q.files, messageRules{flags: flagSuppressEmbeds | flagSilent | flagV2})
	q.reference(&f, o, c, p, dr)
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	if dr.empty(nil) {
		return 0, nil, errEmpty()
	}
	if err := maySend(p, dr); err != nil {
		return 0, nil, err
	}
	m := &message{d: q.d, id: q.d.ids.next(q.d.now()), channel: c, author: q.bot.user, at: q.d.now(), nonce: dr.nonce, tts: dr.tts, reference: dr.reference}
	if m.reference != nil {
		m.kind = 19
	}
	dr.apply(m, m.edited)
	q.d.post(m)
	return 200, m.json(), nil
}

// reference checks message_reference: a reply to a message of the channel.
func (q *request) reference(f *form, o obj, c *Channel, p Permissions, dr *draft) {
	x := f.at(o, "", "message_reference")
	ref := x.object()
	if ref == nil {
		return
	}
	m := q.d.messages[f.at(ref, x.path, "message_id").id()]
	switch {
	case !p.Has(ReadMessageHistory):
		f.add(x.path, "REPLIES_CANNOT_REPLY_WITHOUT_READ_MESSAGE_HISTORY", "Cannot reply without permission to read message history")
	case m == nil || m.deleted || m.channel != c || m.ephemeral():
		if !f.at(ref, x.path, "fail_if_not_exists").set || f.at(ref, x.path, "fail_if_not_exists").yes() {
			f.add(x.path, "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
		}
	default:
		dr.reference = m
	}
}

func patchMessage(q *request) (int, any, error) {
	m, p, err := q.messageFor()
	if err != nil {
		return 0, nil, err
	}
	if m.author != q.bot.user {
		return 0, nil, refusal(403, 50005, "Cannot edit a message authored by another user")
	}
	dr, err := q.edit(m)
	if err != nil {
		return 0, nil, err
	}
	if dr.embeds != nil && len(*dr.embeds) > 0 && !p.Has(EmbedLinks) || len(dr.attachments) > 0 && !p.Has(AttachFiles) {
		return 0, nil, errMissingPermissions()
	}
	q.d.change(m, dr)
	return 200, m.json(), nil
}

// edit checks a change to a message.
func (q *request) edit(m *message) (*draft, error) {
	o, err := q.object()
	if err != nil {
		return nil, err
	}
	var f form
	dr := q.d.draft(&f, o, q.files, messageRules{flags: flagSuppressEmbeds | flagV2, was: m})
	if err := f.err(); err != nil {
		return nil, err
	}
	if dr.empty(m) {
		return nil, errEmpty()
	}
	return dr, nil
}

// change applies a checked change and tells who may see it.
func (d *Discord) change(m *message, dr *draft) {
	dr.apply(m, d.now())
	m.flags &^= flagLoading
	if !m.ephemeral() {
		d.dispatch(m.event("MESSAGE_UPDATE"))
	}
	d.touch()
}

func deleteMessage(q *request) (int, any, error) {
	m, p, err := q.messageFor()
	if err != nil {
		return 0, nil, err
	}
	if m.author != q.bot.user && !p.Has(ManageMessages) {
		return 0, nil, errMissingPermissions()
	}
	q.d.remove(m)
	return 204, nil, nil
}

func postTyping(q *request) (int, any, error) {
	c, p, err := q.channelFor()
	if err != nil {
		return 0, nil, err
	}
	if !p.Has(SendMessages) {
		return 0, nil, errMissingPermissions()
	}
	q.d.dispatch(event{name: "TYPING_START", guild: c.guild, channel: c, intents: IntentGuildTyping, data: obj{
		"channel_id": c.id, "guild_id": c.guild.id, "user_id": q.bot.user.id, "timestamp": q.d.now().Unix(),
	}})
	return 204, nil, nil
}
