package pipeline

import (
	"errors"
	"io"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	"segue/audio/meter"
)

// opusFile is a demuxer of packets encoded here, once.
type opusFile struct {
	packets []audio.Packet
	n       int
	preSkip int64
}

func (f *opusFile) Codec() audio.CodecInfo {
	return audio.CodecInfo{Name: "opus", SampleRate: 48000, Channels: 2, PreSkip: f.preSkip}
}
func (f *opusFile) Info() audio.Info { return audio.Info{Container: "test"} }
func (f *opusFile) Seek(to time.Duration) (time.Duration, error) {
	f.n = int(toSamples(to) / frameSamples)
	return to, nil
}

func (f *opusFile) ReadPacket() (audio.Packet, error) {
	if f.n >= len(f.packets) {
		return audio.Packet{}, io.EOF
	}
	f.n++
	return f.packets[f.n-1], nil
}

func opusEncoder() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) }

func encoded(t testing.TB, pcm []float32) *opusFile {
	t.Helper()
	enc, err := opusEncoder()
	if err != nil {
		t.Fatal(err)
	}
	f := &opusFile{preSkip: int64(enc.Lookahead())}
	for i := 0; i+frameLen <= len(pcm); i += frameLen {
		b, err := enc.Encode(nil, pcm[i:i+frameLen])
		if err != nil {
			t.Fatal(err)
		}
		f.packets = append(f.packets, audio.Packet{Data: b, PTS: int64(i / 2), Duration: frameSamples})
	}
	return f
}

// listen decodes frames with one decoder that is never reset.
func listen(t testing.TB, s *Stream, want func(i int) effect.Settings) (pcm []float32, modes string) {
	t.Helper()
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		s.Want(want(i))
		f, err := s.Next()
		if errors.Is(err, io.EOF) {
			return pcm, modes
		}
		if err == nil {
			modes += string("pT"[s.Mode()])
			pcm, err = dec.Decode(pcm, audio.Packet{Data: f.Opus})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTranscodedPCMIsAlignedToTheSample(t *testing.T) {
	pcm := audiotest.Music(5*audio.SampleRate + 123)
	d := &pcmFile{pcm: pcm}
	s := New(d, nothing{}, Options{Encoder: opusEncoder, Decoder: func(audio.CodecInfo) (audio.Decoder, error) {
		return &decoder{rate: 48000, channels: 2, warm: true}, nil
	}})
	got, modes := listen(t, s, always(neutral))
	if want := (len(pcm)/2 + audio.FrameSamples - 1) / audio.FrameSamples; len(modes) != want {
		t.Fatalf("%d frames, want %d", len(modes), want)
	}
	m := meter.Compare(pcm, got, 2000)
	first := meter.Error(pcm[:frameLen], got[:frameLen], 0)
	second := meter.Error(pcm[frameLen:2*frameLen], got[frameLen:2*frameLen], 0)
	last := meter.Error(pcm[len(pcm)-2*123:], got[len(pcm)-2*123:], 0)
	t.Logf("shift %d, error %.1f dB; first frame %.1f, second %.1f; last 123 samples %.1f", m.Shift, m.ErrorDB, first, second, last)
	if m.Shift != 0 || m.ErrorDB > -10 {
		t.Errorf("shift %d, error %.1f dB", m.Shift, m.ErrorDB)
	}
	if last > -5 {
		t.Errorf("the end is missing: %.1f dB", last)
	}
}

// pcmFile is a demuxer of stand-in packets with these samples.
type pcmFile struct {
	ramp
	pcm []float32
}

func (*pcmFile) Codec() audio.CodecInfo {
	return audio.CodecInfo{Name: "pcm", SampleRate: 48000, Channels: 2}
}

func (f *pcmFile) ReadPacket() (audio.Packet, error) {
	if len(f.pcm) == 0 {
		return audio.Packet{}, io.EOF
	}
	n := min(len(f.pcm), 4000)
	p := audio.Packet{Data: pack(f.pcm[:n])}
	f.pcm = f.pcm[n:]
	return p, nil
}

func BenchmarkTranscode(b *testing.B) {
	pcm := audiotest.Music(audio.SampleRate)
	data := pack(pcm[:frameLen*4])
	s := New(endlessPCM{data}, nothing{}, Options{Encoder: opusEncoder, Decoder: func(audio.CodecInfo) (audio.Decoder, error) {
		return &decoder{rate: 48000, channels: 2, warm: true}, nil
	}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

type endlessPCM struct{ data []byte }

func (endlessPCM) Codec() audio.CodecInfo {
	return audio.CodecInfo{Name: "pcm", SampleRate: 48000, Channels: 2}
}
func (endlessPCM) Info() audio.Info                          { return audio.Info{} }
func (endlessPCM) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }
func (e endlessPCM) ReadPacket() (audio.Packet, error) {
	return audio.Packet{Data: e.data, Duration: 4 * frameSamples}, nil
}
