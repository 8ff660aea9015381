package discordtest

import (
	"bytes"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// A file is something uploaded, served from the CDN once published.
type file struct {
	id          ID
	name        string
	kind        string
	description string
	data        []byte
}

// An Attachment is a file on the CDN.
type Attachment struct {
	ID          ID
	Filename    string
	Size        int64
	URL         string
	ContentType string `json:"content_type"`

	json obj
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// publish puts a file on the CDN and gives its attachment object. d.mu is held.
func (d *Discord) publish(f *file) obj {
	f.id = d.ids.next(d.now())
	f.name = cleanName(f.name)
	if f.kind == "" {
		f.kind = mime.TypeByExtension(path.Ext(f.name))
	}
	where := fmt.Sprintf("/attachments/%v/%v/%s", f.id, f.id, f.name)
	d.files[where] = f
	url := "http://" + d.addr + where + "?ex=68a00000&is=689eae80&hm=" + secret(32)
	o := obj{"id": f.id, "filename": f.name, "size": len(f.data), "url": url, "proxy_url": url}
	if f.kind != "" {
		o["content_type"] = f.kind
	}
	if f.description != "" {
		o["description"] = f.description
	}
	return o
}

// cleanName keeps the characters that Discord keeps in file names.
func cleanName(s string) string {
	s = path.Base(strings.ReplaceAll(s, "\\", "/"))
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("._-", r):
			return r
		}
		return '_'
	}, s)
	if strings.Trim(clean, "._") == "" {
		return "unknown"
	}
	return clean
}

// Attach puts a file on the CDN, to be used as the value of an attachment
// option of Types.
func (d *Discord) Attach(name string, data []byte) *Attachment {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &file{name: name, data: bytes.Clone(data)}
	o := d.publish(f)
	return &Attachment{ID: f.id, Filename: f.name, Size: int64(len(data)), URL: o["url"].(string), ContentType: f.kind, json: o}
}

// serveFile is the CDN.
func (d *Discord) serveFile(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	f := d.files[r.URL.Path]
	d.mu.Unlock()
	if f == nil {
		http.Error(w, "This content is no longer available.", http.StatusNotFound)
		return
	}
	if f.kind != "" {
		w.Header().Set("Content-Type", f.kind)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}
