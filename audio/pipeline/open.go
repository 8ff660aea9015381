package pipeline

import (
	"errors"

	"segue/audio"
	"segue/audio/container"
)

// Open guesses the format of m and returns the stream of its frames. The stream
// closes m; if Open fails, m is closed already. If frames made of the same media
// were kept, it is the stream of those, and m is closed. Errors are those of
// container.Open, and, for what certainly has to be decoded, those of making the
// codecs.
func Open(m *audio.Media, o Options) (*Stream, error) {
	if s := again(m, &o); s != nil {
		return s, nil
	}
	d, err := container.Open(m)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	s := New(d, m, o)
	s.playing = m.Playing
	s.o.origin.level = o.level(d.Info())
	s.Level(s.o.origin.level)
	if !s.rules.passable(s.codec) {
		if err := s.ready(); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return s, nil
}
