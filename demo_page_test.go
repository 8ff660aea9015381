package main

import (
	"testing"
)

// music is n frames that are not silent, numbered from first.
func numbered(first, n int) []float32 {
	pcm := make([]float32, n*frameValues)
	for i := range pcm {
		pcm[i] = float32(first + i/frameValues)
	}
	return pcm
}

func TestALongPauseDoesNotDelayWhatFollows(t *testing.T) {
	var c cushion
	c.put(make([]float32, 200*frameValues)) // four seconds at once, as a listener makes up for a pause
	c.put(numbered(1, 1))
	for i := range 100 {
		c.put(numbered(2+i, 1))
		if f := c.next(); f[0] == 1 {
			if i > cushionMost/frameValues {
				t.Errorf("the music begins %d ms late", 20*i)
			}
			return
		}
	}
	t.Error("the music never begins")
}

func TestLatePacketsLeaveNoHole(t *testing.T) {
	var c cushion
	heard, at := 0, 0
	for step := range 100 {
		if step%10 != 7 && step%10 != 8 && step%10 != 9 { // three in ten are late
			c.put(numbered(1+at, 1))
			at++
		} else if step%10 == 9 {
			c.put(numbered(1+at, 3))
			at += 3
		}
		f := c.next()
		switch {
		case heard == 0 && f[0] == 0: // it gathers
		case f[0] != float32(heard+1):
			t.Fatalf("step %d: frame %v after frame %d", step, f[0], heard)
		default:
			heard++
		}
	}
	if heard < 90 {
		t.Errorf("%d frames of 100 were heard", heard)
	}
	for range 20 {
		c.next()
	}
	if f := c.next(); f[0] != 0 || len(f) != frameValues {
		t.Error("after the music there is no silence")
	}
}
