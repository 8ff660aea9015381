package pipeline

import (
	"testing"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/testdata"
)

// FuzzOpen plays whatever it is given, with a change of mind and a seek on the
// way. It may fail, but not panic, hang, or give frames that are none.
func FuzzOpen(f *testing.F) {
	opusFile, wavFile := bundled(f, testdata.Lantern)[:6000], bundled(f, testdata.Clockwork)[:6000]
	f.Add(opusFile, uint16(10), uint16(100))
	f.Add(opusFile[:3000], uint16(0), uint16(0))
	f.Add(wavFile, uint16(3), uint16(50))
	f.Add([]byte("OggS"), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, change, seek uint16) {
		m, _ := media(data, true)
		s, err := Open(m, Options{Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }})
		if err != nil {
			return
		}
		defer s.Close()
		for i := range 500 {
			if i == int(change%64) {
				s.Want(effect.Settings{Volume: effect.Percent(50)})
			}
			if i == int(change%64)+20 {
				s.Want(effect.Settings{})
				if _, err := s.Seek(time.Duration(seek) * time.Millisecond); err != nil {
					continue
				}
			}
			fr, err := s.Next()
			if err != nil {
				return
			}
			if s.Mode() == Passthrough && len(fr.Opus) > maxPayload || s.Mode() == Transcode && len(fr.Opus) != 4*frameLen || fr.Pos < 0 {
				t.Fatalf("%v frame of %d bytes at %d", s.Mode(), len(fr.Opus), fr.Pos)
			}
		}
	})
}
