package pipeline

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/codec"
	"segue/audio/container"
	"segue/audio/resample"
)

// surround is a file of a second of so many channels, each a tone of its own, and
// what ffmpeg decodes of it, in WAVE order.
func surround(t *testing.T, layout, args string) (file []byte, want []float32) {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	var tones []string
	for _, hz := range []string{"440", "550", "660", "70", "880", "990", "1100", "1210"}[:map[string]int{"mono": 1, "stereo": 2, "3.0": 3, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}[layout]] {
		tones = append(tones, "0.3*sin(2*PI*"+hz+"*t)*(1+0.5*sin(9*t))")
	}
	in := []string{"-v", "error", "-f", "lavfi", "-i", "aevalsrc=" + strings.Join(tones, "|") + ":s=48000:d=1.01:c=" + layout}
	oracle(t, "ffmpeg", append(append(in, strings.Fields(args)...), out)...)
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return file, unpack(oracle(t, "ffmpeg", "-v", "error", "-c:a", "libopus", "-i", out, "-f", "f32le", "-"))
}

func TestSurroundOpusIsFfmpegsInWAVEOrder(t *testing.T) {
	for _, c := range []struct{ layout, args string }{
		{"5.1", "-c:a libopus -mapping_family 1 -b:a 384k -f ogg"},
		{"5.1", "-c:a libopus -mapping_family 1 -b:a 256k -frame_duration 60 -f webm"},
		{"5.1", "-c:a libopus -mapping_family 1 -b:a 96k -frame_duration 10 -f mp4"},
		{"7.1", "-c:a libopus -mapping_family 1 -b:a 450k -f ogg"},
		{"7.1", "-c:a libopus -mapping_family 1 -b:a 450k -f webm"},
		{"6.1", "-c:a libopus -mapping_family 1 -f ogg"},
		{"5.0", "-c:a libopus -mapping_family 1 -f ogg"},
		{"quad", "-c:a libopus -mapping_family 1 -f ogg"},
		{"3.0", "-c:a libopus -mapping_family 1 -f ogg"},
		{"stereo", "-c:a libopus -mapping_family 1 -f ogg"},
		{"mono", "-c:a libopus -mapping_family 1 -f ogg"},
	} {
		t.Run(c.layout+" "+c.args, func(t *testing.T) {
			b, want := surround(t, c.layout, c.args)
			source, info := demuxed(t, b)
			var pcm []float32
			dec, err := codec.NewDecoder(info)
			if err != nil {
				t.Fatal(err)
			}
			_, n := dec.Format()
			for _, p := range source {
				if pcm, err = dec.Decode(pcm, p); err != nil {
					t.Fatal(err)
				}
				pcm = pcm[:len(pcm)-int(p.TrimEnd)*n]
			}
			if pcm = pcm[int(info.PreSkip)*n:]; n != info.Channels {
				t.Fatalf("%d channels of %d", n, info.Channels)
			}
			// Of some containers ffmpeg plays the padding at the end, too.
			if over := len(want) - len(pcm); over < 0 && !strings.Contains(c.args, "mp4") || over > 960*n {
				t.Fatalf("%d samples of %d", len(pcm)/n, len(want)/n)
			}
			for ch := range n {
				var signal, noise float64
				for i := ch; i < min(len(pcm), len(want)); i += n {
					d := float64(pcm[i] - want[i])
					signal, noise = signal+float64(want[i])*float64(want[i]), noise+d*d
				}
				if db := 10 * math.Log10(signal/math.Max(noise, 1e-20)); db < 85 {
					t.Errorf("channel %d of %d: %.1f dB", ch, n, db)
				}
			}
		})
	}
}

// What is heard of it is what the one downmix of all codecs makes of the channels.
func TestSurroundOpusIsMixedDownAndTranscoded(t *testing.T) {
	b, want := surround(t, "5.1", "-c:a libopus -mapping_family 1 -b:a 384k -f ogg")
	m, _ := media(b, true)
	s, err := Open(m, Options{Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := resample.New(&resample.Tables{}, 48000, 6)
	if err != nil {
		t.Fatal(err)
	}
	mixed := rs.Flush(rs.Process(nil, want))
	var got []float32
	for f, err := s.Next(); !errors.Is(err, io.EOF); f, err = s.Next() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, unpack(f.Opus)...)
	}
	if s.Length() != int64(len(mixed)/2) || s.Mode() != Transcode || len(got) < len(mixed) {
		t.Fatalf("%d samples of %d, %v", s.Length(), len(mixed)/2, s.Mode())
	}
	for i, v := range mixed {
		if d := math.Abs(float64(v - got[i])); d > 1e-4 {
			t.Fatalf("sample %d is %v, want %v", i/2, got[i], v)
		}
	}
}

// One stream in mapping family 1 is framed as it is without one.
func TestOneStreamOfAMappingPassesBitForBit(t *testing.T) {
	for _, layout := range []string{"mono", "stereo"} {
		b, _ := surround(t, layout, "-c:a libopus -mapping_family 1 -f ogg")
		source, info := demuxed(t, b)
		if info.Private[18] != 1 {
			t.Fatalf("%s: mapping family %d", layout, info.Private[18])
		}
		m, _ := media(b, true)
		s, err := Open(m, Options{Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range source[:len(source)-1] {
			if f, err := s.Next(); err != nil || !bytes.Equal(f.Opus, p.Data) {
				t.Fatalf("%s: frame %d is not the packet: %v", layout, i, err)
			}
		}
		if s.Mode() != Passthrough {
			t.Errorf("%s: %v", layout, s.Mode())
		}
	}
}

func TestChannelsOfNoSaidMeaningAreRefused(t *testing.T) {
	b, _ := surround(t, "quad", "-c:a libopus -mapping_family 255 -f ogg")
	m, _ := media(b, true)
	if _, err := container.Open(m); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "mapping family 255") {
		t.Fatalf("%v", err)
	}
}
