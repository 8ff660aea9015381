package docs_test

import (
	"fmt"
	"math"
	"testing"

	"segue/audio/audiotest"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/limiter"
	"segue/audio/loudness"
)

// loudest is the highest sample of the last half of pcm, in dB.
func loudest(pcm []float32) float64 {
	most := 0.0
	for _, v := range pcm[len(pcm)/2:] {
		most = max(most, math.Abs(float64(v)))
	}
	return decibels(most)
}

// A law is how loud what comes out is for what goes in.
func law(process func(pcm []float32) []float32) (in, out []float64) {
	for db := -60.0; db <= 12; db += 3 {
		in = append(in, db)
		out = append(out, loudest(process(audiotest.Sine(997, factor(db), second/2))))
	}
	return in, out
}

func dynamicsPicture(*testing.T) *picture {
	p := newPicture(760, 690, "How compressor, normalization and limiter change level, as measured")
	q := p.plot(60, 30, 290, 260, "How loud in, how loud out", decibelAxis(-60, 12, 12), decibelAxis(-60, 12, 12))
	q.curve("c5 thin dash", []float64{-60, 12}, []float64{-60, 12})
	c := effect.Defaults().Compressor
	steep := c
	steep.Ratio, steep.MakeupGain = 20, 6
	for i, s := range []effect.Settings{
		{Compressor: c},
		{Compressor: steep},
		{Normalization: effect.Defaults().Normalization},
	} {
		in, out := law(func(pcm []float32) []float32 { return played(s, pcm) })
		q.curve(fmt.Sprintf("c%d", i), in, out)
	}
	in, out := law(func(pcm []float32) []float32 {
		l := limiter.New(limiter.Ceiling)
		return l.Flush(inFrames(l, nil, pcm))
	})
	q.curve("c4", in, out)
	p.legend(380, 60, [2]string{"c0", "compressor, at its defaults (threshold -24 dB, ratio 4)"}, [2]string{"c1", "ratio 20, makeupGain 6 dB"},
		[2]string{"c2", "normalization, at its defaults (maxAmplitude 0.75)"}, [2]string{"c4", "the limiter (ceiling -1 dBTP)"})
	p.text(380, 140, "start", "small", "A tone of 997 Hz, after a quarter of a second.")

	q = p.plot(60, 390, 290, 240, "compressor: gain as the level jumps", seconds(1, 0.25), decibelAxis(-18, 0, 3))
	jump := append(append(ones(0.02, second/4), ones(0.5, second/4)...), ones(0.02, second/2)...)
	gain := channel(played(effect.Settings{Compressor: c}, jump), 0)
	for i, v := range channel(jump, 0) {
		gain[i] = decibels(gain[i] / v)
	}
	at, y := every(240, gain)
	q.curve("c0", at, y)

	q = p.plot(430, 390, 290, 240, "limiter: gain around what is 6 dB too loud", axis{from: -20, to: 380, ticks: []float64{0, 100, 200, 300}, label: "ms"}, decibelAxis(-9, 0, 3))
	for i, length := range []int{1, 200 * 48} {
		x, y := limited(length)
		q.curve(fmt.Sprintf("c%d", i), x, y)
	}
	p.text(430, 680, "start", "small", "blue: a single sample; red: 200 ms, from 0 to 200")
	return p
}

// limited is the gain in dB around so many samples that are 6 dB too loud, over ms.
// They are in the left channel; the right has a constant, which shows the gain.
func limited(length int) (ms, db []float64) {
	const before, after, quiet = 960 * 2, 48 * 400, 0.01
	pcm := ones(quiet, before+length+after)
	loud := audiotest.Sine(997, factor(limiter.Ceiling+6), length)
	for i := range length {
		pcm[2*(before+i)] = loud[2*i]
	}
	if length == 1 {
		pcm[2*before] = float32(factor(limiter.Ceiling + 6))
	}
	l := limiter.New(limiter.Ceiling)
	out := channel(l.Flush(inFrames(l, nil, pcm)), 1)
	for i := before - 20*48; i < before+380*48; i += 48 {
		ms, db = append(ms, float64(i-before)/48), append(db, decibels(out[i]/quiet))
	}
	return ms, db
}

func loudnessPicture(*testing.T) *picture {
	p := newPicture(760, 620, "How loud tones of one amplitude count, and a piece as the meter sees it, as measured")
	hz := spaced(20, 20000, 34)
	q := p.plot(60, 30, 560, 220, "How much a tone counts, to one of 1 kHz", hertz(), decibelAxis(-18, 6, 3))
	var db []float64
	for _, f := range append(hz, 1000) {
		m := loudness.New()
		m.Add(audiotest.Sine(f, 0.25, second*2/5))
		db = append(db, m.Momentary())
	}
	n := len(db) - 1
	for i := range db[:n] {
		db[i] -= db[n]
	}
	q.curve("c0", hz, db[:n])

	q = p.plot(60, 320, 560, 240, "Soft, loud, silent, and loud again", seconds(28, 4), axis{from: -60, to: -10, ticks: between(-60, -10, 10), label: "LUFS"})
	var curves [3][]float64
	var at []float64
	m := loudness.New()
	music := audiotest.Music(10 * second)
	for i := range 280 {
		part := append([]float32{}, music[i%100*9600:i%100*9600+9600]...)
		by := float32(1)
		switch t := float64(i) / 10; {
		case t < 8:
			by = float32(factor(-26))
		case t >= 16 && t < 20:
			by = 0
		}
		for k := range part {
			part[k] *= by
		}
		m.Add(part)
		at = append(at, float64(i+1)/10)
		for k, v := range []float64{m.Momentary(), m.ShortTerm(), m.Integrated()} {
			curves[k] = append(curves[k], max(v, -70))
		}
	}
	for i, name := range []string{"momentary, 0.4 s", "short-term, 3 s", "integrated"} {
		class := fmt.Sprintf("c%d", []int{5, 0, 1}[i])
		q.curve(class, at, curves[i])
		p.legend(630, 350+17*float64(i), [2]string{class, name})
	}
	return p
}

func levellingPicture(*testing.T) *picture {
	p := newPicture(760, 350, "By how much levelling makes pieces louder or softer")
	x := axis{from: -34, to: -2, ticks: between(-32, -4, 4), label: "LUFS, of the piece"}
	q := p.plot(60, 30, 560, 250, "By how much a piece is made louder", x, decibelAxis(-12, 15, 3))
	q.rule(-14, math.NaN())
	q.curve("c5 thin dash", []float64{-29, -2}, []float64{15, -12})
	for i, c := range []struct {
		mode levelling.Mode
		peak float64
		name string
	}{{levelling.Auto, 1, "auto, peak 0 dB"}, {levelling.Auto, factor(-8), "auto, peak -8 dB"}, {levelling.On, factor(-8), "on, peak -8 dB"}} {
		r := levelling.Defaults()
		r.Mode = c.mode
		var lufs, db []float64
		for l := -34.0; l <= -2; l += 0.25 {
			d := levelling.Decide(r, levelling.Piece{Measured: levelling.Level{Told: true, LUFS: l, Peak: c.peak}})
			lufs, db = append(lufs, l), append(db, d.DB)
		}
		class := fmt.Sprintf("c%d", []int{1, 0, 2}[i])
		if c.mode == levelling.On {
			class += " dash"
		}
		q.curve(class, lufs, db)
		p.legend(630, 60+17*float64(i), [2]string{class, c.name})
	}
	p.legend(630, 60+17*3, [2]string{"c5 thin dash", "just to -14"})
	return p
}
