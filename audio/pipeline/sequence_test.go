package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

// A sequence is all that can be asked of Pumps that follow each other, in an order
// that bytes say, with the stand-in codec. What comes out is looked at frame by
// frame: where nothing audible was asked for within the last moments it has to be
// the music to the bit, in order, at the gain that is wanted; elsewhere it may make
// no step that no fade explains, and has to go on where it should.

// glitter are effects that stop changing things soon after they are off.
func glitter(n int) effect.Settings {
	d := effect.Defaults()
	return []effect.Settings{
		{Equalizer: effect.Equalizer{0.2, 0.1, -0.1}},
		{Tremolo: d.Tremolo},
		{Karaoke: d.Karaoke},
		{LowPass: d.LowPass},
		{Rotation: d.Rotation},
		{Chorus: d.Chorus},
		{Vibrato: d.Vibrato},
		{Timescale: effect.Timescale{On: true, Speed: 1.2, Pitch: 1, Rate: 1}},
		{Timescale: effect.Timescale{On: true, Speed: 1, Pitch: 0.8, Rate: 1.1}},
	}[n]
}

// A deck is a track being played.
type deck struct {
	*track
	pump *Pump
}

// A sequence plays.
type sequence struct {
	t        *testing.T
	ctx      context.Context
	dice     dice
	all      []byte  // that it had
	decks    []*deck // the one heard, and maybe the one parked
	tracks   int     // ever begun
	left     int     // tracks that may still begin
	heard    hearing
	want     effect.Settings
	fade     int64 // samples
	held     bool  // is wanted
	told     int   // frame at which that was asked
	cut      bool
	overlap  int64 // -1: nothing follows
	most     int64 // that was ever said of this deck
	followed int   // frame at which that was said
	log      []string
}

func (q *sequence) fail(format string, args ...any) {
	q.t.Helper()
	q.t.Fatalf("%s\n%v\nplay(t, []byte(%+q))", fmt.Sprintf(format, args...), q.log, q.all)
}

func (q *sequence) note(format string, args ...any) {
	q.log = append(q.log, fmt.Sprintf("%d:", q.heard.frames)+fmt.Sprintf(format, args...))
}

// play does what the bytes say, and then plays to the end.
func play(t *testing.T, bytes []byte) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		q := &sequence{t: t, ctx: ctx, dice: dice{bytes}, all: bytes, overlap: -1}
		q.heard = hearing{q: q, gain: 1, wild: -1, target: -1}
		q.left = 1 + q.dice.roll(3)
		q.fade = []int64{0, 240, 960, 4800}[q.dice.roll(4)]
		q.note("fade %d", q.fade)
		q.add(Start)
		q.heard.begin(q.decks[0].track, false)
		for len(q.dice.bytes) > 0 && len(q.decks) > 0 {
			q.act()
		}
		q.hold(false)
		for n := 0; len(q.decks) > 0; n++ {
			if n > 1000 {
				q.fail("it never ends")
			}
			q.tick()
		}
	})
}

// add begins the next track.
func (q *sequence) add(start func(context.Context, *Stream) *Pump) {
	k := newTrack(&q.dice, q.tracks)
	q.tracks++
	q.left--
	q.note("track %d: %s, %d packets, total %d, skip %d, trim %d, broken %v", q.tracks-1, k.name, len(k.lengths), k.total(), k.skip, k.trim, k.broken)
	o := Options{Settings: q.want, Fade: toTime(q.fade)}
	q.decks = append(q.decks, &deck{k, start(q.ctx, k.stream(o))})
}

// act does one thing.
func (q *sequence) act() {
	p := q.decks[0].pump
	switch op := q.dice.roll(16); op {
	case 0, 1, 2:
		for range 1 + q.dice.roll(10) {
			q.tick()
		}
	case 3:
		q.set(loud)
	case 4:
		q.set(neutral)
	case 5:
		q.set(effect.Settings{Volume: effect.Percent(50)})
	case 6:
		q.set(glitter(q.dice.roll(9)))
	case 7, 8:
		q.hold(op == 7)
	case 9, 10:
		q.seek(int64(q.dice.roll(256)) * q.decks[0].total() / []int64{255, 200}[op-9])
	case 11:
		q.follow([]int64{0, 0, 1, 960, 4800, 20000}[q.dice.roll(6)])
	case 12:
		q.note("nothing follows")
		p.Follow(nil, 0)
		q.overlap = -1
	case 13:
		q.fade = []int64{0, 240, 960, 4800, 9600}[q.dice.roll(5)]
		q.note("cut within %d", q.fade)
		p.Cut(toTime(q.fade))
		q.fades()
		q.cut = true
		q.heard.jumps(q.fade)
		if q.overlap < 0 {
			q.held, q.told = true, q.heard.frames
		}
	case 14:
		q.fade = []int64{0, 240, 960, 4800}[q.dice.roll(4)]
		q.note("fade %d", q.fade)
		q.fades()
	case 15: // on and off
		for range 1 + q.dice.roll(6) {
			q.set([]effect.Settings{loud, neutral}[q.dice.roll(2)])
			q.tick()
			if len(q.decks) == 0 {
				return
			}
		}
	}
}

