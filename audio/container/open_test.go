package container_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

// sounds are the test sounds and what they are.
var sounds = []struct {
	file, container, codec string
	rate, channels         int
	samples                int // of music, per channel at rate
}{
	{"sweep.webm", "webm", "opus", 48000, 2, 72000},
	{"sweep.opus", "ogg", "opus", 48000, 2, 72000},
	{"sweep44.opus", "ogg", "opus", 48000, 2, 72000},
	{"sweep.ogg", "ogg", "vorbis", 22050, 1, 33075},
	{"sweep-vorbis.mka", "matroska", "vorbis", 22050, 1, 33152}, // Matroska does not say where Vorbis ends
	{"sweep-flac.oga", "ogg", "flac", 8000, 1, 12000},
	{"sweep.wav", "wav", "pcm_mulaw", 8000, 1, 12000},
	{"sweep.mp3", "mp3", "mp3", 22050, 1, 33075},
	{"sweep.m4a", "mp4", "aac", 22050, 1, 33075},
	{"sweep-opus.mp4", "mp4", "opus", 48000, 2, 72000},
	{"sweep-opus.ts", "mpegts", "opus", 48000, 2, 72000},
	{"sweep.flac", "flac", "flac", 8000, 1, 12000},
}

func TestEverySoundIsRecognisedAndComesOutWhole(t *testing.T) {
	for _, s := range sounds {
		t.Run(s.file, func(t *testing.T) {
			b := containertest.File(t, s.file)
			d := containertest.Open(t, container.Open, containertest.Media(b))
			in, c := d.Info(), d.Codec()
			if in.Container != s.container || c.Name != s.codec || c.SampleRate != s.rate || c.Channels != s.channels {
				t.Fatalf("it is %q, %q, %d Hz, %d channels", in.Container, c.Name, c.SampleRate, c.Channels)
			}
			if ms := in.Duration.Milliseconds(); ms < 1490 || ms > 1530 {
				t.Errorf("it lasts %v, want 1.5 s", in.Duration)
			}
			if in.Title != "Sweep" && s.file != "sweep-flac.oga" && s.container != "mpegts" {
				t.Errorf("its title is %q", in.Title)
			}
			pcm := decode(t, d)
			if n := len(pcm); n < s.samples-2 || n > s.samples+2 {
				t.Fatalf("%d samples of music, want %d", n, s.samples)
			}
			if e := errorDB(pcm, s.rate); e > -18 {
				t.Errorf("the sweep comes out with an error of %.1f dB", e)
			}
		})
	}
}

// decode returns the first channel of what d holds, trimmed as the container says.
func decode(t *testing.T, d audio.Demuxer) (mono []float32) {
	t.Helper()
	dec, err := codec.NewDecoder(d.Codec())
	if err != nil {
		t.Fatal(err)
	}
	packets, err := containertest.Drain(d)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	rate := 0
	for i, p := range packets {
		pcm, err := dec.Decode(nil, p)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		var channels int
		rate, channels = dec.Format()
		n := len(pcm)/channels - int((p.TrimEnd*int64(rate)+24000)/48000)
		for k := range max(n, 0) {
			mono = append(mono, pcm[k*channels])
		}
	}
	return mono[(d.Codec().PreSkip*int64(rate)+24000)/48000:]
}

// errorDB is how far pcm is from the first channel of the sweep, in its middle.
func errorDB(pcm []float32, rate int) float64 {
	var signal, noise float64
	for i := rate / 4; i < rate; i++ {
		x := float64(i) / float64(rate)
		want := 0.4 * math.Sin(2*math.Pi*(300*x+400*x*x))
		signal += want * want
		noise += (want - float64(pcm[i])) * (want - float64(pcm[i]))
	}
	return 10 * math.Log10(noise/signal)
}

