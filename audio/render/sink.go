package render

import (
	"io"

	"segue/audio"
	"segue/audio/codec/opus"
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
func WAV(w io.Writer) (Sink, error) {
	dec, err := opus.NewDecoder()
	if err != nil {
		return nil, err
	}
	return &wavSink{w: w, dec: dec}, nil
}

// held is how many samples per channel a wavSink keeps back, because the end of
// the music may turn out to lie before them.
const held = 2 * audio.FrameSamples

type wavSink struct {
	w       io.Writer
	wav     *wav.Writer
	dec     audio.Decoder
	pcm     []float32 // not yet written
	skip    int64     // still to be dropped
	written int64
}

func (s *wavSink) Start(skip int64, _ audio.Info) (err error) {
	s.skip = skip
	s.wav, err = wav.NewWriter(s.w, wav.Format{Rate: audio.SampleRate, Channels: audio.Channels})
	return err
}

func (s *wavSink) Write(f audio.Frame) (err error) {
	if s.pcm, err = s.dec.Decode(s.pcm, audio.Packet{Data: f.Opus, Duration: audio.FrameSamples}); err != nil {
		return err
	}
	if n := min(s.skip, int64(len(s.pcm)/audio.Channels)); n > 0 {
		s.skip -= n
		s.drop(n)
	}
	return s.put(int64(len(s.pcm)/audio.Channels) - held)
}

func (s *wavSink) End(length int64) error {
	if err := s.put(min(length-s.written, int64(len(s.pcm)/audio.Channels))); err != nil {
		return err
	}
	return s.wav.Close()
}

// put writes the first n samples waiting.
func (s *wavSink) put(n int64) error {
	if n <= 0 {
		return nil
	}
	if err := s.wav.Write(s.pcm[:n*audio.Channels]); err != nil {
		return err
	}
	s.written += n
	s.drop(n)
	return nil
}

func (s *wavSink) drop(n int64) { s.pcm = s.pcm[:copy(s.pcm, s.pcm[n*audio.Channels:])] }
