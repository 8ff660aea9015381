package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/governor"
	"segue/audio/resample"
	"segue/testdata"
)

// TestATrackNobodyElsePlaysCostsWhatItDoesWithoutAHub compares memory and goroutines of tracks that might
// have been shared with those of tracks that could not.
func TestATrackNobodyElsePlaysCostsWhatItDoesWithoutAHub(t *testing.T) {
	const tracks, passing = 20, 64 << 10
	data, err := testdata.Sounds.ReadFile(testdata.Lantern)
	if err != nil {
		t.Fatal(err)
	}
	measure := func(hub, park bool, frames int) (beside, goroutines int) {
		synctest.Test(t, func(t *testing.T) {
			h := NewHub(t.Context())
			o := Options{
				Governor: governor.New(), Tables: &resample.Tables{},
				Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) },
			}
			key := 0
			play := func() *Pump {
				key++
				open := func() *audio.Media {
					return &audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(data)), Size: -1}
				}
				var p *Pump
				if hub {
					m, err := h.Join(t.Context(), t.Context(), Ask{
						Key: fmt.Sprint(key), Options: o, Park: park,
						Open: func(context.Context) (*audio.Media, error) { return open(), nil },
					})
					if err != nil {
						t.Fatal(err)
					}
					p = m.Pump
				} else {
					s, err := Open(open(), o)
					if err != nil {
						t.Fatal(err)
					}
					if p = Start(t.Context(), s); park {
						t.Fatal("not compared")
					}
				}
				for range frames {
					synctest.Wait()
					if _, ok := p.Take(); !ok {
						t.Fatal("no frame")
					}
				}
				return p
			}
			if err := play().Close(); err != nil {
				t.Fatal(err)
			}
			before, count := heap(), runtime.NumGoroutine()
			var all []*Pump
			for range tracks {
				all = append(all, play())
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			goroutines = runtime.NumGoroutine() - count
			beside = int(heap()-before)/tracks - all[0].Stats().Bytes
			for _, p := range all {
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
		return beside, goroutines
	}
	for name, c := range map[string]struct {
		park   bool
		frames int
	}{"playing": {false, 200}, "made ready": {true, 0}} {
		least, goroutines := 0, 0
		for range 5 { // what else the process does can only add to it
			b, g := measure(true, c.park, c.frames)
			if least == 0 || b < least {
				least, goroutines = b, g
			}
			if least <= passing {
				break
			}
		}
		t.Logf("%s: %d bytes beside the packets, %d goroutines", name, least, goroutines)
		if least > passing {
			t.Errorf("%s: %d bytes beside the packets", name, least)
		}
		if _, plain := measure(false, false, 1); goroutines > plain {
			t.Errorf("%s: %d goroutines, without a hub %d", name, goroutines, plain)
		}
	}
}
