package pipeline

import (
	"errors"
	"slices"

	"segue/audio"
)

// A tail is music that has been left and is heard for a little longer, with what
// comes after it.
type tail struct {
	from puller
	fade slide
	left int64     // samples still to be heard
	pcm  []float32 // scratch
}

// trailing is for how many samples tails go on.
func (c *coder) trailing() (samples int64) {
	for _, t := range c.tails {
		samples = max(samples, t.left)
	}
	return samples
}

// A puller gives music without waiting for it.
type puller interface {
	// pull fills dst with whole samples, and reports how many floats of it; fewer
	// than there are when the music is at its end or not to be had.
	pull(dst []float32) int
}

// add mixes what is left into pcm.
func (t *tail) add(pcm []float32) {
	n := int(min(t.left*audio.Channels, int64(len(pcm))))
	if cap(t.pcm) < n {
		t.pcm = make([]float32, n, most*audio.Channels)
	}
	got := t.from.pull(t.pcm[:n])
	heard := t.pcm[:got]
	t.fade.fade(heard)
	for i, v := range heard {
		pcm[i] += v
	}
	if t.left -= int64(n / audio.Channels); got < n || t.fade.shut() {
		t.left = 0
	}
}

// over reports whether nothing is left.
func (t *tail) over() bool { return t.left <= 0 }

// taped is music that has been decoded.
type taped struct{ pcm []float32 }

func (t *taped) pull(dst []float32) int {
	n := copy(dst, t.pcm)
	t.pcm = t.pcm[n:]
	return n
}

// pull gives what s would have played next, faded as that is and before all effects.
func (s *Stream) pull(dst []float32) int {
	n, err := guarded(func() (int, error) { return s.pullDecoded(dst) })
	if err != nil {
		return 0
	}
	return n
}

func (s *Stream) pullDecoded(dst []float32) (int, error) {
	c := s.coder
	if err := s.fill(int64(len(dst) / audio.Channels)); err != nil {
		return 0, err
	}
	n := copy(dst, c.pcm[c.head:])
	c.head += n
	c.at += int64(n / audio.Channels)
	if more := int(c.trailing()) * audio.Channels; n < len(dst) && more > 0 && !errors.Is(s.ended, errLate) {
		more = min(n+more, len(dst))
		clear(dst[n:more])
		n = more
	}
	for part := range slices.Chunk(dst[:n], most*audio.Channels) {
		c.blend(part)
	}
	c.compact()
	c.passed(c.at, nil)
	return n, nil
}
