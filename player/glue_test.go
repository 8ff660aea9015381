package player_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/pipeline"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
	"segue/store/storetest"
)

// These tests play real files through the real pipeline.

func playReal(t *testing.T, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, lib: playertest.NewLibrary(), voice: &playertest.Voice{}, store: &storetest.Memory{}}
		o := pipeline.Options{Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) }}
		s.reg = player.NewRegistry(context.Background(), player.Options{Library: s.lib, Voice: s.voice, Store: s.store, Pipeline: o})
		s.p = s.reg.Player(guild)
		f(s)
		if err := s.reg.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := s.lib.Held(); n != 0 {
			t.Errorf("%d media were never closed", n)
		}
	})
}

// Files that end and begin with music are joined to the sample; for that some
// frames around the join are encoded. All others pass as they are.
func TestRealFilesFollowWithoutAGap(t *testing.T) {
	playReal(t, func(s *stage) {
		s.enqueue(s.lib.Add("one", frames(2*second)), s.lib.Add("two", frames(3)), s.lib.Add("three", frames(second)))
		s.after(5 * time.Second)
		heard := s.voice.Conn().Heard()
		heard = heard[slices.IndexFunc(heard, func(t playertest.Tick) bool { return t.OK }):]
		if n := slices.IndexFunc(heard, func(t playertest.Tick) bool { return !t.OK }); n != 153 {
			s.Errorf("%d frames without a gap, want 153", n)
		}
		for i, tick := range heard[:153] {
			want := playertest.Frame("one", i)
			if i >= 103 {
				want = playertest.Frame("three", i-103)
			}
			if (i < 90 || i > 125) && !bytes.Equal(tick.Frame.Opus, want) {
				s.Errorf("frame %d is another one", i)
			}
		}
		s.told("started one", "ended one finished 1.98s", "started two", "ended two finished 60ms", "started three", "ended three finished 1.02s", "empty") // a frame with a join in it is of what follows
		if got := s.news[0].News.(player.TrackStarted); got.Mode != "passthrough" || got.Info.Container != "ogg" || got.Info.Title != "one" || got.Duration != 2*time.Second {
			s.Errorf("got %+v", got)
		}
		if n := s.status().Counters.Nulled; n != 0 {
			s.Errorf("%d ticks nulled", n)
		}
	})
}

func TestRealFilesThatAreBad(t *testing.T) {
	playReal(t, func(s *stage) {
		whole := playertest.Opus("cut", 4*second)
		s.enqueue(
			s.lib.Add("page", playertest.Script{Bytes: []byte("<!doctype html><html><body>no music</body></html>")}),
			s.lib.Add("nothing", playertest.Script{Bytes: []byte{}}),
			s.lib.Add("cut", playertest.Script{Bytes: whole[:len(whole)/2]}),
			s.lib.Add("good", frames(second)),
		)
		s.after(10 * time.Second)
		var got []string
		for len(s.reg.Events()) > 0 {
			got = append(got, short((<-s.reg.Events()).News))
		}
		for _, want := range []string{"failed page track.foreign", "started cut", "failed cut track.truncated", "ended good finished 1s", "empty"} {
			if !slices.Contains(got, want) {
				s.Errorf("not told %q, but\n%q", want, got)
			}
		}
		if h := runs(s.voice.Conn().Heard()); !strings.HasPrefix(h, "cut 0-") || !strings.HasSuffix(h, "good 0-49") {
			s.Errorf("heard %q", h)
		}
	})
}

// wave is a WAV file of n seconds of a ramp.
func wave(n int) []byte {
	const rate, bytesEach = 48000, 4
	size := uint32(n * rate * bytesEach)
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, 36+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 2} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	for _, v := range []uint32{rate, rate * bytesEach} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint16(b, bytesEach)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, size)
	for i := range n * rate * 2 {
		b = binary.LittleEndian.AppendUint16(b, uint16(i*37))
	}
	return b
}

func TestARealFileIsTranscoded(t *testing.T) {
	playReal(t, func(s *stage) {
		s.enqueue(s.lib.Add("wave", playertest.Script{Bytes: wave(1)}), s.lib.Add("good", frames(10)))
		s.after(3 * time.Second)
		s.told("started wave", "ended wave finished 980ms", "started good", "ended good finished 220ms", "empty") // the frame with the join in it is of what follows
		if got := s.news[0].News.(player.TrackStarted); got.Mode != "transcode" || got.Info.Container != "wav" {
			s.Errorf("got %+v", got)
		}
	})
}

func TestAMediaThatHangsWhileProbedIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe() // nobody writes
		defer w.Close()
		lib := opens(func() (*audio.Media, error) { return &audio.Media{ReadCloser: r, Size: -1}, nil })
		reg := player.NewRegistry(t.Context(), player.Options{Library: lib, Voice: &playertest.Voice{}})
		if _, err := reg.Player(guild).Enqueue(t.Context(), fromLounge, music.Track{Title: "hangs"}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		e, ok := (<-reg.Events()).News.(player.TrackFailed)
		if !ok || e.Err.Code != "track.timeout" || time.Since(start) != 30*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), e)
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the media was not closed: %v", err)
		}
		if err := reg.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A station is known as live by its bytes alone, and says what is on.
func TestWhatAStationSaysIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sound, opened := playertest.Opus("a", 60*second), 0
		var on atomic.Value
		on.Store("")
		lib := opens(func() (*audio.Media, error) {
			opened++
			return &audio.Media{
				ReadCloser: io.NopCloser(bytes.NewReader(sound)), Size: -1, Live: true, Playing: func() string { return on.Load().(string) },
			}, nil
		})
		voice := &playertest.Voice{}
		reg := player.NewRegistry(t.Context(), player.Options{Library: lib, Voice: voice})
		p := reg.Player(guild)
		for _, title := range []string{"station", "next"} {
			if _, err := p.Enqueue(t.Context(), fromLounge, music.Track{ID: music.TrackID(title), Title: title}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		for _, want := range []string{"", "One - First", "Two - Second"} {
			on.Store(want)
			if st, err := p.Status(t.Context()); err != nil || st.OnAir != want || !st.Info.Live || st.Duration != 0 || st.Loading {
				t.Errorf("%q: %+v, %v", want, st, err)
			}
		}
		if opened != 1 {
			t.Error("what follows was opened although this has no end")
		}
		if err := reg.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// opens is a library of one thing.
type opens func() (*audio.Media, error)

func (o opens) Open(context.Context, music.Track) (*audio.Media, error) { return o() }

// BenchmarkPlayToFirstFrame is from Enqueue in an idle guild, connected, to the
// first frame taken. The voice connection asks every millisecond.
func BenchmarkPlayToFirstFrame(b *testing.B) {
	lib := playertest.NewLibrary()
	track := lib.Add("a", frames(10*second))
	voice := &eager{took: make(chan struct{}, 1), done: make(chan struct{})}
	reg := player.NewRegistry(b.Context(), player.Options{Library: lib, Voice: voice})
	p := reg.Player(guild)
	for b.Loop() {
		if _, err := p.Enqueue(b.Context(), fromLounge, track); err != nil {
			b.Fatal(err)
		}
		<-voice.took
		b.StopTimer()
		if err := p.Leave(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	if err := reg.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// eager is a voice and its connection that takes one frame, asking every millisecond.
type eager struct {
	took, done chan struct{}
}

func (v *eager) Join(context.Context, music.GuildID, music.ChannelID) (player.Conn, error) {
	return v, nil
}

func (v *eager) Play(f audio.Frames) {
	if f == nil {
		return
	}
	go func() {
		beat := time.NewTicker(time.Millisecond)
		defer beat.Stop()
		for range beat.C {
			if _, ok := f.Take(); ok {
				v.took <- struct{}{}
				return
			}
		}
	}()
}

func (v *eager) Channel() music.ChannelID    { return lounge }
func (v *eager) Done() <-chan struct{}       { return v.done }
func (v *eager) Err() error                  { return nil }
func (v *eager) Close(context.Context) error { return nil }

// failing reads b and then gives err.
type failing struct {
	*bytes.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}

func (failing) Close() error { return nil }

func TestWhatTheSourceSaysOfABreakReachesThePerson(t *testing.T) {
	for name, whole := range map[string][]byte{"ogg": playertest.Opus("a", 4*second), "wav": wave(2)} {
		synctest.Test(t, func(t *testing.T) {
			stalled := &music.Error{Kind: music.Unavailable, Code: "url.stalled"}
			lib := opens(func() (*audio.Media, error) {
				return &audio.Media{ReadCloser: failing{bytes.NewReader(whole[:len(whole)/2]), stalled}, Size: int64(len(whole))}, nil
			})
			o := pipeline.Options{Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) }}
			reg := player.NewRegistry(t.Context(), player.Options{Library: lib, Voice: &playertest.Voice{}, Pipeline: o})
			if _, err := reg.Player(guild).Enqueue(t.Context(), fromLounge, music.Track{Title: "a"}); err != nil {
				t.Fatal(err)
			}
			if n, ok := (<-reg.Events()).News.(player.TrackStarted); !ok {
				t.Errorf("%s: what came before the break was not heard: %+v", name, n)
			}
			if n, ok := (<-reg.Events()).News.(player.TrackFailed); !ok || !errors.Is(n.Err, stalled) {
				t.Errorf("%s: got %+v", name, n)
			}
			if err := reg.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
