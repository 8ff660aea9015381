package docs_test

import (
	"fmt"
	"math"
	"testing"

	"segue/audio/effect"
)

func decibelAxis(from, to, step float64) axis {
	return axis{from: from, to: to, ticks: between(from, to, step), label: "dB"}
}

func equalizerPicture(*testing.T) *picture {
	p := newPicture(760, 620, "The equalizer's bands and the bass boosts, as measured")
	hz := spaced(20, 20000, 140)
	q := p.plot(60, 30, 560, 240, "Each band at gain 0.25, all of them, and one at its extremes", hertz(), decibelAxis(-12, 18, 6))
	all := effect.Equalizer{}
	for i := range effect.Bands {
		one := effect.Equalizer{}
		one[i], all[i] = 0.25, 0.25
		q.curve("c5 thin", hz, level(impulse(effect.Settings{Equalizer: one}, 1, 0, second/2), hz))
	}
	q.curve("c0", hz, level(impulse(effect.Settings{Equalizer: all}, 1, 0, second/2), hz))
	q.curve("c1", hz, level(impulse(effect.Settings{Equalizer: effect.Equalizer{8: 1}}, 1, 0, second/2), hz))
	q.curve("c2", hz, level(impulse(effect.Settings{Equalizer: effect.Equalizer{8: -0.25}}, 1, 0, second/2), hz))
	p.legend(630, 60, [2]string{"c5 thin", "one at 0.25"}, [2]string{"c0", "all at 0.25"}, [2]string{"c1", "1 kHz at 1"}, [2]string{"c2", "1 kHz at -0.25"})

	q = p.plot(60, 340, 560, 230, "The bass boosts, and treble", hertz(), decibelAxis(-9, 15, 3))
	at := 0
	for _, preset := range effect.Presets() {
		if preset.Settings.Equalizer == (effect.Equalizer{}) {
			continue
		}
		class := fmt.Sprintf("c%d", at)
		q.curve(class, hz, level(impulse(preset.Settings, 1, 0, second/2), hz))
		p.legend(630, 370+17*float64(at), [2]string{class, preset.Name})
		at++
	}
	return p
}

func passesPicture(*testing.T) *picture {
	p := newPicture(760, 320, "Low-pass and high-pass at several settings of smoothing, as measured")
	hz := spaced(20, 20000, 80)
	q := p.plot(60, 30, 560, 240, "lowPass, and highPass (dashed)", hertz(), decibelAxis(-36, 6, 6))
	for i, smoothing := range []float64{2, 5, 20, 100} {
		class := fmt.Sprintf("c%d", i)
		q.curve(class, hz, level(impulse(effect.Settings{LowPass: effect.LowPass{On: true, Smoothing: smoothing}}, 1, 0, second/4), hz))
		q.curve(class+" dash", hz, level(impulse(effect.Settings{HighPass: effect.HighPass{On: true, Smoothing: smoothing}}, 1, 0, second/4), hz))
		p.legend(630, 60+17*float64(i), [2]string{class, fmt.Sprint("smoothing ", smoothing)})
	}
	return p
}

func karaokePicture(*testing.T) *picture {
	p := newPicture(760, 320, "What karaoke leaves of sound in the middle, at the sides and of one channel, as measured")
	hz := spaced(20, 20000, 140)
	q := p.plot(60, 30, 560, 240, "karaoke at its defaults, in the left channel", hertz(), decibelAxis(-36, 12, 6))
	s := effect.Settings{Karaoke: effect.Defaults().Karaoke}
	for i, c := range []struct {
		name string
		l, r float32
	}{{"in the middle", 1, 1}, {"opposite", 1, -1}, {"left alone", 1, 0}} {
		class := fmt.Sprintf("c%d", i)
		q.curve(class, hz, level(impulse(s, c.l, c.r, second/4), hz))
		p.legend(630, 60+17*float64(i), [2]string{class, c.name})
	}
	return p
}

// ones is a constant, of which a change of gain leaves just that gain.
func ones(v float32, n int) []float32 {
	pcm := make([]float32, 2*n)
	for i := range pcm {
		pcm[i] = v
	}
	return pcm
}

// count is a line that rises by 1 a sample: what comes out tells which sample it was.
func count(n int) []float32 {
	pcm := make([]float32, 2*n)
	for i := range pcm {
		pcm[i] = float32(i / 2)
	}
	return pcm
}

// every keeps one of so many values, from the first on, and their times in seconds.
func every(step int, x []float64) (at, y []float64) {
	for i := 0; i < len(x); i += step {
		at, y = append(at, float64(i)/second), append(y, x[i])
	}
	return at, y
}

func seconds(to, step float64) axis { return axis{to: to, ticks: between(0, to, step), label: "s"} }

