package discordtest

import (
	"strings"
	"unicode/utf8"
)

// choose checks the selects.
func (l *layout) choose(out, o obj, path string, kind int) {
	f := l.f
	l.customID(out, o, path)
	if s := f.at(o, path, "placeholder").text(0, 150); s != "" {
		out["placeholder"] = s
	}
	lo := f.at(o, path, "min_values").number(0, 25, 1)
	hi := f.at(o, path, "max_values").number(1, 25, 1)
	out["min_values"], out["max_values"] = lo, hi
	if lo > hi {
		f.add(join(path, "min_values"), "SELECT_COMPONENT_MIN_VALUES", "min_values cannot exceed max_values")
	}
	if f.at(o, path, "disabled").yes() {
		out["disabled"] = true
	}
	if kind == compStringSelect {
		l.options(out, o, path, hi)
		return
	}
	if kind == compChannelSelect {
		if x := f.at(o, path, "channel_types"); x.given() {
			out["channel_types"] = x.list(0, 25)
		}
	}
	if x := f.at(o, path, "default_values"); x.given() {
		out["default_values"] = x.list(0, hi)
	}
}

func (l *layout) options(out, o obj, path string, hi int) {
	f := l.f
	x := f.at(o, path, "options")
	if !x.need() {
		return
	}
	list := x.list(1, 25)
	seen := map[string]bool{}
	shown := []any{}
	defaults := 0
	for i, v := range list {
		p := join(x.path, itoa(i))
		opt := field{f, p, v, true}.object()
		if opt == nil {
			continue
		}
		value := f.at(opt, p, "value").needText(1, 100)
		if seen[value] {
			f.add(join(p, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
		}
		seen[value] = true
		one := obj{"label": f.at(opt, p, "label").needText(1, 100), "value": value}
		if s := f.at(opt, p, "description").text(0, 100); s != "" {
			one["description"] = s
		}
		if e := l.emoji(f.at(opt, p, "emoji")); e != nil {
			one["emoji"] = e
		}
		if f.at(opt, p, "default").yes() {
			one["default"] = true
			defaults++
		}
		shown = append(shown, one)
	}
	if list != nil && hi > len(list) {
		f.add(join(path, "max_values"), "SELECT_COMPONENT_MAX_VALUES", "max_values cannot exceed the number of options")
	}
	if defaults > hi {
		f.add(x.path, "SELECT_COMPONENT_DEFAULTS", "More defaults than max_values")
	}
	out["options"] = shown
}

// display checks what only messages with IS_COMPONENTS_V2 have.
func (l *layout) display(out, o obj, path string, kind int) {
	f := l.f
	switch kind {
	case compText:
		s := f.at(o, path, "content").needText(1, textTotal)
		l.text += utf8.RuneCountInString(s)
		out["content"] = s
	case compSeparator:
		out["spacing"] = f.at(o, path, "spacing").oneOf(1, 1, 2)
		out["divider"] = !f.at(o, path, "divider").given() || f.at(o, path, "divider").yes()
	case compSection:
		if x := f.at(o, path, "components"); x.need() {
			out["components"] = l.all(x.list(1, 3), x.path, []int{compText})
		}
		if x := f.at(o, path, "accessory"); x.need() {
			out["accessory"] = l.one(x.v, x.path, []int{compButton, compThumbnail})
		}
	case compContainer:
		out["accent_color"], out["spoiler"] = nil, f.at(o, path, "spoiler").yes()
		if x := f.at(o, path, "accent_color"); x.given() {
			out["accent_color"] = x.number(0, 0xFFFFFF, 0)
		}
		if x := f.at(o, path, "components"); x.need() {
			out["components"] = l.all(x.list(1, 10), x.path, []int{compRow, compSection, compText, compGallery, compFile, compSeparator})
		}
	case compThumbnail:
		out["media"] = l.media(f.at(o, path, "media"), false)
		out["description"], out["spoiler"] = l.described(o, path), f.at(o, path, "spoiler").yes()
	case compGallery:
		if x := f.at(o, path, "items"); x.need() {
			out["items"] = l.gallery(x)
		}
	case compFile:
		m := l.media(f.at(o, path, "file"), true)
		out["file"], out["spoiler"] = m, f.at(o, path, "spoiler").yes()
		out["name"], out["size"] = nil, nil
		if a := l.files[strings.TrimPrefix(jsonText(m["ref"]), "attachment://")]; a != nil {
			out["name"], out["size"] = a["filename"], a["size"]
		}
	}
	for _, m := range []any{out["media"], out["file"]} {
		if m, ok := m.(obj); ok {
			delete(m, "ref")
		}
	}
}

func (l *layout) described(o obj, path string) any {
	if x := l.f.at(o, path, "description"); x.given() {
		return x.text(1, 1024)
	}
	return nil
}

func (l *layout) gallery(x field) []any {
	out := []any{}
	for i, v := range x.list(1, 10) {
		p := join(x.path, itoa(i))
		item := field{l.f, p, v, true}.object()
		if item == nil {
			continue
		}
		m := l.media(l.f.at(item, p, "media"), false)
		delete(m, "ref")
		out = append(out, obj{"media": m, "description": l.described(item, p), "spoiler": l.f.at(item, p, "spoiler").yes()})
	}
	return out
}

// media checks an unfurled media item; attachment:// must name a file that
// came with the message.
func (l *layout) media(x field, attached bool) obj {
	out := obj{"id": ID(uint64(l.count)), "url": "", "proxy_url": ""}
	if !x.need() {
		return out
	}
	o := x.object()
	u := l.f.at(o, x.path, "url")
	if o == nil || !u.need() {
		return out
	}
	schemes := []string{"http", "https", "attachment"}
	if attached {
		schemes = schemes[2:]
	}
	s := u.link(maxURL, schemes...)
	out["ref"], out["url"], out["proxy_url"] = s, s, s
	if name, ok := strings.CutPrefix(s, "attachment://"); ok {
		a := l.files[name]
		if a == nil {
			l.f.add(u.path, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", "The referenced attachment was not found")
			return out
		}
		out["url"], out["proxy_url"], out["attachment_id"] = a["url"], a["url"], a["id"]
		out["content_type"] = a["content_type"]
	}
	return out
}

// input checks a modal's text input.
func (l *layout) input(out, o obj, path string) {
	f := l.f
	l.customID(out, o, path)
	if x := f.at(o, path, "style"); x.need() {
		out["style"] = x.oneOf(1, 1, 2)
	}
	out["label"] = f.at(o, path, "label").text(0, 45)
	out["value"] = f.at(o, path, "value").text(0, 4000)
	out["placeholder"] = f.at(o, path, "placeholder").text(0, 100)
	required := f.at(o, path, "required")
	out["required"] = !required.given() || required.yes()
	lo := f.at(o, path, "min_length").number(0, 4000, 0)
	hi := f.at(o, path, "max_length").number(1, 4000, 4000)
	out["min_length"], out["max_length"] = lo, hi
	if lo > hi {
		f.add(join(path, "min_length"), "TEXT_INPUT_MIN_LENGTH", "min_length cannot exceed max_length")
	}
}

// label checks a modal's label and what it labels.
func (l *layout) label(out, o obj, path string) {
	out["label"] = l.f.at(o, path, "label").needText(1, 45)
	if x := l.f.at(o, path, "description"); x.given() {
		out["description"] = x.text(1, 100)
	}
	if x := l.f.at(o, path, "component"); x.need() {
		out["component"] = l.one(x.v, x.path, []int{compTextInput, compStringSelect, compUserSelect, compRoleSelect, compMentionableSelect, compChannelSelect})
	}
}

// modal checks the data of a modal callback.
func (f *form) modal(o obj, path string) obj {
	l := &layout{f: f, modal: true, ids: map[int]bool{}, customs: map[string]bool{}}
	out := obj{
		"custom_id": f.at(o, path, "custom_id").needText(1, 100),
		"title":     f.at(o, path, "title").needText(1, 45),
	}
	if x := f.at(o, path, "components"); x.need() {
		out["components"] = l.all(x.list(1, 5), x.path, []int{compRow, compText, compLabel})
	}
	return out
}
