package player_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/pipeline"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
	"segue/queue"
	"segue/store/storetest"
)

const (
	guild  music.GuildID   = 7
	lounge music.ChannelID = 70
	chat   music.ChannelID = 71
	alice  music.UserID    = 1
)

var fromLounge = player.Request{By: alice, Voice: lounge, Text: chat}

// stage is everything a test needs, inside a bubble of its own time.
type stage struct {
	*testing.T
	lib   *playertest.Library
	voice *playertest.Voice
	store *storetest.Memory
	reg   *player.Registry
	p     *player.Player
	news  []player.Event
	pumps map[string]*reel // by title, the last that was opened
	mu    sync.Mutex       // of pumps

	watched sync.Map // track ids whose failure an Enqueue was told
}

// play runs f in a bubble, in a guild that wants nothing to fade, and checks
// afterwards that nothing is left behind.
func play(t *testing.T, o player.Options, f func(s *stage)) {
	t.Helper()
	playWith(t, o, `{"fade":0}`, f)
}

// playWith is play in a guild that wants that sound.
func playWith(t *testing.T, o player.Options, sound string, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, lib: playertest.NewLibrary(), voice: &playertest.Voice{Joins: 100 * time.Millisecond}, store: &storetest.Memory{}}
		if err := s.store.SaveSound(t.Context(), guild, sound); err != nil {
			t.Fatal(err)
		}
		o.Library, o.Voice, o.Store = s.lib, s.voice, s.store
		s.reg = player.NewRegistry(context.Background(), o)
		s.reg.Open(s.open)
		s.reg.Sounds(openSound)
		s.p = s.reg.Player(guild)
		f(s)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.reg.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := s.lib.Held(); n != 0 {
			t.Errorf("%d media were never closed", n)
		}
		if _, live, most := s.voice.Count(); live != 0 || most > 1 {
			t.Errorf("%d connections left, %d at once", live, most)
		}
		// The bubble itself fails if a goroutine is left.
	})
}

// after lets time pass.
func (s *stage) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *stage) enqueue(tracks ...music.Track) []queue.Entry {
	s.Helper()
	es, err := s.p.Enqueue(s.Context(), fromLounge, tracks...)
	if err != nil {
		s.Fatal(err)
	}
	return es
}

func (s *stage) status() player.Status {
	s.Helper()
	st, err := s.p.Status(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return st
}

// heard checks what the last connection heard, runs of frames as "title from-to",
// "…" where there was at least one tick of nothing between.
func (s *stage) heard(want string) {
	s.Helper()
	if got := runs(s.voice.Conn().Heard()); got != want {
		s.Errorf("heard %q, want %q", got, want)
	}
}

func runs(ticks []playertest.Tick) string {
	var b strings.Builder
	title, from, last, gap := "", 0, 0, false
	flush := func() {
		if title != "" {
			fmt.Fprintf(&b, "%s %d-%d ", title, from, last)
		}
		title = ""
	}
	for _, t := range ticks {
		if !t.OK {
			gap = gap || b.Len() > 0 || title != ""
			continue
		}
		var name string
		var n int
		_, _ = fmt.Sscan(playertest.Name(t.Frame.Opus), &name, &n)
		if name != title || n != last+1 || gap {
			flush()
			if gap {
				b.WriteString("… ")
			}
			title, from, gap = name, n, false
		}
		last = n
	}
	flush()
	return strings.TrimSpace(b.String())
}

// told checks the news since the last look, in short.
func (s *stage) told(want ...string) {
	s.Helper()
	synctest.Wait()
	var got []string
	for {
		select {
		case e := <-s.reg.Events():
			if e.Guild != guild || e.Text != chat {
				s.Errorf("news of guild %v for channel %v: %v", e.Guild, e.Text, e.News)
			}
			s.news = append(s.news, e)
			got = append(got, short(e.News))
			continue
		default:
		}
		break
	}
	if !slices.Equal(got, want) {
		s.Errorf("told\n     %q\nwant %q", got, want)
	}
}

func short(n player.News) string {
	switch n := n.(type) {
	case player.TrackStarted:
		return "started " + n.Entry.Track.Title
	case player.TrackEnded:
		return fmt.Sprintf("ended %s %v %v", n.Entry.Track.Title, n.Reason, n.Played)
	case player.TrackFailed:
		return fmt.Sprintf("failed %s %s", n.Entry.Track.Title, n.Err.Code)
	case player.TrackStuck:
		return fmt.Sprintf("stuck %s %v", n.Entry.Track.Title, n.For)
	case player.QueueEmpty:
		return "empty"
	case player.GaveUp:
		return fmt.Sprintf("gave up %d left %d", n.Failures, n.Left)
	case player.VoiceLost:
		return fmt.Sprintf("lost %v %v", n.Channel, n.Err)
	case player.IdleLeft:
		return fmt.Sprintf("left %v", n.Channel)
	}
	return fmt.Sprint(n)
}

func code(err error) string {
	if e, ok := errors.AsType[*music.Error](err); ok {
		return e.Code
	}
	if err != nil {
		return "not a music.Error: " + err.Error()
	}
	return ""
}

// frames is a track of n frames that opens at once.
func frames(n int) playertest.Script { return playertest.Script{Frames: n} }

// endless is a pump that always has a frame, over one that has none any more.
type (
	endless struct{ none }
	over    struct{ none }
	none    struct{}
)

func (endless) Take() (audio.Frame, bool) { return audio.Frame{}, true }
func (endless) Ended() bool               { return false }
func (over) Take() (audio.Frame, bool)    { return audio.Frame{}, false }
func (over) Ended() bool                  { return true }
func (none) Err() error                   { return nil }
func (none) Ready() <-chan struct{}       { return nil }
func (none) Close() error                 { return nil }

func (none) Want(effect.Settings)                                  {}
func (none) Level(float64)                                         {}
func (none) Hold(bool)                                             {}
func (none) Seek(context.Context, time.Duration) error             { return nil }
func (none) Go()                                                   {}
func (none) Fade(time.Duration)                                    {}
func (none) Follow(player.Pump, time.Duration)                     {}
func (none) Cut(time.Duration)                                     {}
func (none) Overlay(player.Layer, float64) (<-chan struct{}, bool) { return nil, false }
func (none) Stats() (p pipeline.PumpStats)                         { return p }
func (none) Measured() (m levelling.Measurement)                   { return m }
