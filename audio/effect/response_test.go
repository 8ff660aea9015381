package effect

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/meter"
)

const second = audio.SampleRate

// through is what a chain makes of pcm, in frames.
func through(s Settings, pcm []float32) []float32 {
	c := NewChain()
	c.Set(s)
	return frames(c, pcm)
}

func frames(c *Chain, pcm []float32) (out []float32) {
	const frame = audio.FrameSamples * audio.Channels
	for len(pcm) > 0 {
		n := min(frame, len(pcm))
		out = c.Process(out, pcm[:n])
		pcm = pcm[n:]
	}
	return out
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %.5g, want %.5g within %g", what, got, want, within)
	}
}

// impulse is what the effect makes of a single sample in one channel, in both.
func impulse(s Settings, channel, n int) (l, r []float64) {
	pcm := make([]float32, (n+glide)*audio.Channels)
	// Not the first sample: a low-pass begins as if it had always been there.
	pcm[glide*audio.Channels+channel] = 1
	out := through(s, pcm)[glide*audio.Channels:]
	for i := 0; i < len(out); i += 2 {
		l, r = append(l, float64(out[i])), append(r, float64(out[i+1]))
	}
	return l, r
}

// at is the response at hz of a system with that impulse response.
func at(h []float64, hz float64) (sum complex128) {
	w := 2 * math.Pi * hz / audio.SampleRate
	for i, v := range h {
		if v != 0 {
			sum += complex(v, 0) * cmplx.Rect(1, -w*float64(i))
		}
	}
	return sum
}

func dB(x float64) float64 { return 20 * math.Log10(x+1e-12) }

// z is z to the power -n at hz.
func z(hz float64, n int) complex128 {
	return cmplx.Rect(1, -2*math.Pi*hz/audio.SampleRate*float64(n))
}

// wanted is a formula for the response from one channel to left and right.
type wanted func(hz float64, channel int) (l, r complex128)

func one(f func(hz float64) complex128) wanted {
	return func(hz float64, channel int) (l, r complex128) {
		if channel == 0 {
			return f(hz), 0
		}
		return 0, f(hz)
	}
}

// bandOf is B of the equalizer, from its published table: alpha, beta, gamma.
func bandOf(alpha, beta, gamma float64) func(hz float64) complex128 {
	return func(hz float64) complex128 {
		return complex(alpha, 0) * (1 - z(hz, 2)) / (1 - complex(gamma, 0)*z(hz, 1) + complex(beta, 0)*z(hz, 2))
	}
}

func equalizerFormula(e Equalizer) func(hz float64) complex128 {
	return func(hz float64) complex128 {
		h := complex(1, 0)
		for i, g := range e {
			q := math.Sqrt(math.Pow(2, 2.0/3)) / (math.Pow(2, 2.0/3) - 1)
			w := 2 * math.Pi * bandHz[i] / audio.SampleRate
			beta := (1 - math.Tan(w/2/q)) / (1 + math.Tan(w/2/q))
			h += complex(4*g, 0) * bandOf((1-beta)/2, beta, (1+beta)*math.Cos(w))(hz)
		}
		return h
	}
}

// A response is settings and what they do to tones.
type response struct {
	s    Settings
	want wanted
}

