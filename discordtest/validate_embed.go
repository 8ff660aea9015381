package discordtest

import "unicode/utf8"

const (
	embedSum = 6000 // characters of all embeds of a message together
	maxURL   = 2048
)

// embeds checks a message's embeds and gives them as Discord shows them.
func (f *form) embeds(x field) []any {
	list := x.list(0, 10)
	out := make([]any, 0, len(list))
	total := 0
	for i, v := range list {
		path := join(x.path, itoa(i))
		o := field{f, path, v, true}.object()
		if o == nil {
			continue
		}
		e, n := f.embed(o, path)
		total += n
		out = append(out, e)
	}
	if total > embedSum {
		f.add(x.path, "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of %d", embedSum)
	}
	return out
}

// embed checks one embed and counts its characters.
func (f *form) embed(o obj, path string) (obj, int) {
	out := obj{"type": "rich"}
	total := 0
	text := func(key string, s string) {
		if s != "" {
			out[key] = s
			total += utf8.RuneCountInString(s)
		}
	}
	text("title", f.at(o, path, "title").text(0, 256))
	text("description", f.at(o, path, "description").text(0, 4096))
	if u := f.at(o, path, "url").link(maxURL, "http", "https"); u != "" {
		out["url"] = u
	}
	if c := f.at(o, path, "color"); c.given() {
		out["color"] = c.number(0, 0xFFFFFF, 0)
	}
	if s := f.at(o, path, "timestamp").time(); s != "" {
		out["timestamp"] = s
	}
	if foot := f.at(o, path, "footer").object(); foot != nil {
		p := join(path, "footer")
		s := f.at(foot, p, "text").needText(1, 2048)
		total += utf8.RuneCountInString(s)
		out["footer"] = f.iconed(obj{"text": s}, foot, p)
	}
	if by := f.at(o, path, "author").object(); by != nil {
		p := join(path, "author")
		s := f.at(by, p, "name").needText(1, 256)
		total += utf8.RuneCountInString(s)
		a := f.iconed(obj{"name": s}, by, p)
		if u := f.at(by, p, "url").link(maxURL, "http", "https"); u != "" {
			a["url"] = u
		}
		out["author"] = a
	}
	for _, key := range []string{"image", "thumbnail"} {
		if img := f.at(o, path, key).object(); img != nil {
			u := f.at(img, join(path, key), "url")
			if u.need() {
				s := u.link(maxURL, "http", "https", "attachment")
				out[key] = obj{"url": s, "proxy_url": s, "width": 0, "height": 0, "flags": 0}
			}
		}
	}
	fields, n := f.embedFields(f.at(o, path, "fields"))
	if len(fields) > 0 {
		out["fields"] = fields
	}
	if len(out) == 1 {
		f.add(join(path, "description"), "BASE_TYPE_REQUIRED", "This field is required")
	}
	return out, total + n
}

func (f *form) iconed(out, in obj, path string) obj {
	if u := f.at(in, path, "icon_url").link(maxURL, "http", "https", "attachment"); u != "" {
		out["icon_url"], out["proxy_icon_url"] = u, u
	}
	return out
}

func (f *form) embedFields(x field) (out []any, total int) {
	for i, v := range x.list(0, 25) {
		p := join(x.path, itoa(i))
		o := field{f, p, v, true}.object()
		if o == nil {
			continue
		}
		name := f.at(o, p, "name").needText(1, 256)
		value := f.at(o, p, "value").needText(1, 1024)
		total += utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
		out = append(out, obj{"name": name, "value": value, "inline": f.at(o, p, "inline").yes()})
	}
	return out, total
}
