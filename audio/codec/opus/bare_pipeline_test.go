//go:build libopus && bare

package opus_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/container"
	"segue/audio/effect"
	"segue/audio/pipeline"
	"segue/testdata"
)

// endless gives a piece's packets round and round.
type endless struct {
	info    audio.CodecInfo
	packets [][]byte
	at      int
}

func (e *endless) Info() audio.Info       { return audio.Info{} }
func (e *endless) Codec() audio.CodecInfo { return e.info }
func (e *endless) Seek(time.Duration) (time.Duration, error) {
	return 0, audio.ErrNotSeekable
}

func (e *endless) ReadPacket() (audio.Packet, error) {
	p := audio.Packet{Data: e.packets[e.at%len(e.packets)], PTS: int64(e.at) * audio.FrameSamples, Duration: audio.FrameSamples}
	e.at++
	return p, nil
}

// lantern is the piece the program ships, as it is coded.
func lantern(b *testing.B) *endless {
	b.Helper()
	raw, err := testdata.Sounds.ReadFile(testdata.Lantern)
	if err != nil {
		b.Fatal(err)
	}
	d, err := container.Open(&audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(raw)), Size: int64(len(raw))})
	if err != nil {
		b.Fatal(err)
	}
	e := &endless{info: d.Codec()}
	e.info.PreSkip = 0
	for {
		p, err := d.ReadPacket()
		if errors.Is(err, io.EOF) {
			return e
		}
		if err != nil {
			b.Fatal(err)
		}
		e.packets = append(e.packets, bytes.Clone(p.Data))
	}
}

// frames returns what makes so many frames more of the piece, with what is wanted of
// the sound.
func frames(b *testing.B, e *endless, s effect.Settings) (more func(n int)) {
	b.Helper()
	in := *e
	stream := pipeline.New(&in, io.NopCloser(nil), pipeline.Options{
		Encoder:  func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) },
		Settings: s,
	})
	b.Cleanup(func() { _ = stream.Close() })
	return func(n int) {
		for range n {
			if _, err := stream.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// The engine from packets to frames, against libopus in a C program that decodes and
// encodes the same packets: by how many times it takes longer, in CPU time, in turn.
// Volume should be below 1.15, the equalizer below 1.35. That is for people to read:
// a slow day is no fault.
func BenchmarkTranscodeAgainstBare(b *testing.B) {
	music := lantern(b)
	ways := []struct {
		name string
		s    effect.Settings
	}{
		{"volume", effect.Settings{Volume: effect.Percent(80)}},
		{"equalizer", effect.Settings{Equalizer: effect.Equalizer{.2, .15, .1, .05, 0, -.05, -.1, -.1, -.05, 0, .05, .1, .15, .2, .2}}},
		{"nightcore", effect.Settings{Timescale: effect.Timescale{On: true, Speed: 1.2, Pitch: 1.2, Rate: 1}}},
	}
	all := []func(int){opus.Bare(b, music.packets)}
	for _, w := range ways {
		all = append(all, frames(b, music, w.s))
	}
	for b.Loop() {
		mean := opus.Compare(b, all...)
		b.ReportMetric(mean[0]/1000, "bare-µs/frame")
		for i, w := range ways {
			b.ReportMetric(mean[i+1]/mean[0], w.name+"-x-bare")
		}
		b.ReportMetric(0, "ns/op") // says nothing here
	}
}