func responses() map[string]response {
	bands := each()["equalizer"].Equalizer
	low := func(smoothing float64) func(hz float64) complex128 {
		return func(hz float64) complex128 {
			return complex(1/smoothing, 0) / (1 - complex(1-1/smoothing, 0)*z(hz, 1))
		}
	}
	dull, damp := Reverb{true, 0.5, 0, 0.5, 0.5}, Reverb{true, 0.8, 0.3, 1, 1}
	all := map[string]response{
		"equalizer":      {Settings{Equalizer: bands}, one(equalizerFormula(bands))},
		"equalizer, one": {Settings{Equalizer: Equalizer{8: 1}}, one(equalizerFormula(Equalizer{8: 1}))},
		"lowest, muted":  {Settings{Equalizer: Equalizer{-0.25}}, one(equalizerFormula(Equalizer{-0.25}))},
		"lavaplayer's 25 Hz": {Settings{Equalizer: Equalizer{1}}, one(func(hz float64) complex128 {
			return 1 + 4*bandOf(7.6226668143e-4, 9.9847546664e-1, 1.9984647656)(hz)
		})},
		"lavaplayer's 100 Hz": {Settings{Equalizer: Equalizer{3: 0.5}}, one(func(hz float64) complex128 {
			return 1 + 2*bandOf(3.0421072865e-3, 9.9391578543e-1, 1.9937449618)(hz)
		})},
		"lowPass":         {Settings{LowPass: LowPass{true, 20}}, one(low(20))},
		"lowPass, bright": {Settings{LowPass: LowPass{true, 1.5}}, one(low(1.5))},
		"lowPass, dull":   {Settings{LowPass: LowPass{true, 300}}, one(low(300))},
		"highPass":        {Settings{HighPass: HighPass{true, 20}}, one(func(hz float64) complex128 { return 1 - low(20)(hz) })},
		"highPass, thin":  {Settings{HighPass: HighPass{true, 3}}, one(func(hz float64) complex128 { return 1 - low(3)(hz) })},
		"channelMix": {Settings{ChannelMix: ChannelMix{true, 0.9, 0.1, 0.3, 0.6}}, func(_ float64, ch int) (l, r complex128) {
			if ch == 0 {
				return 0.9, 0.1
			}
			return 0.3, 0.6
		}},
		"karaoke":       karaokeResponse(Defaults().Karaoke),
		"karaoke, part": karaokeResponse(Karaoke{true, 0.6, 0.5, 1500, 400}),
		"echo": {Settings{Echo: Echo{true, 10, 0.5, 0.4}}, one(func(hz float64) complex128 {
			return 0.6 + 0.4*z(hz, 480)/(1-0.5*z(hz, 480))
		})},
		"reverb":       {Settings{Reverb: dull}, reverbFormula(dull)},
		"reverb, damp": {Settings{Reverb: damp}, reverbFormula(damp)},
		// With depth 0 the voices stand still: two combs, the second a fifth longer.
		"chorus, standing": {Settings{Chorus: Chorus{true, 1, 0, 10, 0.6, 0.5}}, one(func(hz float64) complex128 {
			return 0.4 + 0.3*z(hz, 480)/(1-0.5*z(hz, 480)) + 0.3*z(hz, 576)/(1-0.5*z(hz, 576))
		})},
	}
	for _, p := range Presets() {
		if p.Settings.Equalizer != (Equalizer{}) {
			all[p.Name] = response{p.Settings, one(equalizerFormula(p.Settings.Equalizer))}
		}
	}
	return all
}

func karaokeResponse(k Karaoke) response {
	return response{Settings{Karaoke: k}, func(hz float64, ch int) (l, r complex128) {
		cc := math.Exp(-2 * math.Pi * k.FilterWidth / audio.SampleRate)
		b := -4 * cc / (1 + cc) * math.Cos(2*math.Pi*k.FilterBand/audio.SampleRate)
		a := math.Sqrt(1-b*b/(4*cc)) * (1 - cc)
		y := complex(k.Level*k.MonoLevel*a/2, 0) / (1 + complex(b, 0)*z(hz, 1) + complex(cc, 0)*z(hz, 2))
		own, other := 1+y, complex(-k.Level, 0)+y
		if ch == 0 {
			return own, other
		}
		return other, own
	}}
}

func TestResponsesAreThoseOfTheirFormulas(t *testing.T) {
	for name, c := range responses() {
		t.Run(name, func(t *testing.T) {
			for channel := range audio.Channels {
				l, r := impulse(c.s, channel, second)
				for hz := 20.0; hz < 20000; hz *= 1.17 {
					wantL, wantR := c.want(hz, channel)
					answers(t, hz, at(l, hz), wantL)
					answers(t, hz, at(r, hz), wantR)
				}
			}
		})
	}
}

