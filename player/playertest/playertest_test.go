package playertest

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/music"
)

var errPurpose = errors.New("on purpose")

func TestALibraryOpensWhatWasPutIntoIt(t *testing.T) {
	l := NewLibrary()
	tr := l.Add("one", Script{Frames: 3, Length: time.Minute})
	if tr.Duration != time.Minute || tr.Title != "one" || tr.Source != "test" {
		t.Errorf("the track is %+v", tr)
	}
	m, err := l.Open(t.Context(), tr)
	if err != nil || l.Held() != 1 {
		t.Fatalf("%v, %d held", err, l.Held())
	}
	d, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	var heard []string
	for {
		p, err := d.ReadPacket()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
		heard = append(heard, Name(p.Data))
	}
	if !slices.Equal(heard, []string{"one 0", "one 1", "one 2"}) {
		t.Errorf("heard %q", heard)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil || l.Held() != 0 {
		t.Errorf("closed twice: %v, %d held", err, l.Held())
	}
	if _, err := m.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("closed media gives %v", err)
	}
}

func TestALibraryFailsAsItIsTold(t *testing.T) {
	l := NewLibrary()
	broken := l.Add("broken", Script{Err: errPurpose})
	raw := l.Add("raw", Script{Bytes: []byte("not music")})
	if _, err := l.Open(t.Context(), broken); !errors.Is(err, errPurpose) {
		t.Errorf("got %v", err)
	}
	var e *music.Error
	if _, err := l.Open(t.Context(), music.Track{ID: "test:none", Title: "none"}); !errors.As(err, &e) || e.Kind != music.NotFound {
		t.Errorf("a track that is not there: %v", err)
	}
	m, err := l.Open(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(m); err != nil || string(b) != "not music" {
		t.Errorf("read %q, %v", b, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Open(ctx, raw); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got := l.Opened(); !slices.Equal(got, []string{"broken", "none", "raw", "raw"}) || l.Held() != 1 {
		t.Errorf("opened %q, %d held", got, l.Held())
	}
}

func TestOpeningTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLibrary()
		slow := l.Add("slow", Script{Opens: time.Second})
		start := time.Now()
		if _, err := l.Open(t.Context(), slow); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := l.Open(ctx, slow); !errors.Is(err, context.DeadlineExceeded) || l.Held() != 1 {
			t.Errorf("got %v, %d held", err, l.Held())
		}
	})
}

func TestNamesOfWhatIsNoFrame(t *testing.T) {
	if got := Name(Frame("one", 7)); got != "one 7" {
		t.Errorf("got %q", got)
	}
	if got := Name([]byte{0xf8, 0xff, 0xfe}); got != "?" {
		t.Errorf("silence is called %q", got)
	}
}

// line gives frames "a 0", "a 1", … until it has given all.
type line struct{ next, all int }

func (l *line) Take() (audio.Frame, bool) {
	if l.next == l.all {
		return audio.Frame{}, false
	}
	l.next++
	return audio.Frame{Opus: Frame("a", l.next-1)}, true
}

// joined is a connection of v; the test ends it.
func joined(t *testing.T, v *Voice) *Conn {
	t.Helper()
	if _, err := v.Join(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	c := v.Conn()
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

func TestAConnTakesAFrameEvery20Milliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &Voice{}
		c := joined(t, v)
		start := time.Now()
		c.Play(&line{all: 2})
		time.Sleep(85 * time.Millisecond)
		synctest.Wait()
		heard := c.Heard()
		if len(heard) != 4 || !slices.Equal(c.Names(), []string{"a 0", "a 1"}) || heard[2].OK {
			t.Fatalf("%d ticks, heard %q", len(heard), c.Names())
		}
		for i, tick := range heard {
			if at := tick.At.Sub(start); at != time.Duration(i+1)*20*time.Millisecond {
				t.Errorf("tick %d came after %v", i, at)
			}
		}
		c.Play(nil)
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		if n := len(c.Heard()); n != 5 || c.Heard()[4].OK {
			t.Errorf("%d ticks with nothing to play", n)
		}
	})
}

func TestAQuietConnTakesWithoutRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := joined(t, &Voice{Quiet: true})
		l := &line{all: 10}
		c.Play(l)
		time.Sleep(50 * time.Millisecond)
		c.Drop(nil)
		if l.next != 2 || len(c.Heard()) != 0 {
			t.Errorf("%d taken, %d recorded", l.next, len(c.Heard()))
		}
	})
}

func TestADroppedConnIsGoneAndSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &Voice{}
		c := joined(t, v)
		l := &line{all: 100}
		c.Play(l)
		time.Sleep(50 * time.Millisecond)
		select {
		case <-c.Done():
			t.Error("gone before it was dropped")
		default:
		}
		if c.Err() != nil {
			t.Errorf("before it was dropped: %v", c.Err())
		}
		c.Drop(errPurpose)
		<-c.Done()
		if !errors.Is(c.Err(), errPurpose) {
			t.Errorf("got %v", c.Err())
		}
		taken := l.next
		time.Sleep(time.Second)
		if l.next != taken {
			t.Error("frames are taken after the drop")
		}
		if _, live, _ := v.Count(); live != 1 {
			t.Errorf("%d live before the player closed what it lost", live)
		}
		if err := errors.Join(c.Close(t.Context()), c.Close(t.Context())); err != nil || !errors.Is(c.Err(), errPurpose) {
			t.Errorf("closing twice: %v, then the reason is %v", err, c.Err())
		}
		if made, live, most := v.Count(); made != 1 || live != 0 || most != 1 {
			t.Errorf("made %d, live %d, most %d", made, live, most)
		}
	})
}

func TestJoiningAndLeavingTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &Voice{Joins: time.Second, Closes: 2 * time.Second}
		if v.Conn() != nil {
			t.Error("there is a connection before any was made")
		}
		start := time.Now()
		one, two := joined(t, v), joined(t, v)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("joining twice took %v", took)
		}
		if made, live, most := v.Count(); made != 2 || live != 2 || most != 2 {
			t.Errorf("made %d, live %d, most %d", made, live, most)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := one.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("leaving in no time: %v", err)
		}
		<-one.Done() // gone all the same
		start = time.Now()
		if err := two.Close(t.Context()); err != nil || time.Since(start) != 2*time.Second || two.Err() != nil {
			t.Errorf("leaving: %v after %v, reason %v", err, time.Since(start), two.Err())
		}
		if _, err := v.Join(ctx, 1, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("joining in no time: %v", err)
		}
		v.Set(func(v *Voice) { v.Joins, v.Refuse = 0, errPurpose })
		if _, err := v.Join(t.Context(), 1, 2); !errors.Is(err, errPurpose) {
			t.Errorf("refused: %v", err)
		}
	})
}

func TestADraggedConnIsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := joined(t, &Voice{})
		if c.Channel() != 2 || c.Guild != 1 {
			t.Errorf("in channel %d of guild %d", c.Channel(), c.Guild)
		}
		c.Drag(7)
		if c.Channel() != 7 {
			t.Errorf("in channel %d", c.Channel())
		}
	})
}
