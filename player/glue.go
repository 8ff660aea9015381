package player

import (
	"context"
	"sync/atomic"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/pipeline"
)

// openPipeline makes frames with package pipeline.
func openPipeline(base pipeline.Options) opener {
	return func(ctx, life context.Context, m *audio.Media, w wish) (tape, error) {
		o := base
		o.Bitrate, o.Settings, o.Level = w.bitrate, w.sound.Effects, w.level
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
		p := &engine{Pump: pipeline.Start(life, stream), stream: stream}
		return tape{pump: p, info: info, playing: p.Playing, mode: func() string { return p.Mode().String() }}, nil
	}
}

// engine is a pipeline.Pump as a pump.
type engine struct {
	*pipeline.Pump
	stream *pipeline.Stream
	held   atomic.Bool
	cut    atomic.Bool
}

func (e *engine) Want(s effect.Settings) { e.stream.Want(s) }
func (e *engine) Level(db float64)       { e.stream.Level(db) }
func (e *engine) Hold(on bool)           { e.held.Store(on) }
func (e *engine) Cut(time.Duration)      { e.cut.Store(true) }

func (e *engine) Take() (audio.Frame, bool) {
	if e.held.Load() || e.cut.Load() {
		return audio.Frame{}, false
	}
	return e.Pump.Take()
}

func (e *engine) Ended() bool { return e.cut.Load() || e.Pump.Ended() }

func (e *engine) Seek(context.Context, time.Duration) (time.Duration, error) {
	return 0, audio.ErrNotSeekable
}
func (e *engine) Follow(pump, time.Duration)      {}
func (e *engine) Measured() levelling.Measurement { return levelling.Measurement{} }
