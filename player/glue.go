package player

import (
	"context"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/pipeline"
)

// openPipeline makes frames with package pipeline.
func openPipeline(base pipeline.Options) opener {
	return func(ctx, life context.Context, m *audio.Media, w wish) (tape, error) {
		o := base
		o.Bitrate, o.Settings, o.Level, o.Measure = w.bitrate, w.sound.Effects, w.level, w.measure
		o.Fade, o.Trim = w.sound.Fade, w.sound.Trim
		// Probing reads; what ends the opening must end that read too.
		stop := context.AfterFunc(ctx, func() { _ = m.Close() })
		stream, err := pipeline.Open(m, o)
		if !stop() { // ctx came first
			if err == nil {
				_ = stream.Close()
			}
			return tape{}, context.Cause(ctx)
		}
		if err != nil {
			return tape{}, err
		}
		info := stream.Info() // before the pump owns it
		start := pipeline.Start
		if w.park {
			start = pipeline.Park
		}
		p := engine{start(life, stream), stream}
		return tape{pump: p, info: info, playing: p.Playing, mode: func() string { return p.Mode().String() }}, nil
	}
}

// engine is a pipeline.Pump as a pump.
type engine struct {
	*pipeline.Pump
	stream *pipeline.Stream
}

func (e engine) Want(s effect.Settings) { e.stream.Want(s) }
func (e engine) Level(db float64)       { e.stream.Level(db) }

func (e engine) Follow(next pump, overlap time.Duration) {
	if n, ok := next.(engine); ok {
		e.Pump.Follow(n.Pump, overlap)
		return
	}
	e.Pump.Follow(nil, 0)
}
