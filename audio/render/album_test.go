package render

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/meter"
	"segue/testdata"
)

// album renders pieces as one, unrounded.
func album(t testing.TB, o Options, pieces ...[]byte) ([]float32, Stats, error) {
	t.Helper()
	var out bytes.Buffer
	sink, err := WAVFloat(&out)
	if err != nil {
		t.Fatal(err)
	}
	if o.Pipeline.Encoder == nil {
		o.Pipeline = quick
	}
	next := func() (*audio.Media, error) {
		if len(pieces) == 0 {
			return nil, io.EOF
		}
		b := pieces[0]
		pieces = pieces[1:]
		return media(b), nil
	}
	first, _ := next()
	stats, err := Album(t.Context(), first, next, sink, o)
	return floats(out.Bytes()), stats, err
}

// Music cut into files comes out of an album as if it had never been cut.
func TestAnAlbumHasNoGaps(t *testing.T) {
	ffmpeg := oracle(t, "ffmpeg")
	music := audiotest.Music(3 * audio.SampleRate)
	cuts := []int{0, audio.SampleRate + 123, 2*audio.SampleRate - 77, 3 * audio.SampleRate}
	dir := t.TempDir()
	for kind, args := range map[string][]string{
		".wav": nil, ".flac": {"-c:a", "flac"}, ".mp3": {"-c:a", "libmp3lame", "-b:a", "192k"},
		".ogg": {"-c:a", "libvorbis", "-q:a", "6"}, ".opus": {"-c:a", "libopus", "-b:a", "160k"},
	} {
		var pieces [][]byte
		for i := range cuts[1:] {
			b := wavOf(t, music[2*cuts[i]:2*cuts[i+1]])
			if kind != ".wav" {
				in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out"+kind)
				if err := os.WriteFile(in, b, 0o600); err != nil {
					t.Fatal(err)
				}
				all := append(append([]string{"-v", "error", "-y", "-i", in}, args...), out)
				if said, err := exec.CommandContext(t.Context(), ffmpeg, all...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, said)
				}
				var err error
				if b, err = os.ReadFile(out); err != nil {
					t.Fatal(err)
				}
			}
			pieces = append(pieces, b)
		}
		for name, s := range map[string]effect.Settings{"plain": {}, "louder": {Volume: effect.Percent(110)}} {
			pcm, stats, err := album(t, Options{Settings: s}, pieces...)
			if err != nil {
				t.Fatal(err)
			}
			if len(pcm) != len(music) || stats.Seconds != 3 {
				t.Errorf("%s, %s: %d samples, want %d", kind, name, len(pcm)/2, len(music)/2)
			}
			m := meter.Compare(music, pcm, 2000)
			if m.Shift != 0 || m.FitDB > -8 {
				t.Errorf("%s, %s: %+v", kind, name, m)
			}
			for i := range pcm {
				pcm[i] /= float32(m.Gain)
			}
			for _, cut := range cuts[1:3] { // no worse around the cut than elsewhere
				from, to := 2*(cut-2400), 2*(cut+2400)
				if e := meter.Error(music[from:to], pcm[from:to], 0); e > m.FitDB+6 {
					t.Errorf("%s, %s: %.1f dB around the cut, %.1f in all", kind, name, e, m.FitDB)
				}
			}
		}
	}
}

func TestAnAlbumCrossfades(t *testing.T) {
	a, b := wavOf(t, audiotest.Sine(440, 0.25, 5*audio.SampleRate)), wavOf(t, audiotest.Sine(1000, 0.25, 5*audio.SampleRate))
	pcm, stats, err := album(t, Options{Crossfade: 2 * time.Second}, a, b)
	if err != nil || math.Abs(stats.Seconds-8) > 0.02 {
		t.Fatalf("%.4f s, %v", stats.Seconds, err)
	}
	for at := 1.0; at < 7; at += 0.1 {
		from := int(at * audio.SampleRate)
		sum := 0.0
		for _, v := range pcm[2*from : 2*from+audio.SampleRate/5] {
			sum += float64(v) * float64(v)
		}
		if db := 10 * math.Log10(sum/(audio.SampleRate/5)/(0.25*0.25/2)); math.Abs(db) > 0.5 {
			t.Errorf("%.1f s: %.2f dB", at, db)
		}
	}
	early, _ := toneIn(pcm, 1000, audio.SampleRate, 2*audio.SampleRate)
	late, _ := toneIn(pcm, 440, 6*audio.SampleRate, 7*audio.SampleRate)
	if early > 1e-3 || late > 1e-3 {
		t.Errorf("what follows at %g before, what was before at %g after", early, late)
	}
}

