package audiotest_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/container"
	"segue/audio/meter"
	"segue/testdata"
)

func opusDecoder(t testing.TB) audio.Decoder {
	d, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func opusEncoder(t testing.TB) audio.Encoder {
	e, err := opus.NewEncoder(opus.EncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func packets(t testing.TB, pcm []float32) (list []audio.Packet) {
	e := opusEncoder(t)
	const frame = audio.FrameSamples * audio.Channels
	for i := 0; i+frame <= len(pcm); i += frame {
		b, err := e.Encode(nil, pcm[i:i+frame])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, audio.Packet{Data: b, PTS: int64(i / 2), Duration: audio.FrameSamples})
	}
	return list
}

func TestOpusKeepsTheContracts(t *testing.T) {
	t.Run("decoder", func(t *testing.T) {
		audiotest.TestDecoder(t, opusDecoder, packets(t, audiotest.Music(audio.SampleRate)))
	})
	if strings.Contains(opus.Build(), "layeh") {
		return // it allocates; what it may is in audio/codec/opus, where every build is held to all of it
	}
	t.Run("encoder", func(t *testing.T) { audiotest.TestEncoder(t, opusEncoder, opusDecoder) })
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

func TestBundledFilesKeepTheDemuxersContract(t *testing.T) {
	for _, name := range []string{testdata.Lantern, testdata.Clockwork} {
		b, err := testdata.Sounds.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, seekable := range []bool{true, false} {
			audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer {
				f := file{bytes.NewReader(b)}
				m := &audio.Media{ReadCloser: f, Size: int64(len(b))}
				if seekable {
					m.Seeker = f
				}
				d, err := container.Open(m)
				if err != nil {
					t.Fatal(err)
				}
				return d
			})
		}
	}
}

// late is an effect that delays by 100 samples and halves.
type late struct{ line []float32 }

func (l *late) Reset() { l.line = make([]float32, 200) }

func (l *late) Process(dst, src []float32) []float32 {
	for _, v := range src {
		dst = append(dst, l.line[0])
		copy(l.line, l.line[1:])
		l.line[len(l.line)-1] = v / 2
	}
	return dst
}

func TestAPlainEffectKeepsTheContract(t *testing.T) {
	audiotest.TestEffect(t, func(testing.TB) audio.Effect {
		l := &late{}
		l.Reset()
		return l
	})
}

func TestSignalsAreWhatTheyAreCalled(t *testing.T) {
	const n = audio.SampleRate
	if tone := meter.Loudest(audiotest.Sine(440, 0.5, n)); math.Abs(tone.Hz-440) > 0.01 || tone.RestDB > -100 {
		t.Errorf("sine: %+v", tone)
	}
	sweep := audiotest.Sweep(200, 3200, 0.5, 4*n)
	for second, hz := range map[int]float64{1: 400, 2: 800, 3: 1600} {
		at := second*n - 500
		if tone := meter.Loudest(sweep[2*at : 2*(at+1000)]); math.Abs(tone.Hz/hz-1) > 0.03 {
			t.Errorf("sweep is at %.0f Hz after %d s, want %.0f", tone.Hz, second, hz)
		}
	}
	impulses := audiotest.Impulses(100, 0.7, 1000)
	for i := range 1000 {
		want := float32(0)
		if i%100 == 0 {
			want = 0.7
		}
		if impulses[2*i] != want || impulses[2*i+1] != want {
			t.Fatalf("impulses: sample %d is %v", i, impulses[2*i])
		}
	}
	noise := audiotest.Noise(1, 0.5, n)
	sum, sides := 0.0, 0.0
	for i := 0; i < len(noise); i += 2 {
		sum += float64(noise[i]) * float64(noise[i])
		sides += float64(noise[i]) * float64(noise[i+1])
	}
	if rms := math.Sqrt(sum / n); math.Abs(rms-0.5/math.Sqrt(3)) > 0.005 || math.Abs(sides/sum) > 0.02 {
		t.Errorf("noise: level %v, channels alike by %v", rms, sides/sum)
	}
	music := audiotest.Music(n)
	if !slices.Equal(music, audiotest.Music(n)) {
		t.Error("music differs from one time to the next")
	}
	for i, v := range music {
		if v < -0.95 || v > 0.95 {
			t.Fatalf("music: value %d is %v", i, v)
		}
	}
}
