package player_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/audio/effect"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
	"segue/queue"
)

// TestRandomCommands gives 10,000 commands from many sides, with tracks and a
// voice that misbehave, and checks the news for sense.
func TestRandomCommands(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, player.Options{Limit: 30, Idle: 20 * time.Second, Events: 1 << 16}, func(s *stage) {
				s.voice.Quiet, s.voice.Closes = true, 30*time.Millisecond
				var all sync.WaitGroup
				for side := range uint64(5) {
					rnd := rand.New(rand.NewPCG(seed, side))
					all.Go(func() {
						for range 500 {
							s.anything(rnd)
							time.Sleep(time.Duration(rnd.ExpFloat64() * float64(time.Second)))
						}
					})
				}
				all.Wait()
				if err := s.reg.Close(s.Context()); err != nil {
					s.Error(err)
				}
				s.sense()
			})
		})
	}
}

func (s *stage) anything(rnd *rand.Rand) {
	ctx, cancel := context.WithTimeout(s.Context(), time.Duration(rnd.IntN(2000))*time.Millisecond)
	defer cancel()
	var err error
	switch rnd.IntN(14) {
	case 0, 1, 2, 3:
		var ts []music.Track
		for range rnd.IntN(4) {
			sc := playertest.Script{Frames: rnd.IntN(200), Opens: time.Duration(rnd.IntN(1500)) * time.Millisecond, First: time.Duration(rnd.IntN(300)) * time.Millisecond, Seeks: time.Duration(rnd.IntN(1000)) * time.Millisecond, LUFS: -9}
			switch rnd.IntN(10) {
			case 0:
				sc.Err = errors.New("bad")
			case 1:
				sc.Break = errors.New("broken")
			case 2:
				sc.Stall = 1 + rnd.IntN(50)
			}
			ts = append(ts, s.lib.Add(fmt.Sprint("t", rnd.Uint32()), sc))
		}
		_, err = s.p.Enqueue(ctx, player.Request{By: alice, Voice: lounge, Text: chat, Watch: rnd.IntN(2) == 0}, ts...)
		if strings.HasPrefix(code(err), "track.") {
			s.watched.Store(ts[0].ID, true)
		}
	case 4, 5:
		_, err = s.p.Skip(ctx, rnd.IntN(4))
	case 6:
		err = s.p.Pause(ctx)
	case 7:
		err = s.p.Resume(ctx)
	case 8:
		if rnd.IntN(3) == 0 {
			err = s.p.Stop(ctx)
		}
	case 9:
		if rnd.IntN(4) == 0 {
			err = s.p.Leave(ctx)
		}
	case 10:
		if c := s.voice.Conn(); c != nil && rnd.IntN(4) == 0 {
			c.Drop(errors.New("lost"))
		}
		s.voice.Set(func(v *playertest.Voice) {
			v.Refuse = nil
			if rnd.IntN(3) == 0 {
				v.Refuse = errors.New("refused")
			}
		})
	case 11:
		_, err = s.p.Status(ctx)
	case 12:
		_, err = s.p.Seek(ctx, time.Duration(rnd.IntN(5000))*time.Millisecond)
	case 13:
		_, err = s.p.SetSound(ctx, func(x *player.Sound) error {
			x.Fade = time.Duration(rnd.IntN(10)) * 20 * time.Millisecond
			x.Crossfade = time.Duration(rnd.IntN(3)) * time.Second
			x.Effects.Volume = effect.Percent(float64(1 + rnd.IntN(200)))
			return nil
		})
	}
	if _, known := errors.AsType[*music.Error](err); err != nil && !known && !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("a strange error: %v", err)
	}
}

// sense checks that each entry's news come in order, and end exactly once, and
// that of each failure either who watched was told or everybody.
func (s *stage) sense() {
	type life struct{ started, ended, failed int }
	lives := map[queue.EntryID]*life{}
	of := func(e queue.Entry) *life {
		if lives[e.ID] == nil {
			lives[e.ID] = &life{}
		}
		return lives[e.ID]
	}
	started := 0
	for e := range s.reg.Events() {
		switch n := e.News.(type) {
		case player.TrackStarted:
			started++
			if l := of(n.Entry); l.started > 0 || l.ended > 0 {
				s.Errorf("entry %d started again, or after its end", n.Entry.ID)
			}
			of(n.Entry).started++
		case player.TrackFailed:
			of(n.Entry).failed++
		case player.TrackStuck:
			of(n.Entry).failed++
		case player.TrackEnded:
			l := of(n.Entry)
			l.ended++
			if _, told := s.watched.Load(n.Entry.Track.ID); told {
				l.failed++
			}
			if l.ended > 1 || (n.Reason == player.LoadFailed || n.Reason == player.Stuck) != (l.failed == 1) {
				s.Errorf("entry %d: ended %d times, %v, failures %d", n.Entry.ID, l.ended, n.Reason, l.failed)
			}
			if n.Reason == player.Finished && l.started == 0 {
				s.Errorf("entry %d finished without a start", n.Entry.ID)
			}
		}
	}
	for id, l := range lives {
		if l.ended != 1 {
			s.Errorf("entry %d ended %d times", id, l.ended)
		}
	}
	if started < 20 {
		s.Errorf("only %d tracks were heard: this showed little", started)
	}
}
