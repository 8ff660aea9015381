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
		stream, err := probe(ctx, m, w.options(base))
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

// openLayer opens sounds with package pipeline.
func openLayer(base pipeline.Options) layerer {
	base.Kept = nil // at the level that a play had
	return func(ctx context.Context, m *audio.Media, level func(audio.Info) float64) (layer, error) {
		o := base // many open at once
		o.Level = level
		s, err := probe(ctx, m, o)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// probe opens m, until ctx ends.
func probe(ctx context.Context, m *audio.Media, o pipeline.Options) (*pipeline.Stream, error) {
	// Probing reads; what ends the opening must end that read too.
	stop := context.AfterFunc(ctx, func() { _ = m.Close() })
	stream, err := pipeline.Open(m, o)
	if !stop() { // ctx came first
		if err == nil {
			_ = stream.Close()
		}
		return nil, context.Cause(ctx)
	}
	return stream, err
}

// engine is a pipeline.Pump as a pump.
type engine struct {
	*pipeline.Pump
	stream *pipeline.Stream
}

func (e engine) Want(s effect.Settings) { e.stream.Want(s) }
func (e engine) Level(db float64)       { e.stream.Level(db) }

func (e engine) Follow(next pump, overlap time.Duration) { e.Pump.Follow(under(next), overlap) }

func (e engine) Overlay(l layer, duck float64) (heard <-chan struct{}, ok bool) {
	return overlaid(e.Pump, l, duck)
}

func overlaid(p *pipeline.Pump, l layer, duck float64) (heard <-chan struct{}, ok bool) {
	s, ok := l.(*pipeline.Stream)
	if !ok { // none of openLayer's
		shut(l)
		return nil, false
	}
	return p.Overlay(s, duck)
}
