// Package source turns what people type into tracks, and tracks into media.
// Each place music comes from is a small package below; Library asks them in
// order.
package source

import (
	"context"

	"segue/audio"
	"segue/music"
)

// A Source is one place music comes from. Its methods may be called from any
// goroutine.
type Source interface {
	// Name is the source's word in track ids: "local", "http".
	Name() string
	// Match reports, without I/O, whether q is this source's business.
	Match(q music.Query) bool
	// Resolve finds what q means. No tracks and no error: nothing was found.
	Resolve(ctx context.Context, q music.Query) (music.Result, error)
	// Open opens t, which this source resolved, now or before a restart. The
	// caller closes the media; ctx bounds only the opening.
	Open(ctx context.Context, t music.Track) (*audio.Media, error)
}
