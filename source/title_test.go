package source

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTitleOfFileNames(t *testing.T) {
	for _, c := range []struct{ name, artist, title string }{
		{"Artist - Title.mp3", "Artist", "Title"},
		{"albums/one/01 - Artist - Title.flac", "Artist", "Title"},
		{"01 Title.opus", "", "Title"},
		{"7. Title.opus", "", "Title"},
		{"03-title.ogg", "", "title"},
		{"01_a_long_way.wav", "", "a long way"},
		{"A - B - C.mp3", "A", "B - C"},
		{"99 Problems.mp3", "", "99 Problems"},
		{"2.5 Minutes.mp3", "", "2.5 Minutes"},
		{"1979.mp3", "", "1979"},
		{"01.mp3", "", "01"},
		{"Mr. Blue Sky", "", "Mr. Blue Sky"},
		{"notes.txt", "", "notes.txt"},
		{"C:\\music\\x.mp3", "", "x"},
		{" - .mp3", "", "-"},
		{"", "", ""},
		{"/", "", ""},
		{"evil\x00\x1b[31m\u202ename.mp3", "", "evil[31mname"},
		{"two\nlines.mp3", "", "two lines"},
		{"bad\xff\xfeutf8.mp3", "", "badutf8"},
	} {
		a, ti := Title(c.name)
		if a != c.artist || ti != c.title {
			t.Errorf("%q: got %q, %q, want %q, %q", c.name, a, ti, c.artist, c.title)
		}
	}
}

func FuzzTitleIsOneCleanLine(f *testing.F) {
	for _, s := range []string{"01 - Artist - Title.flac", "..", "\u202e.mp3", "a\x00b", strings.Repeat("é", 500), "\xff", " ", "01 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ti := Title(s)
		for _, got := range []string{a, ti} {
			if !utf8.ValidString(got) || utf8.RuneCountInString(got) > titleLimit+1 || strings.ContainsAny(got, "\n\r\x00\u202e\u200b") {
				t.Fatalf("%q gives %q", s, got)
			}
			if got != strings.TrimSpace(got) {
				t.Fatalf("%q gives %q with space around", s, got)
			}
		}
	})
}
