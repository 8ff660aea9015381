package player

import (
	"context"

	"segue/audio"
	"segue/audio/pipeline"
)

// openPipeline makes frames with package pipeline.
func openPipeline(pipeline.Options) opener {
	return func(_, _ context.Context, m *audio.Media) (tape, error) {
		_ = m.Close()
		return tape{}, audio.ErrUnsupported // until the pipeline opens streams
	}
}
