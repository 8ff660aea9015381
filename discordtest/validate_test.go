package discordtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// codes lists the error codes of a form by path, "path CODE", sorted.
func codes(f *form) []string {
	var out []string
	var walk func(path string, n *formNode)
	walk = func(path string, n *formNode) {
		for _, e := range n.errs {
			out = append(out, strings.TrimPrefix(path+" ", ".")+e["code"].(string))
		}
		for _, k := range sortedKeys(n.kids) {
			walk(path+"."+k, n.kids[k])
		}
	}
	walk("", &f.root)
	return out
}

// asJSON makes o what it would be if it came over the wire.
func asJSON(t *testing.T, v any) obj {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	o, ok := decodeObject(b)
	if !ok {
		t.Fatalf("%s", b)
	}
	return o
}

func x(n int) string { return strings.Repeat("é", n) } // characters, not bytes

func button(id string) obj { return obj{"type": 2, "style": 1, "label": "b", "custom_id": id} }

func row(c ...obj) obj { return obj{"type": 1, "components": c} }

func sel(kv ...any) obj {
	return with(obj{"type": 3, "custom_id": "s", "options": []obj{{"label": "A", "value": "a"}, {"label": "B", "value": "b"}}}, kv...)
}

func text(s string) obj { return obj{"type": 10, "content": s} }

func many(n int, f func(int) obj) []obj {
	out := []obj{}
	for i := range n {
		out = append(out, f(i))
	}
	return out
}

