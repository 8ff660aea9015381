package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/routers"
)

// request looks for unknown fields and gives the body as the description wants
// it: the JSON part of a multipart body, permissions as numbers.
func (c *Checker) request(r, clone *http.Request, route *routers.Route, body []byte) []byte {
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // none is none
	if kind == "multipart/form-data" {
		body = payload(body, params["boundary"])
		clone.Header.Set("Content-Type", "application/json")
	}
	if len(body) == 0 || kind == "application/x-www-form-urlencoded" {
		return body
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		c.report(r, "request body is no JSON: %v", err)
		return body
	}
	schema := dig(c.raw, "paths", route.Path, strings.ToLower(route.Method), "requestBody", "content", "application/json", "schema")
	if s, ok := schema.(object); ok {
		for _, u := range c.unknown(s, v, "") {
			c.report(r, "request: unknown field %s, which Discord would ignore", u)
		}
	}
	amend(v)
	body, _ = json.Marshal(v) // it came from JSON
	return body
}

// payload finds payload_json in a multipart body.
func payload(body []byte, boundary string) []byte {
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := parts.NextPart()
		if err != nil {
			return []byte("{}")
		}
		if p.FormName() == "payload_json" {
			b, _ := io.ReadAll(p) // it was read from memory
			return b
		}
	}
}

// amend changes what Discord takes, by its documentation and in fact, into
// what the description has: permissions as a number, and the ids of attachments
// as strings.
func amend(v any) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			amend(e)
		}
	case object:
		if s, ok := t["default_member_permissions"].(string); ok {
			t["default_member_permissions"] = json.Number(s)
		}
		list, _ := t["attachments"].([]any)
		for _, e := range list {
			a, _ := e.(object)
			if n, ok := a["id"].(json.Number); ok {
				a["id"] = n.String()
			}
		}
		if data, ok := t["data"]; ok {
			amend(data)
		}
	}
}

func dig(v any, keys ...string) any {
	for _, k := range keys {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[k]
	}
	return v
}

// unknown lists the fields of v that no branch of its schema knows.
func (c *Checker) unknown(schema object, v any, path string) (out []string) {
	switch t := v.(type) {
	case []any:
		for _, s := range c.branches(schema, v) {
			if items, ok := s["items"].(object); ok {
				for i, e := range t {
					out = append(out, c.unknown(items, e, fmt.Sprintf("%s[%d]", path, i))...)
				}
				return out
			}
		}
	case object:
		branches := c.branches(schema, v)
		for k, e := range t {
			at := path + "." + k
			known := false
			var sub []object
			for _, s := range branches {
				if p, ok := dig(s, "properties", k).(object); ok {
					sub = append(sub, p)
				}
				switch add := s["additionalProperties"].(type) {
				case object:
					sub = append(sub, add)
				case bool:
					known = known || add
				}
			}
			switch {
			case len(sub) > 0:
				anyOf := make([]any, len(sub))
				for i, s := range sub {
					anyOf[i] = s
				}
				out = append(out, c.unknown(object{"anyOf": anyOf}, e, at)...)
			case !known:
				out = append(out, at)
			}
		}
		slices.Sort(out)
	}
	return out
}

// branches flattens a schema into the plain ones that v may be meant for: of
// alternatives told apart by "type", only the one of v's type.
func (c *Checker) branches(schema object, v any) []object {
	if ref, ok := schema["$ref"].(string); ok {
		s, _ := dig(c.raw, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(object)
		return c.branches(s, v)
	}
	out := []object{schema}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := schema[key].([]any)
		for _, e := range list {
			s, _ := e.(object)
			for _, b := range c.branches(s, v) {
				if fits(b, v) {
					out = append(out, b)
				}
			}
		}
	}
	return out
}

// fits reports whether v's "type" is one that the schema is for.
func fits(schema object, v any) bool {
	o, ok := v.(object)
	kinds, discriminates := dig(schema, "properties", "type", "enum").([]any)
	if !ok || !discriminates || o["type"] == nil {
		return true
	}
	return slices.ContainsFunc(kinds, func(k any) bool { return fmt.Sprint(k) == fmt.Sprint(o["type"]) })
}
