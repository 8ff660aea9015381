package bot

import (
	"fmt"
	"strings"
	"time"

	"segue/bot/text"
	"segue/music"
	"segue/player"
	"segue/queue"
)

// play finds what was asked for, queues it and joins the person's channel.
func (b *Bot) play(v *visit) (answer, error) {
	q, err := v.query()
	if err != nil {
		return "", err
	}
	local, cancel := v.local()
	defer cancel()
	s, err := b.scene(local, v.guild, v.user)
	if err != nil {
		return "", err
	}
	move, err := b.mayPlay(v.guild, s)
	if err != nil {
		return "", err
	}
	found, tracks, err := b.find(v, q)
	if err != nil {
		return "", err
	}
	if move { // nobody listens where the bot is: it goes where it is wanted
		if err := b.UpdateVoiceState(v.ctx, v.guild, s.user); err != nil {
			return "", &music.Error{Kind: music.Unavailable, Code: "voice.failed", Err: err}
		}
	}
	p := b.o.Players.Player(v.guild)
	if b.voiceOf(v.guild, b.Self()) == 0 { // the first track is opened before the channel is joined
		b.carries(p, s.user)
	}
	entries, err := p.Enqueue(v.ctx, player.Request{By: v.user, Voice: s.user, Text: v.text, Watch: true}, tracks...)
	if err != nil {
		return "", err
	}
	now, err := p.Status(v.ctx)
	if err != nil {
		return "", err
	}
	return answer(v.queued(found, entries, now) + b.audible(v, s.user)), nil
}

// asked is a query with a name to call it by.
type asked struct{ music.Query }

// name is how to speak of what was asked for.
func (q asked) name() string {
	if q.Attachment != nil {
		return q.Attachment.Filename
	}
	return q.Text
}

// query reads what was typed: words, or a file, not both and not neither.
func (v *visit) query() (q asked, err error) {
	q.User, q.Guild = v.user, v.guild
	q.Text = strings.TrimSpace(v.data.String("query"))
	if a, ok := v.data.OptAttachment("file"); ok {
		q.Attachment = &music.Attachment{URL: a.URL, Filename: a.Filename, Size: int64(a.Size)}
		if a.ContentType != nil {
			q.Attachment.ContentType = *a.ContentType
		}
	}
	switch {
	case q.Text == "" && q.Attachment == nil:
		return q, &music.Error{Kind: music.Invalid, Code: "play.nothing_asked"}
	case q.Text != "" && q.Attachment != nil:
		return q, &music.Error{Kind: music.Invalid, Code: "play.both_asked"}
	}
	return q, nil
}

// find says that we are thinking and looks for what was asked for. The tracks are at
// least one.
func (b *Bot) find(v *visit, q asked) (found music.Result, tracks []music.Track, err error) {
	if err := v.think(); err != nil {
		return found, nil, err
	}
	found, err = b.o.Resolver.Resolve(v.ctx, q.Query)
	if err != nil {
		return found, nil, err
	}
	if tracks = chosen(found); len(tracks) == 0 {
		err = &music.Error{Kind: music.NotFound, Code: "query.nothing_found", Args: []any{q.name()}}
	}
	return found, tracks, err
}

// chosen is what of a result is queued: a list whole, else the best candidate.
func chosen(r music.Result) []music.Track {
	if r.Playlist != "" || len(r.Tracks) == 0 {
		return r.Tracks
	}
	i := r.Selected
	if i < 0 || i >= len(r.Tracks) {
		i = 0
	}
	return r.Tracks[i : i+1]
}

// queued says what became of what was asked for.
func (v *visit) queued(found music.Result, entries []queue.Entry, now player.Status) string {
	first := entries[0]
	if found.Playlist != "" && len(entries) > 1 {
		return v.tell("answer.queued_list", len(entries), found.Playlist, total(entries))
	}
	if now.Current.ID == first.ID || !waiting(now, first.ID) {
		return v.tell("answer.playing", track(first.Track))
	}
	position := 1
	for _, e := range now.Next {
		if e.ID == first.ID {
			break
		}
		position++
	}
	return v.tell("answer.queued", track(first.Track), position)
}

func waiting(now player.Status, id queue.EntryID) bool {
	for _, e := range now.Next {
		if e.ID == id {
			return true
		}
	}
	return false
}

// track names a track in one line, safely: title, artist, length.
func track(t music.Track) text.Safe {
	s := "**" + text.Escape(t.Title, longestTitle) + "**"
	if t.Artist != "" {
		s += " · " + text.Escape(t.Artist, longestArtist)
	}
	if d := length(t); d != "" {
		s += " (" + d + ")"
	}
	return text.Safe(s)
}

const (
	longestTitle  = 80 // runes: two lines on a phone
	longestArtist = 40
)

// length is a track's length in words, empty if unknown.
func length(t music.Track) string {
	switch {
	case t.Live:
		return "live"
	case t.Duration > 0:
		return text.Clock(t.Duration)
	}
	return ""
}

// total is the length of all entries together, as far as it is known.
func total(entries []queue.Entry) time.Duration {
	var sum time.Duration
	for _, e := range entries {
		if !e.Track.Live {
			sum += e.Track.Duration
		}
	}
	return sum
}

// String shows a query in logs without what was typed.
func (q asked) String() string { return fmt.Sprintf("query of %d characters", len(q.Text)) }