func TestMessageLimits(t *testing.T) {
	embed := func(kv ...any) obj { return obj{"embeds": []obj{with(obj{"title": "t"}, kv...)}} }
	parts := func(c ...any) obj { return obj{"components": c} }
	v2 := func(c ...any) obj { return obj{"flags": flagV2, "components": c} }
	tests := []struct {
		name string
		body obj
		want string // "" is fine
	}{
		{"content of 2000", obj{"content": x(2000)}, ""},
		{"content of 2001", obj{"content": x(2001)}, "content BASE_TYPE_MAX_LENGTH"},
		{"content that is a list", obj{"content": []int{1}}, "content STRING_TYPE_CONVERT"},
		{"content that is a number is coerced", obj{"content": 5}, ""},
		{"10 embeds", obj{"embeds": many(10, func(int) obj { return obj{"title": "t"} })}, ""},
		{"11 embeds", obj{"embeds": many(11, func(int) obj { return obj{"title": "t"} })}, "embeds BASE_TYPE_MAX_LENGTH"},
		{"an embed that is no object", obj{"embeds": []any{5}}, "embeds.0 MODEL_TYPE_CONVERT"},
		{"an empty embed", obj{"embeds": []obj{{"color": 5}, {}}}, "embeds.1.description BASE_TYPE_REQUIRED"},
		{"title of 257", embed("title", x(257)), "embeds.0.title BASE_TYPE_MAX_LENGTH"},
		{"description of 4096", embed("description", x(4096)), ""},
		{"description of 4097", embed("description", x(4097)), "embeds.0.description BASE_TYPE_MAX_LENGTH"},
		{"footer without text", embed("footer", obj{"icon_url": "https://a.b/c"}), "embeds.0.footer.text BASE_TYPE_REQUIRED"},
		{"footer of 2049", embed("footer", obj{"text": x(2049)}), "embeds.0.footer.text BASE_TYPE_BAD_LENGTH"},
		{"author of 257", embed("author", obj{"name": x(257)}), "embeds.0.author.name BASE_TYPE_BAD_LENGTH"},
		{"author's link", embed("author", obj{"name": "a", "url": "gopher://a"}), "embeds.0.author.url URL_TYPE_INVALID_SCHEME"},
		{"a link that is none", embed("url", "no link"), "embeds.0.url URL_TYPE_INVALID_URL"},
		{"picture from an attachment", embed("image", obj{"url": "attachment://a.png"}), ""},
		{"picture without a link", embed("thumbnail", obj{}), "embeds.0.thumbnail.url BASE_TYPE_REQUIRED"},
		{"colour beyond 24 bits", embed("color", 0x1000000), "embeds.0.color NUMBER_TYPE_MAX"},
		{"negative colour", embed("color", -1), "embeds.0.color NUMBER_TYPE_MIN"},
		{"colour as a word", embed("color", "red"), "embeds.0.color NUMBER_TYPE_COERCE"},
		{"time", embed("timestamp", "2026-11-21T12:00:00.000Z"), ""},
		{"time that is none", embed("timestamp", "noon"), "embeds.0.timestamp DATE_TIME_TYPE_PARSE"},
		{"26 fields", embed("fields", many(26, func(int) obj { return obj{"name": "n", "value": "v"} })), "embeds.0.fields BASE_TYPE_MAX_LENGTH"},
		{"a field without value", embed("fields", []obj{{"name": "n"}}), "embeds.0.fields.0.value BASE_TYPE_REQUIRED"},
		{"a field with an empty name", embed("fields", []obj{{"name": "", "value": "v"}}), "embeds.0.fields.0.name BASE_TYPE_REQUIRED"},
		{"a field value of 1025", embed("fields", []obj{{"name": "n", "value": x(1025)}}), "embeds.0.fields.0.value BASE_TYPE_BAD_LENGTH"},
		{"inline that is no boolean", embed("fields", []obj{{"name": "n", "value": "v", "inline": "x"}}), "embeds.0.fields.0.inline BOOLEAN_TYPE_CONVERT"},
		{"embeds of 6000 in all", obj{"embeds": []obj{{"description": x(3000)}, {"description": x(2999), "title": "t"}}}, ""},
		{"embeds of 6001 in all", obj{"embeds": []obj{{"description": x(3000)}, {"description": x(2999), "title": "t", "footer": obj{"text": "f"}}}}, "embeds MAX_EMBED_SIZE_EXCEEDED"},
		{"nonce of 26", obj{"content": "c", "nonce": x(26)}, "nonce BASE_TYPE_MAX_LENGTH"},
		{"mentions", obj{"content": "c", "allowed_mentions": obj{"parse": []string{"users"}, "roles": []string{"5"}, "replied_user": true}}, ""},
		{"mentions of a kind unknown", obj{"content": "c", "allowed_mentions": obj{"parse": []string{"dogs"}}}, "allowed_mentions.parse.0 BASE_TYPE_CHOICES"},
		{"mentions said twice", obj{"content": "c", "allowed_mentions": obj{"parse": []string{"users"}, "users": []string{"5"}}}, "allowed_mentions.users MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
		{"mentions of no id", obj{"content": "c", "allowed_mentions": obj{"users": []string{"me"}}}, "allowed_mentions.users.0 NUMBER_TYPE_COERCE"},
		{"a flag that cannot be set", obj{"content": "c", "flags": flagLoading}, "flags MESSAGE_FLAGS_INVALID"},
		{"a poll", obj{"content": "c", "poll": obj{}}, "poll STAND_IN_NOT_MODELLED"},

		{"5 rows of 5 buttons", parts(row(button("1"), button("2"), button("3"), button("4"), button("5")), row(button("6")), row(button("7")), row(button("8")), row(button("9"))), ""},
		{"6 rows", obj{"components": many(6, func(i int) obj { return row(button(fmt.Sprint(i))) })}, "components BASE_TYPE_MAX_LENGTH"},
		{"a row of 6", parts(row(many(6, func(i int) obj { return button(fmt.Sprint(i)) })...)), "components.0.components BASE_TYPE_BAD_LENGTH"},
		{"an empty row", parts(obj{"type": 1, "components": []obj{}}), "components.0.components BASE_TYPE_BAD_LENGTH"},
		{"a row without components", parts(obj{"type": 1}), "components.0.components BASE_TYPE_REQUIRED"},
		{"a component without type", parts(obj{}), "components.0.type BASE_TYPE_REQUIRED"},
		{"a button outside a row", parts(button("1")), "components.0.type UNION_TYPE_CHOICES"},
		{"a row in a row", parts(row(row(button("1")))), "components.0.components.0.type UNION_TYPE_CHOICES"},
		{"select beside a button", parts(row(button("1"), sel())), "components.0.components.1 COMPONENT_LAYOUT_WIDTH_EXCEEDED"},
		{"the same custom_id twice", parts(row(button("1"), button("1"))), "components.0.components.1.custom_id COMPONENT_CUSTOM_ID_DUPLICATED"},
		{"the same custom_id in two rows", parts(row(button("s")), row(sel())), "components.1.components.0.custom_id COMPONENT_CUSTOM_ID_DUPLICATED"},
		{"the same id twice", parts(row(with(button("1"), "id", 7), with(button("2"), "id", 7))), "components.0.components.1.id COMPONENT_ID_DUPLICATED"},
		{"a button without custom_id", parts(row(obj{"type": 2, "style": 1, "label": "b"})), "components.0.components.0.custom_id BASE_TYPE_REQUIRED"},
		{"a custom_id of 101", parts(row(button(x(101)))), "components.0.components.0.custom_id BASE_TYPE_BAD_LENGTH"},
		{"a label of 81", parts(row(with(button("1"), "label", x(81)))), "components.0.components.0.label BASE_TYPE_MAX_LENGTH"},
		{"a button with nothing on it", parts(row(with(button("1"), "label", nil))), "components.0.components.0 BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED"},
		{"an emoji is enough", parts(row(with(button("1"), "label", nil, "emoji", obj{"name": "⏭️"}))), ""},
		{"an emoji of letters", parts(row(with(button("1"), "emoji", obj{"name": "skip"}))), "components.0.components.0.emoji.name BUTTON_COMPONENT_INVALID_EMOJI"},
		{"an emoji of our own", parts(row(with(button("1"), "emoji", obj{"name": "skip", "id": "5"}))), ""},
		{"a style unknown", parts(row(with(button("1"), "style", 7))), "components.0.components.0.style BASE_TYPE_CHOICES"},
		{"no style", parts(row(obj{"type": 2, "label": "b", "custom_id": "x"})), "components.0.components.0.style BASE_TYPE_REQUIRED"},
		{"a link button", parts(row(obj{"type": 2, "style": 5, "label": "b", "url": "https://a.b"})), ""},
		{"a link button without link", parts(row(obj{"type": 2, "style": 5, "label": "b"})), "components.0.components.0.url BASE_TYPE_REQUIRED"},
		{"a link button with custom_id", parts(row(obj{"type": 2, "style": 5, "label": "b", "url": "https://a.b", "custom_id": "x"})), "components.0.components.0.custom_id BUTTON_COMPONENT_INVALID_FIELD"},
		{"a link of 513", parts(row(obj{"type": 2, "style": 5, "label": "b", "url": "https://a.b/" + strings.Repeat("x", 501)})), "components.0.components.0.url BASE_TYPE_MAX_LENGTH"},
		{"a button with both", parts(row(with(button("1"), "url", "https://a.b"))), "components.0.components.0.url BUTTON_COMPONENT_INVALID_FIELD"},
		{"a premium button", parts(row(obj{"type": 2, "style": 6, "sku_id": "5"})), ""},
		{"a premium button with label", parts(row(obj{"type": 2, "style": 6, "sku_id": "5", "label": "b"})), "components.0.components.0.label BUTTON_COMPONENT_INVALID_FIELD"},

		{"a select", parts(row(sel("placeholder", x(150), "min_values", 0, "max_values", 2))), ""},
		{"a placeholder of 151", parts(row(sel("placeholder", x(151)))), "components.0.components.0.placeholder BASE_TYPE_MAX_LENGTH"},
		{"max_values beyond the options", parts(row(sel("max_values", 3))), "components.0.components.0.max_values SELECT_COMPONENT_MAX_VALUES"},
		{"min beyond max", parts(row(sel("min_values", 2))), "components.0.components.0.min_values SELECT_COMPONENT_MIN_VALUES"},
		{"no options", parts(row(obj{"type": 3, "custom_id": "s"})), "components.0.components.0.options BASE_TYPE_REQUIRED"},
		{"26 options", parts(row(sel("options", many(26, func(i int) obj { return obj{"label": "l", "value": fmt.Sprint(i)} })))), "components.0.components.0.options BASE_TYPE_BAD_LENGTH"},
		{"the same value twice", parts(row(sel("options", []obj{{"label": "a", "value": "v"}, {"label": "b", "value": "v"}}))), "components.0.components.0.options.1.value SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"},
		{"a label of 101 in it", parts(row(sel("options", []obj{{"label": x(101), "value": "v"}}))), "components.0.components.0.options.0.label BASE_TYPE_BAD_LENGTH"},
		{"two defaults for one", parts(row(sel("options", []obj{{"label": "a", "value": "a", "default": true, "description": "d", "emoji": obj{"name": "⏭️"}}, {"label": "b", "value": "b", "default": true}}))), "components.0.components.0.options SELECT_COMPONENT_DEFAULTS"},
		{"the other selects", parts(row(obj{"type": 5, "custom_id": "u", "disabled": true}), row(obj{"type": 6, "custom_id": "r"}), row(obj{"type": 7, "custom_id": "m"}), row(obj{"type": 8, "custom_id": "c", "channel_types": []int{2}, "default_values": []obj{{"id": "5", "type": "channel"}}})), ""},

		{"V2 without its flag", parts(text("x")), "components.0.type UNION_TYPE_CHOICES"},
		{"V2", v2(obj{"type": 17, "accent_color": 5, "components": []obj{text("x"), {"type": 14, "spacing": 2, "divider": false}, row(button("1"))}}, obj{"type": 9, "components": []obj{text("y")}, "accessory": button("2")}), ""},
		{"V2 with content", with(v2(text("x")), "content", "c"), "content MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"},
		{"V2 with embeds", with(v2(text("x")), "embeds", []obj{{"title": "t"}}), "embeds MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"},
		{"V2 with stickers", with(v2(text("x")), "sticker_ids", []string{"5"}), "sticker_ids STAND_IN_NOT_MODELLED"},
		{"40 components", obj{"flags": flagV2, "components": many(40, func(i int) obj { return text("x") })}, ""},
		{"41 components, nested ones counted", obj{"flags": flagV2, "components": append(many(39, func(i int) obj { return text("x") }), row(button("1")))}, "components COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"},
		{"4001 characters in all", v2(text(x(4000)), text("x")), "components COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"},
		{"an empty text", v2(text("")), "components.0.content BASE_TYPE_REQUIRED"},
		{"a section of 4 texts", v2(obj{"type": 9, "components": many(4, func(int) obj { return text("x") }), "accessory": button("1")}), "components.0.components BASE_TYPE_BAD_LENGTH"},
		{"a section without accessory", v2(obj{"type": 9, "components": []obj{text("x")}}), "components.0.accessory BASE_TYPE_REQUIRED"},
		{"a section with a select", v2(obj{"type": 9, "components": []obj{text("x")}, "accessory": sel()}), "components.0.accessory.type UNION_TYPE_CHOICES"},
		{"a container in a container", v2(obj{"type": 17, "components": []obj{{"type": 17, "components": []obj{text("x")}}}}), "components.0.components.0.type UNION_TYPE_CHOICES"},
		{"a container of 11", v2(obj{"type": 17, "components": many(11, func(int) obj { return text("x") })}), "components.0.components BASE_TYPE_BAD_LENGTH"},
		{"a colour too large", v2(obj{"type": 17, "accent_color": 1 << 24, "components": []obj{text("x")}}), "components.0.accent_color NUMBER_TYPE_MAX"},
		{"a thumbnail", v2(obj{"type": 9, "components": []obj{text("x")}, "accessory": obj{"type": 11, "media": obj{"url": "https://a.b/c.png"}, "description": "d"}}), ""},
		{"media without link", v2(obj{"type": 12, "items": []obj{{"media": obj{}}}}), "components.0.items.0.media.url BASE_TYPE_REQUIRED"},
		{"media that is missing", v2(obj{"type": 12, "items": []obj{{}}}), "components.0.items.0.media BASE_TYPE_REQUIRED"},
		{"a gallery of 11", v2(obj{"type": 12, "items": many(11, func(int) obj { return obj{"media": obj{"url": "https://a.b"}} })}), "components.0.items BASE_TYPE_BAD_LENGTH"},
		{"a file not sent along", v2(obj{"type": 13, "file": obj{"url": "attachment://a.txt"}}), "components.0.file.url UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"},
		{"a file from elsewhere", v2(obj{"type": 13, "file": obj{"url": "https://a.b"}}), "components.0.file.url URL_TYPE_INVALID_SCHEME"},
		{"a separator of a size unknown", v2(obj{"type": 14, "spacing": 3}), "components.0.spacing BASE_TYPE_CHOICES"},
		{"a label, which is for forms", v2(obj{"type": 18, "label": "l", "component": sel()}), "components.0.type UNION_TYPE_CHOICES"},
	}
	d := New(t, Options{NoVoice: true})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f form
			d.draft(&f, asJSON(t, tt.body), nil, messageRules{flags: newMessageFlags})
			if got := strings.Join(codes(&f), "; "); got != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestV2CannotBeTakenOff(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	r := restOf(t, d)
	path := "/channels/" + d.Guild("den").Text("general").ID().String() + "/messages"
	a := r.upload("POST", path, obj{"flags": flagV2, "components": []obj{text("x"), {"type": 13, "file": obj{"url": "attachment://a.txt"}}, {"type": 12, "items": []obj{{"media": obj{"url": "attachment://a.txt"}}}}}}, "a.txt")
	if a.status != 200 || a.at("components", 1, "name") != "a.txt" || a.at("components", 0, "id") != 1.0 {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	one := path + "/" + a.at("id").(string)
	if a := r.ok("PATCH", one, obj{"flags": 0, "components": []obj{text("y")}}); a.at("flags") != float64(flagV2) {
		t.Fatalf("got %s", a.raw)
	}
	r.refused("PATCH", one, obj{"flags": 0, "content": "c"}, 400, 50035)
	taken(t, d, "LEGACY_FIELDS")
	old := r.ok("POST", path, obj{"content": "c"}).at("id").(string)
	r.refused("PATCH", path+"/"+old, obj{"flags": flagV2, "components": []obj{text("y")}}, 400, 50035)
	r.ok("PATCH", path+"/"+old, obj{"flags": flagV2, "content": nil, "components": []obj{text("y")}})
	r.refused("POST", path, obj{"content": ""}, 400, 50006)
	taken(t, d, "LEGACY_FIELDS", "50006")
}

func opt(kind int, name string, kv ...any) obj {
	return with(obj{"type": kind, "name": name, "description": "d"}, kv...)
}

func TestCommandRules(t *testing.T) {
	cmd := func(kv ...any) obj { return with(obj{"name": "play", "description": "d"}, kv...) }
	opts := func(o ...obj) obj { return cmd("options", o) }
	tests := []struct {
		name string
		body obj
		want string
	}{
		{"plain", cmd(), ""},
		{"upper case", cmd("name", "Play"), "name APPLICATION_COMMAND_INVALID_NAME"},
		{"a space", cmd("name", "play it"), "name APPLICATION_COMMAND_INVALID_NAME"},
		{"other alphabets", cmd("name", "играть"), ""},
		{"other alphabets, upper case", cmd("name", "Играть"), "name APPLICATION_COMMAND_INVALID_NAME"},
		{"devanagari with marks", cmd("name", "बजाओ"), ""},
		{"33 characters", cmd("name", x(33)), "name BASE_TYPE_BAD_LENGTH; name APPLICATION_COMMAND_INVALID_NAME"},
		{"no name", obj{"description": "d"}, "name BASE_TYPE_REQUIRED"},
		{"no description", obj{"name": "play"}, "description BASE_TYPE_REQUIRED"},
		{"a description of 101", cmd("description", x(101)), "description BASE_TYPE_BAD_LENGTH"},
		{"a type unknown", cmd("type", 9), "type BASE_TYPE_CHOICES"},
		{"a context menu command", obj{"name": "Play This", "type": 3}, ""},
		{"with a description", obj{"name": "Play This", "type": 3, "description": "d"}, "description APPLICATION_COMMAND_DESCRIPTION_INVALID"},
		{"with options", obj{"name": "Play This", "type": 2, "options": []obj{opt(3, "a")}}, "options APPLICATION_COMMAND_OPTIONS_INVALID"},
		{"localised", cmd("name_localizations", obj{"de": "spielen"}, "description_localizations", obj{"de": "Spielt", "fr": nil}), ""},
		{"a locale unknown", cmd("name_localizations", obj{"at": "spün"}), "name_localizations.at ENUM_TYPE_COERCE"},
		{"a bad name in a locale", cmd("name_localizations", obj{"de": "Spielen"}), "name_localizations.de APPLICATION_COMMAND_INVALID_NAME"},
		{"permissions", cmd("default_member_permissions", "32"), ""},
		{"permissions that are none", cmd("default_member_permissions", "many"), "default_member_permissions BITFIELD_TYPE_CONVERT"},
		{"contexts", cmd("contexts", []int{0, 1}, "integration_types", []int{0}), ""},
		{"a context unknown", cmd("contexts", []int{5}), "contexts.0 BASE_TYPE_CHOICES"},
		{"a context twice", cmd("contexts", []int{0, 0}), "contexts SET_TYPE_ALREADY_CONTAINS_VALUE"},
		{"25 options", cmd("options", many(25, func(i int) obj { return opt(3, fmt.Sprint("o", i)) })), ""},
		{"26 options", cmd("options", many(26, func(i int) obj { return opt(3, fmt.Sprint("o", i)) })), "options BASE_TYPE_MAX_LENGTH"},
		{"an option without type", opts(obj{"name": "a", "description": "d"}), "options.0.type BASE_TYPE_REQUIRED"},
		{"an option in upper case", opts(opt(3, "Query")), "options.0.name APPLICATION_COMMAND_INVALID_NAME"},
		{"the same option twice", opts(opt(3, "a"), opt(4, "a")), "options.1.name APPLICATION_COMMAND_OPTIONS_NAME_INVALID"},
		{"required after optional", opts(opt(3, "a"), opt(3, "b", "required", true)), "options.1 APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"},
		{"required first", opts(opt(3, "a", "required", true), opt(3, "b")), ""},
		{"localised as another's name", opts(opt(3, "a", "name_localizations", obj{"de": "b"}), opt(3, "b")), "options.0.name_localizations.de APPLICATION_COMMAND_OPTIONS_NAME_INVALID"},
		{"localised alike", opts(opt(3, "a", "name_localizations", obj{"de": "c"}), opt(3, "b", "name_localizations", obj{"de": "c"})), "options.1.name_localizations.de APPLICATION_COMMAND_OPTIONS_NAME_INVALID"},
		{"choices", opts(opt(3, "a", "choices", []obj{{"name": "A", "value": "a", "name_localizations": obj{"de": "Ah"}}})), ""},
		{"26 choices", opts(opt(3, "a", "choices", many(26, func(i int) obj { return obj{"name": fmt.Sprint(i), "value": "v"} }))), "options.0.choices BASE_TYPE_MAX_LENGTH"},
		{"the same choice twice", opts(opt(3, "a", "choices", []obj{{"name": "A", "value": "a"}, {"name": "A", "value": "b"}})), "options.0.choices.1 APPLICATION_COMMAND_OPTIONS_CHOICE_NAMES_DUPLICATE"},
		{"a choice of the wrong type", opts(opt(4, "a", "choices", []obj{{"name": "A", "value": "a"}})), "options.0.choices.0.value NUMBER_TYPE_COERCE"},
		{"a fraction as integer", opts(opt(4, "a", "choices", []obj{{"name": "A", "value": 1.5}})), "options.0.choices.0.value NUMBER_TYPE_COERCE"},
		{"choices of people", opts(opt(6, "a", "choices", []obj{{"name": "A", "value": "a"}})), "options.0.choices APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID"},
		{"choices and autocomplete", opts(opt(3, "a", "autocomplete", true, "choices", []obj{{"name": "A", "value": "a"}})), "options.0.choices APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID"},
		{"autocomplete of people", opts(opt(6, "a", "autocomplete", true)), "options.0.autocomplete APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID"},
		{"bounds", opts(opt(4, "a", "min_value", 0, "max_value", 5), opt(3, "b", "min_length", 0, "max_length", 6000)), ""},
		{"bounds the wrong way round", opts(opt(4, "a", "min_value", 6, "max_value", 5)), "options.0.name APPLICATION_COMMAND_OPTIONS_VALUE_INVALID"},
		{"bounds of a text", opts(opt(3, "a", "min_value", 6)), "options.0.min_value APPLICATION_COMMAND_OPTIONS_VALUE_INVALID"},
		{"lengths of a number", opts(opt(4, "a", "max_length", 6)), "options.0.max_length APPLICATION_COMMAND_OPTIONS_LENGTH_INVALID"},
		{"a length of 6001", opts(opt(3, "a", "max_length", 6001)), "options.0.max_length NUMBER_TYPE_MAX"},
		{"channel types", opts(opt(7, "a", "channel_types", []int{2})), ""},
		{"channel types of a text", opts(opt(3, "a", "channel_types", []int{2})), "options.0.channel_types APPLICATION_COMMAND_OPTIONS_CHANNEL_TYPES_INVALID"},
		{"options of an option", opts(opt(3, "a", "options", []obj{opt(3, "b")})), "options.0.options APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"},
		{"group and subcommand", opts(opt(2, "g", "options", []obj{opt(1, "s", "options", []obj{opt(3, "o")})}), opt(1, "t")), ""},
		{"subcommand beside an option", opts(opt(1, "s"), opt(3, "o")), "options APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"},
		{"a group in a group", opts(opt(2, "g", "options", []obj{opt(2, "h")})), "options.0.options.0.type APPLICATION_COMMAND_OPTIONS_TYPE_INVALID; options.0.options.0.type APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"},
		{"a subcommand in a subcommand", opts(opt(1, "s", "options", []obj{opt(1, "t")})), "options.0.options.0.type APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"},
		{"an empty group", opts(opt(2, "g")), "options.0.options BASE_TYPE_REQUIRED"},
		{"an option in a group", opts(opt(2, "g", "options", []obj{opt(3, "o")})), "options.0.options.0.type APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"},
		{"a required subcommand", opts(opt(1, "s", "required", true)), "options.0.required APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"},
		{"8000 characters, of localisations only the longest", cmd("options", many(25, func(i int) obj {
			return opt(3, fmt.Sprint("o", i), "description", x(100), "description_localizations", obj{"de": x(90)}, "choices", many(3, func(j int) obj { return obj{"name": fmt.Sprint(x(20), j), "value": x(50)} }))
		})), ""},
		{"beyond 8000 characters", cmd("options", many(25, func(i int) obj {
			return opt(3, fmt.Sprint("o", i), "description", x(100), "choices", many(3, func(j int) obj { return obj{"name": fmt.Sprint(x(20), j), "value": x(80)} }))
		})), " APPLICATION_COMMAND_TOO_LARGE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f form
			f.command(asJSON(t, tt.body), "", 0)
			if got := strings.Join(codes(&f), "; "); got != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFormRules(t *testing.T) {
	field := func(kv ...any) obj { return with(obj{"type": 4, "custom_id": "f", "label": "l", "style": 1}, kv...) }
	form_ := func(c ...any) obj { return obj{"custom_id": "m", "title": "t", "components": c} }
	tests := []struct {
		name string
		body obj
		want string
	}{
		{"rows", form_(row(field())), ""},
		{"labels", form_(obj{"type": 18, "label": "l", "description": "d", "component": field("custom_id", "g")}, obj{"type": 18, "label": "l", "component": sel()}, text("x")), ""},
		{"six", obj{"custom_id": "m", "title": "t", "components": many(6, func(i int) obj { return row(field("custom_id", fmt.Sprint(i))) })}, "components BASE_TYPE_BAD_LENGTH"},
		{"no title", obj{"custom_id": "m", "components": []obj{row(field())}}, "title BASE_TYPE_REQUIRED"},
		{"a title of 46", with(form_(row(field())), "title", x(46)), "title BASE_TYPE_BAD_LENGTH"},
		{"a button", form_(row(button("x"))), "components.0.components.0.type UNION_TYPE_CHOICES"},
		{"bounds the wrong way round", form_(row(field("min_length", 5, "max_length", 4))), "components.0.components.0.min_length TEXT_INPUT_MIN_LENGTH"},
		{"no style", form_(row(obj{"type": 4, "custom_id": "f"})), "components.0.components.0.style BASE_TYPE_REQUIRED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f form
			f.modal(asJSON(t, tt.body), "")
			if got := strings.Join(codes(&f), "; "); got != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
		})
	}
}
