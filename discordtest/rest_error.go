package discordtest

import (
	"fmt"
	"strings"
)

// An apiError is what Discord answers a refused request with.
type apiError struct {
	status  int
	code    int
	message string
	errors  *formNode
	quiet   bool // not the client's mistake
}

func (e *apiError) Error() string { return fmt.Sprintf("%d: %d %s", e.status, e.code, e.message) }

func (e *apiError) json() obj {
	o := obj{"message": e.message, "code": e.code}
	if e.errors != nil {
		o["errors"] = e.errors.json()
	}
	return o
}

func refusal(status, code int, message string) *apiError {
	return &apiError{status: status, code: code, message: message}
}

// Refusals that need no details.
func errUnauthorized() error       { return refusal(401, 0, "401: Unauthorized") }
func errNotFound() error           { return refusal(404, 0, "404: Not Found") }
func errMethod() error             { return refusal(405, 0, "405: Method Not Allowed") }
func errUnknown(what string) error { return refusal(404, unknownCodes[what], "Unknown "+what) }
func errMissingAccess() error      { return refusal(403, 50001, "Missing Access") }
func errMissingPermissions() error { return refusal(403, 50013, "Missing Permissions") }

// unknownCodes numbers what can be unknown. It never changes.
var unknownCodes = map[string]int{
	"Channel": 10003, "Guild": 10004, "Member": 10007, "Message": 10008, "Role": 10011, "User": 10013, "Emoji": 10014,
	"Webhook": 10015, "interaction": 10062, "application command": 10063, "Voice State": 10065, "Application": 10002,
}

// A form collects what is wrong with a request body, by path.
type form struct{ root formNode }

type formNode struct {
	errs []obj
	kids map[string]*formNode
}

// json is either the errors of this node or the nodes below, never both: that
// is how Discord's own description has it.
func (n *formNode) json() obj {
	if len(n.kids) == 0 {
		return obj{"_errors": n.errs}
	}
	o := obj{}
	for k, kid := range n.kids {
		o[k] = kid.json()
	}
	return o
}

// add notes an error at a dotted path; "" is the body itself.
func (f *form) add(path, code, format string, args ...any) {
	n := &f.root
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
		if n.kids == nil {
			n.kids = map[string]*formNode{}
		}
		if n.kids[step] == nil {
			n.kids[step] = &formNode{}
		}
		n = n.kids[step]
	}
	n.errs = append(n.errs, obj{"code": code, "message": fmt.Sprintf(format, args...)})
}

// bad reports whether anything is wrong.
func (f *form) bad() bool { return len(f.root.errs) > 0 || len(f.root.kids) > 0 }

// err is the refusal, or nil when nothing is wrong.
func (f *form) err() error {
	if !f.bad() {
		return nil
	}
	return &apiError{status: 400, code: 50035, message: "Invalid Form Body", errors: &f.root}
}

// oneError is a form error with a single entry.
func oneError(path, code, format string, args ...any) error {
	var f form
	f.add(path, code, format, args...)
	return f.err()
}
