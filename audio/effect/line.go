package effect

import "segue/audio"

// A line remembers the last samples of both channels.
type line struct {
	pcm  []float32 // around; a power of two
	next int       // where the next value goes
}

// newLine remembers at least n samples per channel.
func newLine(n int) line {
	size := 4
	for size < n*audio.Channels {
		size *= 2
	}
	return line{pcm: make([]float32, size)}
}

func (d *line) reset() {
	clear(d.pcm)
	d.next = 0
}

// put adds a sample. What is next to nothing becomes nothing: a sum with something
// a little larger rounds it away.
func (d *line) put(l, r float32) {
	const c = 1e-15
	d.pcm[d.next], d.pcm[d.next+1] = (l+c)-c, (r+c)-c
	d.next = (d.next + audio.Channels) & (len(d.pcm) - 1)
}

// at is the value of a channel so many samples before the last one put.
func (d *line) at(late, channel int) float32 {
	return d.pcm[(d.next-audio.Channels*(late+1)+channel)&(len(d.pcm)-1)]
}

// between is at for any time of one sample or more ago, by Hermite's cubic through
// four neighbours.
func (d *line) between(late float32, channel int) float32 {
	n := int(late)
	x := 1 - (late - float32(n)) // from the older neighbour to the younger
	mask := len(d.pcm) - 1
	i := d.next - audio.Channels*(n+3) + channel
	a, b := d.pcm[i&mask], d.pcm[(i+2)&mask]
	c, e := d.pcm[(i+4)&mask], d.pcm[(i+6)&mask]
	c1 := (c - a) / 2
	c2 := a - 2.5*b + 2*c - e/2
	c3 := (e-a)/2 + 1.5*(b-c)
	return ((c3*x+c2)*x+c1)*x + b
}

// grow makes the line remember n samples per channel and keeps those it has.
func (d *line) grow(n int) {
	if n*audio.Channels <= len(d.pcm) {
		return
	}
	was := *d
	*d = newLine(n)
	k := copy(d.pcm, was.pcm[was.next:])
	d.next = k + copy(d.pcm[k:], was.pcm[:was.next])
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