// Several at once are one after the other, in the documented order: channelMix and
// karaoke, for one, are something else the other way around.
func TestTogetherTheyAreOneAfterTheOther(t *testing.T) {
	var s Settings
	var chain []wanted
	all := responses()
	for _, name := range []string{"lowPass, bright", "channelMix", "karaoke, part", "equalizer", "echo", "reverb, damp"} {
		c := all[name]
		chain = append(chain, c.want)
		s.LowPass, s.ChannelMix, s.Karaoke = either(s.LowPass, c.s.LowPass), either(s.ChannelMix, c.s.ChannelMix), either(s.Karaoke, c.s.Karaoke)
		s.Equalizer, s.Echo, s.Reverb = either(s.Equalizer, c.s.Equalizer), either(s.Echo, c.s.Echo), either(s.Reverb, c.s.Reverb)
	}
	for channel := range audio.Channels {
		l, r := impulse(s, channel, 2*second)
		for hz := 20.0; hz < 20000; hz *= 1.17 {
			var sound [2]complex128
			sound[channel] = 1
			for _, f := range chain {
				ll, lr := f(hz, 0)
				rl, rr := f(hz, 1)
				sound = [2]complex128{sound[0]*ll + sound[1]*rl, sound[0]*lr + sound[1]*rr}
			}
			answers(t, hz, at(l, hz), sound[0])
			answers(t, hz, at(r, hz), sound[1])
		}
	}
}

