// Package sourcetest is what every source must do, as tests.
package sourcetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"segue/music"
	"segue/source"
)

// A Case is a source, and what to ask it.
type Case struct {
	Source  source.Source
	Hit     music.Query // finds at least one track
	Content []byte      // the bytes of Hit's best track; more than 1000
	Miss    music.Query // its business, but there is no such thing; zero: everything exists
	Foreign music.Query // not its business
	Gone    music.Track // cannot be opened (any more)
	Seeks   bool        // the media of Hit can seek
}

// Test runs the contract of source.Source against what make makes, anew for each
// part.
func Test(t *testing.T, make func(t *testing.T) Case) {
	for name, part := range parts() {
		t.Run(name, func(t *testing.T) { part(t, make(t)) })
	}
}

// parts are the clauses of the contract by name.
func parts() map[string]func(testing.TB, Case) {
	return map[string]func(testing.TB, Case){
		"Match": testMatch, "Resolve": testResolve, "Open": testOpen, "Seek": testSeek, "Close": testClose,
		"Cancelled": testCancelled, "Gone": testGone, "Together": testTogether,
	}
}

func testMatch(t testing.TB, c Case) {
	if n := c.Source.Name(); n == "" || strings.ContainsAny(n, ": ") {
		t.Errorf("the name %q does not fit into a track id", n)
	}
	if !c.Source.Match(c.Hit) {
		t.Error("does not take its own query")
	}
	if c.Source.Match(c.Foreign) {
		t.Error("takes a query that is not its business")
	}
	if c.Source.Match(music.Query{}) {
		t.Error("takes an empty query")
	}
}

func testResolve(t testing.TB, c Case) {
	first := hit(t, c)
	for _, tr := range first.Tracks {
		if !strings.HasPrefix(string(tr.ID), c.Source.Name()+":") || tr.Source != c.Source.Name() {
			t.Errorf("id %q, source %q: not of %q", tr.ID, tr.Source, c.Source.Name())
		}
		if tr.Title == "" || tr.Duration < 0 || tr.Live && tr.Duration != 0 {
			t.Errorf("no good track: %+v", tr)
		}
		for _, s := range []string{tr.Title, tr.Artist} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("%q is no line of text", s)
			}
		}
	}
	if first.Selected < 0 || first.Selected >= len(first.Tracks) {
		t.Errorf("selected %d of %d", first.Selected, len(first.Tracks))
	}
	if again := hit(t, c); !reflect.DeepEqual(again, first) {
		t.Errorf("the same question, another answer: %v, then %v", first, again)
	}
	if reflect.ValueOf(c.Miss).IsZero() {
		return
	}
	if r, err := c.Source.Resolve(t.Context(), c.Miss); err != nil || len(r.Tracks) != 0 {
		t.Errorf("nothing to find: got %v, %v", r, err)
	}
}

func testOpen(t testing.TB, c Case) {
	best := hit(t, c).Tracks[0]
	stored, err := json.Marshal(best)
	if err != nil {
		t.Fatal(err)
	}
	var tr music.Track
	if err := json.Unmarshal(stored, &tr); err != nil || tr != best {
		t.Fatalf("does not survive being stored: %v, %v", tr, err)
	}
	for range 2 { // from what Resolve may have kept, and without
		ctx, cancel := context.WithCancel(t.Context())
		m, err := c.Source.Open(ctx, tr)
		cancel() // bounds only the opening
		if err != nil {
			t.Fatal(err)
		}
		if m.Size >= 0 && m.Size != int64(len(c.Content)) {
			t.Errorf("size %d, want %d or -1", m.Size, len(c.Content))
		}
		if m.Ext != "" && !strings.HasPrefix(m.Ext, ".") {
			t.Errorf("ending %q", m.Ext)
		}
		got, err := io.ReadAll(m)
		if err != nil || !bytes.Equal(got, c.Content) {
			t.Errorf("read %d bytes, %v; want %d", len(got), err, len(c.Content))
		}
		if n, err := m.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %d, %v", n, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func testSeek(t testing.TB, c Case) {
	m, err := c.Source.Open(t.Context(), hit(t, c).Tracks[0])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if (m.Seeker != nil) != c.Seeks {
		t.Fatalf("seeks: %v, want %v", m.Seeker != nil, c.Seeks)
	}
	if !c.Seeks {
		return
	}
	size := int64(len(c.Content))
	read := func(from int64) {
		t.Helper()
		want := c.Content[from:min(from+100, size)]
		got := make([]byte, len(want))
		if _, err := io.ReadFull(m, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("at %d: %v, or other bytes", from, err)
		}
	}
	seek := func(offset int64, whence int, want int64) {
		t.Helper()
		if got, err := m.Seeker.Seek(offset, whence); err != nil || got != want {
			t.Fatalf("seek: at %d, %v, want %d", got, err, want)
		}
	}
	read(0)
	seek(size/2, io.SeekStart, size/2)
	read(size / 2)
	seek(0, io.SeekCurrent, size/2+100)
	read(size/2 + 100)
	seek(-50, io.SeekEnd, size-50)
	read(size - 50)
	if _, err := m.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	seek(1, io.SeekStart, 1)
	read(1)
	if _, err := m.Seeker.Seek(-1, io.SeekStart); err == nil {
		t.Error("a place before the start was accepted")
	}
	seek(0, io.SeekCurrent, 101)
	read(101)
}

func testClose(t testing.TB, c Case) {
	m, err := c.Source.Open(t.Context(), hit(t, c).Tracks[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(m, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if n, err := m.Read(make([]byte, 10)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("closed media gives %d bytes, %v", n, err)
	}
	_ = m.Close() // may complain, must not panic
}

func testCancelled(t testing.TB, c Case) {
	tr := hit(t, c).Tracks[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Source.Resolve(ctx, c.Hit); !errors.Is(err, context.Canceled) {
		t.Errorf("resolve: got %v", err)
	}
	if _, err := c.Source.Open(ctx, tr); !errors.Is(err, context.Canceled) {
		t.Errorf("open: got %v", err)
	}
}

func testGone(t testing.TB, c Case) {
	for _, tr := range []music.Track{c.Gone, {}, {ID: music.TrackID(c.Source.Name() + ":")}, {ID: "another:x", Source: "another"}} {
		m, err := c.Source.Open(t.Context(), tr)
		if err == nil {
			_ = m.Close()
			t.Errorf("%q was opened", tr.ID)
			continue
		}
		if e, ok := errors.AsType[*music.Error](err); !ok || e.Code == "" || e.Kind == music.Internal {
			t.Errorf("%q: %v tells a person nothing", tr.ID, err)
		}
	}
}

// testTogether is for the race detector.
func testTogether(t testing.TB, c Case) {
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			r, err := c.Source.Resolve(t.Context(), c.Hit)
			if err != nil || len(r.Tracks) == 0 {
				t.Errorf("got %v, %v", r, err)
				return
			}
			m, err := c.Source.Open(t.Context(), r.Tracks[0])
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			if got, err := io.ReadAll(m); err != nil || !bytes.Equal(got, c.Content) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
	all.Wait()
}

func hit(t testing.TB, c Case) music.Result {
	t.Helper()
	r, err := c.Source.Resolve(t.Context(), c.Hit)
	if err != nil || len(r.Tracks) == 0 {
		t.Fatalf("found nothing: %v, %v", r, err)
	}
	return r
}
