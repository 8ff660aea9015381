package framecache

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container"
)

var about = audio.Info{
	Container: "mp3", Duration: 3*time.Second + 33*time.Millisecond, Title: "Lantern <&> \u2028", Artist: "Nobody", Album: "Rain",
	Track: audio.Gain{Told: true, DB: -3.21, Peak: 0.98765433}, Whole: audio.Gain{Told: true, DB: -2},
	Chapters: []audio.Chapter{{Title: "One"}, {Start: time.Second, Title: "Two"}},
	Artwork:  audio.Picture{MIME: "image/png", Data: []byte("\x89PNG and so on")},
}

// music is frames as an encoder gives them, as far as anybody looks at them here:
// 20 ms of stereo in one packet each, no two alike.
func music(n, size int) (frames [][]byte) {
	for i := range n {
		b := bytes.Repeat([]byte{byte(i * 7)}, size)
		b[0] = 0xfc // CELT, 20 ms, stereo, one frame (RFC 6716, 3.1)
		binary.BigEndian.PutUint32(b[1:], uint32(i))
		frames = append(frames, b)
	}
	return frames
}

func settings(t testing.TB) Options {
	return Options{Dir: filepath.Join(t.TempDir(), "a", "frames"), Build: "test", Max: 1 << 20}
}

// ended closes c and returns what it did.
func ended(t testing.TB, c *Cache) Stats {
	t.Helper()
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.Stats()
}

// keep keeps a play in the folder of o, as one process that then ends would.
func keep(t testing.TB, o Options, version string, frames [][]byte) Stats {
	t.Helper()
	c := New(o)
	r := c.Record(version, 0, -3.25, about)
	for _, f := range frames {
		r.Add(f)
	}
	r.Keep(int64(len(frames))*audio.FrameSamples - 100)
	return ended(t, c)
}

// packets are all that a piece holds.
func packets(t testing.TB, p Piece) (all [][]byte, length int64) {
	t.Helper()
	defer p.Media.Close()
	d, err := container.Open(p.Media)
	if err != nil {
		t.Fatal(err)
	}
	for {
		q, err := d.ReadPacket()
		if errors.Is(err, io.EOF) {
			return all, length
		}
		if err != nil {
			t.Fatal(err)
		}
		if q.PTS != length {
			t.Fatalf("packet %d is at %d", len(all), q.PTS)
		}
		all, length = append(all, q.Data), q.PTS+q.Duration-q.TrimEnd
	}
}

