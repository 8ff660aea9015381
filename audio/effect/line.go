package effect

import "segue/audio"

// A line remembers the last samples of both channels.
type line struct {
	pcm  []float32 // around
	next int       // where the next value goes
}

// newLine remembers n samples per channel, four or more.
func newLine(n int) line { return line{pcm: make([]float32, n*audio.Channels)} }

func (d *line) reset() {
	clear(d.pcm)
	d.next = 0
}

// put adds a sample. What is next to nothing becomes nothing: a sum with something
// a little larger rounds it away.
func (d *line) put(l, r float32) {
	const c = 1e-15
	d.pcm[d.next], d.pcm[d.next+1] = (l+c)-c, (r+c)-c
	if d.next += audio.Channels; d.next == len(d.pcm) {
		d.next = 0
	}
}

// at is the value of a channel so many samples before the last one put.
func (d *line) at(late, channel int) float32 {
	i := d.next - audio.Channels*(late+1)
	if i < 0 {
		i += len(d.pcm)
	}
	return d.pcm[i+channel]
}

// between is at for any time of one sample or more ago, by Hermite's cubic through
// four neighbours.
func (d *line) between(late float32, channel int) float32 {
	n := int(late)
	x := 1 - (late - float32(n)) // from the older neighbour to the younger
	a, b, c, e := d.at(n+2, channel), d.at(n+1, channel), d.at(n, channel), d.at(n-1, channel)
	c1 := (c - a) / 2
	c2 := a - 2.5*b + 2*c - e/2
	c3 := (e-a)/2 + 1.5*(b-c)
	return ((c3*x+c2)*x+c1)*x + b
}

// grow makes the line remember n samples per channel and keeps those it has. They
// begin softly: the oldest, as many as a glide has, must not be needed any more.
func (d *line) grow(n int) {
	if n*audio.Channels <= len(d.pcm) {
		return
	}
	was := *d
	*d = newLine(n)
	k := copy(d.pcm, was.pcm[was.next:])
	d.next = k + copy(d.pcm[k:], was.pcm[:was.next])
	var in swell
	for i := 0; i+1 < d.next && in.at < glide; i += audio.Channels {
		g := in.step()
		d.pcm[i] *= g
		d.pcm[i+1] *= g
	}
}

// A swell is the way in for what is remembered longer than a cross-fade lasts: it
// begins softly, or where it begins would be heard when its time comes.
type swell struct{ at int }

// step is the share that is let in.
func (s *swell) step() float32 {
	if s.at == glide {
		return 1
	}
	s.at++
	return float32(ease(float64(s.at) / glide))
}

// A tap is a place on a line that changes by a cross-fade.
type tap struct {
	was, now, next float32 // samples late
	at             int     // of the cross-fade
}

// aim makes the place change. While it still changes, the latest wish waits.
func (t *tap) aim(late float32) { t.next = late }

// jump is there at once.
func (t *tap) jump() { t.was, t.now, t.at = t.next, t.next, glide }

// step moves on by a sample and gives the share of the new place.
func (t *tap) step() float32 {
	if t.at >= glide {
		if t.next == t.now {
			return 1
		}
		t.was, t.now, t.at = t.now, t.next, 0
	}
	t.at++
	return float32(ease(float64(t.at) / glide))
}
