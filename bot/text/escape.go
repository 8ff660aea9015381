package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxWords is how many runes of a stranger's words a sentence takes.
const MaxWords = 100

// maxMarks is how many combining marks one letter may carry: no living script
// needs more, and stacked ones paint over the lines around them.
const maxMarks = 4

const (
	zeroWidthNonJoiner   = '\u200c' // Persian needs it
	zeroWidthJoiner      = '\u200d' // families of emoji need it
	firstStrongIsolate   = "\u2068"
	popDirectionalOutput = "\u2069"
)

// Escape makes words of a stranger safe inside a Discord message: one line,
// without control and direction characters, at most limit runes (cut with an
// ellipsis), and with every character that Discord could read as markup, a
// mention, an emoji or a link behind a backslash. Words written from right to
// left are isolated, so that they do not turn what follows.
func Escape(s string, limit int) string {
	s = Plain(s, limit)
	var b strings.Builder
	rightToLeft := false
	for i, r := range s {
		if markup(r) || (i == 0 && strings.ContainsRune("#-+", r)) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		rightToLeft = rightToLeft || unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko)
	}
	if rightToLeft {
		return firstStrongIsolate + b.String() + popDirectionalOutput
	}
	return b.String()
}

// Plain is Escape without the backslashes: for places where Discord reads no
// markup, such as the names of choices.
func Plain(s string, limit int) string {
	var b strings.Builder
	runes, marks := 0, 0
	space := false // a space is due before the next letter
	for _, r := range s {
		if unicode.IsSpace(r) || r == '\u2028' || r == '\u2029' {
			space = b.Len() > 0
			continue
		}
		if !visible(r) {
			continue
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks || b.Len() == 0 {
				continue
			}
		} else {
			marks = 0
		}
		width := 1
		if space {
			width = 2
		}
		if runes+width > limit {
			return cut(b.String(), limit)
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		runes += width
	}
	return b.String()
}

// cut shortens s to limit runes, the last of them an ellipsis, and leaves no
// half of a joined character before it.
func cut(s string, limit int) string {
	if limit < 1 {
		return ""
	}
	for utf8.RuneCountInString(s) > limit-1 {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.TrimRight(s, " \u200c\u200d") + "…"
}

// visible reports whether r may be shown: no control, format, private or
// unassigned characters, except the two joiners that scripts need.
func visible(r rune) bool {
	if r == zeroWidthJoiner || r == zeroWidthNonJoiner {
		return true
	}
	return r != utf8.RuneError && unicode.IsPrint(r)
}

// markup reports whether Discord may read r as more than a character. It takes
// a backslash before any of these as "just the character".
func markup(r rune) bool {
	return strings.ContainsRune("\\*_~`|<>[]():@", r)
}
