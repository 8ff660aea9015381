package pipeline

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

// wild are wishes that cannot be had to the sample.
func wild() []effect.Settings {
	d := effect.Defaults()
	all := make([]effect.Settings, 8)
	all[1].Volume = -6
	all[2].Equalizer[3] = 0.5
	all[3].Rotation, all[3].Rotation.On, all[3].Rotation.RotationHz = d.Rotation, true, 0.2
	all[4].Timescale, all[4].Timescale.On, all[4].Timescale.Speed = d.Timescale, true, 1.3
	all[5].Timescale, all[5].Timescale.On, all[5].Timescale.Speed = d.Timescale, true, 0.8
	all[6].Echo, all[6].Echo.On = d.Echo, true
	all[7].Tremolo, all[7].Tremolo.On = d.Tremolo, true
	return all
}

// TestAnyEffectsLeaveTheOthersAlone lets one listener want anything while another
// hears every sample of what is sent.
func TestAnyEffectsLeaveTheOthersAlone(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 6))
			d := paced([]string{"opus", "pcm"}[seed%2])
			make := func() *sender { return d }
			h, _ := sharing(t.Context(), make)
			a, b, c := joins(t, h, asking("x", true, make, volumes[1])), joins(t, h, asking("x", true, make, volumes[1])), joins(t, h, asking("x", true, make, effect.Settings{}))
			all := wild()
			time.Sleep(4 * time.Second)
			misses := 0
			for i := range 800 {
				hear(t, 1, a)
				for _, e := range []*ear{b, c} {
					switch f, ok := e.Take(); {
					case !ok:
						misses++
					case f.Pos < 0:
						t.Fatal(f.Pos)
					}
					if i%40 == 0 {
						e.Want(all[rnd.IntN(len(all))])
						e.Level(float64(rnd.IntN(3)))
					}
				}
			}
			if a.heard < 790 || a.Err() != nil || b.Err() != nil || c.Err() != nil || misses > 250 {
				t.Errorf("%d frames heard, %d missed; %v, %v, %v", a.heard, misses, a.Err(), b.Err(), c.Err())
			}
			b.Level(0)
			c.Level(0)
			b.Want(volumes[1])
			c.Want(volumes[1])
			for range 600 {
				hear(t, 1, a)
				b.Take()
				c.Take()
			}
			if st := c.Stats(); st.Mode != Transcode || st.Taken < 1000 || b.Info().Container != "ramp" {
				t.Errorf("%+v", st)
			}
			if err := b.Seek(t.Context(), 0); !errors.Is(err, audio.ErrNotSeekable) {
				t.Error(err)
			}
			a.Close()
			b.Close()
			c.Close()
		})
	}
}
