package effect

import (
	"fmt"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// each is one effect alone, off its neutral.
func each() map[string]Settings {
	d := Defaults()
	return map[string]Settings{
		"equalizer":     {Equalizer: Equalizer{.2, .15, .1, .05, .01, -.05, -.1, -.1, -.05, .01, .05, .1, .15, .2, .2}},
		"karaoke":       {Karaoke: d.Karaoke},
		"timescale":     {Timescale: Timescale{true, 1.1, 1.2, 0.95}},
		"tremolo":       {Tremolo: d.Tremolo},
		"vibrato":       {Vibrato: d.Vibrato},
		"rotation":      {Rotation: Rotation{true, 0.2}},
		"distortion":    {Distortion: Distortion{On: true, SinScale: 1, CosScale: 1, TanScale: 1, Offset: 0.1, Scale: 1.2}},
		"channelMix":    {ChannelMix: ChannelMix{true, 0.5, 0.3, 0.2, 0.7}},
		"lowPass":       {LowPass: d.LowPass},
		"highPass":      {HighPass: d.HighPass},
		"echo":          {Echo: d.Echo},
		"reverb":        {Reverb: d.Reverb},
		"chorus":        {Chorus: d.Chorus},
		"compressor":    {Compressor: d.Compressor},
		"normalization": {Normalization: Normalization{true, 0.3, true}},
	}
}

// everything is all of each at once.
func everything() (s Settings) {
	all := each()
	s = Defaults()
	s.Equalizer = all["equalizer"].Equalizer
	s.Timescale = all["timescale"].Timescale
	s.Normalization = all["normalization"].Normalization
	s.Rotation = all["rotation"].Rotation
	s.Distortion = all["distortion"].Distortion
	s.ChannelMix = all["channelMix"].ChannelMix
	return s
}

// BenchmarkFrame is 20 ms of input through one effect, through all of them, and
// through none.
func BenchmarkFrame(b *testing.B) {
	music := audiotest.Music(5 * audio.SampleRate)
	cases := each()
	cases["all"] = everything()
	cases["none"] = Settings{}
	cases["speed"] = Settings{Timescale: Timescale{true, 1.25, 1, 1}}
	cases["rate"] = Settings{Timescale: Timescale{true, 1, 1, 1.2}}
	const frame = audio.FrameSamples * audio.Channels
	for name, s := range cases {
		b.Run(name, func(b *testing.B) {
			c := NewChain()
			c.Set(s)
			dst := make([]float32, 0, 16*frame)
			dst = c.Process(dst, music)[:0]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := i % (len(music) / frame) * frame
				dst = c.Process(dst[:0], music[at:at+frame])
			}
		})
	}
}

// BenchmarkChange is 20 ms in which something glides, for all effects.
func BenchmarkChange(b *testing.B) {
	music := audiotest.Music(audio.SampleRate)
	const frame = audio.FrameSamples * audio.Channels
	for name, s := range each() {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			c := NewChain()
			dst := make([]float32, 0, 64*frame)
			dst = c.Process(dst, music)[:0]
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					c.Set(s)
				} else {
					c.Set(Settings{})
				}
				at := i % (len(music) / frame) * frame
				dst = c.Process(dst[:0], music[at:at+frame])
			}
		})
	}
}

// BenchmarkTail is 20 ms of silence long after the music: no state may have become
// so small that the processor is slow with it.
func BenchmarkTail(b *testing.B) {
	const frame = audio.FrameSamples * audio.Channels
	c := NewChain()
	c.Set(everything())
	dst := make([]float32, 0, 64*frame)
	dst = c.Process(dst, audiotest.Music(audio.SampleRate))[:0]
	silence := make([]float32, frame)
	for b.Loop() {
		dst = c.Process(dst[:0], silence)
	}
}

// BenchmarkNeutral is what a frame that passes pays to know that it may.
func BenchmarkNeutral(b *testing.B) {
	s := Settings{}
	b.ReportAllocs()
	for b.Loop() {
		if !s.Neutral() {
			b.Fatal("not neutral")
		}
	}
}
