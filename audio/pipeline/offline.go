package pipeline

import (
	"errors"
	"io"

	"segue/audio"
)

// What is only for those who are not bound to time.

// Padding is how many samples at 48 kHz at the end of the last frame are behind the
// music. It is known once Next has returned an error, and for the stream's owner.
func (s *Stream) Padding() int64 {
	if s.mode == Transcode {
		return max(-s.coder.left(), 0)
	}
	return max(s.end-s.last, 0)
}

// Listen gives all the music to to, piece by piece and as it was decoded, and makes
// no frames of it. What to is given holds until it returns. It ends when the music
// does, with the first error of to, or, if the media failed or was cut short, with
// that after everything that was good. It is for the owner of a stream of which
// nothing has been played, and nothing can be after it.
func (s *Stream) Listen(to func(pcm []float32) error) error {
	s.o.Encoder = func() (audio.Encoder, error) { return mute{}, nil }
	s.failed = io.EOF
	pcm := make([]float32, frameLen)
	for {
		var err error
		if !s.begun || !s.aligned {
			err = s.begin()
		}
		if err == nil {
			err = s.immerse()
		}
		for n := len(pcm); err == nil && n == len(pcm); {
			if n, err = s.pullDecoded(pcm); err == nil {
				err = to(pcm[:n])
			}
		}
		switch {
		case err == nil && s.turning:
			err = s.turn()
		case err == nil:
			err = s.ended
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
	}
}

// mute is an encoder of which nothing is heard.
type mute struct{}

func (mute) Encode(dst []byte, _ []float32) ([]byte, error) { return append(dst, 0), nil }
func (mute) Lookahead() int                                 { return 0 }
func (mute) Reset()                                         {}
