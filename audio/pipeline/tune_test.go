package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/governor"
)

// An attentive encoder notes what it is told, and takes its time.
type attentive struct {
	encoder
	told  []string
	takes time.Duration
}

func (a *attentive) SetBitrate(bps int)  { a.told = append(a.told, fmt.Sprint(bps, " bit/s")) }
func (a *attentive) SetComplexity(c int) { a.told = append(a.told, fmt.Sprint("complexity ", c)) }

func (a *attentive) Encode(dst []byte, pcm []float32) ([]byte, error) {
	time.Sleep(a.takes)
	a.told = append(a.told, "frame")
	return a.encoder.Encode(dst, pcm)
}

// attended is a stream whose sound is changed, so that a is used.
func attended(d audio.Demuxer, a audio.Encoder, o Options) *Stream {
	s := standIn(d)
	s.o.Encoder = func() (audio.Encoder, error) { return a, nil }
	s.o.Bitrate, s.o.Governor = o.Bitrate, o.Governor
	s.Want(loud)
	return s
}

func TestAnEncoderIsToldWhatIsWantedBeforeTheFrameAndOnlyThen(t *testing.T) {
	a := &attentive{encoder: encoder{look: lookahead}}
	rate := 0
	s := attended(evenly(20), a, Options{Bitrate: func() int { return rate }})
	var told []string
	next := func(bps int) {
		t.Helper()
		rate, a.told = bps, nil
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		told = append(told, fmt.Sprint(a.told))
	}
	next(0) // nobody knows yet; the encoder lives through its warm-up as it is
	for _, bps := range []int{64_000, 64_000, 96_000, 0, 96_000, 8000} {
		next(bps)
	}
	want := []string{
		"[frame frame frame frame frame frame frame frame frame]", "[64000 bit/s frame]", "[frame]", "[96000 bit/s frame]", "[frame]", "[frame]", "[8000 bit/s frame]",
	}
	if !slices.Equal(told, want) {
		t.Errorf("it was told\n%q, want\n%q", told, want)
	}
}

func TestWhatPassesAsksNobody(t *testing.T) {
	a := &attentive{encoder: encoder{look: lookahead}}
	g := governor.New()
	s := attended(evenly(20), a, Options{Governor: g, Bitrate: func() int {
		t.Error("the bit rate was asked for")
		return 0
	}})
	o := record(t, s, always(neutral))
	if len(o.pos) != 20 || len(a.told) > 0 || g.Stats().Taken != 0 {
		t.Errorf("%d frames, the encoder heard %v, %+v", len(o.pos), a.told, g.Stats())
	}
}

func TestAnEncoderThatCannotBeToldIsLeftAlone(t *testing.T) {
	s := attended(evenly(20), &encoder{look: lookahead}, Options{Governor: governor.New(), Bitrate: func() int { return 64_000 }})
	record(t, s, always(loud)).isWhole(t, 0, 20*frameSamples)
}

// sent has a sender ask p for frames, every 20 ms.
func sent(p *Pump, ticks int) {
	<-p.Ready()
	for range ticks {
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		p.Take()
	}
}

func TestAPumpThatCannotKeepUpAsksForLessEffort(t *testing.T) {
	for name, c := range map[string]struct {
		takes   time.Duration
		after   int // packets, then the media has no more
		thin    bool
		lowered bool
	}{
		"it has time":              {time.Microsecond, -1, false, false},
		"it has just time":         {9 * time.Millisecond, -1, false, false},
		"it has no time":           {25 * time.Millisecond, -1, true, true},
		"it has no packets either": {time.Microsecond, 120, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &attentive{encoder: encoder{look: lookahead}, takes: c.takes}
			g, d := governor.New(), stalling(2000, c.after)
			s := attended(d, a, Options{Governor: g})
			s.close = d.Close
			p := Start(t.Context(), s)
			sent(p, 200)
			st := g.Stats()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			// How busy it is counts the machine's cores, so only the slow one is sure to ask.
			if st.Thin > 0 != c.thin || c.lowered && st.Lowered == 0 || st.Taken < 100 {
				t.Errorf("%s: %+v", name, st)
			}
			if told := slices.Contains(a.told, "complexity 0"); c.lowered && !told {
				t.Errorf("%s: the encoder was never told", name)
			}
		})
	}
}