// fades tells all decks how long fades are from now on.
func (q *sequence) fades() {
	for _, d := range q.decks {
		d.pump.Fade(toTime(q.fade))
	}
	if q.heard.frames < q.heard.clear { // a seek may not have begun
		q.heard.disturb(q.fade)
	}
}

func (q *sequence) set(e effect.Settings) {
	changed := []byte(nil)
	if e != (effect.Settings{}) {
		changed, _ = json.Marshal(e)
	}
	q.note("want %s", changed)
	for _, d := range q.decks {
		d.pump.stream.Want(e)
	}
	q.heard.aims(q.want, e)
	q.want = e
}

func (q *sequence) hold(on bool) {
	if q.held == on || q.cut || len(q.decks) == 0 {
		return
	}
	q.note("hold %v", on)
	q.decks[0].pump.Hold(on)
	q.held, q.told = on, q.heard.frames
	q.heard.disturb(q.fade)
}

func (q *sequence) seek(to int64) {
	synctest.Wait()
	d, landed := q.decks[0], make(chan error, 1)
	q.note("seek to %d", to)
	ends := q.heard.near(q.heard.i)
	q.heard.jumps(q.fade)
	q.heard.target, q.told = to, q.heard.frames
	ctx, cancel := context.WithTimeout(q.ctx, time.Minute)
	defer cancel()
	go func() { landed <- d.pump.Seek(ctx, toTime(to)) }()
	synctest.Wait()
	for len(landed) == 0 { // until the seek before is done
		q.tick()
		synctest.Wait()
	}
	err := <-landed
	q.note("%v", err)
	switch {
	case len(q.decks) == 0 || q.decks[0] != d: // the music ended before
	case err == nil:
		q.heard.jumps(q.fade)
		q.heard.target = to
		if ends || q.heard.near(to) {
			q.heard.abrupt = q.heard.clear
		}
	case !errors.Is(err, ErrEnded) && !((d.broken || q.cut) && errors.Is(err, audio.ErrNotSeekable)):
		q.fail("seek: %v", err)
	}
}

func (q *sequence) follow(overlap int64) {
	if len(q.decks) == 1 {
		if q.left == 0 {
			return
		}
		q.add(Park)
	}
	q.note("follow with %d", overlap)
	q.decks[0].pump.Follow(q.decks[1].pump, toTime(overlap))
	q.overlap, q.most, q.followed = overlap, max(q.most, overlap), q.heard.frames
}

// tick takes a frame, or notes that there is none and why.
func (q *sequence) tick() {
	for len(q.decks) > 0 {
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		d := q.decks[0]
		f, ok := d.pump.Take()
		if ok {
			q.heard.frame(f)
			q.late()
			return
		}
		synctest.Wait()
		if d.pump.Ended() {
			q.next()
			continue
		}
		if !q.held || !d.pump.Held() {
			q.fail("no frame; hold wanted: %v, held: %v", q.held, d.pump.Held())
		}
		return
	}
}

// late fails if a hold takes too long.
func (q *sequence) late() {
	since := int64(q.heard.frames - q.told)
	if most := shallow + 12 + q.heard.slowest/frameSamples; q.held && since > most {
		q.fail("still not held after %d frames", since)
	}
}

// next goes on to the track that follows.
func (q *sequence) next() {
	d := q.decks[0]
	if err := d.pump.Err(); !errors.Is(err, errBroken) && (err != nil || d.broken && !q.cut) {
		q.fail("track ended with %v", err)
	}
	q.note("ended")
	q.heard.end(q.cut, q.most) // what was said last may have come too late
	if err := d.pump.Close(); err != nil {
		q.fail("close: %v", err)
	}
	q.decks = q.decks[1:]
	smooth := (q.overlap > 0 || q.overlap == 0 && q.cut) && q.heard.frames-q.followed > shallow+2 && !d.broken && !q.decks[0].broken
	q.cut, q.overlap, q.most, q.held = false, -1, 0, false
	if len(q.decks) == 0 {
		if q.left == 0 {
			return
		}
		q.add(Start)
	}
	q.decks[0].pump.Go() // unless it has
	q.heard.begin(q.decks[0].track, smooth)
}
