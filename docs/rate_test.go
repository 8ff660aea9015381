package docs_test

import (
	"fmt"
	"math"
	"testing"

	"segue/audio/audiotest"
	"segue/audio/effect"
	"segue/audio/meter"
	"segue/audio/resample"
)

// tone is how loud a sine of hz in x is, and in dB of full scale what there is besides.
func tone(x []float64, hz float64) (db, rest float64) {
	var ss, cc, sc, xs, xc, xx float64
	for i, v := range x {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / second)
		ss, cc, sc, xs, xc, xx = ss+s*s, cc+c*c, sc+s*c, xs+v*s, xc+v*c, xx+v*v
	}
	det := ss*cc - sc*sc
	a, b := (xs*cc-xc*sc)/det, (xc*ss-xs*sc)/det
	left := max(xx-a*xs-b*xc, 0) * 2 / float64(len(x))
	return decibels(math.Hypot(a, b)), 10 * math.Log10(left+1e-16)
}

// resampled is what a resampler makes of a tone of hz and full scale, without the ends.
func resampled(t *testing.T, tables *resample.Tables, rate int, hz float64) []float64 {
	r, err := resample.New(tables, rate, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := rate / 8
	pcm := make([]float32, n)
	for i := range pcm {
		pcm[i] = float32(math.Sin(2 * math.Pi * hz * float64(i) / float64(rate)))
	}
	out := channel(r.Flush(r.Process(nil, pcm)), 0)
	return out[len(out)/4 : len(out)*3/4]
}

func resamplerPicture(t *testing.T) *picture {
	p := newPicture(760, 620, "The resampler's response and what it adds, as measured")
	tables := &resample.Tables{}
	x := axis{from: 0, to: 48, ticks: between(0, 48, 4), label: "kHz, what goes in"}
	q := p.plot(60, 30, 560, 240, "What comes out of a tone, and (dashed) all else that comes with it", x, decibelAxis(-120, 20, 20))
	rates := []int{44100, 96000, 22050}
	for i, rate := range rates {
		var khz, db, rest []float64
		for f := 0.5; f*1000 < float64(rate)/2; f += 0.5 {
			out := resampled(t, tables, rate, f*1000)
			a, b := tone(out, f*1000)
			if f > 24 {
				a, b = math.NaN(), 10*math.Log10(2*meanSquare(out)+1e-16)
			}
			khz, db, rest = append(khz, f), append(db, a), append(rest, max(b, -120))
		}
		class := fmt.Sprintf("c%d", i)
		q.curve(class, khz, db)
		q.curve(class+" dash", khz, rest)
		p.legend(630, 60+17*float64(i), [2]string{class, fmt.Sprintf("from %v kHz", float64(rate)/1000)})
	}
	q = p.plot(60, 340, 560, 230, "The same, near", axis{from: 16, to: 24, ticks: between(16, 24, 1), label: "kHz"}, axis{from: -3, to: 0.5, ticks: between(-3, 0, 0.5), label: "dB"})
	for i, rate := range rates[:2] {
		var khz, db []float64
		for f := 16.0; f*1000 < min(float64(rate)/2, 24000); f += 0.125 {
			a, _ := tone(resampled(t, tables, rate, f*1000), f*1000)
			khz, db = append(khz, f), append(db, a)
		}
		q.curve(fmt.Sprintf("c%d", i), khz, db)
	}
	return p
}

func meanSquare(x []float64) (m float64) {
	for _, v := range x {
		m += v * v
	}
	return m / float64(len(x))
}

func timescalePicture(*testing.T) *picture {
	p := newPicture(760, 330, "Where in the music the listener is while the speed changes, as measured")
	q := p.plot(60, 30, 560, 240, "Where in the music, while speed goes from 1 to 1.5, 0.5 and back to 1", seconds(8, 1), axis{to: 9, ticks: between(0, 9, 1), label: "s, in the music"})
	music := audiotest.Music(10 * second)
	c := effect.NewChain()
	var at, where []float64
	var out []float32
	taken := 0
	for len(out) < 2*8*second && taken < len(music) {
		switch h := len(out) / 2; {
		case h < 2*second || h >= 6*second:
			c.Set(effect.Settings{})
		case h < 4*second:
			c.Set(effect.Settings{Timescale: effect.Timescale{On: true, Speed: 1.5, Pitch: 1, Rate: 1}})
		default:
			c.Set(effect.Settings{Timescale: effect.Timescale{On: true, Speed: 0.5, Pitch: 1, Rate: 1}})
		}
		out = c.Process(out, music[taken:taken+frame])
		taken += frame
		if taken/frame%5 == 0 {
			at, where = append(at, float64(len(out)/2)/second), append(where, float64(taken/2-c.Latency())/second)
		}
	}
	q.curve("c5 thin dash", []float64{0, 8}, []float64{0, 8})
	q.curve("c0", at, where)
	return p
}

// timescaleFigures plays a tone at several settings, and measures.
func timescaleFigures(t *testing.T) string {
	s := "| speed | pitch | rate | lasts, to what it should | pitch, off by | level, off by |\n| --- | --- | --- | --- | --- | --- |\n"
	const n, hz = 2 * second, 440
	for _, scale := range []effect.Timescale{
		{On: true, Speed: 1.25, Pitch: 1, Rate: 1},
		{On: true, Speed: 0.5, Pitch: 1, Rate: 1},
		{On: true, Speed: 1, Pitch: 1.5, Rate: 1},
		{On: true, Speed: 1, Pitch: 1, Rate: 0.8},
		{On: true, Speed: 1.2, Pitch: 1.2, Rate: 1},
		{On: true, Speed: 0.85, Pitch: 0.85, Rate: 1},
		{On: true, Speed: 1.1, Pitch: 1.3, Rate: 0.9},
	} {
		c := effect.NewChain()
		c.Set(effect.Settings{Timescale: scale})
		out := c.Flush(inFrames(c, nil, audiotest.Sine(hz, 0.5, n)))
		lasts := 100 * float64(len(out)/2) * scale.Speed * scale.Rate / n
		heard := meter.Loudest(out)
		cents := 1200 * math.Log2(heard.Hz/(hz*scale.Pitch*scale.Rate))
		s += fmt.Sprintf("| %v | %v | %v | %.3f %% | %.2f cents | %.2f dB |\n", scale.Speed, scale.Pitch, scale.Rate, lasts, positive(cents), positive(heard.LevelDB-decibels(0.5)))
		if math.Abs(lasts-100) > 0.1 || math.Abs(cents) > 2 {
			t.Errorf("%+v: lasts %.3f %%, %.2f cents off", scale, lasts, cents)
		}
	}
	return s
}

// positive is v without the sign of zero, rounded to hundredths.
func positive(v float64) float64 { return math.Round(v*100)/100 + 0 }
