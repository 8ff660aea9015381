package player

import (
	"context"
	"time"

	"segue/audio"
	"segue/audio/levelling"
	"segue/audio/pipeline"
	"segue/music"
)

// A sharer plays t together with whoever plays it just now, in whatever guild, and opens
// it if nobody does. Opening ends with ctx at the latest; life bounds the pump. known may
// change the wish once it is known which media it is; it may be called more than once.
type sharer func(ctx, life context.Context, t music.Track, w wish, known func(pipeline.Facts, *wish)) (tape, error)

// shareAll shares by their track's ID what is live, and tracks that begin at about the
// same time.
func shareAll(hub *pipeline.Hub, l Library, base pipeline.Options) sharer {
	return func(ctx, life context.Context, t music.Track, w wish, known func(pipeline.Facts, *wish)) (tape, error) {
		forward := false
		m, err := hub.Join(ctx, life, pipeline.Ask{
			Key: string(t.ID), Live: t.Live, Options: w.options(base), Park: w.park,
			Open: func(ctx context.Context) (*audio.Media, error) { return l.Open(ctx, t) },
			Known: func(f pipeline.Facts, o *pipeline.Options) {
				known(f, &w)
				*o, forward = w.options(base), f.Forward || f.Live
			},
		})
		if err != nil {
			return tape{}, err
		}
		return tape{
			pump: member{m}, info: m.Info(), playing: m.Playing, forward: forward,
			mode: func() string { return m.Mode().String() },
		}, nil
	}
}

// openShared is openTrack together with others.
func (s *state) openShared(ctx, life context.Context, t music.Track, park bool, share sharer) (tape, error) {
	var key music.TrackID
	var measured levelling.Measurement
	sound := *s.p.sound.Load()
	of := func(info audio.Info) float64 { return level(sound, t, info, measured) }
	w := wish{sound: sound, level: of, bitrate: s.p.bitrate, park: park}
	opened, err := share(ctx, life, t, w, func(f pipeline.Facts, w *wish) {
		if f.Live {
			return // nobody hears all of it
		}
		key = measuredAs(t, f.Version)
		measured = s.knownLoudness(life, key)
		w.measure = s.measure(sound, t, measured, false)
	})
	opened.key, opened.measured = key, measured
	return opened, err
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
	if m, ok := p.(member); ok {
		return m.Pump
	}
	return nil
}
