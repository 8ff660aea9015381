package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A bar shows on a terminal how far something has come. Without a terminal it
// shows nothing.
type bar struct {
	w     io.Writer
	width func() int // of the terminal in columns; nil, or 0, if there is none
	start time.Time
	shown time.Time
	drawn int // columns of what stands there
}

// between is how often the bar is drawn anew.
const between = 100 * time.Millisecond

func newBar(w world) *bar {
	return &bar{w: w.stderr, width: w.columns, start: time.Now()}
}

// update shows that done of total is done; total 0 is unknown.
func (b *bar) update(done, total time.Duration) {
	if b.width == nil || time.Since(b.shown) < between {
		return
	}
	width := b.width()
	if width <= 1 {
		return
	}
	b.shown = time.Now()
	line := barLine(done, total, time.Since(b.start), width-1) // the last column may wrap
	fmt.Fprintf(b.w, "\r%s%s", line, strings.Repeat(" ", max(0, min(b.drawn, width-1)-len(line))))
	b.drawn = len(line)
}

// clear takes the bar away.
func (b *bar) clear() {
	if b.drawn > 0 {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", b.drawn))
		b.drawn = 0
	}
}

// barLine is the bar in at most width columns: where it is, how fast it goes, how
// much time is left.
func barLine(done, total, taken time.Duration, width int) string {
	speed := 0.0
	if taken > 0 {
		speed = done.Seconds() / taken.Seconds()
	}
	left, right := shortTime(done), fmt.Sprintf("%.1fx", speed)
	if total > 0 {
		done = min(done, total)
		left += " of " + shortTime(total)
		if speed > 0 {
			right += fmt.Sprintf("  %s left", shortTime(time.Duration(float64(total-done)/speed)))
		}
	}
	room := width - len(left) - len(right) - len("  []  ")
	if total <= 0 || room < 8 {
		line := left + "  " + right
		return line[:min(len(line), width)]
	}
	room = min(room, 60)
	full := int(int64(room) * int64(done/time.Millisecond) / max(1, int64(total/time.Millisecond)))
	return fmt.Sprintf("%s  [%s%s]  %s", left, strings.Repeat("#", full), strings.Repeat("-", room-full), right)
}

// shortTime is 1:02:03 or 2:03.
func shortTime(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
