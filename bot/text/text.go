// Package text holds every sentence a person may read, one table per language,
// and puts untrusted words (titles, file names) into them so that they stay
// words: no markup, no mentions, no control characters, no hidden direction
// changes.
package text

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"segue/music"
)

// English is the language everything falls back to; it has every code.
const English = "en"

// unknown is said when a code has no sentence. A test keeps that from
// happening; a person should still not read a code.
const unknown = "error.unknown"

// Safe is text that is markup already. Sentence puts it in as it is, so
// nothing a stranger wrote may be in it unless Escape has seen it.
type Safe string

// A language is its sentences and its way of counting.
type language struct {
	sentences map[string]string
	plural    func(n int64) int // which of the forms in {1?form|form} goes with n
}

// languages is every language there is, by Discord's locale or the first part
// of it. A new one is a file like english.go and a line here.
var languages = map[string]language{
	English: {sentences: english, plural: func(n int64) int {
		if n == 1 {
			return 0
		}
		return 1
	}},
}

// Locales lists the languages, sorted.
func Locales() []string {
	var all []string
	for name := range languages {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Codes lists the codes that have a sentence in locale itself, sorted.
func Codes(locale string) []string {
	var all []string
	for code := range languages[locale].sentences {
		all = append(all, code)
	}
	slices.Sort(all)
	return all
}

// Has reports whether locale itself, not its fallback, has a sentence for code.
func Has(locale, code string) bool {
	_, ok := languages[locale].sentences[code]
	return ok
}

// Sentence words code in locale, one of Discord's ("en-GB", "pt-BR"). A
// language that is not there, or has no sentence for code, falls back to
// English. In a sentence {1} stands for the first argument, {1?track|tracks}
// for the form that goes with it as a number. Arguments become text by type:
// numbers in digits, time.Duration as a clock, music.ChannelID and music.UserID
// as mentions, []string as a list, Safe as it is, and everything else as
// strangers' words, escaped and cut.
func Sentence(locale, code string, args ...any) string {
	l, s := find(locale, code)
	return l.fill(s, args)
}

// find gives the best language that knows code, and its sentence.
func find(locale, code string) (language, string) {
	base, _, _ := strings.Cut(locale, "-")
	for _, name := range []string{locale, base, English} {
		if s, ok := languages[name].sentences[code]; ok {
			return languages[name], s
		}
	}
	return languages[English], languages[English].sentences[unknown]
}

// fill puts args into s.
func (l language) fill(s string, args []any) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		hole, after, ok := strings.Cut(rest, "}")
		if !ok {
			b.WriteString("{" + rest)
			return b.String()
		}
		b.WriteString(l.word(hole, args))
		s = after
	}
}

// word gives what stands in for one hole: "1" or "1?track|tracks".
func (l language) word(hole string, args []any) string {
	number, forms, counted := strings.Cut(hole, "?")
	i, err := strconv.Atoi(number)
	if err != nil || i < 1 || i > len(args) {
		return "?"
	}
	if !counted {
		return say(args[i-1])
	}
	all := strings.Split(forms, "|")
	return all[min(l.plural(count(args[i-1])), len(all)-1)]
}

// count gives the number that a plural form goes with.
func count(arg any) int64 {
	switch n := arg.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case uint64:
		return int64(min(n, 1<<62))
	case []string:
		return int64(len(n))
	}
	return 0
}

// say turns one argument into text that is safe in a Discord message.
func say(arg any) string {
	switch v := arg.(type) {
	case Safe:
		return string(v)
	case string:
		return Escape(v, MaxWords)
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	case time.Duration:
		return Clock(v)
	case music.ChannelID:
		return "<#" + v.String() + ">"
	case music.UserID:
		return "<@" + v.String() + ">"
	case []string:
		escaped := make([]string, len(v))
		for i, s := range v {
			escaped[i] = Escape(s, MaxWords)
		}
		return strings.Join(escaped, ", ")
	case nil:
		return "?"
	}
	return Escape(fmt.Sprint(arg), MaxWords)
}

// Clock writes d as people read lengths of music: 0:07, 3:45, 1:02:03. A
// negative d is 0:00; parts of a second are dropped.
func Clock(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
