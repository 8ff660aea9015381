package sourcetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/music"
)

var tune = bytes.Repeat([]byte("la la la "), 200)

// plain is a source with one tune; fault breaks it.
type plain struct {
	fault string
	asked int
}

func (p *plain) Name() string {
	if p.fault == "name" {
		return "plain source"
	}
	return "plain"
}

func (p *plain) Match(q music.Query) bool {
	switch p.fault {
	case "takes all":
		return true
	case "takes nothing":
		return false
	}
	return q.Text != "" && !strings.Contains(q.Text, "://")
}

func (p *plain) Resolve(ctx context.Context, q music.Query) (music.Result, error) {
	if p.fault != "deaf to cancel" && ctx.Err() != nil {
		return music.Result{}, context.Cause(ctx)
	}
	tr := music.Track{ID: "plain:tune", Source: "plain", Title: "A Tune"}
	switch p.fault {
	case "finds nothing":
		return music.Result{}, nil
	case "fails":
		return music.Result{}, errors.New("out of sorts")
	case "foreign id":
		tr.ID = "other:tune"
	case "no title":
		tr.Title = ""
	case "control":
		tr.Title = "A\x00Tune"
	case "live with an end":
		tr.Live, tr.Duration = true, 1
	case "fickle":
		p.asked++
		tr.Title = strings.Repeat("A", p.asked)
	}
	if q.Text == "no such tune" && p.fault != "finds all" {
		return music.Result{}, nil
	}
	r := music.Result{Tracks: []music.Track{tr}}
	if p.fault == "selected" {
		r.Selected = 1
	}
	return r, nil
}

func (p *plain) Open(ctx context.Context, t music.Track) (*audio.Media, error) {
	switch {
	case p.fault != "deaf to cancel" && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case p.fault == "opens all":
	case t.ID != "plain:tune" && p.fault == "mute":
		return nil, errors.New("gone")
	case t.ID != "plain:tune" && p.fault != "name":
		return nil, &music.Error{Kind: music.NotFound, Code: "test.gone"}
	}
	b := tune
	if p.fault == "other bytes" {
		b = slices.Concat(tune[1:], tune[:1])
	}
	if p.fault == "short" {
		b = tune[:len(tune)-1]
	}
	m := &reading{Reader: bytes.NewReader(b), fault: p.fault}
	if p.fault == "tied to its context" {
		m.tied = ctx.Err
	}
	media := &audio.Media{ReadCloser: m, Seeker: m, Ext: ".opus", Size: int64(len(tune))}
	switch p.fault {
	case "no seeker":
		media.Seeker = nil
	case "size":
		media.Size++
	case "ending":
		media.Ext = "opus"
	}
	return media, nil
}

// reading is plain's media.
type reading struct {
	*bytes.Reader
	fault  string
	tied   func() error // for the fault of holding on to Open's context; else nil
	closed bool
}

func (r *reading) Read(b []byte) (int, error) {
	switch {
	case r.tied != nil && r.tied() != nil:
		return 0, r.tied()
	case r.closed && r.fault == "reads on":
	case r.closed && r.fault == "ends when closed":
		return 0, io.EOF
	case r.closed:
		return 0, io.ErrClosedPipe
	}
	return r.Reader.Read(b)
}

func (r *reading) Seek(offset int64, whence int) (int64, error) {
	switch {
	case r.fault == "seeks before the start" && offset == -1:
		return 0, nil
	case r.fault == "wrong place" && whence == io.SeekEnd:
		offset--
	case r.fault == "loses its place" && offset == -1:
		_, _ = r.Reader.Seek(0, io.SeekStart)
	}
	return r.Reader.Seek(offset, whence)
}

func (r *reading) Close() error {
	r.closed = true
	if r.fault == "close" {
		return errors.New("out of sorts")
	}
	return nil
}

func about(s *plain) Case {
	return Case{
		Source: s, Hit: music.Query{Text: "tune"}, Content: tune, Seeks: true,
		Miss: music.Query{Text: "no such tune"}, Foreign: music.Query{Text: "https://example.org/tune"},
		Gone: music.Track{ID: "plain:gone", Source: "plain", Title: "gone"},
	}
}

func TestAGoodSourcePasses(t *testing.T) {
	Test(t, func(*testing.T) Case { return about(&plain{}) })
}

func TestBrokenSourcesAreFound(t *testing.T) {
	all := parts()
	for _, c := range []struct{ fault, part, want string }{
		{"name", "Match", "does not fit into a track id"},
		{"takes all", "Match", "not its business"},
		{"takes all", "Match", "empty query"},
		{"takes nothing", "Match", "its own query"},
		{"finds nothing", "Resolve", "found nothing"},
		{"fails", "Resolve", "out of sorts"},
		{"fails", "Together", "out of sorts"},
		{"foreign id", "Resolve", `not of "plain"`},
		{"no title", "Resolve", "no good track"},
		{"control", "Resolve", "no line of text"},
		{"live with an end", "Resolve", "no good track"},
		{"selected", "Resolve", "selected 1 of 1"},
		{"fickle", "Resolve", "another answer"},
		{"finds all", "Resolve", "nothing to find"},
		{"other bytes", "Open", "read 1800 bytes"},
		{"short", "Open", "read 1799 bytes"},
		{"short", "Together", "read 1799 bytes"},
		{"size", "Open", "size 1801"},
		{"ending", "Open", `ending "opus"`},
		{"tied to its context", "Open", "context canceled"},
		{"close", "Open", "out of sorts"},
		{"no seeker", "Seek", "seeks: false, want true"},
		{"other bytes", "Seek", "other bytes"},
		{"wrong place", "Seek", "want 1750"},
		{"seeks before the start", "Seek", "before the start was accepted"},
		{"loses its place", "Seek", "seek: at 0"},
		{"reads on", "Close", "closed media gives 10 bytes"},
		{"ends when closed", "Close", "closed media gives 0 bytes, EOF"},
		{"close", "Close", "out of sorts"},
		{"deaf to cancel", "Cancelled", "resolve: got <nil>"},
		{"deaf to cancel", "Cancelled", "open: got <nil>"},
		{"opens all", "Gone", `"plain:gone" was opened`},
		{"mute", "Gone", "tells a person nothing"},
	} {
		found := audiotest.Found(t, func(v testing.TB) { all[c.part](v, about(&plain{fault: c.fault})) })
		if !strings.Contains(found, c.want) {
			t.Errorf("%s, %s: found %q, want %q", c.fault, c.part, found, c.want)
		}
	}
}

func TestASourceMayHaveEverythingAndNotSeek(t *testing.T) {
	for _, part := range []string{"Resolve", "Seek"} {
		found := audiotest.Found(t, func(v testing.TB) {
			c := about(&plain{fault: "no seeker"})
			c.Seeks, c.Miss = false, music.Query{}
			parts()[part](v, c)
		})
		if found != "" {
			t.Errorf("%s: found %q", part, found)
		}
	}
}
