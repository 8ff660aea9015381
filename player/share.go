package player

import (
	"context"
	"time"

	"segue/audio"
	"segue/audio/pipeline"
	"segue/music"
)

// A sharer plays what is live together with whoever plays it already, in whatever
// guild, and opens it if nobody does. Opening ends with ctx at the latest; life bounds
// the pump.
type sharer func(ctx, life context.Context, t music.Track, w wish) (tape, error)

// shareLive shares stations by their track's ID.
func shareLive(hub *pipeline.Hub, l Library, base pipeline.Options) sharer {
	return func(ctx, life context.Context, t music.Track, w wish) (tape, error) {
		m, err := hub.Join(ctx, life, pipeline.Ask{
			Key: string(t.ID), Live: true, Options: w.options(base), Park: w.park,
			Open: func(ctx context.Context) (*audio.Media, error) { return l.Open(ctx, t) },
		})
		if err != nil {
			return tape{}, err
		}
		return tape{
			pump: member{m}, info: m.Info(), playing: m.Playing, forward: true,
			mode: func() string { return m.Mode().String() },
		}, nil
	}
}

// options are the engine's for this wish.
func (w wish) options(base pipeline.Options) pipeline.Options {
	base.Bitrate, base.Settings, base.Level, base.Measure = w.bitrate, w.sound.Effects, w.level, w.measure
	base.Fade, base.Trim = w.sound.Fade, w.sound.Trim
	return base
}

// member is a pipeline.Member as a pump.
type member struct{ *pipeline.Member }

func (m member) Follow(next pump, overlap time.Duration) { m.Pump.Follow(under(next), overlap) }

func (m member) Overlay(l layer, duck float64) (heard <-chan struct{}, ok bool) {
	return overlaid(m.Pump, l, duck)
}

// under is the pipeline's Pump in p; nil if there is none.
func under(p pump) *pipeline.Pump {
	switch p := p.(type) {
	case engine:
		return p.Pump
	case member:
		return p.Pump
	}
	return nil
}
