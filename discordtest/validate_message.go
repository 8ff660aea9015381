package discordtest

import (
	"slices"
	"strings"
	"time"
)

const contentLimit = 2000 // characters, for applications

// A draft is a message, or a change to one, that went through all checks but
// is not yet applied.
type draft struct {
	content     *string
	embeds      *[]any
	components  *[]any
	flags       *int
	attachments []obj
	keep        *[]ID // attachments to keep; nil is all
	nonce       any
	tts         bool
	reference   *message
	uploads     []*file
}

// messageRules say what a request may do to a message.
type messageRules struct {
	path  string   // of the message in the body: "data" in callbacks
	flags int      // flags that may be set
	was   *message // the message edited, nil for a new one
}

// draft checks a message body. It always gives something, to be used only if
// the form stayed clean.
func (d *Discord) draft(f *form, o obj, files map[string]*file, r messageRules) *draft {
	x := func(key string) field { return f.at(o, r.path, key) }
	out := &draft{}
	if c := x("content"); c.set {
		s := c.text(0, contentLimit)
		out.content = &s
	}
	if e := x("embeds"); e.set {
		list := f.embeds(e)
		out.embeds = &list
	}
	flags := 0
	if r.was != nil {
		flags = r.was.flags
	}
	if fl := x("flags"); fl.given() {
		n := fl.number(0, 1<<31-1, 0)
		if n&^r.flags != 0 && r.was == nil {
			f.add(fl.path, "MESSAGE_FLAGS_INVALID", "Invalid flags: %d", n&^r.flags)
		}
		// IS_COMPONENTS_V2 cannot be taken off again.
		flags = flags&^r.flags | n&r.flags | flags&flagV2
		out.flags = &flags
	}
	d.draftFiles(f, x("attachments"), files, r.was, out)
	if c := x("components"); c.set {
		l := &layout{f: f, v2: flags&flagV2 != 0, files: out.byName(r.was)}
		list := l.components(c)
		out.components = &list
	}
	f.mentions(x("allowed_mentions"))
	if n := x("nonce"); n.given() {
		n.text(0, 25)
		out.nonce = n.v
	}
	out.tts = x("tts").yes()
	for _, k := range []string{"poll", "sticker_ids"} {
		if p := x(k); p.given() && (flags&flagV2 != 0 || !emptyList(p.v)) {
			f.add(p.path, "STAND_IN_NOT_MODELLED", "This stand-in has no %s", k)
		}
	}
	out.legacy(f, r, flags)
	return out
}

func emptyList(v any) bool {
	l, ok := v.([]any)
	return ok && len(l) == 0
}

// legacy refuses what does not go with IS_COMPONENTS_V2.
func (m *draft) legacy(f *form, r messageRules, flags int) {
	if flags&flagV2 == 0 {
		return
	}
	after := &message{}
	if r.was != nil {
		*after = *r.was
	}
	m.apply(after, time.Time{})
	for key, there := range map[string]bool{"content": after.content != "", "embeds": len(after.embeds) > 0} {
		if there {
			f.add(join(r.path, key), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
				"The '%s' field cannot be used when using MessageFlags.IS_COMPONENTS_V2", key)
		}
	}
}

// empty reports whether nothing would be left to see.
func (m *draft) empty(was *message) bool {
	after := &message{}
	if was != nil {
		*after = *was
	}
	m.apply(after, time.Time{})
	return after.content == "" && len(after.embeds) == 0 && len(after.components) == 0 && len(after.attachments) == 0
}

// errEmpty is what an empty message gets.
func errEmpty() error { return refusal(400, 50006, "Cannot send an empty message") }

// apply changes a message.
func (m *draft) apply(to *message, now time.Time) {
	if m.content != nil {
		to.content = *m.content
	}
	if m.embeds != nil {
		to.embeds = *m.embeds
	}
	if m.components != nil {
		to.components = *m.components
	}
	if m.flags != nil {
		to.flags = *m.flags
	}
	if m.keep != nil {
		to.attachments = slices.DeleteFunc(slices.Clone(to.attachments), func(a obj) bool {
			return !slices.Contains(*m.keep, a["id"].(ID))
		})
	}
	if len(m.attachments) > 0 {
		to.attachments = append(slices.Clone(to.attachments), m.attachments...)
	}
	if !now.IsZero() {
		to.edited = now
		to.edits++
	}
}

// byName gives all attachments the message will have, by file name.
func (m *draft) byName(was *message) map[string]obj {
	out := map[string]obj{}
	if was != nil {
		for _, a := range was.attachments {
			out[a["filename"].(string)] = a
		}
	}
	for _, a := range m.attachments {
		out[a["filename"].(string)] = a
	}
	return out
}

// draftFiles matches uploaded files with their descriptions.
func (d *Discord) draftFiles(f *form, x field, files map[string]*file, was *message, out *draft) {
	described := map[string]obj{}
	if x.set {
		out.keep = &[]ID{}
	}
	for i, v := range x.list(0, 10) {
		p := join(x.path, itoa(i))
		o := field{f, p, v, true}.object()
		if o == nil {
			continue
		}
		id := f.at(o, p, "id")
		if !id.need() {
			continue
		}
		f.at(o, p, "description").text(0, 1024)
		f.at(o, p, "filename").text(0, 1024)
		n := id.id()
		if files["files["+n.String()+"]"] != nil {
			described["files["+n.String()+"]"] = o
			continue
		}
		if was == nil || !slices.ContainsFunc(was.attachments, func(a obj) bool { return a["id"] == n }) {
			f.add(p, "ATTACHMENT_NOT_FOUND", "Attachment data cannot be found")
			continue
		}
		*out.keep = append(*out.keep, n)
	}
	if len(files) > 10 {
		f.add("files", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
	}
	for _, key := range sortedKeys(files) {
		up := files[key]
		if int64(len(up.data)) > d.opt.AttachmentLimit {
			f.add(strings.TrimSuffix(strings.ReplaceAll(key, "[", "."), "]"), "ATTACHMENT_TOO_LARGE", "File exceeds %d bytes", d.opt.AttachmentLimit)
			continue
		}
		if o := described[key]; o != nil {
			if s, ok := o["filename"].(string); ok && s != "" {
				up.name = s
			}
			up.description, _ = o["description"].(string)
		}
		out.uploads = append(out.uploads, up)
		out.attachments = append(out.attachments, d.publish(up))
	}
}

// mentions checks allowed_mentions.
func (f *form) mentions(x field) {
	o := x.object()
	if o == nil {
		return
	}
	parse := map[string]bool{}
	p := f.at(o, x.path, "parse")
	for i, v := range p.list(0, 100) {
		s, _ := v.(string)
		if s != "roles" && s != "users" && s != "everyone" {
			f.add(join(p.path, itoa(i)), "BASE_TYPE_CHOICES", "Value must be one of {'users', 'roles', 'everyone'}.")
		}
		parse[s] = true
	}
	for _, key := range []string{"users", "roles"} {
		l := f.at(o, x.path, key)
		list := l.list(0, 100)
		if len(list) > 0 && parse[key] {
			f.add(l.path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "parse:[%q] and %s: [ids...] are mutually exclusive.", key, key)
		}
		for i, v := range list {
			field{f, join(l.path, itoa(i)), v, true}.id()
		}
	}
	f.at(o, x.path, "replied_user").yes()
}