func TestLiveMediaAreLiveWhateverTheirContainerSays(t *testing.T) {
	b := containertest.File(t, "sweep.mp3")
	for _, live := range []bool{false, true} {
		m := containertest.Stream(b)
		m.Live = live
		d, err := container.Open(m)
		if err != nil {
			t.Fatal(err)
		}
		if in := d.Info(); in.Live != live || live && in.Duration != 0 || in.Container != "mp3" {
			t.Errorf("%+v", in)
		}
	}
	m := containertest.Stream([]byte("<html>"))
	m.Live = true
	if d, err := container.Open(m); d != nil || !errors.Is(err, audio.ErrUnsupported) {
		t.Errorf("%v, %v", d, err)
	}
}

func TestDemuxersAndDecodersKeepTheirPromises(t *testing.T) {
	for _, s := range sounds {
		b := containertest.File(t, s.file)
		t.Run(s.file, func(t *testing.T) {
			audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer {
				return containertest.Open(t, container.Open, containertest.Media(b))
			})
			containertest.TestStream(t, container.Open, b)
			containertest.TestTruncated(t, container.Open, b)
			info := containertest.Open(t, container.Open, containertest.Media(b)).Codec()
			audiotest.TestDecoder(t, func(t testing.TB) audio.Decoder {
				dec, err := codec.NewDecoder(info)
				if err != nil {
					t.Fatal(err)
				}
				return dec
			}, containertest.Packets(t, container.Open, b))
		})
	}
}

func TestWrongNamesAndTypesDoNotMatter(t *testing.T) {
	for _, s := range sounds {
		for _, hint := range [][2]string{{"", ""}, {"audio/mpeg", ".mp3"}, {"video/webm", ".flac"}, {"text/html; charset=utf-8", ".html"}, {"audio/flac", ".wav"}, {"nonsense", "."}} {
			m := containertest.Stream(containertest.File(t, s.file))
			m.MIME, m.Ext = hint[0], hint[1]
			d, err := container.Open(m)
			if err != nil {
				t.Errorf("%s as %v: %v", s.file, hint, err)
			} else if d.Codec().Name != s.codec {
				t.Errorf("%s as %v is %s", s.file, hint, d.Codec().Name)
			}
		}
	}
}

func TestTagsBeforeAnythingAreSkipped(t *testing.T) {
	tag := "ID3\x03\x00\x00\x00\x00\x02\x00" + "TIT2\x00\x00\x00\x06\x00\x00\x00Other"
	tag += strings.Repeat("\x00", 256+10-len(tag))
	for _, s := range sounds {
		b := append([]byte(tag), containertest.File(t, s.file)...)
		d, err := container.Open(containertest.Stream(b))
		if err != nil {
			t.Errorf("%s behind a tag: %v", s.file, err)
			continue
		}
		if in := d.Info(); (s.codec == "mp3" || s.container == "flac") && in.Title != "Other" {
			t.Errorf("%s: title is %q", s.file, in.Title)
		}
	}
}

func TestDamagedFilesAreMusicOrASentence(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 100
	}
	for _, s := range sounds {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			b, rng := containertest.File(t, s.file), rand.New(rand.NewPCG(3, 5))
			for i := range n / 2 { // two sounds for each format and more
				if err := play(containertest.Damage(b, rng), 10); err != nil {
					t.Fatalf("copy %d: %v", i, err)
				}
			}
		})
	}
}

// play decodes the first packets of b and says what must not happen.
func play(b []byte, packets int) error {
	d, err := container.Open(containertest.Media(b))
	if err != nil {
		return unless(containertest.Sane(err), err)
	}
	dec, err := codec.NewDecoder(d.Codec())
	if err != nil {
		return unless(containertest.Sane(err), err)
	}
	var pcm []float32
	for range packets {
		p, err := d.ReadPacket()
		if err != nil {
			return unless(containertest.Sane(err), err)
		}
		if pcm, err = dec.Decode(pcm[:0], p); err != nil && !containertest.Sane(err) {
			return err
		}
		if len(pcm) > 1<<20 {
			return errors.New("more samples than a packet can hold")
		}
	}
	return nil
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

func FuzzOpen(f *testing.F) {
	for _, s := range sounds {
		f.Add(containertest.File(f, s.file))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<17 {
			return
		}
		if err := play(b, 200); err != nil {
			t.Fatal(err)
		}
	})
}
