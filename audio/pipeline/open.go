package pipeline

import (
	"errors"

	"segue/audio"
	"segue/audio/container"
)

// Open guesses the format of m and returns the stream of its frames. The stream
// closes m; if Open fails, m is closed already. Errors are those of
// container.Open, and, for what certainly has to be decoded, those of making the
// codecs.
func Open(m *audio.Media, o Options) (*Stream, error) {
	d, err := container.Open(m)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	s := New(d, m, o)
	s.playing = m.Playing
	if !s.rules.passable(s.codec) {
		if err := s.ready(); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return s, nil
}
