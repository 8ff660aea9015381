package source

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/audio"
	"segue/music"
)

// resolveLimit is what one source may take to answer a question.
const resolveLimit = 15 * time.Second

// A Library asks its sources in order. Its methods may be called from any
// goroutine.
type Library struct {
	log     *slog.Logger
	sources []Source

	mu      sync.Mutex
	flights map[question]*flight
}

// A question is what makes two queries the same one. Who asks does not matter.
type question struct {
	text       string
	guild      music.GuildID
	attachment music.Attachment
}

// A flight is a question being answered. Its fields may be read once done is
// closed.
type flight struct {
	done   chan struct{}
	result music.Result
	err    error
	void   bool // the one who asked gave up: this is no answer for others
}

// NewLibrary makes a library of sources, to be asked in this order.
func NewLibrary(log *slog.Logger, sources ...Source) *Library {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Library{log: log, sources: slices.Clone(sources), flights: make(map[question]*flight)}
}

// Resolve asks the sources whose business q is, in order, until one finds
// something. Nothing found is an empty result. If nothing was found and a source
// failed, the error is the first failure. The same question asked twice at once
// is asked once; the result is the caller's to keep.
func (l *Library) Resolve(ctx context.Context, q music.Query) (music.Result, error) {
	q.Text = strings.TrimSpace(q.Text)
	k := question{text: q.Text, guild: q.Guild}
	if q.Attachment != nil {
		k.attachment = *q.Attachment
	}
	for {
		l.mu.Lock()
		f, flying := l.flights[k]
		if !flying {
			f = &flight{done: make(chan struct{}), void: true}
			l.flights[k] = f
		}
		l.mu.Unlock()
		if !flying {
			return l.fly(ctx, k, q, f)
		}
		select {
		case <-f.done:
			if !f.void {
				r := f.result
				r.Tracks = slices.Clone(r.Tracks)
				return r, f.err
			}
		case <-ctx.Done():
			return music.Result{}, context.Cause(ctx)
		}
	}
}

// fly answers the question for everybody who is waiting.
func (l *Library) fly(ctx context.Context, k question, q music.Query, f *flight) (music.Result, error) {
	defer func() {
		l.mu.Lock()
		delete(l.flights, k)
		l.mu.Unlock()
		close(f.done)
	}()
	r, err := l.resolve(ctx, q)
	if ctx.Err() != nil {
		return music.Result{}, context.Cause(ctx)
	}
	f.result, f.err, f.void = r, err, false
	r.Tracks = slices.Clone(r.Tracks)
	return r, err
}

func (l *Library) resolve(ctx context.Context, q music.Query) (music.Result, error) {
	var failure error
	for _, s := range l.sources {
		if !s.Match(q) {
			continue
		}
		start := time.Now()
		r, err := l.ask(ctx, s, q)
		l.log.Debug("resolved", "source", s.Name(), "tracks", len(r.Tracks), "took", time.Since(start), "err", err)
		if ctx.Err() != nil {
			return music.Result{}, context.Cause(ctx)
		}
		if err == nil && len(r.Tracks) > 0 {
			return r, nil
		}
		if failure == nil {
			failure = err
		}
	}
	return music.Result{}, failure
}

// ask gives one source its time.
func (l *Library) ask(ctx context.Context, s Source, q music.Query) (music.Result, error) {
	limited, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	r, err := s.Resolve(limited, q)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		err = &music.Error{Kind: music.Unavailable, Code: "source.timeout", Args: []any{s.Name()}, Err: err}
	}
	return r, err
}

// Open opens t with the source that resolved it. The caller closes the media;
// ctx bounds only the opening.
func (l *Library) Open(ctx context.Context, t music.Track) (*audio.Media, error) {
	for _, s := range l.sources {
		if s.Name() == t.Source {
			return s.Open(ctx, t)
		}
	}
	return nil, &music.Error{Kind: music.NotFound, Code: "source.unknown", Args: []any{t.Source}}
}
