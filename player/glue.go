package player

import (
	"context"

	"segue/audio"
	"segue/audio/pipeline"
)

// openPipeline makes frames with package pipeline.
func openPipeline(base pipeline.Options) opener {
	return func(ctx, life context.Context, m *audio.Media, bitrate func() int) (tape, error) {
		o := base
		o.Bitrate = bitrate
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
		p := pipeline.Start(life, stream)
		return tape{pump: p, info: info, playing: p.Playing, mode: func() string { return p.Mode().String() }}, nil
	}
}
