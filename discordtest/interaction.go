package discordtest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Interaction types.
const (
	interactionCommand      = 2
	interactionComponent    = 3
	interactionAutocomplete = 4
	interactionModal        = 5
)

const (
	ackLimit   = 3 * time.Second  // to the first answer
	tokenLimit = 15 * time.Minute // for follow-ups and edits
)

// What can go wrong with an answer.
var (
	ErrNoResponse = errors.New("discordtest: the application did not respond") // within 3 s
	ErrUnfinished = errors.New("discordtest: still thinking when the token ran out")
)

// An Interaction is something a person did to a bot, and what came of it.
type Interaction struct {
	d       *Discord
	bot     *Bot
	id      ID
	token   string
	kind    int
	at      time.Time
	guild   *Guild
	channel *Channel
	member  *Member
	command *command // nil unless it came from a command
	on      *message // the message of a component
	parent  *Interaction
	focus   int   // type of the option an autocomplete is about
	err     error // it could not even be sent

	delivered bool // a live session got it
	acked     bool
	ackAt     time.Time
	ackKind   int
	expired   bool // not answered within 3 s
	hidden    bool // ephemeral
	original  *message
	edited    bool // the answer after a defer is there
	answered  time.Time
	followups []*message
	choices   []Choice
	modal     obj
}

// A Choice is an autocomplete suggestion.
type Choice struct {
	Name  string
	Value any // string, or json.Number
}

// A Reply is the final visible answer to an interaction: after a defer, what
// replaced the "thinking" message.
type Reply struct {
	Message
	Deferred bool          // it was deferred first
	Deleted  bool          // the answer was taken back; Message is what it was
	Modal    *Modal        // a form instead of a message
	Ack      time.Duration // from the interaction to the first response
	Took     time.Duration // from the interaction to this answer
}

// A Modal is a form that the bot showed.
type Modal struct {
	CustomID   string `json:"custom_id"`
	Title      string
	Components []Component

	ix *Interaction
}

// ID is the interaction's id.
func (ix *Interaction) ID() ID { return ix.id }

// Token is the interaction's token, for tests that answer by hand.
func (ix *Interaction) Token() string { return ix.token }

// Err says why the interaction could not be made; nil if it was sent.
func (ix *Interaction) Err() error { return ix.err }

func (ix *Interaction) what() string {
	switch {
	case ix.kind == interactionCommand && ix.command != nil:
		return "/" + ix.command.name
	case ix.kind == interactionAutocomplete && ix.command != nil:
		return "autocomplete of /" + ix.command.name
	case ix.kind == interactionModal:
		return "modal"
	}
	return "component"
}

// Reply waits for the final visible answer: the reply, or after a defer the
// edit. It ends with ErrNoResponse when nothing came within 3 s, ErrUnfinished
// when a defer was never followed up, or the context's error. Within a test
// any of these fails it.
func (ix *Interaction) Reply(ctx context.Context) (*Reply, error) {
	r, err := ix.TryReply(ctx)
	return r, ix.d.fail(err)
}

// TryReply is Reply that gives errors back also within a test.
func (ix *Interaction) TryReply(ctx context.Context) (*Reply, error) {
	if ix.err != nil {
		return nil, ix.err
	}
	var r *Reply
	for {
		until := ix.deadline()
		err := ix.d.await(ctx, until, func() (bool, error) {
			var err error
			r, err = ix.outcome()
			return r != nil || !ix.due().Equal(until), err
		})
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s of %s: %w", ix.what(), ix.member.user.name, err)
		case r != nil:
			return r, nil
		}
	}
}

// due is when the next limit strikes. d.mu is held.
func (ix *Interaction) due() time.Time {
	if ix.acked {
		return ix.at.Add(tokenLimit)
	}
	return ix.at.Add(ackLimit)
}

func (ix *Interaction) deadline() time.Time {
	ix.d.mu.Lock()
	defer ix.d.mu.Unlock()
	return ix.due()
}

