package discordtest

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// emoji is an emoji owned by an application.
type emoji struct {
	id       ID
	name     string
	animated bool
}

const (
	emojiLimit = 2000
	emojiSize  = 256 << 10 // bytes
)

var emojiName = regexp.MustCompile(`^\w{2,32}$`)

func (e *emoji) json(b *Bot) obj {
	return obj{
		"id": e.id, "name": e.name, "roles": []ID{}, "user": b.user.json(), "require_colons": true,
		"managed": false, "animated": e.animated, "available": true,
	}
}

func getEmojis(q *request) (int, any, error) {
	list := []obj{}
	for _, e := range q.bot.emojis {
		list = append(list, e.json(q.bot))
	}
	return 200, obj{"items": list}, nil
}

func (q *request) emoji() (*emoji, error) {
	i := slices.IndexFunc(q.bot.emojis, func(e *emoji) bool { return e.id == q.id("emoji_id") })
	if i < 0 {
		return nil, errUnknown("Emoji")
	}
	return q.bot.emojis[i], nil
}

func getEmoji(q *request) (int, any, error) {
	e, err := q.emoji()
	if err != nil {
		return 0, nil, err
	}
	return 200, e.json(q.bot), nil
}

func postEmoji(q *request) (int, any, error) {
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	name := f.emojiName(o, q.bot, nil)
	animated := f.image(f.at(o, "", "image"))
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	if len(q.bot.emojis) >= emojiLimit {
		return 0, nil, refusal(400, 30008, "Maximum number of emojis reached (2000)")
	}
	e := &emoji{id: q.d.ids.next(q.d.now()), name: name, animated: animated}
	q.bot.emojis = append(q.bot.emojis, e)
	return 201, e.json(q.bot), nil
}

func (f *form) emojiName(o obj, b *Bot, self *emoji) string {
	name := f.at(o, "", "name").needText(2, 32)
	switch {
	case name != "" && !emojiName.MatchString(name):
		f.add("name", "STRING_TYPE_REGEX", "String value did not match validation regex.")
	case slices.ContainsFunc(b.emojis, func(e *emoji) bool { return e != self && e.name == name }):
		f.add("name", "APPLICATION_EMOJI_NAME_ALREADY_TAKEN", "That emoji name is already taken")
	}
	return name
}

// image checks a data URI and tells whether it is a GIF.
func (f *form) image(x field) (animated bool) {
	s := x.needText(1, 1<<20)
	if s == "" {
		return false
	}
	kind, data, ok := strings.Cut(strings.TrimPrefix(s, "data:"), ";base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	switch {
	case !ok || err != nil || !slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}, kind):
		f.add(x.path, "BASE_TYPE_BAD_IMAGE", "Invalid image data")
	case len(raw) > emojiSize:
		f.add(x.path, "BINARY_TYPE_MAX_SIZE", "File cannot be larger than 256.0 kb.")
	}
	return kind == "image/gif"
}

func patchEmoji(q *request) (int, any, error) {
	e, err := q.emoji()
	if err != nil {
		return 0, nil, err
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	name := f.emojiName(o, q.bot, e)
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	e.name = name
	return 200, e.json(q.bot), nil
}

func deleteEmoji(q *request) (int, any, error) {
	e, err := q.emoji()
	if err != nil {
		return 0, nil, err
	}
	q.bot.emojis = slices.DeleteFunc(q.bot.emojis, func(o *emoji) bool { return o == e })
	return 204, nil, nil
}
