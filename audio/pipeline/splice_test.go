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

// The last row of the table in ARCHITECTURE.md, section 6: nothing is shifted,
// and the joins stay under the music.
func TestSpliceOfRealOpusCannotBeHeard(t *testing.T) {
	file := encoded(t, audiotest.Music(400*audio.FrameSamples))
	ref, _ := listen(t, New(file, nothing{}, Options{}), always(neutral))
	var in, out float64
	points, worstIn, worstOut, settles := 0, -300.0, -300.0, 0
	for a := 20; a < 332; a += 13 {
		f := &opusFile{packets: file.packets[max(a-12, 0) : a+60], preSkip: file.preSkip}
		from := max(a-12, 0) * frameLen
		part := ref[from : from+len(f.packets)*frameLen]
		// The part's own reference: what a decoder that starts here hears.
		own, _ := listen(t, New(&opusFile{packets: f.packets, preSkip: f.preSkip}, nothing{}, Options{}), always(neutral))
		got, modes := listen(t, New(f, nothing{}, Options{Encoder: opusEncoder}), during([2]int{12, 32}))
		if modes[11:13] != "pT" || modes[37:39] != "Tp" {
			t.Fatalf("modes %s", modes)
		}
		if len(got) != len(part) {
			t.Fatalf("%d samples, want %d", len(got), len(part))
		}
		const b = 38
		i, _ := meter.Worst(own[12*frameLen:15*frameLen], got[12*frameLen:15*frameLen], 0, 240)
		o, _ := meter.Worst(own[b*frameLen:(b+3)*frameLen], got[b*frameLen:(b+3)*frameLen], 0, 240)
		if s := meter.Align(own[13*frameLen:b*frameLen], got[13*frameLen:b*frameLen], 400); s != 0 {
			t.Errorf("splice at %d: shifted by %d samples", a, s)
		}
		settles = max(settles, meter.Settles(own[:b*frameLen], got[:b*frameLen], 12*audio.FrameSamples, -15))
		points, in, out = points+1, in+i, out+o
		worstIn, worstOut = max(worstIn, i), max(worstOut, o)
	}
	in, out = in/float64(points), out/float64(points)
	t.Logf("%d splices: worst 5 ms into transcode %.1f dB on average, %.1f at most, within -15 dB after %d ms; back %.1f on average, %.1f at most",
		points, in, worstIn, settles*1000/audio.SampleRate, out, worstOut)
	if in > -15 {
		t.Errorf("into transcode %.1f dB, want <= -15", in)
	}
	if out > -25 {
		t.Errorf("back %.1f dB, want <= -25", out)
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
