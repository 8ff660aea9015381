package discordtest

import (
	"time"
)

// Interaction callback types.
const (
	callbackMessage      = 4
	callbackDefer        = 5
	callbackDeferUpdate  = 6
	callbackUpdate       = 7
	callbackAutocomplete = 8
	callbackModal        = 9
)

// newMessageFlags may be set on an answer.
const newMessageFlags = flagSuppressEmbeds | flagEphemeral | flagSilent | flagV2

// postCallback is the first answer to an interaction.
func postCallback(q *request) (int, any, error) {
	ix := q.d.interactions[q.vars["token"]]
	now := q.d.now()
	if ix == nil || ix.id != q.id("interaction_id") || ix.expired || !ix.acked && now.Sub(ix.at) > ackLimit {
		return 0, nil, errUnknown("interaction")
	}
	if ix.acked {
		return 0, nil, refusal(400, 40060, "Interaction has already been acknowledged.")
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	kind := f.callbackKind(ix, f.at(o, "", "type"))
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	data := f.at(o, "", "data").object()
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	if data == nil {
		data = obj{}
	}
	if err := q.callback(ix, kind, data, now); err != nil {
		return 0, nil, err
	}
	ix.acked, ix.ackAt, ix.ackKind, ix.answered = true, now, kind, now
	if q.query.Get("with_response") == "true" {
		return 200, ix.callbackJSON(), nil
	}
	return 204, nil, nil
}

// callbackKind checks which answers fit which interactions.
func (f *form) callbackKind(ix *Interaction, x field) int {
	if !x.need() {
		return 0
	}
	allowed := []int{callbackMessage, callbackDefer, callbackModal}
	switch ix.kind {
	case interactionAutocomplete:
		allowed = []int{callbackAutocomplete}
	case interactionComponent:
		allowed = append(allowed, callbackDeferUpdate, callbackUpdate)
	case interactionModal:
		allowed = []int{callbackMessage, callbackDefer}
		if ix.on != nil {
			allowed = append(allowed, callbackDeferUpdate, callbackUpdate)
		}
	}
	return x.oneOf(0, allowed...)
}

// callback carries an answer out.
func (q *request) callback(ix *Interaction, kind int, data obj, now time.Time) error {
	var f form
	switch kind {
	case callbackMessage:
		dr := q.d.draft(&f, data, q.files, messageRules{path: "data", flags: newMessageFlags})
		if err := f.err(); err != nil {
			return err
		}
		if dr.empty(nil) {
			return errEmpty()
		}
		ix.original = ix.reply(dr, now)
		q.d.post(ix.original)
	case callbackDefer:
		fl := f.at(data, "data", "flags")
		flags := fl.number(0, 1<<31-1, 0)
		if flags&^flagEphemeral != 0 {
			f.add(fl.path, "MESSAGE_FLAGS_INVALID", "Only EPHEMERAL goes with a deferred answer")
		}
		for k := range data {
			if k != "flags" {
				q.d.violate("callback type 5: Discord ignores data.%s", k)
			}
		}
		if err := f.err(); err != nil {
			return err
		}
		flags |= flagLoading
		ix.original = ix.reply(&draft{flags: &flags}, now)
		q.d.post(ix.original)
	case callbackDeferUpdate:
		ix.original = ix.on
	case callbackUpdate:
		dr := q.d.draft(&f, data, q.files, messageRules{path: "data", flags: flagSuppressEmbeds | flagV2, was: ix.on})
		if err := f.err(); err != nil {
			return err
		}
		if dr.empty(ix.on) {
			return errEmpty()
		}
		ix.original = ix.on
		q.d.change(ix.on, dr)
	case callbackAutocomplete:
		ix.choices = f.autocompleted(f.at(data, "data", "choices"), ix)
		return f.err()
	case callbackModal:
		ix.modal = f.modal(data, "data")
		return f.err()
	}
	return nil
}

// reply makes the message of an answer.
func (ix *Interaction) reply(dr *draft, now time.Time) *message {
	m := &message{d: ix.d, id: ix.d.ids.next(now), channel: ix.channel, author: ix.bot.user, at: now, ix: ix, tts: dr.tts}
	switch {
	case ix.kind == interactionCommand && ix.command.kind == commandSlash:
		m.kind = 20
	case ix.kind == interactionCommand:
		m.kind = 23
	case ix.on != nil && !ix.on.ephemeral():
		m.kind, m.reference = 19, ix.on
	}
	dr.apply(m, time.Time{})
	ix.hidden = m.ephemeral()
	return m
}

// callbackJSON is what with_response=true asks for.
func (ix *Interaction) callbackJSON() obj {
	in := obj{"id": ix.id, "type": ix.kind, "channel_id": ix.channel.id, "guild_id": ix.guild.id}
	out := obj{"interaction": in}
	if m := ix.original; m != nil {
		in["response_message_id"] = m.id
		in["response_message_loading"] = m.flags&flagLoading != 0
		in["response_message_ephemeral"] = m.ephemeral()
		out["resource"] = obj{"type": ix.ackKind, "message": m.json()}
	}
	return out
}

// autocompleted checks the choices of an autocomplete answer.
func (f *form) autocompleted(x field, ix *Interaction) []Choice {
	out := []Choice{}
	if !x.need() {
		return out
	}
	for i, v := range x.list(0, 25) {
		path := join(x.path, itoa(i))
		o := field{f, path, v, true}.object()
		if o == nil {
			continue
		}
		c := Choice{Name: f.at(o, path, "name").needText(1, 100)}
		f.dictionary(f.at(o, path, "name_localizations"), func(x field) { x.needText(1, 100) })
		c.Value = f.value(f.at(o, path, "value"), ix.focus)
		out = append(out, c)
	}
	return out
}

// hook finds the interaction of a webhook route.
func (q *request) hook() (*Interaction, error) {
	ix := q.d.interactions[q.vars["token"]]
	switch {
	case ix == nil || ix.bot.user.id != q.id("webhook_id"):
		return nil, refusal(404, 10015, "Unknown Webhook")
	case q.d.now().Sub(ix.at) > tokenLimit:
		return nil, refusal(401, 50027, "Invalid Webhook Token")
	case !ix.acked:
		return nil, refusal(404, 10015, "Unknown Webhook")
	}
	return ix, nil
}

// postFollowup sends another message; the first one after a defer replaces
// the loading message and keeps its visibility.
func postFollowup(q *request) (int, any, error) {
	ix, err := q.hook()
	if err != nil {
		return 0, nil, err
	}
	if ix.ackKind == callbackDefer && !ix.edited && !ix.original.deleted {
		return q.edited(ix, ix.original)
	}
	if ix.ackKind == callbackAutocomplete {
		return 0, nil, refusal(404, 10015, "Unknown Webhook")
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	dr := q.d.draft(&f, o, q.files, messageRules{flags: newMessageFlags})
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	if dr.empty(nil) {
		return 0, nil, errEmpty()
	}
	now := q.d.now()
	m := &message{d: q.d, id: q.d.ids.next(now), channel: ix.channel, author: ix.bot.user, at: now, ix: ix, tts: dr.tts}
	if r := ix.original; r != nil && !r.ephemeral() {
		m.kind, m.reference = 19, r
	}
	dr.apply(m, time.Time{})
	ix.followups = append(ix.followups, m)
	q.d.post(m)
	return 200, m.json(), nil
}

// answerOf finds the message a webhook route is about.
func (q *request) answerOf() (*Interaction, *message, error) {
	ix, err := q.hook()
	if err != nil {
		return nil, nil, err
	}
	m := ix.original
	if _, byID := q.vars["message_id"]; byID {
		if m = q.d.messages[q.id("message_id")]; m != nil && m.ix != ix && m != ix.original {
			m = nil
		}
	}
	if m == nil || m.deleted {
		return nil, nil, errUnknown("Message")
	}
	return ix, m, nil
}

func getOriginal(q *request) (int, any, error) {
	_, m, err := q.answerOf()
	if err != nil {
		return 0, nil, err
	}
	return 200, m.json(), nil
}

func patchOriginal(q *request) (int, any, error) {
	ix, m, err := q.answerOf()
	if err != nil {
		return 0, nil, err
	}
	return q.edited(ix, m)
}

// edited changes an answer by its interaction's token.
func (q *request) edited(ix *Interaction, m *message) (int, any, error) {
	dr, err := q.edit(m)
	if err != nil {
		return 0, nil, err
	}
	q.d.change(m, dr)
	if m == ix.original && !ix.edited {
		ix.edited, ix.answered = true, q.d.now()
		q.d.touch()
	}
	return 200, m.json(), nil
}

func deleteOriginal(q *request) (int, any, error) {
	ix, m, err := q.answerOf()
	if err != nil {
		return 0, nil, err
	}
	q.d.remove(m)
	if m == ix.original {
		ix.answered = q.d.now()
	}
	return 204, nil, nil
}