// outcome is the reply if it is there. d.mu is held.
func (ix *Interaction) outcome() (*Reply, error) {
	ix.d.sweep()
	now := ix.d.now()
	switch {
	case !ix.acked && now.After(ix.due()):
		return nil, ErrNoResponse
	case !ix.acked:
		return nil, nil
	case ix.pending() && now.After(ix.due()):
		return nil, ErrUnfinished
	case ix.pending():
		return nil, nil
	}
	r := &Reply{Deferred: ix.ackKind == callbackDefer || ix.ackKind == callbackDeferUpdate, Ack: ix.ackAt.Sub(ix.at), Took: ix.answered.Sub(ix.at)}
	if ix.original != nil {
		r.Message, r.Deleted = ix.original.snapshot(), ix.original.deleted
	}
	if ix.modal != nil {
		r.Modal = &Modal{ix: ix}
		remarshal(ix.modal, r.Modal)
	}
	return r, nil
}

// pending reports whether a defer waits for its edit.
func (ix *Interaction) pending() bool {
	return (ix.ackKind == callbackDefer || ix.ackKind == callbackDeferUpdate) && !ix.edited && !ix.original.deleted
}

// Followups are the messages sent after the answer, so far.
func (ix *Interaction) Followups() []Message {
	ix.d.mu.Lock()
	defer ix.d.mu.Unlock()
	var out []Message
	for _, m := range ix.followups {
		if !m.deleted {
			out = append(out, m.snapshot())
		}
	}
	return out
}

// Acked reports whether the first response is there, and how long it took.
func (ix *Interaction) Acked() (time.Duration, bool) {
	ix.d.mu.Lock()
	defer ix.d.mu.Unlock()
	if !ix.acked {
		return 0, false
	}
	return ix.ackAt.Sub(ix.at), true
}

// metadata is interaction_metadata of a message made in answer.
func (ix *Interaction) metadata(m *message) obj {
	o := obj{"id": ix.id, "type": ix.kind, "user": ix.member.user.json(), "authorizing_integration_owners": obj{"0": ix.guild.id}}
	if ix.original != nil && ix.original != m {
		o["original_response_message_id"] = ix.original.id
	}
	switch ix.kind {
	case interactionComponent:
		o["interacted_message_id"] = ix.on.id
	case interactionModal:
		o["triggering_interaction_metadata"] = ix.parent.metadata(nil)
	case interactionCommand:
		o["command_type"] = ix.command.kind
		o["name"] = ix.command.name
	}
	return o
}

// start makes an interaction and sends it to its bot. d.mu is held.
func (d *Discord) start(ix *Interaction, data obj) *Interaction {
	ix.d, ix.at = d, d.now()
	ix.id = d.ids.next(ix.at)
	ix.token = "aW50ZXJhY3Rpb246" + secret(48)
	d.interactions[ix.token] = ix
	m := ix.member
	payload := obj{
		"id": ix.id, "application_id": ix.bot.user.id, "type": ix.kind, "token": ix.token, "version": 1, "data": data,
		"guild_id": ix.guild.id, "guild": obj{"id": ix.guild.id, "locale": ix.guild.locale, "features": []string{}},
		"guild_locale": ix.guild.locale, "channel_id": ix.channel.id,
		"channel":         with(ix.channel.json(), "permissions", m.in(ix.channel).String()),
		"member":          with(m.json(), "permissions", m.in(ix.channel).String()),
		"app_permissions": ix.appPermissions().String(), "locale": m.locale, "entitlements": []obj{}, "entitlement_sku_ids": []ID{},
		"authorizing_integration_owners": obj{"0": ix.guild.id}, "context": 0, "attachment_size_limit": d.opt.AttachmentLimit,
	}
	if ix.on != nil {
		payload["message"] = ix.on.json()
	}
	e := event{name: "INTERACTION_CREATE", guild: ix.guild, only: ix.bot, data: payload}
	for _, s := range d.sessions {
		ix.delivered = ix.delivered || s.conn != nil && e.reaches(s)
	}
	d.dispatch(e)
	d.touch()
	return ix
}

// appPermissions is what the bot may do where the interaction came from.
func (ix *Interaction) appPermissions() Permissions {
	if m := ix.guild.member(ix.bot.user.id); m != nil {
		return m.in(ix.channel)
	}
	return 0
}
