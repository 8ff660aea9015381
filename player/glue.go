package player

import (
	"context"

	"segue/audio"
	"segue/audio/pipeline"
)

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

func overlaid(p *pipeline.Pump, l layer, duck float64) (heard <-chan struct{}, ok bool) {
	s, ok := l.(*pipeline.Stream)
	if !ok { // none of openLayer's
		shut(l)
		return nil, false
	}
	return p.Overlay(s, duck)
}
