package text

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"segue/music"
)

// tongue adds a language for one test and takes it away again.
func tongue(t *testing.T, name string, l language) {
	t.Helper()
	kept := languages
	languages = maps.Clone(languages)
	languages[name] = l
	t.Cleanup(func() { languages = kept })
}

func TestEveryLanguageHasEverySentence(t *testing.T) {
	for _, locale := range Locales() {
		for _, code := range Codes(English) {
			if !Has(locale, code) {
				t.Errorf("%s: no sentence for %s", locale, code)
			}
		}
		for _, code := range Codes(locale) {
			if !Has(English, code) {
				t.Errorf("%s has %s, English does not", locale, code)
			}
		}
	}
}

var hole = regexp.MustCompile(`\{[^}]*\}`)

// holes lists which arguments a sentence uses, once each.
func holes(s string) []string {
	var all []string
	for _, h := range hole.FindAllString(s, -1) {
		n, _, _ := strings.Cut(strings.Trim(h, "{}"), "?")
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestEverySentenceIsWellFormed(t *testing.T) {
	shape := regexp.MustCompile(`^\{[1-9](\?[^|{}]*(\|[^|{}]*)+)?\}$`)
	for _, locale := range Locales() {
		for _, code := range Codes(locale) {
			s := languages[locale].sentences[code]
			if strings.TrimSpace(s) == "" || strings.TrimSpace(s) != s {
				t.Errorf("%s %s: empty or padded: %q", locale, code, s)
			}
			for _, h := range hole.FindAllString(s, -1) {
				if !shape.MatchString(h) {
					t.Errorf("%s %s: %s is not a hole", locale, code, h)
				}
			}
			if rest := hole.ReplaceAllString(s, ""); strings.ContainsAny(rest, "{}") {
				t.Errorf("%s %s: a brace stands alone", locale, code)
			}
			if got, want := holes(s), holes(english[code]); !slices.Equal(got, want) {
				t.Errorf("%s %s: uses arguments %v, English uses %v", locale, code, got, want)
			}
		}
	}
}

func TestArgumentsBecomeTextByType(t *testing.T) {
	tongue(t, "xx", language{
		sentences: map[string]string{"a": "<{1}>", "twice": "{2} {1} {2}", "broken": "{x} {9} {0} {1"},
		plural:    func(int64) int { return 0 },
	})
	for _, c := range []struct {
		arg  any
		want string
	}{
		{"a*b", `<a\*b>`},
		{Safe("a*b"), "<a*b>"},
		{42, "<42>"},
		{uint64(1 << 63), "<9223372036854775808>"},
		{3*time.Minute + 5*time.Second, "<3:05>"},
		{music.ChannelID(7), "<<#7>>"},
		{music.UserID(8), "<<@8>>"},
		{[]string{"View Channel", "@x"}, `<View Channel, \@x>`},
		{music.Limit, "<limit>"},
		{nil, "<?>"},
	} {
		if got := Sentence("xx", "a", c.arg); got != c.want {
			t.Errorf("%#v: got %q, want %q", c.arg, got, c.want)
		}
	}
	if got := Sentence("xx", "twice", 1, 2); got != "2 1 2" {
		t.Errorf("got %q, want arguments by position", got)
	}
	if got := Sentence("xx", "broken", 1); got != "? ? ? {1" {
		t.Errorf("got %q for a broken sentence", got)
	}
}

func TestFormsFollowTheNumber(t *testing.T) {
	tongue(t, "xx", language{sentences: map[string]string{"n": "{1} {1?track|tracks}"}, plural: languages[English].plural})
	tongue(t, "yy", language{ // three forms, as in Polish or Russian
		sentences: map[string]string{"n": "{1?a|b|c}", "short": "{1?a|b}"},
		plural:    func(n int64) int { return int(n) },
	})
	for _, c := range []struct {
		locale, code string
		arg          any
		want         string
	}{
		{"xx", "n", 0, "0 tracks"},
		{"xx", "n", 1, "1 track"},
		{"xx", "n", 2, "2 tracks"},
		{"xx", "n", int64(1), "1 track"},
		{"xx", "n", uint64(1), "1 track"},
		{"xx", "n", []string{"x"}, "x track"},
		{"yy", "n", 2, "c"},
		{"yy", "short", 2, "b"}, // never past the last
		{"yy", "n", "word", "a"},
	} {
		if got := Sentence(c.locale, c.code, c.arg); got != c.want {
			t.Errorf("%s %v: got %q, want %q", c.locale, c.arg, got, c.want)
		}
	}
}

func TestLanguagesFallBack(t *testing.T) {
	tongue(t, "pt-BR", language{sentences: map[string]string{"error.timeout": "brasil"}, plural: languages[English].plural})
	tongue(t, "pt", language{sentences: map[string]string{"error.timeout": "portugal", "error.busy": "ocupado"}, plural: languages[English].plural})
	for _, c := range [][3]string{
		{"pt-BR", "error.timeout", "brasil"},
		{"pt-BR", "error.busy", "ocupado"},
		{"pt-BR", "error.shutdown", english["error.shutdown"]},
		{"en-GB", "error.timeout", english["error.timeout"]},
		{"ja", "error.timeout", english["error.timeout"]},
		{"", "error.timeout", english["error.timeout"]},
		{"en", "no.such.code", english[unknown]},
	} {
		if got := Sentence(c[0], c[1]); got != c[2] {
			t.Errorf("%s %s: got %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if Has("pt-BR", "error.busy") {
		t.Error("Has counted the fallback")
	}
}

func TestStrangersWordsStayWords(t *testing.T) {
	for _, c := range [][2]string{
		{"plain title", "plain title"},
		{"**bold** _it_ ~~s~~ `c` ||sp||", "\\*\\*bold\\*\\* \\_it\\_ \\~\\~s\\~\\~ \\`c\\` \\|\\|sp\\|\\|"},
		{"[click](https://evil.example)", `\[click\]\(https\://evil.example\)`},
		{"<@1> <#2> <t:0> @everyone", `\<\@1\> \<#2\> \<t\:0\> \@everyone`}, // a # inside a line is just a character
		{"# heading", `\# heading`},
		{"- item", `\- item`},
		{"> quote", `\> quote`},
		{"C# minor - live", "C# minor - live"},
		{"two\nlines\r\n\tand\u2028more", "two lines and more"},
		{"  padded  ", "padded"},
		{"nul\x00 esc\x1b[31m bell\a", `nul esc\[31m bell`},
		{"evil\u202etxt.exe\u202c", "eviltxt.exe"},
		{"iso\u2066x\u2069 mark\u200f bom\ufeff", "isox mark bom"},
		{"bad\xff\xfeutf8", "badutf8"},
		{"back\\slash", `back\\slash`},
		{"👨‍👩‍👧 family", "👨‍👩‍👧 family"},
		{"z" + strings.Repeat("\u0301", 50), "z" + strings.Repeat("\u0301", maxMarks)},
		{"\u0301leading mark", "leading mark"},
		{"שלום", "\u2068שלום\u2069"},
		{"", ""},
	} {
		if got := Escape(c[0], MaxWords); got != c[1] {
			t.Errorf("%q: got %q, want %q", c[0], got, c[1])
		}
	}
}

func TestLongWordsAreCutByRune(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"exactly", 7, "exactly"},
		{"exactly8", 7, "exactl…"},
		{"日本語の曲名", 4, "日本語…"},
		{"ab cd", 4, "ab…"},
		{"👨‍👩‍👧", 3, "👨…"},
		{"*****", 3, `\*\*…`},
		{"x", 0, ""},
		{"abc", 1, "…"},
	} {
		if got := Escape(c.in, c.limit); got != c.want {
			t.Errorf("%q to %d: got %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                     "0:00",
		-time.Hour:                            "0:00",
		59*time.Second + 999*time.Millisecond: "0:59",
		time.Minute:                           "1:00",
		time.Hour - time.Second:               "59:59",
		time.Hour:                             "1:00:00",
		27*time.Hour + 2*time.Minute + 3*time.Second: "27:02:03",
	} {
		if got := Clock(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// FuzzEscape: whatever a stranger writes, what comes out is one valid line
// within the limit, holds nothing invisible that matters, and no character that
// Discord could read as markup without a backslash before it.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a", "**x**", "\\", "\\\\*", "<@&1>", "a\u202eb", "\xf0\x28", "👨‍👩‍👧", "\u0301", "a \u0301", "שלום *x*", "https://x", strings.Repeat("é", 300)} {
		f.Add(s, 20)
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(-1, min(limit, 1000))
		if plain := Plain(s, limit); utf8.RuneCountInString(plain) > max(limit, 0) {
			t.Fatalf("%q: %d runes, limit %d", plain, utf8.RuneCountInString(plain), limit)
		}
		out := Escape(s, limit)
		if !utf8.ValidString(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(out, firstStrongIsolate), popDirectionalOutput)
		escaped := false
		for _, r := range inner {
			switch {
			case escaped:
				escaped = false
				continue
			case r == '\\':
				escaped = true
				continue
			case markup(r):
				t.Fatalf("%q: %q stands bare", out, r)
			case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
				t.Fatalf("%q holds %U", out, r)
			}
		}
		if escaped {
			t.Fatalf("%q ends in a backslash that would swallow what follows", out)
		}
	})
}
