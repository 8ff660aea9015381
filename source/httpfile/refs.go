package httpfile

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"segue/audio"
	"segue/music"
	"segue/source"
)

// refs open what media from an address refer to, by the same rules as the address.
type refs struct {
	s    *Source
	life context.Context // of the media one began with
	base *url.URL        // nil: only absolute addresses
}

// Refs opens addresses for media that come from elsewhere, until life ends. They
// must be absolute.
func (s *Source) Refs(life context.Context) audio.Refs { return refs{s: s, life: life} }

// OpenRef opens an address. What the guard refuses is also an ErrUnsupported.
func (r refs) OpenRef(ref string, from, n int64) (*audio.Media, error) {
	if r.life.Err() != nil {
		return nil, context.Cause(r.life)
	}
	if from < 0 || n < 0 {
		return nil, fmt.Errorf("http media: %d bytes from %d: %w", n, from, audio.ErrMalformed)
	}
	parse := url.Parse
	if r.base != nil {
		parse = r.base.Parse
	}
	u, err := parse(ref)
	if err != nil { // it quotes the address
		return nil, never(&music.Error{Kind: music.Invalid, Code: "url.invalid"})
	}
	u.Fragment, u.RawFragment = "", ""
	if err := r.s.guard.Check(u); err != nil {
		return nil, never(err)
	}
	b, err := r.s.part(r.life, r.life, r.life, u, from, n)
	if err != nil {
		if e, ok := errors.AsType[*music.Error](err); ok && e.Code == "url.private" {
			err = never(err)
		}
		return nil, err
	}
	return b.media(), nil
}

// never says that asking again would not help.
func never(err error) error { return fmt.Errorf("%w: %w", err, audio.ErrUnsupported) }

// Wait waits for d or the end of the media one began with.
func (r refs) Wait(d time.Duration) error { return source.Wait(r.life, d) }
