package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/container/wav"
	"segue/audio/effect"
	"segue/audio/framecache"
	"segue/audio/resample"
)

// soundFile writes some seconds of music with tags as a file of that kind.
func soundFile(t testing.TB, kind string, seconds float64) string {
	t.Helper()
	return fileOf(t, kind, audiotest.Music(int(seconds*audio.SampleRate)))
}

func fileOf(t testing.TB, kind string, pcm []float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "music.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := wav.NewWriter(f, wav.Format{Rate: audio.SampleRate, Channels: audio.Channels})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(pcm); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if kind == "wav" {
		return path
	}
	out := filepath.Join(t.TempDir(), "music."+kind)
	args := []string{
		"-v", "error", "-i", path, "-metadata", "title=Lantern", "-metadata", "artist=Nobody", "-metadata", "album=Rain",
		"-metadata", "REPLAYGAIN_TRACK_GAIN=-3.21 dB", "-metadata", "REPLAYGAIN_TRACK_PEAK=0.987654",
	}
	if kind != "opus" {
		args = append(args, "-ar", "44100")
	}
	if b, err := exec.CommandContext(t.Context(), audiotest.Tool(t, "ffmpeg"), append(args, out)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

// opened is a file as a source gives it.
func opened(t testing.TB, path string) *audio.Media {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return &audio.Media{ReadCloser: f, Seeker: f, Ext: filepath.Ext(path), Size: st.Size(), Version: path}
}

func keeping(c *framecache.Cache) Options {
	return Options{
		Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) },
		Tables:  new(resample.Tables), Kept: c,
	}
}

// A heard play is all that came of one.
type heardPlay struct {
	frames []audio.Frame
	info   audio.Info
	length int64
	stats  Stats
	err    error
}