func TestAnAlbumLeavesOutWhatCannotBeOpened(t *testing.T) {
	lantern := bundled(t, testdata.Lantern)
	_, stats, err := album(t, Options{}, lantern, []byte("nothing to hear here, nothing at all, and again nothing"), lantern)
	if !errors.Is(err, audio.ErrUnsupported) || math.Abs(stats.Seconds-48) > 0.021 || stats.Passed < 2300 {
		t.Errorf("%v, %+v", err, stats)
	}
}

// What is levelled comes out as loud as wanted, whatever it was.
func TestPiecesAreBroughtToOneLoudness(t *testing.T) {
	rules := levelling.Defaults()
	music := audiotest.Music(8 * audio.SampleRate)
	for _, c := range []struct {
		factor float32
		mode   levelling.Mode
		left   bool // alone
	}{{0.05, levelling.Auto, false}, {0.1, levelling.On, false}, {1, levelling.On, false}, {1, levelling.Off, true}} {
		pcm := make([]float32, len(music))
		for i, v := range music {
			pcm[i] = v * c.factor
		}
		rules.Mode, rules.MaxBoost = c.mode, 24
		_, plain := rendered(t, media(wavOf(t, pcm)), Options{Measure: true, Pipeline: quick}, WAVFloat)
		_, got := rendered(t, media(wavOf(t, pcm)), Options{Measure: true, Level: &rules, Pipeline: quick}, WAVFloat)
		if c.left {
			if got.Levels != nil || *got.Integrated != *plain.Integrated {
				t.Errorf("off: %+v", got)
			}
			continue
		}
		if len(got.Levels) != 1 || got.Levels[0].By != "measured" || math.Abs(got.Levels[0].LUFS-*plain.Integrated) > 0.3 {
			t.Fatalf("%g, %v: %+v, it is at %.2f", c.factor, c.mode, got.Levels, *plain.Integrated)
		}
		if want := -14 - got.Levels[0].Short; math.Abs(*got.Integrated-want) > 0.5 {
			t.Errorf("%g, %v: %.2f LUFS, want %.2f", c.factor, c.mode, *got.Integrated, want)
		}
	}
}

// Of what cannot be read twice, tags count; of what they do not tell, nothing.
func TestWhatFlowsIsLevelledByItsTags(t *testing.T) {
	rules := levelling.Defaults()
	rules.Mode = levelling.On
	flowing := func(b []byte) *audio.Media {
		return &audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(b)), Size: -1}
	}
	_, s := rendered(t, flowing(bundled(t, testdata.Clockwork)), Options{Level: &rules, Pipeline: quick}, asOgg)
	if len(s.Levels) != 1 || s.Levels[0] != (Level{By: "nothing"}) {
		t.Errorf("%+v", s.Levels)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out.flac")
	if err := os.WriteFile(in, wavOf(t, audiotest.Music(audio.SampleRate)), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(t.Context(), oracle(t, "ffmpeg"), "-v", "error", "-i", in, "-metadata", "REPLAYGAIN_TRACK_GAIN=-7.50 dB", "-metadata", "REPLAYGAIN_TRACK_PEAK=0.9", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	_, s = rendered(t, flowing(b), Options{Level: &rules, Pipeline: quick}, asOgg)
	if len(s.Levels) != 1 || s.Levels[0].By != "track" || math.Abs(s.Levels[0].DB+3.5) > 0.01 {
		t.Errorf("%+v", s.Levels)
	}
}
