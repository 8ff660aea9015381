package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
)

// asked has a sender ask p so many times, every 20 ms, and returns how often there
// was no frame.
func asked(p *Pump, ticks int) (nulled int64) {
	for range ticks {
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		if _, ok := p.Take(); !ok {
			nulled++
		}
	}
	return nulled
}

// busily is a stream whose encoder takes so long for each frame.
func busily(d *stall, takes time.Duration) *Stream {
	s := attended(d, &attentive{encoder: encoder{look: lookahead}, takes: takes}, Options{})
	s.close = d.Close
	return s
}

func TestEveryUnderrunHasItsCause(t *testing.T) {
	for name, play := range map[string]func(t *testing.T) (*Pump, Underruns, int64){
		"the first packet is not there": func(t *testing.T) (*Pump, Underruns, int64) {
			d := stalling(200, 0)
			p, _ := pumped(t.Context(), d)
			nulled := asked(p, 5)
			close(d.goOn)
			synctest.Wait()
			return p, Underruns{Beginning: 5}, nulled + asked(p, 10)
		},
		"the first frame takes its time": func(t *testing.T) (*Pump, Underruns, int64) {
			p := Start(t.Context(), busily(stalling(200, -1), 10*time.Millisecond))
			return p, Underruns{Beginning: 4}, asked(p, 20) // nine frames, of which one is heard
		},
		"a packet does not come": func(t *testing.T) (*Pump, Underruns, int64) {
			d := stalling(200, 50)
			p, _ := pumped(t.Context(), d)
			synctest.Wait()
			nulled := asked(p, 57)
			close(d.goOn)
			synctest.Wait()
			return p, Underruns{Packets: 7}, nulled + asked(p, 10)
		},
		"a packet does not come to what is encoded": func(t *testing.T) (*Pump, Underruns, int64) {
			d := stalling(200, 50)
			p := Start(t.Context(), busily(d, time.Millisecond))
			<-p.Ready()
			nulled := asked(p, 56)
			close(d.goOn)
			time.Sleep(time.Millisecond)
			return p, Underruns{Packets: nulled}, nulled + asked(p, 10)
		},
		"the encoder is slow": func(t *testing.T) (*Pump, Underruns, int64) {
			p := Start(t.Context(), busily(stalling(200, -1), 40*time.Millisecond))
			<-p.Ready()
			nulled := asked(p, 40)
			synctest.Wait()
			return p, Underruns{Busy: nulled}, nulled
		},
		"an effect comes on": func(t *testing.T) (*Pump, Underruns, int64) {
			s := busily(stalling(400, -1), 15*time.Millisecond)
			s.Want(neutral)
			p := Start(t.Context(), s)
			nulled := asked(p, 50)
			s.Want(loud)
			nulled += asked(p, 50)
			return p, Underruns{Joining: nulled}, nulled
		},
		"a seek waits for its packets": func(t *testing.T) (*Pump, Underruns, int64) {
			s := standIn(&distant{ramp: evenly(200)})
			p := Start(t.Context(), s)
			<-p.Ready()
			nulled := asked(p, 50)
			done := make(chan error)
			go func() { done <- p.Seek(t.Context(), time.Second) }()
			missed := asked(p, 50)
			if err := <-done; err != nil || nulled > 0 {
				t.Errorf("%d nulled before the seek, %v", nulled, err)
			}
			return p, Underruns{Beginning: missed}, missed
		},
		"it is over": func(t *testing.T) (*Pump, Underruns, int64) {
			p, _ := pumped(t.Context(), stalling(20, -1))
			synctest.Wait()
			return p, Underruns{Ended: 5}, asked(p, 25)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, want, nulled := play(t)
				st := p.Stats()
				if err := p.Close(); err != nil {
					t.Error(err)
				}
				if st.Missed != want || nulled == 0 || want.Starved()+want.Ended != nulled || st.Starved != want.Starved() {
					t.Errorf("%d underruns of which %+v, want %+v", nulled, st.Missed, want)
				}
				if late := st.Late > 0; late != (want.Ended == 0 && !strings.Contains(name, "first")) {
					t.Errorf("%d frames were late", st.Late)
				}
			})
		})
	}
}

// A distant source sends no faster than is heard, and takes its time for a seek.
type distant struct {
	*ramp
	sought bool
}

func (d *distant) Seek(to time.Duration) (time.Duration, error) {
	d.sought = true
	return d.ramp.Seek(to)
}

func (d *distant) ReadPacket() (audio.Packet, error) {
	if time.Sleep(19 * time.Millisecond); d.sought {
		d.sought = false
		time.Sleep(300 * time.Millisecond)
	}
	return d.ramp.ReadPacket()
}

func TestAccountsOfAQuietPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := endless{audio.Packet{Data: []byte{31 << 3, 1, 2}, Duration: 960}}
		s := New(&ending{endless: d, left: 500}, nothing{}, Options{})
		p := Start(t.Context(), s)
		synctest.Wait()
		nulled := asked(p, 400)
		st := p.Stats()
		if nulled != 0 || st.Taken != 400 || st.Late+st.Thin+st.Starved != 0 || st.Missed != (Underruns{}) || st.Mode != Passthrough {
			t.Errorf("%d nulled, %+v", nulled, st)
		}
		if st.Read != 500*3 || st.Packets != 99 || st.Ahead != time.Duration(st.Packets)*20*time.Millisecond {
			t.Errorf("%+v", st)
		}
		// The least there was is what a track made ready holds.
		if l := st.Least; l.Frames != 1 || l.Packets < 95 || l.Packets > 100 || l.Ahead != time.Duration(l.Packets)*20*time.Millisecond || l.Bytes != l.Packets*(3+overhead) {
			t.Errorf("the least was %+v", l)
		}
		least := st.Least
		asked(p, 100)
		if st = p.Stats(); st.Least != least || st.Taken != 500 || st.Thin != 0 || !p.Ended() {
			t.Errorf("the end is counted as want: %+v", st)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// ending is endless, but for its end.
type ending struct {
	endless
	left int
}

func (d *ending) ReadPacket() (audio.Packet, error) {
	if d.left--; d.left < 0 {
		return audio.Packet{}, audio.ErrTruncated
	}
	return d.endless.ReadPacket()
}

func TestTheLeastIsWhatWasLeftInAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := stalling(1000, 150)
		p, _ := pumped(t.Context(), d)
		synctest.Wait()
		asked(p, 110)
		if l := p.Stats().Least; l.Packets < 30 || l.Packets > 50 || l.Frames != 1 {
			t.Errorf("after 110 frames the least is %+v", l)
		}
		asked(p, 39)
		if l := p.Stats().Least; l.Packets != 0 || l.Bytes != 0 || l.Ahead != 0 || l.Frames != 1 {
			t.Errorf("before the last packets are taken the least is %+v", l)
		}
		asked(p, 1)
		if st := p.Stats(); st.Least.Frames != 0 || st.Thin != 1 || st.Starved != 0 {
			t.Errorf("%+v", st)
		}
		close(d.goOn)
		synctest.Wait()
		asked(p, 300)
		if st := p.Stats(); st.Least != (Depth{}) || st.Ahead < 2*time.Second || st.Frames == 0 {
			t.Errorf("later %+v", st)
		}
		p.Close()
	})
}

func TestCountingAllocatesNothing(t *testing.T) {
	var a accounts
	if n := testing.AllocsPerRun(100, func() {
		a.made(false)
		a.missed(false, true)
		a.missed(false, false)
		a.took(0, false)
		a.made(true)
		_ = a.underruns()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
