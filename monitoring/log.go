// Package monitoring watches the program: so far it keeps secrets out of the log.
package monitoring

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// secrets finds what must not reach a log even when a library puts it there:
// bot tokens, interaction tokens in paths, and signatures in addresses.
var secrets = regexp.MustCompile(`[\w-]{24,28}\.[\w-]{6}\.[\w-]{27,}` +
	`|(?:webhooks|interactions)/\d+/[\w.-]{20,}` +
	`|[?&](?:ex|is|hm|sig|signature|token|access_token|X-Amz-Signature)=[^&\s"]+`)

type redactor struct {
	slog.Handler
	words []string
}

// Redact wraps h so that the given words, and whatever looks like a bot token,
// an interaction token or a signed address, never reach it in a message or in
// the text of an attribute.
func Redact(h slog.Handler, words ...string) slog.Handler {
	return redactor{h, slices.DeleteFunc(words, func(w string) bool { return w == "" })}
}

func (r redactor) clean(s string) string {
	for _, w := range r.words {
		s = strings.ReplaceAll(s, w, "[secret]")
	}
	return secrets.ReplaceAllString(s, "[secret]")
}

func (r redactor) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, r.clean(v.String()))
	case slog.KindGroup:
		group := make([]slog.Attr, 0, len(v.Group()))
		for _, g := range v.Group() {
			group = append(group, r.attr(g))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.String(a.Key, r.clean(err.Error()))
		}
		if s, ok := v.Any().(interface{ String() string }); ok {
			return slog.String(a.Key, r.clean(s.String()))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

func (r redactor) Handle(ctx context.Context, rec slog.Record) error {
	out := slog.NewRecord(rec.Time, rec.Level, r.clean(rec.Message), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(r.attr(a))
		return true
	})
	return r.Handler.Handle(ctx, out)
}

func (r redactor) WithAttrs(as []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(as))
	for i, a := range as {
		clean[i] = r.attr(a)
	}
	return redactor{r.Handler.WithAttrs(clean), r.words}
}

func (r redactor) WithGroup(name string) slog.Handler {
	return redactor{r.Handler.WithGroup(name), r.words}
}