// either is a, or b if a is nothing.
func either[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// answers checks a response to half a dB, and nothing where there is to be nothing.
func answers(t *testing.T, hz float64, got, want complex128) {
	t.Helper()
	const null = 0.003 // -50 dB
	if cmplx.Abs(want) < null {
		if cmplx.Abs(got) > 2*null {
			t.Errorf("%.0f Hz: %.1f dB, want nothing", hz, dB(cmplx.Abs(got)))
		}
		return
	}
	near(t, fmt.Sprintf("level at %.0f Hz", hz), dB(cmplx.Abs(got)), dB(cmplx.Abs(want)), 0.5)
}

// reverbFormula is Freeverb's.
func reverbFormula(v Reverb) wanted {
	room, damping := complex(0.7+0.28*v.RoomSize, 0), complex(0.4*v.Damping, 0)
	own, other := complex((1+v.Width)/2, 0), complex((1-v.Width)/2, 0)
	return func(hz float64, channel int) (l, r complex128) {
		var side [2]complex128
		for c := range side {
			for _, n := range combDelays {
				n = reverbDelay(n, c)
				damped := (1 - damping) / (1 - damping*z(hz, 1))
				side[c] += z(hz, n) / (1 - room*damped*z(hz, n))
			}
			for _, n := range allDelays {
				n = reverbDelay(n, c)
				side[c] *= (-1 + 1.5*z(hz, n)) / (1 - 0.5*z(hz, n))
			}
			side[c] *= complex(0.015*3*v.Mix, 0)
		}
		l, r = own*side[0]+other*side[1], own*side[1]+other*side[0]
		if channel == 0 {
			return l + complex(1-v.Mix, 0), r
		}
		return l, r + complex(1-v.Mix, 0)
	}
}

// envelope is the amplitude of a 4 kHz tone in each millisecond.
func envelope(pcm []float32, channel int) (e []float64) {
	for ; len(pcm) >= 96; pcm = pcm[96:] {
		var s, c float64
		for i := range 48 {
			sin, cos := math.Sincos(2 * math.Pi * 4000 * float64(i) / audio.SampleRate)
			s, c = s+float64(pcm[2*i+channel])*sin, c+float64(pcm[2*i+channel])*cos
		}
		e = append(e, math.Hypot(s, c)/24)
	}
	return e
}

func TestModulationHasItsRateAndDepth(t *testing.T) {
	tone := audiotest.Sine(4000, 0.5, 2*second)
	for name, c := range map[string]struct {
		s         Settings
		left, rig func(turns float64) float64
		hz        float64
	}{
		"tremolo": {
			Settings{Tremolo: Tremolo{true, 4, 0.8}},
			func(x float64) float64 { return 0.6 + 0.4*math.Sin(x) },
			func(x float64) float64 { return 0.6 + 0.4*math.Sin(x) }, 4,
		},
		"rotation": {
			Settings{Rotation: Rotation{true, 2}},
			func(x float64) float64 { return (1 + math.Sin(x)) / 2 },
			func(x float64) float64 { return (1 - math.Sin(x)) / 2 }, 2,
		},
		"rotation, backwards": {
			Settings{Rotation: Rotation{true, -3}},
			func(x float64) float64 { return (1 + math.Sin(x)) / 2 },
			func(x float64) float64 { return (1 - math.Sin(x)) / 2 }, -3,
		},
	} {
		out := through(c.s, tone)
		for ch, f := range []func(float64) float64{c.left, c.rig} {
			for i, got := range envelope(out, ch) {
				turns := 2 * math.Pi * c.hz * (float64(i) + 0.5) / 1000
				if want := 0.5 * f(turns); math.Abs(got-want) > 0.01 {
					t.Fatalf("%s: after %d ms channel %d has %.3f, want %.3f", name, i, ch, got, want)
				}
			}
		}
	}
}

func TestVibratoMovesThePitchByItsDepth(t *testing.T) {
	for _, v := range []Vibrato{{true, 5, 0.5}, {true, 14, 1}, {true, 0.5, 0.1}} {
		vibratoMoves(t, v.Frequency, v.Depth)
	}
}

func vibratoMoves(t *testing.T, rate, depth float64) {
	const hz = 1000
	out := through(Settings{Vibrato: Vibrato{true, rate, depth}}, audiotest.Sine(hz, 0.5, 2*second))
	// Each rising zero crossing tells how late the tone is just then.
	worst, seen := 0.0, 0
	for i := second / 10; i+1 < len(out)/2; i++ {
		a, b := float64(out[2*i]), float64(out[2*i+2])
		if a > 0 || b <= 0 {
			continue
		}
		when := float64(i) - a/(b-a)
		late := 3 + depth*48*(1+math.Sin(2*math.Pi*rate*when/audio.SampleRate))
		cycles := (when - late) * hz / audio.SampleRate
		worst = max(worst, math.Abs(cycles-math.Round(cycles)))
		seen++
	}
	if seen < 1800 || worst > 0.01 {
		t.Errorf("%v Hz, depth %v: %d crossings, off by up to %.4f of a cycle", rate, depth, seen, worst)
	}
}

func TestChorusSingersAreWhereTheyShouldBe(t *testing.T) {
	// With depth 0 the voices stand still, one and 1.2 times the delay late.
	l, _ := impulse(Settings{Chorus: Chorus{true, 1, 0, 10, 0.6, 0}}, 0, 2000)
	for i, want := range map[int]float64{0: 0.4, 480: 0.3, 576: 0.3, 300: 0, 1200: 0} {
		near(t, "impulse", l[i], want, 1e-4)
	}
	// With depth they move by 4 ms either way, after sines.
	s := Settings{Chorus: Chorus{true, 2, 1, 25, 1, 0}}
	c := NewChain()
	c.Set(s)
	for _, n := range []int{6000, 18000} { // a quarter and three quarters of a turn
		c.Reset()
		pcm := make([]float32, 2*(n+4000))
		pcm[2*n] = 1
		out, first := frames(c, pcm), 0
		for i := n; out[2*i] < 0.2 && i < n+3900; i++ {
			first = i - n
		}
		turns := 2 * math.Pi * 2 * float64(n+first) / audio.SampleRate
		want := min(1200+192*math.Sin(turns), 1440-192*math.Sin(1.1*turns))
		near(t, "the earlier voice", float64(first), want, 3)
	}
}

func TestDistortionIsItsFormula(t *testing.T) {
	for _, d := range []Distortion{
		{true, 0.1, 1, 0.2, 1, 0.3, 1, 0.05, 1.5},
		{true, 0, 2, 0, 0.5, 0.1, 0.7, 0, 1},
		{true, 0, 9, 0, 9, 0, 9, 0, 100},
	} {
		pcm := audiotest.Music(4800)
		for i, got := range through(Settings{Distortion: d}, pcm) {
			x := float64(pcm[i])
			want := d.Offset + d.Scale*(d.SinOffset+math.Sin(x*d.SinScale))*(d.CosOffset+math.Cos(x*d.CosScale))*(d.TanOffset+math.Tan(x*d.TanScale))
			if math.Abs(float64(got)-max(-1, min(1, want))) > 1e-5 {
				t.Fatalf("%+v: %v gives %v, want %v", d, x, got, want)
			}
		}
	}
}

func TestCompressorKeepsItsRatio(t *testing.T) {
	for _, c := range []struct{ in, want float64 }{{-30, -27}, {-12, -15}, {0, -12}} {
		s := Settings{Compressor: Compressor{true, -20, 4, 0.001, 5, 3}}
		out := through(s, audiotest.Sine(997, math.Pow(10, c.in/20), 2*second))
		near(t, "level", meter.Loudest(out[2*second:]).LevelDB, c.want, 0.5)
	}
	// The attack: the envelope reaches 1-1/e of the level in its time.
	out := through(Settings{Compressor: Compressor{true, -60, 100, 0.1, 5, 0}}, audiotest.Sine(0, 0, 10))
	if len(out) != 20 {
		t.Fatal("length")
	}
	dc := make([]float32, 2*second)
	for i := range dc {
		dc[i] = 0.5
	}
	out = through(Settings{Compressor: Compressor{true, -40, 2, 0.1, 5, 0}}, dc)
	e := 0.5 * (1 - math.Exp(-1))
	near(t, "gain after the attack", float64(out[2*4800])/0.5, math.Sqrt(0.01/e), 0.01)
}

func TestCompressorLetsGoInItsTime(t *testing.T) {
	const release, loud, soft = 0.2, 0.5, 0.001
	pcm := make([]float32, 2*2*second)
	for i := range pcm {
		if pcm[i] = soft; i < 2*second {
			pcm[i] = loud
		}
	}
	out := through(Settings{Compressor: Compressor{true, -40, 2, 0.001, release, 6}}, pcm)
	for _, after := range []float64{0.05, 0.2, 0.4} {
		i := 2 * int((1+after)*second)
		e := soft + (loud-soft)*math.Exp(-after/release)
		near(t, fmt.Sprintf("gain %v s after the loud", after), dB(float64(out[i])/soft), 6+dB(math.Sqrt(0.01/e)), 0.05)
	}
	near(t, "gain at last", dB(float64(out[len(out)-1])/soft), 6, 0.05)
}

func TestNormalizationHoldsItsMaximum(t *testing.T) {
	for _, adaptive := range []bool{true, false} {
		s := Settings{Normalization: Normalization{true, 0.25, adaptive}}
		loud, soft := audiotest.Sine(440, 0.8, second), audiotest.Sine(440, 0.1, 4*second)
		out := through(s, append(loud, soft...))
		near(t, "loud", meter.Loudest(out[:2*second]).LevelDB, dB(0.25), 0.5)
		want := dB(0.1) // it has recovered
		if adaptive {
			want += dB(0.25 / 0.8)
		}
		near(t, "soft", meter.Loudest(out[2*4*second:]).LevelDB, want, 0.5)
		near(t, "soft alone", meter.Loudest(through(s, soft)).LevelDB, dB(0.1), 0.01)
	}
}
