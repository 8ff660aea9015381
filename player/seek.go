package player

import (
	"context"
	"errors"
	"time"

	"segue/audio"
	"segue/audio/pipeline"
	"segue/music"
)

// seekLimit bounds one seek: a server that is slow to give another part of a file.
const seekLimit = 10 * time.Second

// Seek goes on at to in the current track, paused or not, and reports where that
// is, to within a frame. It waits until the media is there, at most 10 s; until then
// what comes before is heard.
//
// Errors: player.nothing_playing; seek.loading, the track is not heard yet; seek.live;
// seek.beyond, to is not before the end; seek.fixed, the file cannot seek; seek.timeout;
// seek.over, the track ended meanwhile. Then the music goes on where it was.
func (p *Player) Seek(ctx context.Context, to time.Duration) (landed time.Duration, _ error) {
	to = max(to, 0)
	l, err := ask(ctx, p, func(s *state) (*load, error) { return s.seek(to) })
	if err != nil {
		return 0, err
	}
	limited, cancel := context.WithTimeout(ctx, seekLimit)
	defer cancel()
	select {
	case l.reel.turn <- struct{}{}: // one at a time
		err = l.reel.pump.Seek(limited, to)
		<-l.reel.turn
	case <-limited.Done():
		err = context.Cause(limited)
	}
	over := tell(context.WithoutCancel(ctx), p, func(s *state) error { return s.sought(l, to, err == nil) })
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case over != nil:
		return 0, over
	case err != nil:
		return 0, seekError(err)
	}
	return to, nil
}

// seek says what is to seek, if that makes sense.
func (s *state) seek(to time.Duration) (*load, error) {
	l := s.cur
	switch {
	case l == nil:
		return nil, invalid("player.nothing_playing")
	case l.reel == nil || !l.reel.began.Load():
		return nil, &music.Error{Kind: music.Unavailable, Code: "seek.loading"}
	case l.live():
		return nil, invalid("seek.live")
	case l.duration() > 0 && to >= l.duration():
		return nil, &music.Error{Kind: music.Invalid, Code: "seek.beyond", Args: []any{l.duration()}}
	}
	return l, nil
}

// sought takes in what seek came to.
func (s *state) sought(l *load, to time.Duration, ok bool) error {
	if s.cur != l {
		return invalid("seek.over")
	}
	if ok {
		l.reel.pos.Store(int64(to.Seconds() * audio.SampleRate))
		l.reel.ending.Store(false)
		s.log.Info("seek", "entry", l.entry.ID, "to", to)
	}
	return nil
}

// seekError says what a failed seek means to a person.
func seekError(err error) error {
	switch {
	case errors.Is(err, pipeline.ErrEnded):
		return invalid("seek.over")
	case errors.Is(err, audio.ErrNotSeekable):
		return &music.Error{Kind: music.Unplayable, Code: "seek.fixed", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &music.Error{Kind: music.Unavailable, Code: "seek.timeout", Err: err}
	}
	return trackError(err)
}