func TestWhatWasKeptIsFoundAfterARestart(t *testing.T) {
	o := settings(t)
	frames := music(777, 300)
	if s := keep(t, o, "one", frames); s.Kept != 1 || s.Failed+s.GivenUp != 0 {
		t.Fatalf("%+v", s)
	}
	c := New(o)
	p, ok := c.Find("one", 0)
	if !ok {
		t.Fatal("not found")
	}
	if p.Level != -3.25 {
		t.Errorf("%v dB louder", p.Level)
	}
	if !reflect.DeepEqual(p.Info, about) {
		t.Errorf("told\n%+v instead of\n%+v", p.Info, about)
	}
	got, length := packets(t, p)
	if !reflect.DeepEqual(got, frames) || length != 777*audio.FrameSamples-100 {
		t.Errorf("%d packets, %d samples", len(got), length)
	}
	other := o
	other.Build = "another"
	for _, c := range []struct {
		o       Options
		version string
		rate    int
	}{{o, "two", 0}, {o, "one", 64_000}, {other, "one", 0}, {o, "", 0}} {
		if _, ok := New(c.o).Find(c.version, c.rate); ok {
			t.Errorf("%+v is found", c)
		}
	}
	if s := ended(t, c); s.Hits != 1 || s.Misses != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatDoesNotEndWellIsNotKept(t *testing.T) {
	for name, end := range map[string]func(r *Recording){
		"dropped":             func(r *Recording) { r.Drop() },
		"not ended":           func(*Recording) {},
		"longer than it is":   func(r *Recording) { r.Keep(100*audio.FrameSamples + 1) },
		"a frame too long":    func(r *Recording) { r.Keep(99 * audio.FrameSamples) },
		"kept after a drop":   func(r *Recording) { r.Drop(); r.Keep(100 * audio.FrameSamples) },
		"added after the end": func(r *Recording) { r.Drop(); r.Add(make([]byte, 9)) },
	} {
		t.Run(name, func(t *testing.T) {
			o := settings(t)
			c := New(o)
			r := c.Record("one", 0, 0, about)
			for _, f := range music(100, 300) {
				if !r.Add(f) {
					t.Fatal("refused")
				}
			}
			end(r)
			if s := ended(t, c); s.GivenUp != 1 || s.Kept+s.Failed != 0 {
				t.Errorf("%+v", s)
			}
			if inside := list(t, o.Dir); len(inside) > 0 {
				t.Errorf("left behind: %v", inside)
			}
		})
	}
	o := settings(t)
	c := New(o)
	c.Record("one", 0, 0, about).Keep(0) // without a frame
	if s := ended(t, c); s.Kept != 0 {
		t.Errorf("%+v", s)
	}
}

// list is what is in a folder; nothing if there is none.
func list(t testing.TB, dir string) (names []string) {
	t.Helper()
	inside, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range inside {
		names = append(names, e.Name())
	}
	return names
}

func TestWhatCannotBeKeptIsNotRecorded(t *testing.T) {
	c := New(settings(t))
	defer c.Close(t.Context())
	live, playlist := about, about
	live.Live, playlist.Container = true, "hls"
	if c.Record("", 0, 0, about) != nil || c.Record("one", 0, 0, live) != nil || c.Record("one", 0, 0, playlist) != nil {
		t.Error("recorded")
	}
	r := c.Record("one", 0, 0, about)
	if r == nil || c.Record("one", 0, 0, about) != nil || c.Record("one", 1, 0, about) == nil {
		t.Error("the same is recorded twice, or what is not the same is not")
	}
	r.Drop()
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Record("two", 0, 0, about) != nil {
		t.Error("recorded after Close")
	}
}

func TestNoCacheIsACacheThatKeepsNothing(t *testing.T) {
	var c *Cache
	if _, ok := c.Find("one", 0); ok {
		t.Error("found")
	}
	r := c.Record("one", 0, 0, about)
	if r.Add([]byte{1}) {
		t.Error("recorded")
	}
	r.Keep(960)
	r.Drop()
	if err := c.Close(t.Context()); err != nil || c.Stats() != (Stats{}) {
		t.Error(err, c.Stats())
	}
}

func TestNoDamageIsPlayed(t *testing.T) {
	o := settings(t)
	keep(t, o, "one", music(60, 100))
	path := filepath.Join(o.Dir, list(t, o.Dir)[0])
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	damaged := func(what string, b []byte) {
		tried++
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		c := New(o)
		if p, ok := c.Find("one", 0); ok {
			_ = p.Media.Close()
			t.Fatalf("%s: played", what)
		}
		if inside := list(t, o.Dir); len(inside) > 0 {
			t.Fatalf("%s: still there", what)
		}
	}
	for at := 0; at < len(whole); at += 1 + at/20 {
		b := bytes.Clone(whole)
		b[at] ^= 0x10
		damaged(fmt.Sprintf("byte %d", at), b)
		damaged(fmt.Sprintf("%d bytes", at), whole[:at])
	}
	for at := len(whole) - int(footSize); at < len(whole); at++ {
		b := bytes.Clone(whole)
		b[at]++
		damaged(fmt.Sprintf("byte %d", at), b)
		damaged(fmt.Sprintf("%d bytes", at), whole[:at])
	}
	damaged("a tail", append(bytes.Clone(whole), 0))
	if tried < 200 {
		t.Errorf("%d tried", tried)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	p, ok := New(o).Find("one", 0)
	if !ok {
		t.Fatal("the whole is not found")
	}
	_ = p.Media.Close()
}

func TestAPieceUnderAnothersNameIsNotPlayed(t *testing.T) {
	o := settings(t)
	keep(t, o, "one", music(60, 100))
	c := New(o)
	if err := os.Rename(filepath.Join(o.Dir, c.key("one", 0).name()), filepath.Join(o.Dir, c.key("two", 0).name())); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Find("two", 0); ok {
		t.Error("played")
	}
}

func TestWhatWasUsedLeastRecentlyGoesFirst(t *testing.T) {
	o := settings(t) // of which three quarters are for what is kept
	play := func(version string) {
		c := New(o)
		if p, ok := c.Find(version, 0); ok {
			if err := p.Media.Close(); err != nil {
				t.Fatal(err)
			}
			return
		}
		if s := keep(t, o, version, music(400, 500)); s.Kept != 1 {
			t.Fatalf("%s: %+v", version, s)
		}
		if u, err := c.Look(); err != nil || u.Bytes > o.Max-o.Max/writing || u.Files > 3 {
			t.Fatalf("%+v, %v", u, err)
		}
	}
	age(t, o, func() { play("one") })
	age(t, o, func() { play("two") })
	age(t, o, func() { play("three") })
	age(t, o, func() { play("one") })
	age(t, o, func() { play("four") })
	for version, there := range map[string]bool{"one": true, "two": false, "three": true, "four": true} {
		p, ok := New(o).Find(version, 0)
		if ok != there {
			t.Errorf("%s is there: %v", version, ok)
		}
		if ok {
			_ = p.Media.Close()
		}
	}
}

// age makes all that is in the folder a minute older, then runs f.
func age(t *testing.T, o Options, f func()) {
	t.Helper()
	for _, name := range list(t, o.Dir) {
		path := filepath.Join(o.Dir, name)
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, st.ModTime().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	f()
}

func TestNothingOfOthersIsTouched(t *testing.T) {
	o := settings(t)
	if err := os.MkdirAll(filepath.Join(o.Dir, prefix+strings.Repeat("0", 40)+ending), 0o700); err != nil { // a folder
		t.Fatal(err)
	}
	theirs := []string{"song.opus", "segue-1.opus", "segue-.part", "segue-x1.part", "notes.txt", prefix + strings.Repeat("g", 40) + ending, prefix + strings.Repeat("a", 39) + ending}
	long := time.Now().Add(-1000 * time.Hour)
	for _, name := range theirs {
		path := filepath.Join(o.Dir, name)
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	link := prefix + strings.Repeat("b", 40) + ending
	if err := os.Symlink("song.opus", filepath.Join(o.Dir, link)); err != nil {
		t.Fatal(err)
	}
	before := list(t, o.Dir)
	for _, version := range []string{"one", "two", "three", "four", "five"} {
		if s := keep(t, o, version, music(400, 500)); s.Kept != 1 {
			t.Fatalf("%+v", s)
		}
	}
	left := list(t, o.Dir)
	for _, name := range before {
		if !strings.Contains(strings.Join(left, " ")+" ", name+" ") {
			t.Errorf("%s is gone", name)
		}
	}
	if len(left) != len(before)+3 {
		t.Errorf("%v", left)
	}
}

func TestALinkOrAFolderInThePlaceOfAPieceIsNotPlayed(t *testing.T) {
	o := settings(t)
	keep(t, o, "one", music(60, 100))
	c := New(o)
	one, two := filepath.Join(o.Dir, c.key("one", 0).name()), filepath.Join(o.Dir, c.key("two", 0).name())
	if err := os.Symlink(one, two); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Find("two", 0); ok {
		t.Error("a link is played")
	}
	if err := errors.Join(os.Remove(two), os.Mkdir(two, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Find("two", 0); ok {
		t.Error("a folder is played")
	}
	if s := keep(t, o, "two", music(60, 100)); s.Failed != 1 {
		t.Errorf("a folder is in the way: %+v", s)
	}
	if left := list(t, o.Dir); len(left) != 2 {
		t.Errorf("%v", left)
	}
}

func TestTwoProcessesShareAFolder(t *testing.T) {
	o := settings(t)
	a, b := New(o), New(o)
	ra, rb := a.Record("one", 0, 0, about), b.Record("one", 0, 0, about)
	frames := music(200, 300)
	for _, f := range frames {
		ra.Add(f)
		rb.Add(f)
	}
	ra.Keep(200 * audio.FrameSamples)
	rb.Keep(200 * audio.FrameSamples)
	if sa, sb := ended(t, a), ended(t, b); sa.Kept != 1 || sb.Kept != 1 {
		t.Errorf("%+v, %+v", sa, sb)
	}
	if inside := list(t, o.Dir); len(inside) != 1 {
		t.Errorf("%v", inside)
	}
	one := New(o)
	p, ok := one.Find("one", 0)
	if !ok {
		t.Fatal("not found")
	}
	// What one process deletes, another plays to its end.
	if err := os.Remove(filepath.Join(o.Dir, list(t, o.Dir)[0])); err != nil {
		t.Fatal(err)
	}
	if got, _ := packets(t, p); !reflect.DeepEqual(got, frames) {
		t.Error("other music")
	}
}

func TestNothingIsKeptWhileTheDiskIsNearlyFull(t *testing.T) {
	o := settings(t)
	keep(t, o, "one", music(100, 300))
	o.Free = 1 << 62
	var why error
	o.Lost = func(err error) { why = err }
	if s := keep(t, o, "two", music(100, 300)); s.Failed != 1 || !errors.Is(why, audio.ErrLimit) {
		t.Fatalf("%+v, %v", s, why)
	}
	c := New(o)
	if u, err := c.Look(); !errors.Is(err, audio.ErrLimit) || u.Files != 1 || u.Free <= 0 {
		t.Errorf("%+v, %v", u, err)
	}
	p, ok := c.Find("one", 0)
	if !ok {
		t.Fatal("what is there is not found")
	}
	_ = p.Media.Close()
}

func TestAPieceThatIsTooLongIsNotKept(t *testing.T) {
	o := settings(t)
	var why error
	o.Lost = func(err error) { why = err }
	if s := keep(t, o, "one", music(750, 400)); s.Failed != 1 || !errors.Is(why, audio.ErrLimit) { // a quarter is 262,144 bytes
		t.Fatalf("%+v, %v", s, why)
	}
	if inside := list(t, o.Dir); len(inside) > 0 {
		t.Errorf("%v", inside)
	}
	if s := keep(t, o, "one", music(600, 400)); s.Kept != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAFolderThatCannotBeWrittenIsASentence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var why error
	o := Options{Dir: filepath.Join(file, "frames"), Max: 1 << 20, Lost: func(err error) { why = err }}
	if s := keep(t, o, "one", music(100, 300)); s.Failed != 1 || why == nil {
		t.Errorf("%+v, %v", s, why)
	}
	if _, ok := New(o).Find("one", 0); ok {
		t.Error("found")
	}
	if _, err := New(o).Look(); err == nil {
		t.Error("the folder is said to be fine")
	}
}

func TestAFolderThatMayOnlyBeReadIsPlayedFrom(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("who is root may write anywhere: only that it plays is seen")
	}
	o := settings(t)
	keep(t, o, "one", music(100, 300))
	if err := os.Chmod(o.Dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(o.Dir, 0o700) }) //nolint:gosec // so that it can be deleted
	c := New(o)
	p, ok := c.Find("one", 0)
	if !ok {
		t.Fatal("not found")
	}
	_ = p.Media.Close()
	if _, err := c.Look(); err == nil && os.Getuid() != 0 {
		t.Error("the folder is said to be fine")
	}
	if s := keep(t, o, "two", music(100, 300)); s.Failed != 1 && os.Getuid() != 0 {
		t.Errorf("%+v", s)
	}
}

// The one who makes frames never waits: a disk that hangs costs the recording.
func TestASlowDiskCostsTheRecordingOnly(t *testing.T) {
	o := settings(t)
	var why error
	o.Lost = func(err error) { why = err }
	c := New(o)
	c.tidy.Lock() // the writer waits for it with its first frames in hand
	r := c.Record("one", 0, 0, about)
	taken := 0
	for _, f := range music(2*rows*row, 100) {
		if !r.Add(f) {
			break
		}
		taken++
	}
	c.tidy.Unlock()
	if taken != rows*row {
		t.Errorf("%d frames were taken", taken)
	}
	if s := ended(t, c); s.Failed != 1 || !errors.Is(why, errSlow) {
		t.Errorf("%+v, %v", s, why)
	}
	if inside := list(t, o.Dir); len(inside) > 0 {
		t.Errorf("%v", inside)
	}
}

func TestCloseWaitsNoLongerThanItMay(t *testing.T) {
	c := New(settings(t))
	c.tidy.Lock()
	r := c.Record("one", 0, 0, about)
	for _, f := range music(row, 100) {
		r.Add(f)
	}
	r.Drop()
	over, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	// The writer may be done before it comes to the lock: then there is nothing to
	// wait for.
	if err := c.Close(over); err != nil && !errors.Is(err, why) {
		t.Error(err)
	}
	c.tidy.Unlock()
	ended(t, c)
}

func TestTakingAFrameAllocatesNothing(t *testing.T) {
	o := settings(t)
	o.Max = 64 << 20
	c := New(o)
	r := c.Record("one", 0, 0, about)
	f := music(1, 300)[0]
	n := testing.AllocsPerRun(rows*row/2, func() {
		if !r.Add(f) {
			t.Fatal("refused")
		}
	})
	// The writer's own, once a file: spread over the frames they are none.
	if n >= 1 {
		t.Errorf("%v a frame", n)
	}
	r.Drop()
	ended(t, c)
}
