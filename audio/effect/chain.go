package effect

import (
	"math"

	"segue/audio"
)

// The stages, in their order; timescale is after the first untilTimescale.
const (
	lowPassStage = iota
	highPassStage
	channelMixStage
	rotationStage
	distortionStage
	vibratoStage
	chorusStage
	tremoloStage
	untilTimescale
)

const (
	karaokeStage = untilTimescale + iota
	equalizerStage
	compressorStage
	echoStage
	reverbStage
	normalizationStage
	stages
)

// makers tell how to begin each stage, and what settings mean to it. They never
// change.
var makers = [stages]struct {
	make   func() kernel
	params func(*Settings) (bool, params)
}{
	lowPassStage:       {newLowPass, (*Settings).lowPassParams},
	highPassStage:      {newHighPass, (*Settings).highPassParams},
	channelMixStage:    {newChannelMix, (*Settings).channelMixParams},
	rotationStage:      {newRotation, (*Settings).rotationParams},
	distortionStage:    {newDistortion, (*Settings).distortionParams},
	vibratoStage:       {newVibrato, (*Settings).vibratoParams},
	chorusStage:        {newChorus, (*Settings).chorusParams},
	tremoloStage:       {newTremolo, (*Settings).tremoloParams},
	karaokeStage:       {newKaraoke, (*Settings).karaokeParams},
	equalizerStage:     {newEqualizer, (*Settings).equalizerParams},
	compressorStage:    {newCompressor, (*Settings).compressorParams},
	echoStage:          {newEcho, (*Settings).echoParams},
	reverbStage:        {newReverb, (*Settings).reverbParams},
	normalizationStage: {newNormalization, (*Settings).normalizationParams},
}

// A Chain does to sound what Settings say, all but volume. It is an audio.Effect,
// and belongs to one goroutine. Effects take memory when they are switched on and
// let go of it when they have faded out; the most is 1.3 MB, more than half of it for
// an echo two seconds late.
type Chain struct {
	asked    Settings // as Set got them
	settings Settings // in range, canonical, without volume
	stages   [stages]stage
	time     timescale
	begun    bool // something has been heard, so changes glide
}

// NewChain returns a chain that changes nothing.
func NewChain() *Chain {
	c := &Chain{}
	for i := range c.stages {
		c.stages[i].at = glide
	}
	return c
}

// Set makes the sound glide to what s says; before the first Process, and after
// Reset, it begins with it. It may be called between any two calls of Process, as
// often as wanted; the same again costs nothing. What is out of range counts as the
// nearest that is not. Other settings may take memory, for effects not used before.
func (c *Chain) Set(s Settings) {
	if s == c.asked {
		return
	}
	c.asked = s
	if s = s.within(); s == c.settings {
		return
	}
	was := c.settings
	c.settings = s
	c.aim(!c.begun)
	if s.Timescale != was.Timescale {
		c.time.aim(s.Timescale, !c.begun)
	}
}

func (c *Chain) aim(jump bool) {
	for i := range c.stages {
		on, p := makers[i].params(&c.settings)
		st := &c.stages[i]
		if on && st.k == nil {
			st.k = makers[i].make()
		}
		if on {
			switch k := st.k.(type) {
			case *echo:
				k.delay(c.settings.Echo.Delay)
			case *chorus:
				k.delay(c.settings.Chorus.Delay)
			}
		}
		st.aim(on, p, jump)
		if !st.active() {
			st.k = nil
		}
	}
}

// Process appends to dst what becomes of src, whole samples of the engine's format.
// With a timescale that is more or less than came in, and nothing while the first
// 0.1 s are looked at; else as much. src is left alone. It allocates only if dst
// lacks room. A value that is no number counts as silence.
func (c *Chain) Process(dst, src []float32) []float32 {
	src = src[:len(src)&^1]
	c.begun = c.begun || len(src) > 0
	if c.Settled() {
		c.time.remember(src)
		return append(dst, src...)
	}
	for len(src) > 0 {
		n := min(len(src), block*audio.Channels)
		was := len(dst)
		if c.time.on {
			pcm := append(c.time.in[:0], src[:n]...)
			c.before(pcm)
			hush(pcm)
			dst = c.time.process(dst, pcm)
		} else {
			dst = append(dst, src[:n]...)
			c.before(dst[was:])
			c.time.remember(dst[was:])
		}
		src = src[n:]
		for i := untilTimescale; i < stages; i++ {
			c.stages[i].process(dst[was:])
		}
		hush(dst[was:])
	}
	return dst
}

// before does what comes before a timescale.
func (c *Chain) before(pcm []float32) {
	clean(pcm)
	for i := range untilTimescale {
		c.stages[i].process(pcm)
	}
}

// hush makes silence of what nobody hears, 300 dB below full scale: whoever squares
// it, as a search for likeness and an encoder do, would be slow with what comes out.
func hush(pcm []float32) {
	for i, v := range pcm {
		if math.Float32bits(v)&^sign < inaudible {
			pcm[i] = 0
		}
	}
}

// clean makes silence of what is no sound, which would stay in delays for ever, and
// of what nobody hears.
func clean(pcm []float32) {
	const wildest = 0x49742400 // the bits of 1e6; those of what is no number are more
	for i, v := range pcm {
		if math.Float32bits(v)&^sign-inaudible > wildest-inaudible {
			pcm[i] = 0
		}
	}
}

// A number's bits without its sign are in the order of numbers: one comparison is
// enough, and the processor foresees what comes of it.
const (
	sign      = 1 << 31
	inaudible = 0x26901d7d // the bits of 1e-15
)

// Settled reports whether the chain changes nothing and holds nothing back: what
// it appends is src to the bit, until Set wants something else.
func (c *Chain) Settled() bool {
	for i := range c.stages {
		if c.stages[i].active() {
			return false
		}
	}
	return !c.time.on
}

// Straight reports whether what is appended is as long as what it was made of, sample for
// sample, from here on, until Set wants a timescale.
func (c *Chain) Straight() bool { return !c.time.on }

// Pace is how many samples of input become one, as Set has it: 1 without a timescale.
func (c *Chain) Pace() float64 {
	tempo, rate := c.settings.Timescale.factors()
	return tempo * rate
}

// Latency is how many samples per channel of input have been taken whose turn has
// not come: the next sample given is of the music that long before the last taken.
// It is 0 without a timescale; what a timescale takes out of its place for a
// better join, up to 12 ms, is not counted.
func (c *Chain) Latency() int { return int(math.Round(c.time.trails())) }

// Flush appends what is left of the input at the end of the music, to the sample
// that is due; what echoes after it is lost. Reset must follow.
func (c *Chain) Flush(dst []float32) []float32 {
	trails := c.time.trails()
	if trails <= 0 {
		return dst
	}
	tempo, rate := c.settings.Timescale.factors()
	due := len(dst) + audio.Channels*int(math.Round(trails/(tempo*rate)))
	var silence [block * audio.Channels]float32
	for len(dst) < due && c.time.on {
		dst = c.Process(dst, silence[:])
	}
	return dst[:min(due, len(dst))]
}

// Reset forgets all input and begins anew with the settings there are, without a
// glide to them.
func (c *Chain) Reset() {
	c.begun = false
	c.aim(true)
	for i := range c.stages {
		c.stages[i].reset()
	}
	c.time.reset(c.settings.Timescale)
}
