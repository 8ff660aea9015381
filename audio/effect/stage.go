package effect

import "segue/audio"

const (
	// glide is how many samples per channel a change takes: 24 ms.
	glide = 1152
	// block is how many samples per channel are worked on at a time.
	block = audio.FrameSamples

	maxParams = Bands
	tiny      = 1e-20 // state below this is silence; denormals would cost 28 times
)

// params are the numbers a kernel works by. Half way between two sets of them must
// be good ones too.
type params [maxParams]float64

// A kernel is an effect at full strength. It changes as many samples as it is given.
type kernel interface {
	// run changes pcm in place.
	run(pcm []float32, p *params)
	// flush turns state next to nothing into nothing.
	flush()
	// reset forgets what was heard.
	reset()
}

// A linear kernel makes a sum of things, each times one of its params: none of it if
// all are 0. It moves them itself, which takes far less time than run for every
// sample.
type linear interface {
	// move is run with params that go straight from one set to another.
	move(pcm []float32, from, to *params)
}

// A stage has one effect in a chain: it blends it in and out, and moves its params.
type stage struct {
	k        kernel
	from, to params
	now      params
	wetFrom  float64
	wetTo    float64
	wet      float64 // share of what the kernel makes
	at       int     // samples of the glide done; glide when it is over
}

// active reports whether the stage changes anything.
func (s *stage) active() bool { return s.wet != 0 || s.at < glide }

// aim makes the stage glide to an effect with those params, or to none; at once if
// jump. The kernel must be there if it is on.
func (s *stage) aim(on bool, p params, jump bool) {
	wet := 0.0
	if on {
		wet = 1
	} else {
		p = s.to
	}
	if on && (jump || !s.active()) {
		s.k.reset()
		s.now, s.to = p, p
	}
	if jump {
		s.wet, s.wetTo, s.at = wet, wet, glide
		return
	}
	if wet == s.wetTo && p == s.to {
		return
	}
	s.from, s.to = s.now, p
	s.wetFrom, s.wetTo, s.at = s.wet, wet, 0
}

// process changes pcm in place.
func (s *stage) process(pcm []float32) {
	if !s.active() {
		return
	}
	if k, ok := s.k.(linear); ok {
		pcm = s.slide(k, pcm)
	}
	for s.at < glide && len(pcm) > 1 {
		s.step(1)
		l, r := pcm[0], pcm[1]
		s.k.run(pcm[:audio.Channels], &s.now)
		wet := float32(s.wet)
		pcm[0], pcm[1] = l+wet*(pcm[0]-l), r+wet*(pcm[1]-r)
		pcm = pcm[audio.Channels:]
	}
	if s.wet != 0 && len(pcm) > 1 {
		s.k.run(pcm, &s.now)
	}
	if !s.active() {
		s.k = nil
	} else if s.k != nil {
		s.k.flush()
	}
}

// slide does what there is of a glide, in short straight lines, and returns the rest.
func (s *stage) slide(k linear, pcm []float32) []float32 {
	const line = 32
	for s.at < glide && len(pcm) > 1 {
		n := min(line, glide-s.at, len(pcm)/audio.Channels)
		from := s.scaled()
		s.step(n)
		to := s.scaled()
		k.move(pcm[:n*audio.Channels], &from, &to)
		pcm = pcm[n*audio.Channels:]
	}
	return pcm
}

// scaled is the params of a linear kernel times the share that is heard.
func (s *stage) scaled() (p params) {
	for i, v := range s.now {
		p[i] = v * s.wet
	}
	return p
}

// step moves on by n samples of the glide, softly at both ends.
func (s *stage) step(n int) {
	s.at += n
	if s.at == glide {
		s.now, s.wet = s.to, s.wetTo
		return
	}
	t := ease(float64(s.at) / glide)
	for i := range s.now {
		s.now[i] = s.from[i] + (s.to[i]-s.from[i])*t
	}
	s.wet = s.wetFrom + (s.wetTo-s.wetFrom)*t
}

// reset ends the glide and forgets what was heard.
func (s *stage) reset() {
	s.now, s.wet, s.at = s.to, s.wetTo, glide
	if s.k != nil {
		s.k.reset()
	}
}

// ease goes from 0 to 1 as t does, softly at both ends.
func ease(t float64) float64 { return t * t * (3 - 2*t) }

// settle is v, or 0 if it is next to nothing.
func settle(v float64) float64 {
	if v < tiny && v > -tiny {
		return 0
	}
	return v
}
