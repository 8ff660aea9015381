package render

import (
	"io"

	"segue/audio"
	"segue/audio/container/ogg"
	"segue/audio/container/wav"
)

// A Sink takes the frames of one piece of music.
type Sink interface {
	// Start comes first. The first skip samples per channel at 48 kHz that the
	// frames decode to are not music.
	Start(skip int64, info audio.Info) error
	Write(f audio.Frame) error
	// End comes last: after what is skipped there are so many samples per channel
	// of music; what the frames hold beyond that is padding.
	End(length int64) error
}

// OggOpus returns a sink that writes frames as they are into an Ogg Opus file.
// It does not close w.
func OggOpus(w io.Writer) Sink { return &oggSink{w: w} }

type oggSink struct {
	w       io.Writer
	ogg     *ogg.Writer
	skip    int64
	granule int64
}

func (s *oggSink) Start(skip int64, info audio.Info) (err error) {
	var comments []string
	for _, c := range [][2]string{{"TITLE", info.Title}, {"ARTIST", info.Artist}, {"ALBUM", info.Album}} {
		if c[1] != "" {
			comments = append(comments, c[0]+"="+c[1])
		}
	}
	s.skip = skip
	head := ogg.Head{Channels: audio.Channels, PreSkip: int(skip), InputRate: audio.SampleRate}
	s.ogg, err = ogg.NewWriter(s.w, head, comments)
	return err
}

func (s *oggSink) Write(f audio.Frame) error {
	s.granule += audio.FrameSamples
	return s.ogg.WritePacket(f.Opus, s.granule)
}

func (s *oggSink) End(length int64) error { return s.ogg.Close(min(s.skip+length, s.granule)) }

// WAV returns a sink that decodes frames as a listener does, with one decoder
// that is never reset, and writes 16-bit samples. The file's sizes are right if
// w can seek. It does not close w.
func WAV(w io.Writer) (Sink, error) { return newWAV(w, false) }

// WAVFloat is WAV with samples of 32-bit float, which are neither rounded nor
// limited.
func WAVFloat(w io.Writer) (Sink, error) { return newWAV(w, true) }

func newWAV(w io.Writer, float bool) (Sink, error) {
	s := &wavSink{w: w, format: wav.Format{Rate: audio.SampleRate, Channels: audio.Channels, Float: float}}
	var err error
	s.heard, err = newHeard(func(pcm []float32) error { return s.wav.Write(pcm) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

type wavSink struct {
	*heard
	w      io.Writer
	format wav.Format
	wav    *wav.Writer
}

func (s *wavSink) Start(skip int64, _ audio.Info) (err error) {
	s.skip = skip
	s.wav, err = wav.NewWriter(s.w, s.format)
	return err
}

func (s *wavSink) Write(f audio.Frame) error { return s.write(f) }

func (s *wavSink) End(length int64) error {
	if err := s.end(length); err != nil {
		return err
	}
	return s.wav.Close()
}
