package player_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"segue/audio/effect"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
	"segue/queue"
)

// TestRandomCommandsOnTheRealEngine gives commands from two sides while files are
// joined, faded, sought in and changed, and wants every entry to end once, nothing to
// be left open and no track to break.
func TestRandomCommandsOnTheRealEngine(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			playReal(t, func(s *stage) {
				var all sync.WaitGroup
				for side := range uint64(2) {
					rnd := rand.New(rand.NewPCG(seed, side))
					all.Go(func() {
						for i := range 60 {
							s.really(rnd, fmt.Sprint(side, ".", i))
							time.Sleep(time.Duration(rnd.ExpFloat64() * float64(400*time.Millisecond)))
						}
					})
				}
				all.Wait()
				if err := s.p.Leave(s.Context()); err != nil {
					s.Error(err)
				}
				if err := s.reg.Close(s.Context()); err != nil {
					s.Error(err)
				}
				s.once()
			})
		})
	}
}

// really does anything that people may.
func (s *stage) really(rnd *rand.Rand, name string) {
	ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
	defer cancel()
	var err error
	switch rnd.IntN(10) {
	case 0, 1, 2:
		sc := frames(20 + rnd.IntN(300))
		if rnd.IntN(3) == 0 {
			sc = playertest.Script{Bytes: tone(300+600*rnd.Float64(), 0.2+3*rnd.Float64(), 0.2*rnd.Float64())}
		}
		sc.Opens = time.Duration(rnd.IntN(300)) * time.Millisecond
		_, err = s.p.Enqueue(ctx, fromLounge, s.lib.Add(name, sc))
	case 3:
		_, err = s.p.Skip(ctx, 1+rnd.IntN(2))
	case 4:
		err = s.p.Pause(ctx)
	case 5:
		err = s.p.Resume(ctx)
	case 6, 7:
		_, err = s.p.Seek(ctx, time.Duration(rnd.IntN(4000))*time.Millisecond)
	case 8:
		_, err = s.p.SetSound(ctx, func(x *player.Sound) error {
			x.Fade = time.Duration(rnd.IntN(5)) * 40 * time.Millisecond
			x.Crossfade = time.Duration(rnd.IntN(3)) * 700 * time.Millisecond
			x.Trim = rnd.IntN(2) == 0
			x.Effects = effect.Settings{}
			if rnd.IntN(2) == 0 {
				x.Effects.Volume = effect.Percent(float64(30 + rnd.IntN(100)))
			}
			if rnd.IntN(3) == 0 {
				x.Effects.Timescale = effect.Timescale{On: true, Speed: 0.5 + rnd.Float64(), Pitch: 1, Rate: 1}
			}
			return nil
		})
	case 9:
		if rnd.IntN(3) == 0 {
			err = s.p.Stop(ctx)
		}
	}
	if _, known := errors.AsType[*music.Error](err); err != nil && !known {
		s.Errorf("a strange error: %v", err)
	}
}

// once checks that what became current ended once, and not by breaking.
func (s *stage) once() {
	s.Helper()
	started, ended := map[queue.EntryID]int{}, map[queue.EntryID]int{}
	for e := range s.reg.Events() {
		switch n := e.News.(type) {
		case player.TrackStarted:
			started[n.Entry.ID]++
		case player.TrackFailed:
			s.Errorf("%s failed: %v", n.Entry.Track.Title, n.Err)
		case player.TrackStuck:
			s.Errorf("%s got stuck", n.Entry.Track.Title)
		case player.TrackEnded:
			ended[n.Entry.ID]++
		}
	}
	for id, n := range ended {
		if n != 1 || started[id] > 1 {
			s.Errorf("entry %d: %d starts, %d ends", id, started[id], n)
		}
		delete(started, id)
	}
	if len(started) > 0 || len(ended) < 10 {
		s.Errorf("%d never ended, %d did", len(started), len(ended))
	}
}
