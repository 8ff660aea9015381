package framecache

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"

	"segue/audio"
)

// take has c record so many frames and returns what must end it.
func take(t *testing.T, c *Cache, version string, frames [][]byte) *Recording {
	t.Helper()
	r := c.Record(version, 0, 0, about)
	if r == nil {
		t.Fatalf("%s is not recorded", version)
	}
	for _, f := range frames {
		if !r.Add(f) {
			t.Fatalf("%s: a frame is refused", version)
		}
	}
	synctest.Wait() // the writer has nothing more to do
	return r
}

func TestOneRecordingLeavesRoomForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(settings(t))
		almost := music(600, 400) // of the quarter that may be written at once
		for range 3 {
			take(t, c, "one", almost).Drop()
			synctest.Wait()
		}
		for range 2 {
			take(t, c, "one", almost).Keep(600 * audio.FrameSamples)
			synctest.Wait()
		}
		first := take(t, c, "two", almost)
		second := c.Record("three", 0, 0, about)
		for _, f := range music(250, 400) {
			second.Add(f)
		}
		synctest.Wait()
		if second.Add(nil) {
			t.Error("more is written at once than may be")
		}
		first.Keep(600 * audio.FrameSamples)
		if s := ended(t, c); s.GivenUp != 3 || s.Kept != 3 || s.Failed != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestADiskThatFillsUpEndsARecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := settings(t)
		var why error
		o.Lost = func(err error) { why = err }
		c := New(o)
		r := take(t, c, "one", music(2*row, 300))
		if inside := list(t, o.Dir); len(inside) != 1 {
			t.Fatalf("%v", inside)
		}
		c.o.Free = 1 << 62 // the writer waits, and does not look
		for _, f := range music(row, 300) {
			r.Add(f)
		}
		synctest.Wait()
		if inside := list(t, o.Dir); len(inside) > 0 || !errors.Is(why, audio.ErrLimit) {
			t.Errorf("%v is left, %v", inside, why)
		}
		if r.Add(nil) {
			t.Error("it goes on")
		}
		if s := ended(t, c); s.Failed != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhatOtherProcessesWriteTakesRoomToo(t *testing.T) {
	o := settings(t)
	keep(t, o, "one", music(400, 500)) // 200 KB of 768
	theirs := filepath.Join(o.Dir, prefix+"123"+part)
	if err := os.WriteFile(theirs, make([]byte, 700<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, o, func() {
		if s := keep(t, o, "two", music(400, 500)); s.Kept != 1 {
			t.Fatalf("%+v", s)
		}
	})
	if u, err := New(o).Look(); err != nil || u.Files != 1 || u.Bytes > o.Max {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Error(err)
	}
}

// Each player that encodes may have one.
func TestARecordingTakesLittleMemory(t *testing.T) {
	const n, most = 50, 96 << 10
	synctest.Test(t, func(t *testing.T) {
		o := settings(t)
		o.Max = 64 << 20
		c := New(o)
		frames := music(3*row, 320)
		before := heap()
		var all []*Recording
		for i := range n {
			all = append(all, take(t, c, strconv.Itoa(i), frames))
		}
		each := (heap() - before) / n
		if each > most {
			t.Errorf("%d bytes, at most %d", each, most)
		}
		t.Logf("%d bytes", each)
		for _, r := range all {
			r.Drop()
		}
		ended(t, c)
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools held for one more round
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
