package player_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/container/ogg"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
)

// What one track, one join or one caller leaves behind must not reach the next.

func TestAPauseEndsWithTheLastTrack(t *testing.T) {
	broken := playertest.Script{Opens: 100 * time.Millisecond, Err: &music.Error{Kind: music.Unavailable, Code: "test.down"}}
	for name, n := range map[string]int{"nothing left": 1, "gave up": 5} {
		t.Run(name, func(t *testing.T) {
			play(t, player.Options{}, func(s *stage) {
				s.voice.Joins = 0
				for range n {
					s.enqueue(s.lib.Add("broken", broken))
				}
				if err := s.p.Pause(s.Context()); err != nil {
					s.Fatal(err)
				}
				s.after(time.Second)
				if st := s.status(); st.Paused || st.Current.ID != 0 {
					s.Errorf("paused with nothing to play: %+v", st)
				}
				s.enqueue(s.lib.Add("good", frames(second)))
				s.after(2 * time.Second)
				s.heard("good 0-49")
			})
		})
	}
}

func TestAFailureThatNobodyWatchesAnyMoreIsNews(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.voice.Joins = 0
		broken := s.lib.Add("broken", playertest.Script{Opens: time.Second, Err: &music.Error{Kind: music.Unavailable, Code: "test.down"}})
		ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
		defer cancel()
		r := fromLounge
		r.Watch = true
		if es, err := s.p.Enqueue(ctx, r, broken); !errors.Is(err, context.DeadlineExceeded) || len(es) != 1 {
			s.Fatalf("got %v, %v", es, err)
		}
		s.after(2 * time.Second)
		s.told("failed broken test.down", "ended broken load_failed 0s", "empty")
	})
}

// lingering gives the same connection to whoever joins while it is there, as
// package voice does, and is slow to say that it was joined even when nobody
// wants it any more.
type lingering struct {
	playertest.Voice
	conn *playertest.Conn
}

func (v *lingering) Join(ctx context.Context, g music.GuildID, c music.ChannelID) (player.Conn, error) {
	if v.conn != nil {
		select {
		case <-v.conn.Done():
		default:
			return v.conn, nil
		}
	}
	conn, err := v.Voice.Join(ctx, g, c)
	if err != nil {
		return nil, err
	}
	v.conn = conn.(*playertest.Conn)
	time.Sleep(time.Second) // whatever becomes of ctx
	return conn, nil
}

func TestALateJoinDoesNotEndTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lib, voice := playertest.NewLibrary(), &lingering{}
		voice.Closes = time.Second
		reg := player.NewRegistry(t.Context(), player.Options{Library: lib, Voice: voice})
		reg.Open(open)
		p := reg.Player(guild)
		a, b := lib.Add("a", frames(second)), lib.Add("b", frames(second))
		first := make(chan error, 1)
		go func() { _, err := p.Enqueue(t.Context(), fromLounge, a); first <- err }()
		synctest.Wait()
		if err := p.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, live, _ := voice.Count(); live != 0 {
			t.Error("not left when Leave returned")
		}
		if err := <-first; code(err) != "voice.left" {
			t.Errorf("the first join: %v", err)
		}
		if _, err := p.Enqueue(t.Context(), fromLounge, b); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if st, err := p.Status(t.Context()); err != nil || st.Voice != lounge || st.Counters.Frames != second {
			t.Errorf("%+v, %v", st, err)
		}
		if err := reg.Close(t.Context()); err != nil {
			t.Error(err)
		}
		for e := range reg.Events() {
			if lost, ok := e.News.(player.VoiceLost); ok {
				t.Errorf("lost: %+v", lost)
			}
		}
	})
}

var _ player.Voice = (*lingering)(nil)

// A file whose first packets pass and whose later ones do not.
func TestModeIsThatOfWhatIsHeardNow(t *testing.T) {
	playReal(t, func(s *stage) {
		var b bytes.Buffer
		w, err := ogg.NewWriter(&b, ogg.Head{Channels: 2, InputRate: audio.SampleRate}, nil)
		if err != nil {
			s.Fatal(err)
		}
		at := int64(0)
		for i := range 3 * second {
			packet, length := playertest.Frame("mixed", i), int64(audio.FrameSamples)
			if i >= 2*second {
				packet, length = []byte{10<<3 | 4, 1, 2, 3, 4}, 2*audio.FrameSamples // SILK, 40 ms in one frame: it cannot be divided
			}
			at += length
			if err := w.WritePacket(packet, at); err != nil {
				s.Fatal(err)
			}
		}
		if err := w.Close(at); err != nil {
			s.Fatal(err)
		}
		s.enqueue(s.lib.Add("mixed", playertest.Script{Bytes: b.Bytes()}))
		s.after(time.Second)
		if st := s.status(); st.Mode != "passthrough" {
			s.Errorf("at %v: %s", st.Position, st.Mode)
		}
		s.after(1400 * time.Millisecond)
		if st := s.status(); st.Mode != "transcode" || st.Position < 2300*time.Millisecond {
			s.Errorf("at %v: %s", st.Position, st.Mode)
		}
	})
}
