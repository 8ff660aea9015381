package docs_test

import (
	"fmt"
	"testing"
)

func flowPicture(t *testing.T) *picture {
	p := newPicture(860, 560, "The way of the sound from a file to the voice connection")
	p.text(20, 30, "start", "head", "From packets to frames")
	p.box(20, 50, 100, 50, "box", "media", "bytes")
	p.box(160, 50, 110, 50, "box", "demuxer", "packets")
	p.box(310, 50, 110, 50, "box", "framing", "to 20 ms, as is")
	p.box(460, 50, 130, 50, "box", "read ahead", "seconds of packets")
	p.arrow([2]float64{120, 75}, [2]float64{160, 75})
	p.arrow([2]float64{270, 75}, [2]float64{310, 75})
	p.arrow([2]float64{420, 75}, [2]float64{460, 75})
	p.box(650, 50, 180, 50, "soft", "passthrough", "Opus, and nothing to change")
	p.arrow([2]float64{590, 75}, [2]float64{650, 75})

	long := []struct {
		x, w  float64
		lines []string
	}{
		{12, 84, []string{"decode", "own rate"}},
		{112, 84, []string{"resample", "48 kHz"}},
		{212, 76, []string{"level", "of the piece"}},
		{304, 92, []string{"joins", "fades, tails"}},
		{412, 84, []string{"effects", "order below"}},
		{512, 84, []string{"layers", "over music"}},
		{612, 64, []string{"volume"}},
		{692, 72, []string{"limiter", "-1 dBTP"}},
		{780, 68, []string{"encode", "20 ms"}},
	}
	p.text(20, 170, "start", "head", "The long way, where something is to be changed or is not Opus")
	p.arrow([2]float64{535, 100}, [2]float64{535, 140}, [2]float64{620, 140}, [2]float64{620, 183}, [2]float64{4, 183}, [2]float64{4, 215}, [2]float64{12, 215})
	for i, b := range long {
		p.box(b.x, 190, b.w, 50, "warm", b.lines...)
		if i > 0 {
			p.arrow([2]float64{long[i-1].x + long[i-1].w, 215}, [2]float64{b.x, 215})
		}
	}
	p.text(410, 310, "start", "head", "The effects, in their order")
	names := order(t)
	for i, name := range names {
		x, y := 410+float64(i%4)*108, 325+float64(i/4)*38
		p.box(x, y, 98, 26, "box", fmt.Sprintf("%d %s", i+1, name))
	}

	p.box(20, 290, 130, 50, "box", "frames", "up to 3, 60 ms")
	p.box(20, 380, 130, 50, "box", "sender", "one every 20 ms")
	p.box(20, 470, 130, 50, "box", "voice connection", "DAVE, RTP, UDP")
	p.arrow([2]float64{814, 240}, [2]float64{814, 275}, [2]float64{85, 275}, [2]float64{85, 290})
	p.arrow([2]float64{830, 75}, [2]float64{855, 75}, [2]float64{855, 283}, [2]float64{120, 283}, [2]float64{120, 290})
	p.arrow([2]float64{85, 340}, [2]float64{85, 380})
	p.arrow([2]float64{85, 430}, [2]float64{85, 470})
	p.text(170, 319, "start", "small", "no more are made in advance, so that")
	p.text(170, 334, "start", "small", "what is changed is heard at once")
	p.text(170, 409, "start", "small", "takes, never waits")
	return p
}
