package discordtest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A field is one key of an object, with where it is for error messages.
type field struct {
	f    *form
	path string
	v    any
	set  bool
}

// at gives the field of an object; path is the object's own.
func (f *form) at(o obj, path, key string) field {
	v, set := o[key]
	return field{f, join(path, key), v, set}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// given reports whether the field is there and not null.
func (x field) given() bool { return x.set && x.v != nil }

// need reports whether the field is there, and notes it when it is not.
func (x field) need() bool {
	if !x.given() {
		x.f.add(x.path, "BASE_TYPE_REQUIRED", "This field is required")
	}
	return x.given()
}

// text reads a string of lo to hi characters; "" when absent or wrong.
func (x field) text(lo, hi int) string {
	if !x.given() {
		return ""
	}
	s, ok := x.v.(string)
	if n, isNumber := x.v.(json.Number); isNumber {
		s, ok = n.String(), true // Discord coerces numbers
	}
	n := utf8.RuneCountInString(s)
	switch {
	case !ok:
		x.f.add(x.path, "STRING_TYPE_CONVERT", "Could not interpret %q as string.", jsonText(x.v))
		return ""
	case lo > 0 && n == 0:
		x.f.add(x.path, "BASE_TYPE_REQUIRED", "This field is required")
	case (n < lo || n > hi) && lo > 0:
		x.f.add(x.path, "BASE_TYPE_BAD_LENGTH", "Must be between %d and %d in length.", lo, hi)
	case n > hi:
		x.f.add(x.path, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", hi)
	}
	return s
}

// needText reads a required string of lo to hi characters.
func (x field) needText(lo, hi int) string {
	if !x.need() {
		return ""
	}
	return x.text(lo, hi)
}

// number reads an integer from lo to hi; def when absent or wrong.
func (x field) number(lo, hi, def int) int {
	if !x.given() {
		return def
	}
	v := x.v
	if s, ok := v.(string); ok {
		v = json.Number(s)
	}
	n, ok := intOf(v)
	switch {
	case !ok:
		x.f.add(x.path, "NUMBER_TYPE_COERCE", "Value %q is not int.", jsonText(x.v))
		return def
	case n < lo:
		x.f.add(x.path, "NUMBER_TYPE_MIN", "int value should be greater than or equal to %d.", lo)
		return def
	case n > hi:
		x.f.add(x.path, "NUMBER_TYPE_MAX", "int value should be less than or equal to %d.", hi)
		return def
	}
	return n
}

// oneOf reads an integer that must be one of a few.
func (x field) oneOf(def int, allowed ...int) int {
	if !x.given() {
		return def
	}
	n, ok := intOf(x.v)
	if !ok || !slices.Contains(allowed, n) {
		x.f.add(x.path, "BASE_TYPE_CHOICES", "Value must be one of {%s}.", strings.Trim(strings.ReplaceAll(jsonText(allowed), ",", ", "), "[]"))
		return def
	}
	return n
}

// yes reads a boolean; false when absent or wrong.
func (x field) yes() bool {
	if !x.given() {
		return false
	}
	b, ok := x.v.(bool)
	if !ok {
		x.f.add(x.path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
	}
	return b
}

// list reads an array of lo to hi entries; nil when absent or wrong.
func (x field) list(lo, hi int) []any {
	if !x.given() {
		return nil
	}
	l, ok := x.v.([]any)
	switch {
	case !ok:
		x.f.add(x.path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
		return nil
	case len(l) < lo || len(l) > hi:
		if lo > 0 {
			x.f.add(x.path, "BASE_TYPE_BAD_LENGTH", "Must be between %d and %d in length.", lo, hi)
		} else {
			x.f.add(x.path, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", hi)
		}
		return nil
	}
	return l
}

// object reads an object; nil when absent or wrong.
func (x field) object() obj {
	if !x.given() {
		return nil
	}
	o, ok := x.v.(obj)
	if !ok {
		x.f.add(x.path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
	}
	return o
}

// id reads a snowflake; 0 when absent or wrong.
func (x field) id() ID {
	if !x.given() {
		return 0
	}
	id, ok := idOf(x.v)
	if !ok {
		x.f.add(x.path, "NUMBER_TYPE_COERCE", "Value %q is not snowflake.", jsonText(x.v))
	}
	return id
}

// link reads a URL of at most hi characters with one of the schemes.
func (x field) link(hi int, schemes ...string) string {
	s := x.text(0, hi)
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "":
		x.f.add(x.path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
	case !slices.Contains(schemes, u.Scheme):
		x.f.add(x.path, "URL_TYPE_INVALID_SCHEME", "Scheme %q must be one of ('%s').", u.Scheme, strings.Join(schemes, "', '"))
	}
	return s
}

// time reads an ISO 8601 time.
func (x field) time() string {
	s := x.text(0, 64)
	if s == "" {
		return ""
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		if t, err = time.Parse("2006-01-02T15:04:05.999999", s); err != nil {
			x.f.add(x.path, "DATE_TIME_TYPE_PARSE", "Could not parse %s. Should be ISO8601.", s)
			return ""
		}
	}
	return stamp(t)
}

func jsonText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}
