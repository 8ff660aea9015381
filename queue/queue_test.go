package queue_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"segue/music"
	"segue/queue"
)

// of makes a queue of tracks named by their letters.
func of(limit int, letters string) *queue.Queue {
	q := queue.New(limit)
	add(q, letters)
	return q
}

func add(q *queue.Queue, letters string) {
	for _, l := range letters {
		if _, err := q.Add(1, music.Track{Title: string(l)}); err != nil {
			panic(err)
		}
	}
}

// show is "current|up next|history" in letters, - for none.
func show(q *queue.Queue) string {
	letters := func(es ...queue.Entry) string {
		var b strings.Builder
		for _, e := range es {
			b.WriteString(e.Track.Title)
		}
		return b.String()
	}
	now := "-"
	if e, ok := q.Current(); ok {
		now = letters(e)
	}
	return now + "|" + letters(q.Up()...) + "|" + letters(q.History()...)
}

func TestOrderOfPlay(t *testing.T) {
	for _, c := range []struct {
		name string
		loop queue.Loop
		on   string
		do   string // a advance, s skip, 3 skip three, f finish, c clear
		want string
	}{
		{"nothing", queue.LoopOff, "", "a", "-||"},
		{"skip nothing", queue.LoopQueue, "", "s", "-||"},
		{"first", queue.LoopOff, "abc", "a", "a|bc|"},
		{"in order", queue.LoopOff, "abc", "aaa", "c||ba"},
		{"to the end", queue.LoopOff, "abc", "aaaa", "-||cba"},
		{"skip", queue.LoopOff, "abc", "as", "b|c|a"},
		{"skipped over is not heard", queue.LoopOff, "abcde", "a3", "d|e|a"},
		{"skip too far", queue.LoopOff, "abc", "a9", "-||a"},
		{"finish begins nothing", queue.LoopOff, "abc", "af", "-|bc|a"},
		{"finish a loop", queue.LoopTrack, "abc", "af", "-|bc|a"},
		{"clear keeps the current", queue.LoopOff, "abc", "ac", "a||"},
		{"a looped track comes again", queue.LoopTrack, "abc", "aaaa", "a|bc|"},
		{"a looped track can be skipped", queue.LoopTrack, "abc", "aas", "b|c|a"},
		{"a looped queue goes round", queue.LoopQueue, "abc", "aaaa", "a|bc|cba"},
		{"a looped queue of one", queue.LoopQueue, "a", "aaa", "a||aa"},
		{"a looped queue keeps what is skipped over", queue.LoopQueue, "abcd", "a3", "d|abc|a"},
		{"all round", queue.LoopQueue, "abcd", "a9", "a|bcd|a"},
		{"an unknown loop is none", 99, "ab", "aaa", "-||ba"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := of(0, c.on)
			q.SetLoop(c.loop)
			for _, step := range c.do {
				next, ok := q.Peek()
				var e queue.Entry
				var more bool
				switch step {
				case 'a':
					e, more = q.Advance()
					if more != ok || e != next {
						t.Errorf("Peek said %v, %v; Advance gave %v, %v", next, ok, e, more)
					}
				case 's':
					e, more = q.Skip(0)
				case 'f':
					q.Finish()
					continue
				case 'c':
					q.Clear()
					continue
				default:
					e, more = q.Skip(int(step - '0'))
				}
				if now, ok := q.Current(); ok != more || now != e {
					t.Errorf("given %v, %v; current %v, %v", e, more, now, ok)
				}
			}
			if got := show(q); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLimitIsAllOrNothing(t *testing.T) {
	q := of(3, "ab")
	_, err := q.Add(1, music.Track{Title: "c"}, music.Track{Title: "d"})
	e, ok := errors.AsType[*music.Error](err)
	if !ok || e.Kind != music.Limit || e.Code != "queue.full" || !reflect.DeepEqual(e.Args, []any{3, 1}) {
		t.Fatalf("got %v %v", err, e)
	}
	if got := show(q); got != "-|ab|" {
		t.Errorf("half of it was queued: %s", got)
	}
	add(q, "c")
	q.Advance() // the current one does not count
	add(q, "d")
	if got := show(q); got != "a|bcd|" {
		t.Errorf("got %s", got)
	}
}

func TestIdsAreNeverReused(t *testing.T) {
	q := of(0, "abc")
	last := q.Up()[2].ID
	q.Remove(last)
	q.Clear()
	if es, _ := q.Add(1, music.Track{}, music.Track{}); es[0].ID <= last || es[1].ID <= es[0].ID {
		t.Errorf("after %d came %v", last, es)
	}
}

func TestRemove(t *testing.T) {
	q := of(0, "abcd")
	q.Advance()
	up := q.Up()
	now, _ := q.Current()
	for _, id := range []queue.EntryID{up[1].ID, now.ID} {
		if e, ok := q.Remove(id); !ok || e.ID != id {
			t.Errorf("got %v, %v", e, ok)
		}
		if _, ok := q.Remove(id); ok {
			t.Error("removed twice")
		}
	}
	if _, ok := q.Remove(0); ok {
		t.Error("removed what is no entry")
	}
	if got := show(q); got != "-|bd|" { // not heard, so not in history
		t.Errorf("got %s", got)
	}
}

func TestMove(t *testing.T) {
	for _, c := range []struct {
		from, to int
		want     string
	}{{0, 2, "bcad"}, {3, 0, "dabc"}, {1, 1, "abcd"}, {2, -5, "cabd"}, {0, 99, "bcda"}} {
		q := of(0, "abcd")
		if !q.Move(q.Up()[c.from].ID, c.to) {
			t.Fatal("not there")
		}
		if got := show(q); got != "-|"+c.want+"|" {
			t.Errorf("%d to %d: got %s, want %s", c.from, c.to, got, c.want)
		}
	}
	q := of(0, "ab")
	e, _ := q.Advance()
	if q.Move(e.ID, 0) || q.Move(99, 0) {
		t.Error("moved what is not up next")
	}
}

func TestShuffleUsesTheGivenRandomness(t *testing.T) {
	q := of(0, "abcdef")
	q.Advance()
	q.Shuffle(func(n int) int { return n - 1 }) // each stays
	if got := show(q); got != "a|bcdef|" {
		t.Errorf("got %s", got)
	}
	q.Shuffle(func(int) int { return 0 })
	if got := show(q); got != "a|cdefb|" {
		t.Errorf("got %s", got)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	q := queue.New(0)
	for i := range 200 {
		if _, err := q.Add(1, music.Track{Title: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		q.Advance()
	}
	if h := q.History(); len(h) != 50 || h[0].Track.Title != "198" || h[49].Track.Title != "149" {
		t.Errorf("%d kept, from %s", len(h), h[0].Track.Title)
	}
}

func TestWhatIsGivenOutIsACopy(t *testing.T) {
	q := of(0, "abc")
	q.Advance()
	q.Advance()
	before := show(q)
	added, _ := q.Add(1, music.Track{Title: "d"})
	for _, es := range [][]queue.Entry{q.Up(), q.History(), added, q.Snapshot().Up, q.Snapshot().History} {
		for i := range es {
			es[i].Track.Title = "X"
		}
	}
	if got, want := show(q), strings.Replace(before, "c|", "cd|", 1); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s := q.Snapshot()
	r := queue.Restore(s, 0)
	s.Up[0].Track.Title, s.History[0].Track.Title = "X", "X"
	if show(r) != show(q) {
		t.Errorf("restored %s, want %s", show(r), show(q))
	}
}

func TestRestoreHealsWhatIsDamaged(t *testing.T) {
	e := func(id queue.EntryID, title string) queue.Entry {
		return queue.Entry{ID: id, Track: music.Track{Title: title}}
	}
	q := queue.Restore(queue.Snapshot{
		Loop: 77, Last: 3, Current: e(5, "a"),
		Up:      []queue.Entry{e(5, "b"), e(0, "c"), e(9, "d")},
		History: slices.Repeat([]queue.Entry{e(5, "h")}, 60),
	}, 1)
	if q.Loop() != queue.LoopOff || q.Len() != 3 || len(q.History()) != 50 {
		t.Errorf("loop %v, %d up, %d heard", q.Loop(), q.Len(), len(q.History()))
	}
	seen := map[queue.EntryID]bool{0: true, 5: true}
	for _, e := range q.Up() {
		if seen[e.ID] {
			t.Errorf("id %d twice", e.ID)
		}
		seen[e.ID] = true
	}
	if _, err := q.Add(1, music.Track{}); err == nil {
		t.Error("added beyond the limit")
	}
	q.Clear()
	if es, _ := q.Add(1, music.Track{}); seen[es[0].ID] {
		t.Errorf("id %d was used before", es[0].ID)
	}
}

func TestLoopsHaveNames(t *testing.T) {
	for l, want := range map[queue.Loop]string{queue.LoopOff: "off", queue.LoopTrack: "track", queue.LoopQueue: "queue", 9: "off"} {
		if l.String() != want {
			t.Errorf("got %s, want %s", l, want)
		}
	}
}

// FuzzQueue does what the bytes say and looks whether the queue is still one.
func FuzzQueue(f *testing.F) {
	f.Add([]byte("\x00\x00\x00aaaassss"))
	f.Add([]byte{0, 0, 0, 1, 9, 2, 10, 3, 4, 1, 1, 1})
	f.Add([]byte{8, 2, 0, 0, 1, 2, 250, 1, 1, 12, 11, 1})
	f.Fuzz(func(t *testing.T, steps []byte) {
		const limit = 7
		q := queue.New(limit)
		given := map[queue.EntryID]bool{}
		for i := 0; i < len(steps); i++ {
			arg := 0
			if i+1 < len(steps) {
				arg = int(int8(steps[i+1]))
			}
			up := q.Up()
			some := queue.EntryID(arg)
			if len(up) > 0 {
				some = up[((arg%len(up))+len(up))%len(up)].ID
			}
			switch steps[i] % 13 {
			case 0, 7:
				es, err := q.Add(1, make([]music.Track, max(arg, 0)%4)...)
				if err != nil && len(up)+max(arg, 0)%4 <= limit {
					t.Fatalf("no room with %d up", len(up))
				}
				for _, e := range es {
					if given[e.ID] {
						t.Fatalf("id %d given twice", e.ID)
					}
					given[e.ID] = true
				}
			case 1:
				want, more := q.Peek()
				if got, ok := q.Advance(); got != want || ok != more {
					t.Fatalf("Peek %v, Advance %v", want, got)
				}
			case 2:
				q.Skip(arg)
			case 3:
				q.Remove(some)
			case 4:
				if q.Move(some, arg) && len(q.Up()) != len(up) {
					t.Fatal("moving lost something")
				}
			case 5:
				q.Clear()
			case 6:
				q.Finish()
			case 8, 9, 10:
				q.SetLoop(queue.Loop(arg))
			case 11:
				q.Shuffle(func(n int) int { return (arg + 128) % n })
			case 12:
				was := q.Snapshot()
				q = queue.Restore(was, limit)
				if now := q.Snapshot(); fmt.Sprint(now) != fmt.Sprint(was) {
					t.Fatalf("restored\n%v, was\n%v", now, was)
				}
			}
			whole(t, q, limit, given)
		}
	})
}

func whole(t *testing.T, q *queue.Queue, limit int, given map[queue.EntryID]bool) {
	t.Helper()
	seen := map[queue.EntryID]bool{}
	all := q.Up()
	if e, ok := q.Current(); ok {
		all = append(all, e)
	}
	for _, e := range all {
		if seen[e.ID] || !given[e.ID] {
			t.Fatalf("entry %d is twice there, or from nowhere", e.ID)
		}
		seen[e.ID] = true
	}
	if q.Len() > limit || q.Len() != len(q.Up()) || len(q.History()) > 50 {
		t.Fatalf("%d up, %d heard", q.Len(), len(q.History()))
	}
}