func modulationPicture(*testing.T) *picture {
	p := newPicture(760, 660, "Tremolo, rotation, vibrato and chorus over time, as measured")
	d := effect.Defaults()
	gain := axis{to: 1, ticks: between(0, 1, 0.25), label: "gain"}
	out := played(effect.Settings{Tremolo: d.Tremolo}, ones(1, second))
	q := p.plot(60, 30, 300, 220, "tremolo, at its defaults", seconds(1, 0.25), gain)
	at, y := every(480, channel(out, 0))
	q.curve("c0", at, y)

	out = played(effect.Settings{Rotation: effect.Rotation{On: true, RotationHz: 1}}, ones(1, second))
	q = p.plot(430, 30, 300, 220, "rotation, 1 Hz: left, right", seconds(1, 0.25), gain)
	for c := range 2 {
		at, y = every(480, channel(out, c))
		q.curve(fmt.Sprintf("c%d", c), at, y)
	}

	q = p.plot(60, 350, 300, 220, "vibrato, 2 Hz, depth 1, 0.5, 0.25", seconds(1, 0.25), axis{from: -25, to: 25, ticks: between(-20, 20, 10), label: "cents"})
	for i, depth := range []float64{1, 0.5, 0.25} {
		at, y = cents(played(effect.Settings{Vibrato: effect.Vibrato{On: true, Frequency: 2, Depth: depth}}, count(second+1000)))
		q.curve(fmt.Sprintf("c%d", i), at, y)
	}

	q = p.plot(430, 350, 300, 220, "chorus, at its defaults: left, right", seconds(2, 0.5), axis{from: 20, to: 35, ticks: between(20, 35, 5), label: "ms late, the two singers' mean"})
	c := d.Chorus
	c.Mix = 1
	out = played(effect.Settings{Chorus: c}, count(2*second+5000))
	for k := range 2 {
		var late []float64
		for i, v := range channel(out, k)[5000:] {
			late = append(late, (float64(i+5000)-v)/48)
		}
		at, y = every(960, late)
		q.curve(fmt.Sprintf("c%d", k), at, y)
	}
	p.text(60, 632, "start", "small", "What comes out of a constant is the gain; what comes out of a line that rises by 1 a sample tells how late the sound is, and how that")
	p.text(60, 647, "start", "small", "moves is the pitch.")
	return p
}

// cents is the pitch of what came of count, after its first 1000 samples.
func cents(out []float32) (at, y []float64) {
	const step = 480
	x := channel(out, 0)[1000-step/2:]
	for i := 0; i+step < len(x); i += step {
		at = append(at, float64(i)/second)
		y = append(y, 1200*math.Log2((x[i+step]-x[i])/step))
	}
	return at, y
}

func distortionPicture(*testing.T) *picture {
	p := newPicture(760, 330, "What distortion makes of a waveform at several settings, as measured")
	side := func(label string) axis { return axis{from: -1, to: 1, ticks: between(-1, 1, 0.5), label: label} }
	q := p.plot(60, 30, 340, 250, "distortion: what becomes of a sample", side("in"), side("out"))
	d := effect.Defaults().Distortion
	sine, tan, hot, bent := d, d, d, d
	sine.SinScale, sine.TanScale = 6, 0
	sine.TanOffset = 1
	tan.TanScale, tan.SinScale = 2.5, 2
	hot.Scale = 4
	bent.CosOffset, bent.Offset = -0.5, 0.2
	var line []float32
	for i := -200; i <= 200; i++ {
		v := float32(i) / 200
		line = append(line, v, v)
	}
	for i, c := range []struct {
		d    effect.Distortion
		name string
	}{
		{sine, "sinScale 6, tanScale 0, tanOffset 1"},
		{tan, "tanScale 2.5, sinScale 2"},
		{hot, "scale 4"},
		{bent, "cosOffset -0.5, offset 0.2"},
	} {
		class := fmt.Sprintf("c%d", i)
		out := channel(played(effect.Settings{Distortion: c.d}, line), 0)
		var xs, ys []float64
		for k := 0; k < len(out); k += 4 {
			xs, ys = append(xs, float64(line[2*k])), append(ys, out[k])
		}
		q.curve(class, xs, ys)
		p.legend(420, 60+17*float64(i), [2]string{class, c.name})
	}
	return p
}

func spacePicture(*testing.T) *picture {
	p := newPicture(760, 330, "What echo and reverb make of one click, as measured")
	q := p.plot(60, 30, 290, 240, "echo, at its defaults, of one click", seconds(1.2, 0.2), axis{to: 0.8, ticks: between(0, 0.8, 0.2)})
	h := impulse(effect.Settings{Echo: effect.Defaults().Echo}, 1, 1, 12*second/10)
	for i, v := range h {
		if math.Abs(v) > 1e-3 {
			at := float64(i) / second
			q.curve("c0", []float64{at, at}, []float64{0, v})
		}
	}
	q = p.plot(430, 30, 290, 240, "reverb: what is still to come of one click", seconds(3, 0.5), decibelAxis(-60, 0, 10))
	for i, size := range []float64{0, 0.5, 1} {
		r := effect.Defaults().Reverb
		r.Mix, r.RoomSize = 1, size
		at, left := decay(impulse(effect.Settings{Reverb: r}, 1, 1, 5*second))
		q.curve(fmt.Sprintf("c%d", i), at, left)
	}
	p.text(430, 318, "start", "small", "blue: roomSize 0; red: 0.5; green: 1")
	return p
}

// decay is how much energy of h is still to come, to all of it.
func decay(h []float64) (at, db []float64) {
	left := make([]float64, len(h)+1)
	for i := len(h) - 1; i >= 0; i-- {
		left[i] = left[i+1] + h[i]*h[i]
	}
	for i := 0; i < 3*second; i += second / 25 {
		at, db = append(at, float64(i)/second), append(db, 10*math.Log10(left[i]/left[0]+1e-12))
	}
	return at, db
}
