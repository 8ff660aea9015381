package effect

import (
	"math"

	"segue/audio"
)

// karaoke is lavadsp's: the other channel is taken away, and a band of both put
// back, so that the bass stays:
//
//	left = l - level r + level monoLevel y, right = r - level l + level monoLevel y
//	y = A (l+r)/2 - B y[-1] - C y[-2]
//	C = exp(-2 pi width/fs), B = -4C/(1+C) cos(2 pi band/fs), A = sqrt(1 - B^2/4C) (1-C)
type karaoke struct{ y1, y2 float64 }

func newKaraoke() kernel { return &karaoke{} }

func (s *Settings) karaokeParams() (on bool, p params) {
	k := s.Karaoke
	c := min(math.Exp(-2*math.Pi*k.FilterWidth/audio.SampleRate), 1-1e-9)
	b := -4 * c / (1 + c) * math.Cos(2*math.Pi*k.FilterBand/audio.SampleRate)
	a := math.Sqrt(max(1-b*b/(4*c), 0)) * (1 - c)
	return k.On, params{k.Level, k.Level * k.MonoLevel, a, b, c}
}

func (k *karaoke) reset() { *k = karaoke{} }
func (k *karaoke) flush() { k.y1, k.y2 = settle(k.y1), settle(k.y2) }

func (k *karaoke) run(pcm []float32, p *params) {
	level, keep, a, b, c := p[0], p[1], p[2]/2, p[3], p[4]
	y1, y2 := k.y1, k.y2
	for i := 0; i+1 < len(pcm); i += 2 {
		l, r := float64(pcm[i]), float64(pcm[i+1])
		y := a*(l+r) - b*y1 - c*y2
		y2, y1 = y1, y
		pcm[i], pcm[i+1] = float32(l-r*level+keep*y), float32(r-l*level+keep*y)
	}
	k.y1, k.y2 = y1, y2
}
