package effect

import (
	"math"

	"github.com/tphakala/simd/f32"

	"segue/audio"
)

const (
	overlap = 8 * audio.SampleRate / 1000 // samples cross-faded from one sequence to the next
	// Longer sequences are better when the music slows down, shorter ones when it
	// hastens: linear between the two tempos.
	slowTempo, fastTempo       = 0.5, 2.0
	longestSeq, shortestSeq    = 80 * audio.SampleRate / 1000, 40 * audio.SampleRate / 1000
	widestSearch, narrowSearch = 25 * audio.SampleRate / 1000, 15 * audio.SampleRate / 1000
	coarse                     = 6 // samples from one place looked at to the next
)

// A stretcher changes the tempo and not the pitch: it takes sequences of the music
// where the tempo wants them, or a little beside, where they fit what went before
// best, and cross-fades from one to the next (WSOLA, Verhelst and Roelands 1993,
// with SoundTouch's lengths). At tempo 1 it gives what it takes.
type stretcher struct {
	tempo float64
	pcm   []float32 // interleaved input
	at    int       // sample in pcm that would follow what was given
	want  float64   // sample in pcm the tempo wants next
	mixed []float32 // the last overlap
}

func (s *stretcher) reset() { s.pcm, s.at, s.want = s.pcm[:0], 0, 0 }

// aim sets the tempo from the next sequence on. It may allocate.
func (s *stretcher) aim(tempo float64) {
	if s.mixed == nil {
		s.mixed = make([]float32, overlap*audio.Channels)
	}
	s.tempo = tempo
	hop, search := lengths(tempo)
	// What a sequence needs after the place wanted, and what is kept before that: where
	// it goes on may be farther back, now or at the end of the sequence to come.
	after := max(float64(search/2+hop+overlap), float64(hop)*tempo)
	before := max(widestSearch, s.want-float64(s.at), float64(hop)*(tempo-1)+float64(search/2))
	room := int(after+before) + block + 3 // of which 3 are lost in rounding
	if room*audio.Channels > cap(s.pcm) {
		s.pcm = append(make([]float32, 0, room*audio.Channels), s.pcm...)
	}
}

// lengths is how much of a sequence is given before the next, and how far around
// its place is looked for a better one.
func lengths(tempo float64) (hop, search int) {
	t := (max(slowTempo, min(fastTempo, tempo)) - slowTempo) / (fastTempo - slowTempo)
	hop = longestSeq - int(t*(longestSeq-shortestSeq)) - overlap
	return hop, widestSearch - int(t*(widestSearch-narrowSearch))
}

// samples is how many are held.
func (s *stretcher) samples() int { return len(s.pcm) / audio.Channels }

// put takes at most a block of input.
func (s *stretcher) put(pcm []float32) {
	first := max(min(s.at, int(s.want)-widestSearch), 0)
	first = min(first, s.samples())
	s.pcm = s.pcm[:copy(s.pcm, s.pcm[first*audio.Channels:])]
	s.at -= first
	s.want -= float64(first)
	s.pcm = append(s.pcm, pcm...)
}

// next gives what follows, in two parts valid until put, and none if there is too
// little input.
func (s *stretcher) next() (a, b []float32) {
	if s.tempo == 1 {
		a = s.pcm[s.at*audio.Channels:]
		s.at = s.samples()
		s.want = float64(s.at)
		return a, nil
	}
	hop, search := lengths(s.tempo)
	from := max(int(math.Round(s.want))-search/2, 0)
	// Nothing is given before its time has come in, so that lengths are exact.
	due := int(math.Ceil(s.want + float64(hop)*s.tempo))
	if max(max(s.at, from+search+hop)+overlap, due) > s.samples() {
		return nil, nil
	}
	seam := s.pcm[s.at*audio.Channels : (s.at+overlap)*audio.Channels]
	p := s.fit(seam, from, from+search)
	for i := range overlap {
		w := (float32(i) + 0.5) / overlap
		for c := range audio.Channels {
			x := seam[i*audio.Channels+c]
			s.mixed[i*audio.Channels+c] = x + w*(s.pcm[(p+i)*audio.Channels+c]-x)
		}
	}
	s.at = p + hop
	s.want += float64(hop) * s.tempo
	return s.mixed, s.pcm[(p+overlap)*audio.Channels : s.at*audio.Channels]
}

// fit is the place from first to last whose music is most like the seam; a little
// less like is better if it is nearer to where the tempo wants it.
func (s *stretcher) fit(seam []float32, first, last int) int {
	best, most := first, math.Inf(-1)
	size := f32.DotProduct(seam, seam)
	reach := float64(last-first) / 2
	look := func(p int) {
		off := (float64(p) - s.want) / reach
		if l := (s.likeness(seam, p, size) + 0.1) * (1 - 0.25*off*off); l > most {
			best, most = p, l
		}
	}
	if s.at >= first && s.at < last {
		look(s.at)
	}
	for p := first; p < last; p += coarse {
		look(p)
	}
	for p, end := max(first, best-coarse+1), min(last, best+coarse); p < end; p++ {
		look(p)
	}
	return best
}

// likeness is the correlation of the seam, of that energy, with the music at p, -1
// to 1.
func (s *stretcher) likeness(seam []float32, p int, size float32) float64 {
	there := s.pcm[p*audio.Channels : p*audio.Channels+len(seam)]
	const silence = 1e-24
	e := float64(size) * float64(f32.DotProduct(there, there))
	return float64(f32.DotProduct(seam, there)) / math.Sqrt(e+silence)
}
