package pipeline

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	meters "segue/audio/loudness"
	"segue/audio/meter"
)

// written is pcm as command writes it; IN and OUT stand for its files.
func written(t testing.TB, pcm []float32, command string) []byte {
	t.Helper()
	dir := t.TempDir()
	raw, in, out := filepath.Join(dir, "in.raw"), filepath.Join(dir, "in.wav"), filepath.Join(dir, "out")
	if err := os.WriteFile(raw, pack(pcm), 0o600); err != nil {
		t.Fatal(err)
	}
	oracle(t, "ffmpeg", "-v", "error", "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", raw, "-c:a", "pcm_s16le", in)
	args := strings.Fields(strings.NewReplacer("IN", in, "OUT", out).Replace(command))
	oracle(t, args[0], args[1:]...)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// raws is an encoder whose packets are the samples it is given, at once.
func raws() (audio.Encoder, error) { return &encoder{}, nil }

// heardAsOne plays files one after the other, as PCM where they are decoded; what passes
// is decoded as a listener would.
func heardAsOne(t testing.TB, overlap time.Duration, o Options, hear func(audio.Frame, Mode) []float32, files ...[]byte) (pcm []float32) {
	t.Helper()
	open := func() (*Stream, error) {
		if len(files) == 0 {
			return nil, io.EOF
		}
		m, _ := media(files[0], true)
		files = files[1:]
		return Open(m, o)
	}
	first, err := open()
	if err != nil {
		t.Fatal(err)
	}
	m := NewMedley(first, overlap, open)
	defer m.Close()
	for {
		f, err := m.Next()
		if errors.Is(err, io.EOF) {
			return pcm
		}
		if err != nil {
			t.Fatal(err)
		}
		pcm = append(pcm, hear(f, m.Now().Mode())...)
	}
}

// TestAnAlbumIsOnePiece cuts music into files that end anywhere, as albums without
// pauses are, and plays them one after the other. Every sample is to be where it was,
// and at the cuts there is to be no more error than elsewhere.
func TestAnAlbumIsOnePiece(t *testing.T) {
	const n = 6 * audio.SampleRate
	whole := audiotest.Music(n)
	cuts := []int{0, 95_003, 200_777, n}
	for _, c := range []struct {
		name, command string
		most          float64 // dB, of error to music in the worst 20 ms around a cut
	}{
		{"flac", "flac --silent -o OUT IN", -60},
		{"mp3", "lame --quiet -b 256 IN OUT", -12},
		{"vorbis", "oggenc --quiet -q 7 -o OUT IN", -12},
		{"opus", "opusenc --quiet --bitrate 160 IN OUT", -15},
	} {
		t.Run(c.name, func(t *testing.T) {
			var files [][]byte
			for i := range cuts[1:] {
				files = append(files, written(t, whole[2*cuts[i]:2*cuts[i+1]], c.command))
			}
			pcm := heardAsOne(t, 0, Options{Encoder: raws, Settings: loud}, func(f audio.Frame, _ Mode) []float32 {
				return unpack(f.Opus)
			}, files...)
			if c.name == "opus" { // whose pre-skip takes its time, in silence
				pcm = pcm[2*lookahead:]
			}
			if got := len(pcm) / 2; got < n || got >= n+audio.FrameSamples {
				t.Fatalf("%d samples of %d", got, n)
			}
			if shift := meter.Align(whole, pcm, 3000); shift != 0 {
				t.Errorf("late by %d samples", shift)
			}
			for _, at := range cuts[1:3] {
				from, to := 2*(at-1920), 2*(at+1920)
				after := meter.Align(whole[2*at:2*(at+48000)], pcm[2*at:2*(at+48000)], 3000)
				db, _ := meter.Worst(whole[from:to], pcm[from:to], 0, 960)
				steady, _ := meter.Worst(whole[from+96000:to+96000], pcm[from+96000:to+96000], 0, 960)
				t.Logf("cut at %d: %.1f dB around it, %.1f dB a second later, late by %d", at, db, steady, after)
				if db > c.most || after != 0 {
					t.Errorf("cut at %d: error of %.1f dB, late by %d", at, db, after)
				}
			}
		})
	}
}

// TestACrossfadeKeepsThePower fades from one noise into another.
func TestACrossfadeKeepsThePower(t *testing.T) {
	const n, overlap = 3 * audio.SampleRate, audio.SampleRate
	a, b := audiotest.Noise(1, 0.4, n), audiotest.Noise(2, 0.4, n)
	pcm := heardAsOne(t, time.Second, Options{Encoder: raws}, func(f audio.Frame, _ Mode) []float32 {
		return unpack(f.Opus)
	}, written(t, a, "cp IN OUT"), written(t, b, "cp IN OUT"))
	if got := len(pcm) / 2; got < 2*n-overlap || got >= 2*n-overlap+2*audio.FrameSamples {
		t.Fatalf("%d samples", got)
	}
	const window = 4800
	for at := 0; at+window <= 2*n-overlap; at += window {
		if db := 20 * math.Log10(loudness(pcm[2*at:2*(at+window)])/(0.4/math.Sqrt(3))); math.Abs(db) > 0.5 {
			t.Errorf("at %d: %.2f dB", at, db)
		}
	}
	for at, v := range pcm[:2*(n-overlap-audio.FrameSamples)] { // before it: as it was
		if d := math.Abs(float64(v - a[at])); d > 2.0/32768 {
			t.Fatalf("sample %d is %v, was %v", at/2, v, a[at])
		}
	}
}

// metered is an encoder that looks at what it is given.
type metered struct {
	encoder
	heard *meters.Meter
}

func (m *metered) Encode(dst []byte, pcm []float32) ([]byte, error) {
	m.heard.Add(pcm)
	return m.encoder.Encode(dst, pcm)
}

// TestNothingIsEncodedAboveTheCeiling plays music that is far too loud and changes its
// mind ten times a second.
func TestNothingIsEncodedAboveTheCeiling(t *testing.T) {
	hot := audiotest.Music(8 * audio.SampleRate)
	for i, v := range hot {
		hot[i] = max(-1, min(1, 3*v))
	}
	names := effect.Presets()
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 8))
		m := &metered{encoder{look: lookahead}, meters.New()}
		s := New(&pcmFile{pcm: hot}, nothing{}, Options{
			Encoder: func() (audio.Encoder, error) { return m, nil },
			Decoder: func(audio.CodecInfo) (audio.Decoder, error) {
				return &decoder{rate: 48000, channels: 2, warm: true}, nil
			},
		})
		want := effect.Settings{Volume: 3}
		for i := 0; ; i++ {
			if i%5 == 0 {
				want = names[rnd.IntN(len(names))].Settings
				want.Volume = 0.5 + 12*rnd.Float64() // what is left alone is let through as it is
			}
			s.Want(want)
			if _, err := s.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("seed %d: %.3f dBTP", seed, m.heard.TruePeak())
		if peak := m.heard.TruePeak(); peak > -1 || peak < -3 {
			t.Errorf("seed %d: %.3f dBTP", seed, peak)
		}
	}
}

// TestAnAlbumOfOpusPassesOnWithoutASeam hears files of Opus, one after the other, with
// one decoder: at the cuts there is no gap, no click, and all that follows is where it was.
func TestAnAlbumOfOpusPassesOnWithoutASeam(t *testing.T) {
	const n = 4 * audio.SampleRate
	whole := audiotest.Sweep(100, 2000, 0.5, n)
	cut := 95_003
	const command = "opusenc --quiet --bitrate 160 IN OUT"
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	pcm := heardAsOne(t, 0, Options{Encoder: opusEncoder}, func(f audio.Frame, _ Mode) []float32 {
		out, err := dec.Decode(nil, audio.Packet{Data: f.Opus})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}, written(t, whole[:2*cut], command), written(t, whole[2*cut:], command))
	shift := meter.Align(whole, pcm, 960)
	db, at := meter.Worst(whole[2*(cut-4800):2*(cut+4800)], pcm[2*(cut-4800+shift):2*(cut+4800+shift)], 0, 240)
	t.Logf("late by %d (the pre-skip that is heard), at the cut %.1f dB (%d)", shift, db, at-4800)
	if db > -20 || shift != lookahead {
		t.Errorf("late by %d, error %.1f dB", shift, db)
	}
}