// playWith plays media through a pump to its end; each is called before each
// frame is taken.
func playWith(t testing.TB, m *audio.Media, o Options, each func(n int, p *Pump)) (h heardPlay) {
	t.Helper()
	s, err := Open(m, o)
	if err != nil {
		t.Fatal(err)
	}
	h.info = s.Info()
	p := Start(t.Context(), s)
	for {
		if each != nil {
			each(len(h.frames), p)
		}
		f, ok := <-p.frames
		if !ok {
			break
		}
		signal(p.room)
		h.frames = append(h.frames, f)
	}
	h.err, h.length, h.stats = p.Err(), s.Length(), s.Stats()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

// restarted is the cache of that folder after a restart.
func restarted(t testing.TB, c *framecache.Cache, o framecache.Options) *framecache.Cache {
	t.Helper()
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cacheOf(t, o)
}

// cacheOf is a cache of that folder, which has ended when the test has.
func cacheOf(t testing.TB, o framecache.Options) *framecache.Cache {
	t.Helper()
	c := framecache.New(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // the test's is over
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

func folder(t testing.TB) framecache.Options {
	return framecache.Options{Dir: filepath.Join(t.TempDir(), "frames"), Max: 64 << 20, Lost: func(err error) { t.Error(err) }}
}

func TestTheSecondPlayPassesAndIsTheSame(t *testing.T) {
	for _, kind := range []string{"mp3", "flac", "m4a", "wav"} {
		t.Run(kind, func(t *testing.T) {
			path, o := soundFile(t, kind, 3.33), folder(t)
			c := cacheOf(t, o)
			first := playWith(t, opened(t, path), keeping(c), nil)
			if first.err != nil || first.stats.Transcoded == 0 || first.stats.Passed != 0 {
				t.Fatalf("the first play: %+v, %v", first.stats, first.err)
			}
			c = restarted(t, c, o)
			m := opened(t, path)
			source := &closed{ReadCloser: m.ReadCloser}
			m.ReadCloser = source
			second := playWith(t, m, keeping(c), nil)
			if source.times == 0 {
				t.Error("the media that were not needed stay open")
			}
			if second.err != nil || second.stats.Transcoded != 0 || second.stats.Passed != first.stats.Transcoded {
				t.Fatalf("the second play: %+v, %v", second.stats, second.err)
			}
			same(t, first, second)
		})
	}
}

// closed counts how often it was closed.
type closed struct {
	io.ReadCloser
	times int
}

func (c *closed) Close() error {
	c.times++
	return c.ReadCloser.Close()
}

// same fails unless two plays gave the same.
func same(t *testing.T, first, second heardPlay) {
	t.Helper()
	if len(first.frames) != len(second.frames) || first.length != second.length {
		t.Fatalf("%d frames and %d samples, then %d and %d", len(first.frames), first.length, len(second.frames), second.length)
	}
	for i, f := range first.frames {
		if f.Pos != second.frames[i].Pos || !bytes.Equal(f.Opus, second.frames[i].Opus) {
			t.Fatalf("frame %d is another one", i)
		}
	}
	if !reflect.DeepEqual(first.info, second.info) {
		t.Fatalf("said of the music:\n%+v, then\n%+v", first.info, second.info)
	}
}

func TestOnlyWholePlaysOfTheMusicAsItIsAreKept(t *testing.T) {
	path, passing := soundFile(t, "flac", 1.5), soundFile(t, "opus", 1.5)
	chained := filepath.Join(t.TempDir(), "chained.ogg")
	var chain []byte
	for _, path := range []string{soundFile(t, "oga", 1), passing} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, b...)
	}
	if err := os.WriteFile(chained, chain, 0o600); err != nil {
		t.Fatal(err)
	}
	quieter := effect.Settings{Volume: 0.5}
	var rate atomic.Int64
	rate.Store(64_000)
	for _, c := range []struct {
		name string
		path string
		none bool // nothing is even begun
		o    func(*Options)
		m    func(*audio.Media)
		each func(n int, p *Pump)
	}{
		{name: "quieter from the beginning", o: func(o *Options) { o.Settings = quieter }},
		{name: "quieter for a while", each: func(n int, p *Pump) {
			switch n {
			case 20:
				p.stream.Want(quieter)
			case 30:
				p.stream.Want(effect.Settings{})
			}
		}},
		{name: "levelled", each: func(n int, p *Pump) {
			if n == 10 {
				p.stream.Level(-3)
			}
		}},
		{name: "at another bit rate on the way", o: func(o *Options) { o.Bitrate = func() int { return int(rate.Load()) } }, each: func(n int, _ *Pump) {
			if n == 40 {
				rate.Store(96_000)
			}
		}},
		{name: "stopped", each: func(n int, p *Pump) {
			if n == 50 {
				p.cancel()
			}
		}},
		{name: "what passes anyway", path: passing, none: true},
		{name: "what passes from the middle on", path: chained},
		{name: "of which nobody knows whether it changes", none: true, m: func(m *audio.Media) { m.Version = "" }},
		{name: "live", none: true, m: func(m *audio.Media) { m.Live = true }},
		{name: "cut short", m: func(m *audio.Media) {
			m.ReadCloser, m.Seeker = cutShort{m.ReadCloser, io.LimitReader(m.ReadCloser, m.Size-10_000)}, nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.path == "" {
				c.path = path
			}
			files := folder(t)
			cache := cacheOf(t, files)
			o, m := keeping(cache), opened(t, c.path)
			if c.o != nil {
				c.o(&o)
			}
			if c.m != nil {
				c.m(m)
			}
			playWith(t, m, o, c.each)
			if err := cache.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if inside, err := os.ReadDir(files.Dir); err == nil && len(inside) > 0 || cache.Stats().Kept > 0 || cache.Stats().GivenUp == 0 != c.none {
				t.Fatalf("kept: %v, %+v", inside, cache.Stats())
			}
		})
	}
}

// cutShort is media that end before they should.
type cutShort struct {
	io.Closer
	io.Reader
}

func TestAPlayThatDoesNotGoStraightFromBeginningToEndIsNotKept(t *testing.T) {
	path := soundFile(t, "flac", 2)
	for name, c := range map[string]struct {
		before func(s *Stream) error
		half   func(p *Pump)
	}{
		"from the middle on":     {before: func(s *Stream) error { return second(s.Seek(time.Second)) }},
		"from within a frame on": {before: func(s *Stream) error { return second(s.Seek(5 * time.Millisecond)) }},
		"back to the middle":     {half: func(p *Pump) { go p.Seek(t.Context(), 500*time.Millisecond) }}, //nolint:errcheck // it is seen by what comes of it
		"with a pause":           {half: func(p *Pump) { pause(t, p) }},
		"stopped":                {half: func(p *Pump) { p.cancel() }},
		"ended before its end":   {half: func(p *Pump) { p.Cut(60 * time.Millisecond) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := cacheOf(t, folder(t))
				s, err := Open(opened(t, path), keeping(cache))
				if err != nil {
					t.Fatal(err)
				}
				if c.before != nil {
					if err := c.before(s); err != nil {
						t.Fatal(err)
					}
				}
				p := Start(t.Context(), s)
				p.Fade(60 * time.Millisecond)
				for n := 0; !p.Ended(); n++ {
					if n == 50 && c.half != nil {
						c.half(p)
					}
					synctest.Wait()
					p.Take()
				}
				synctest.Wait() // nobody has to close anything for it to be given up
				if st := cache.Stats(); st.Kept > 0 || st.GivenUp != 1 {
					t.Errorf("%+v", st)
				}
				if err := errors.Join(p.Close(), cache.Close(t.Context())); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

// pause stops and goes on.
func pause(t *testing.T, p *Pump) {
	t.Helper()
	p.Hold(true)
	for n := 0; !p.Held(); n++ {
		if n == 50 {
			t.Fatal("it does not pause")
		}
		synctest.Wait()
		p.Take()
	}
	p.Hold(false)
}

// What begins in silence begins with a frame of its own, so that it and what came
// before can be kept; what does not follows to the sample.
func TestPiecesThatFollowEachOtherAreKeptIfNobodyCanTell(t *testing.T) {
	quiet := make([]float32, 4*frameLen)
	music := append(quiet, audiotest.Music(audio.SampleRate+333)...)
	for name, c := range map[string]struct {
		next []float32
		kept int64
	}{
		"silence first": {music, 2},
		"music at once": {music[len(quiet):], 0},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := fileOf(t, "flac", music), fileOf(t, "flac", c.next)
			synctest.Test(t, func(t *testing.T) {
				cache := cacheOf(t, folder(t))
				var pumps []*Pump
				for i, path := range []string{one, two} {
					s, err := Open(opened(t, path), keeping(cache))
					if err != nil {
						t.Fatal(err)
					}
					pumps = append(pumps, []func(context.Context, *Stream) *Pump{Start, Park}[i](t.Context(), s))
				}
				pumps[0].Follow(pumps[1], 0)
				for _, p := range pumps {
					for !p.Ended() {
						synctest.Wait()
						p.Take()
					}
					if err := errors.Join(p.Err(), p.Close()); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if st := cache.Stats(); st.Kept != c.kept || st.GivenUp != 2-c.kept {
					t.Errorf("%+v", st)
				}
				if err := cache.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestOtherMediaAndOtherBitRatesAreOtherPieces(t *testing.T) {
	path, files := soundFile(t, "flac", 1), folder(t)
	cache := cacheOf(t, files)
	play := func(version string, rate int) heardPlay {
		m, o := opened(t, path), keeping(cache)
		m.Version, o.Bitrate = version, func() int { return rate }
		h := playWith(t, m, o, nil)
		cache = restarted(t, cache, files)
		return h
	}
	play("one", 64_000)
	for _, c := range []struct {
		version string
		rate    int
		passes  bool
	}{{"two", 64_000, false}, {"one", 96_000, false}, {"one", 64_000, true}, {"two", 64_000, true}, {"one", 96_000, true}} {
		if h := play(c.version, c.rate); (h.stats.Transcoded == 0) != c.passes {
			t.Errorf("%s at %d: %+v", c.version, c.rate, h.stats)
		}
	}
}

// What will be changed from the beginning is made of the music itself: encoded
// twice it would sound worse.
func TestWhatWillBeEncodedAnywayIsMadeOfTheMusicItself(t *testing.T) {
	path, files := soundFile(t, "flac", 1), folder(t)
	cache := cacheOf(t, files)
	first := playWith(t, opened(t, path), keeping(cache), nil)
	cache = restarted(t, cache, files)
	for name, o := range map[string]func(*Options){
		"quieter":  func(o *Options) { o.Settings.Volume = 0.5 },
		"levelled": func(o *Options) { o.Level = func(in audio.Info) float64 { return float64(in.Track.DB) } },
	} {
		with, without := keeping(cache), keeping(nil)
		o(&with)
		o(&without)
		got, want := playWith(t, opened(t, path), with, nil), playWith(t, opened(t, path), without, nil)
		if got.stats.Passed > 0 || got.stats != want.stats {
			t.Errorf("%s: %+v, without what was kept %+v", name, got.stats, want.stats)
		}
		same(t, want, got)
		if bytes.Equal(got.frames[20].Opus, first.frames[20].Opus) {
			t.Errorf("%s: nothing was changed", name)
		}
	}
}

// Frames are kept as they were levelled: the piece passes as long as it is to be
// that loud.
func TestAPieceThatIsLevelledPassesTheSecondTime(t *testing.T) {
	path, files := soundFile(t, "mp3", 2), folder(t)
	at := func(db float64, c *framecache.Cache) Options {
		o := keeping(c)
		o.Level = func(audio.Info) float64 { return db }
		return o
	}
	cache := cacheOf(t, files)
	first := playWith(t, opened(t, path), at(-5, cache), nil)
	cache = restarted(t, cache, files)
	second := playWith(t, opened(t, path), at(-5, cache), func(n int, p *Pump) {
		if n == 50 {
			p.stream.Level(-5) // is said again whenever something is said
		}
	})
	if first.stats.Passed > 0 || second.stats.Transcoded > 0 {
		t.Fatalf("%+v, then %+v", first.stats, second.stats)
	}
	same(t, first, second)
	want := playWith(t, opened(t, path), at(0, nil), nil)
	louder := playWith(t, opened(t, path), at(-5, cache), func(n int, p *Pump) {
		if n == 0 {
			p.stream.Level(0)
		}
	})
	if d := rms(t, louder.frames[len(louder.frames)-20:]) / rms(t, want.frames[len(want.frames)-20:]); d < 0.8 || d > 1.25 {
		t.Errorf("when it is not to be levelled any more it is %v times as loud as it is", d)
	}
	other := playWith(t, opened(t, path), at(0, cache), nil)
	if other.stats.Passed > 0 {
		t.Errorf("%+v", other.stats)
	}
	same(t, want, other)
	cache = restarted(t, cache, files) // the last way of playing it is the one that is kept
	if again := playWith(t, opened(t, path), at(0, cache), nil); again.stats.Transcoded > 0 {
		t.Errorf("%+v", again.stats)
	}
}

// rms is how loud frames are.
func rms(t *testing.T, frames []audio.Frame) float64 {
	t.Helper()
	d, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var pcm []float32
	for _, f := range frames {
		if pcm, err = d.Decode(pcm, audio.Packet{Data: f.Opus}); err != nil {
			t.Fatal(err)
		}
	}
	return loudness(pcm[len(pcm)/4:]) // once the decoder is warm
}

func TestAPieceThatPassesCanBeChangedAndSought(t *testing.T) {
	path, files := soundFile(t, "mp3", 3), folder(t)
	cache := cacheOf(t, files)
	first := playWith(t, opened(t, path), keeping(cache), nil)
	cache = restarted(t, cache, files)
	changed := playWith(t, opened(t, path), keeping(cache), func(n int, p *Pump) {
		if n == 50 {
			p.stream.Want(effect.Settings{Volume: 0.5})
		}
	})
	if len(changed.frames) != len(first.frames) || changed.stats.Passed < 45 || changed.stats.Transcoded < 50 {
		t.Fatalf("%d frames of %d: %+v", len(changed.frames), len(first.frames), changed.stats)
	}
	s, err := Open(opened(t, path), keeping(cache))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	landed, err := s.Seek(2 * time.Second)
	if err != nil || landed != 2*time.Second {
		t.Fatalf("landed at %v, %v", landed, err)
	}
	if f, err := s.Next(); err != nil || f.Pos != 2*audio.SampleRate || !bytes.Equal(f.Opus, first.frames[100].Opus) {
		t.Fatalf("the frame there is at %d, %v", f.Pos, err)
	}
}
