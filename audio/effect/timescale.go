package effect

import (
	"math"

	"segue/audio"
)

// A timescale changes speed, pitch and rate as SoundTouch does: the tempo by
// speed/pitch, what comes of it is played at rate*pitch. Off, it adds nothing and
// holds nothing back; switched on and off it goes on with the very sample it has
// come to.
type timescale struct {
	on      bool
	wanted  bool
	stretch stretcher
	rate    rater
	past    [rateReach * audio.Channels]float32 // the last samples heard while off
	in      []float32                           // scratch for a block
}

// factors are those of the two parts; 1, 1 if off.
func (t Timescale) factors() (tempo, rate float64) {
	if !t.On {
		return 1, 1
	}
	bounded := func(v float64) float64 { return max(slowest, min(fastest, v)) }
	tempo, rate = bounded(t.Speed/t.Pitch), bounded(t.Rate*t.Pitch)
	if math.Abs(tempo-1) < 1e-9 {
		tempo = 1 // 1.2/1.2 and the like
	}
	return tempo, rate
}

// aim makes for new settings, at once if jump.
func (t *timescale) aim(s Timescale, jump bool) {
	tempo, rate := s.factors()
	t.wanted = tempo != 1 || rate != 1
	if jump {
		t.on = false
	}
	if !t.on {
		if !t.wanted {
			t.release()
			return
		}
		start := 1.0
		if jump {
			start = rate
		}
		if t.in == nil {
			t.in = make([]float32, block*audio.Channels)
		}
		t.on = true
		t.stretch.reset()
		t.rate.reset(start, t.past[:])
	}
	t.stretch.aim(tempo)
	t.rate.aim(rate)
}

// reset forgets what was heard.
func (t *timescale) reset(s Timescale) {
	clear(t.past[:])
	t.aim(s, true)
}

// process appends what becomes of at most a block. It is for while it is on.
func (t *timescale) process(dst, src []float32) []float32 {
	t.stretch.put(src)
	for {
		a, b := t.stretch.next()
		if len(a) == 0 {
			break
		}
		dst = t.play(t.play(dst, a), b)
	}
	if !t.wanted && t.stretch.tempo == 1 && t.rate.direct() {
		t.rate.tail(t.past[:])
		t.on = false
		t.release()
	}
	return dst
}

// release lets go of the memory it takes when it is on.
func (t *timescale) release() { t.stretch, t.rate, t.in = stretcher{}, rater{}, nil }

// play brings what has its tempo to its rate.
func (t *timescale) play(dst, pcm []float32) []float32 {
	for len(pcm) > 0 {
		n := min(len(pcm), ratePiece*audio.Channels)
		t.rate.put(pcm[:n])
		dst = t.rate.take(dst)
		pcm = pcm[n:]
	}
	return dst
}

// remember keeps the last of src, which is what the filter begins with.
func (t *timescale) remember(src []float32) {
	if n := len(t.past) - len(src); n > 0 {
		copy(t.past[:n], t.past[len(src):])
		copy(t.past[n:], src)
		return
	}
	copy(t.past[:], src[len(src)-len(t.past):])
}

// trails is by how many samples of input the next sample to be given is behind the
// last one taken.
func (t *timescale) trails() float64 {
	if !t.on {
		return 0
	}
	return float64(t.stretch.samples()) - t.stretch.want + t.rate.pending()*t.stretch.tempo
}
