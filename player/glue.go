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
		// Probing reads; what ends the opening must end that read too.
		stop := context.AfterFunc(ctx, func() { _ = m.Close() })
		stream, err := pipeline.Open(m, w.options(base))
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

func (e engine) Follow(next pump, overlap time.Duration) { e.Pump.Follow(under(next), overlap) }
