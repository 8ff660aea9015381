package effect

import "segue/audio"

// reverb is Freeverb (Jezar at Dreampoint, public domain): eight damped combs side
// by side, then four all-passes, for each channel, the right ones a little longer.
//
//	comb:     y = x[-n]..., y fed back times room through a one-pole low-pass of damp
//	all-pass: H = (-1 + 1.5 z^-n) / (1 - 0.5 z^-n)
//	room = 0.7 + 0.28 roomSize, damp = 0.4 damping, input 0.015 (l+r)
//	wet  = 3 mix ((1+width)/2 own + (1-width)/2 other), dry = 1-mix
type reverb struct {
	combs [audio.Channels][len(combDelays)]comb
	all   [audio.Channels][len(allDelays)]ring
	in    [reverbPart]float32
	out   [audio.Channels][reverbPart]float32
	swell swell
}

// Delays are in samples at 44.1 kHz.
var (
	combDelays = [...]int{1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617}
	allDelays  = [...]int{556, 441, 341, 225}
)

const (
	spread      = 23 // samples at 44.1 kHz the right channel is later
	reverbInput = 0.015
	reverbWet   = 3
	reverbPart  = 240 // samples worked on at a time
)

// A ring is a delay.
type ring struct {
	pcm []float32
	at  int
}

type comb struct {
	ring
	store float32
}

func newReverb() kernel {
	v := &reverb{}
	for c := range v.combs {
		for i, n := range combDelays {
			v.combs[c][i].pcm = make([]float32, reverbDelay(n, c))
		}
		for i, n := range allDelays {
			v.all[c][i].pcm = make([]float32, reverbDelay(n, c))
		}
	}
	return v
}

// reverbDelay is a delay of Freeverb's at our rate.
func reverbDelay(n, channel int) int { return (n + spread*channel) * audio.SampleRate / 44100 }

func (s *Settings) reverbParams() (on bool, p params) {
	r := s.Reverb
	wet := reverbWet * r.Mix
	return r.On, params{0.7 + 0.28*r.RoomSize, 0.4 * r.Damping, 1 - r.Mix, wet * (1 + r.Width) / 2, wet * (1 - r.Width) / 2}
}

func (v *reverb) reset() {
	v.swell = swell{}
	for c := range v.combs {
		for i := range v.combs[c] {
			k := &v.combs[c][i]
			clear(k.pcm)
			k.at, k.store = 0, 0
		}
		for i := range v.all[c] {
			clear(v.all[c][i].pcm)
			v.all[c][i].at = 0
		}
	}
}

func (v *reverb) flush() {}

func (v *reverb) run(pcm []float32, p *params) {
	for len(pcm) > 1 {
		part := pcm[:min(len(pcm), reverbPart*audio.Channels)]
		pcm = pcm[len(part):]
		v.part(part, p)
	}
}

func (v *reverb) part(pcm []float32, p *params) {
	n := len(pcm) / audio.Channels
	in := v.in[:n]
	for i := range in {
		in[i] = reverbInput * v.swell.step() * (pcm[2*i] + pcm[2*i+1])
	}
	room, damp := float32(p[0]), float32(p[1])
	for c := range v.out {
		out := v.out[c][:n]
		clear(out)
		for i := range v.combs[c] {
			v.combs[c][i].add(out, in, room, damp)
		}
		for i := range v.all[c] {
			v.all[c][i].allPass(out)
		}
	}
	dry, own, other := float32(p[2]), float32(p[3]), float32(p[4])
	l, r := v.out[0][:n], v.out[1][:n]
	for i := range l {
		pcm[2*i] = dry*pcm[2*i] + own*l[i] + other*r[i]
		pcm[2*i+1] = dry*pcm[2*i+1] + own*r[i] + other*l[i]
	}
}

// add adds what the comb makes of in to out.
func (k *comb) add(out, in []float32, room, damp float32) {
	const c = 1e-15 // rounds away what is next to nothing
	store, at, pcm := k.store, k.at, k.pcm
	out = out[:len(in)]
	for i, x := range in {
		y := pcm[at]
		store = (y + (store-y)*damp + c) - c
		pcm[at] = (x + store*room + c) - c
		if at++; at == len(pcm) {
			at = 0
		}
		out[i] += y
	}
	k.store, k.at = store, at
}

// allPass changes pcm in place.
func (r *ring) allPass(pcm []float32) {
	const c = 1e-15
	at, buf := r.at, r.pcm
	for i, x := range pcm {
		d := buf[at]
		buf[at] = (x + d/2 + c) - c
		if at++; at == len(buf) {
			at = 0
		}
		pcm[i] = d - x
	}
	r.at = at
}
