package discordtest

import (
	"strings"
	"unicode/utf8"
)

// Component types, as Discord numbers them.
const (
	compRow = iota + 1
	compButton
	compStringSelect
	compTextInput
	compUserSelect
	compRoleSelect
	compMentionableSelect
	compChannelSelect
	compSection
	compText
	compThumbnail
	compGallery
	compFile
	compSeparator
	compContainer = 17
	compLabel     = 18
)

const (
	componentTotal = 40   // components of a V2 message, nested ones counted
	textTotal      = 4000 // characters of all texts of a V2 message
)

// A layout checks the components of one message or modal.
type layout struct {
	f       *form
	v2      bool
	modal   bool
	files   map[string]obj // attachments by file name, as attachment:// names them
	count   int
	text    int
	nextID  int
	ids     map[int]bool
	customs map[string]bool
}

// components checks the components of a message and gives them as Discord
// shows them, each with an id.
func (l *layout) components(x field) []any {
	l.ids, l.customs = map[int]bool{}, map[string]bool{}
	limit := 5
	if l.v2 {
		limit = componentTotal
	}
	list := x.list(0, limit)
	l.reserve(list)
	allowed := []int{compRow}
	if l.v2 {
		allowed = []int{compRow, compSection, compText, compGallery, compFile, compSeparator, compContainer}
	}
	out := l.all(list, x.path, allowed)
	if l.count > componentTotal {
		l.f.add(x.path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "Total number of components cannot exceed %d", componentTotal)
	}
	if l.text > textTotal {
		l.f.add(x.path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "Displayable text size exceeds maximum size of %d", textTotal)
	}
	return out
}

// reserve keeps the ids that are given, so that the others get free ones.
func (l *layout) reserve(v any) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			l.reserve(e)
		}
	case obj:
		if n, ok := intOf(t["id"]); ok && n > 0 && t["type"] != nil {
			l.ids[n] = false
		}
		for _, key := range []string{"components", "component", "accessory"} {
			l.reserve(t[key])
		}
	}
}

func (l *layout) all(list []any, path string, allowed []int) []any {
	out := make([]any, 0, len(list))
	for i, v := range list {
		if c := l.one(v, join(path, itoa(i)), allowed); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// one checks a component that must be of one of the types.
func (l *layout) one(v any, path string, allowed []int) obj {
	o := field{l.f, path, v, true}.object()
	if o == nil {
		return nil
	}
	kind, ok := intOf(o["type"])
	if !ok {
		l.f.add(join(path, "type"), "BASE_TYPE_REQUIRED", "This field is required")
		return nil
	}
	found := false
	for _, a := range allowed {
		found = found || a == kind
	}
	if !found {
		l.f.add(join(path, "type"), "UNION_TYPE_CHOICES", "Value of field \"type\" must be one of (%s).", strings.Trim(jsonText(allowed), "[]"))
		return nil
	}
	l.count++
	out := obj{"type": kind, "id": l.id(o, path)}
	switch kind {
	case compRow:
		l.row(out, o, path)
	case compButton:
		l.button(out, o, path)
	case compStringSelect, compUserSelect, compRoleSelect, compMentionableSelect, compChannelSelect:
		l.choose(out, o, path, kind)
	case compTextInput:
		l.input(out, o, path)
	case compLabel:
		l.label(out, o, path)
	default:
		l.display(out, o, path, kind)
	}
	return out
}

// id is the component's own id, or a free one.
func (l *layout) id(o obj, path string) int {
	if n := l.f.at(o, path, "id").number(0, 1<<31-1, 0); n > 0 {
		if l.ids[n] {
			l.f.add(join(path, "id"), "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
		}
		l.ids[n] = true
		return n
	}
	for {
		l.nextID++
		if _, taken := l.ids[l.nextID]; !taken {
			l.ids[l.nextID] = true
			return l.nextID
		}
	}
}

// customID reads a required custom_id, unique in the message.
func (l *layout) customID(out, o obj, path string) {
	s := l.f.at(o, path, "custom_id").needText(1, 100)
	if s == "" {
		return
	}
	if l.customs[s] {
		l.f.add(join(path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
	}
	l.customs[s] = true
	out["custom_id"] = s
}

func (l *layout) row(out, o obj, path string) {
	x := l.f.at(o, path, "components")
	if !x.need() {
		return
	}
	allowed := []int{compButton, compStringSelect, compUserSelect, compRoleSelect, compMentionableSelect, compChannelSelect}
	if l.modal {
		allowed = []int{compTextInput}
	}
	kids := l.all(x.list(1, 5), x.path, allowed)
	out["components"] = kids
	width := 0
	for i, k := range kids {
		if k.(obj)["type"] == compButton {
			width++
		} else {
			width += 5
		}
		if width > 5 {
			l.f.add(join(x.path, itoa(i)), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width")
			break
		}
	}
}

func (l *layout) button(out, o obj, path string) {
	f := l.f
	style := f.at(o, path, "style")
	if !style.need() {
		return
	}
	s := style.oneOf(0, 1, 2, 3, 4, 5, 6)
	out["style"] = s
	label := f.at(o, path, "label").text(0, 80)
	emoji := l.emoji(f.at(o, path, "emoji"))
	if f.at(o, path, "disabled").yes() {
		out["disabled"] = true
	}
	switch {
	case s == 5:
		if x := f.at(o, path, "url"); x.need() {
			out["url"] = x.link(512, "http", "https", "discord")
		}
		l.forbid(o, path, "custom_id", "A custom id and url cannot both be specified")
	case s == 6:
		if x := f.at(o, path, "sku_id"); x.need() {
			out["sku_id"] = x.id()
		}
		for _, k := range []string{"custom_id", "label", "url", "emoji"} {
			l.forbid(o, path, k, "A premium button has only a sku_id")
		}
		return
	case s >= 1:
		l.customID(out, o, path)
		l.forbid(o, path, "url", "A custom id and url cannot both be specified")
	}
	if label == "" && emoji == nil {
		f.add(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button needs a label or an emoji")
	}
	if label != "" {
		out["label"] = label
	}
	if emoji != nil {
		out["emoji"] = emoji
	}
}

func (l *layout) forbid(o obj, path, key, message string) {
	if l.f.at(o, path, key).given() {
		l.f.add(join(path, key), "BUTTON_COMPONENT_INVALID_FIELD", "%s", message)
	}
}

func (l *layout) emoji(x field) obj {
	o := x.object()
	if o == nil {
		return nil
	}
	out := obj{"name": l.f.at(o, x.path, "name").text(0, 32)}
	if id := l.f.at(o, x.path, "id").id(); id != 0 {
		out["id"] = id
		out["animated"] = l.f.at(o, x.path, "animated").yes()
	} else if name := out["name"].(string); name == "" || isPlainText(name) {
		l.f.add(join(x.path, "name"), "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")
	}
	return out
}

// isPlainText tells letters from emoji: unicode emoji are not ASCII, except
// for the keycaps, which end in U+20E3.
func isPlainText(s string) bool {
	return utf8.RuneCountInString(s) == len(s)
}
