package voice

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"segue/discordtest/voiceserver"
	"segue/music"
)

// TestStorm lets everything that can happen to a call happen at once, from many
// sides, and then wants a call that plays.
func TestStorm(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			// What is said of one channel may meet what is said of the other.
			h := newHall(t, "discovery request for ssrc", "closed with 4004", "closed with 4006")
			h.m.o.limits = hurried
			var all sync.WaitGroup
			for side := range uint64(3) {
				rnd := rand.New(rand.NewPCG(seed, side))
				all.Go(func() {
					for range 60 {
						h.anything(rnd)
						_ = pause(t.Context(), rand.N(20*time.Millisecond))
					}
				})
			}
			all.Wait()
			h.srv.Inject(voiceserver.Faults{})
			h.m.o.limits = usual
			var conn *Conn
			var err error
			for range 3 { // what was said last may still end the first
				if conn, err = h.m.Join(h.limit(), den, lounge); err == nil {
					conn.Play(newTape(-1, 90))
					if h.hears() {
						return
					}
				}
			}
			h.Errorf("nothing is heard: %v, asked %v", err, h.wishes())
		})
	}
}

// hears waits for frames in the lounge.
func (h *hall) hears() bool {
	ctx, cancel := context.WithTimeout(h.Context(), 5*time.Second)
	defer cancel()
	was := h.room().State().Member(uint64(bot)).E2EE
	return h.room().Await(ctx, func(st voiceserver.State) bool { return st.Member(uint64(bot)).E2EE > was+4 }) == nil
}

func (h *hall) anything(rnd *rand.Rand) {
	c := []music.ChannelID{lounge, attic}[rnd.IntN(2)]
	room := h.srv.Channel(uint64(den), uint64(c))
	switch rnd.IntN(9) {
	case 0, 1, 2:
		ctx, cancel := context.WithTimeout(h.Context(), time.Duration(rnd.IntN(400))*time.Millisecond)
		defer cancel()
		if conn, err := h.m.Join(ctx, den, c); err == nil {
			conn.Play(newTape(-1, 90))
			if rnd.IntN(3) == 0 {
				_ = conn.Close(ctx)
			}
		}
	case 3:
		h.sayState(0)
	case 4:
		h.sayBoth(h.srv, c, rnd.IntN(2) == 0)
	case 5:
		h.sayNoServer()
	case 6:
		codes := []int{1001, 4000, 4003, 4006, 4009, 4014, 4015, 4021, 4022}
		room.Close(uint64(bot), codes[rnd.IntN(len(codes))])
	case 7:
		room.Drop(uint64(bot))
		h.srv.Inject(voiceserver.Faults{Silent: rnd.IntN(3) == 0})
	case 8:
		h.m.Rejoin()
	}
}

// The kick was under way when we asked to stay: Discord lets us in after it, and
// there is no call to be in for.
func TestKickedJustBeforeAsking(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conn := h.join(lounge)
	h.mu.Lock()
	h.full[lounge] = true // the answer is yet to come
	h.mu.Unlock()
	h.room().Close(uint64(bot), 4006)
	for len(h.wishes()) < 2 {
		_ = pause(h.limit(), time.Millisecond)
	}
	h.sayState(0)
	h.ended(conn, "voice.kicked")
	if got := h.wishes(); !slices.Equal(got, []music.ChannelID{lounge, lounge, 0}) {
		t.Errorf("asked for %v: should have taken it back", got)
	}
}
