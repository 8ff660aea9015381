package aac

import (
	"fmt"
	"slices"

	"segue/audio"
	"segue/audio/codec/aac/bits"
)

// Audio object types (ISO/IEC 14496-3, 1.5.1).
const (
	objectLC  = 2
	objectSBR = 5
	objectPS  = 29
	escaped   = 31
)

// objects are the types we know and do not decode.
var objects = map[int]string{1: "AAC Main", 3: "AAC SSR", 4: "AAC LTP", 6: "AAC scalable", 17: "AAC ER LC", 23: "AAC LD", 39: "AAC ELD", 42: "xHE-AAC", 36: "MPEG-4 ALS"}

// Config is what an AudioSpecificConfig says.
type Config struct {
	Rate     int  // Hz of the core, which an extension doubles
	Channels int  // of the core; parametric stereo makes two of one
	Extended bool // spectral band replication is announced

	plain bool // it is announced that there is none

	layout *layout
	slots  []slot // of the elements in the stream, in the order of their kinds
	order  []int  // which decoded channel each one put out is
}

// A slot is a place for an element of the stream: a channel or a pair.
type slot struct {
	kind  int // single, pair or lfe
	first int // number of its first channel
}

// Places of channels, in the order in which they are put out.
const (
	frontLeft = iota
	frontRight
	frontCentre
	lowEffects
	backLeft
	backRight
	backCentre
	sideLeft
	sideRight
	wideLeft
	wideRight
)

// A speaker is an element and the place of its first channel.
type speaker struct{ kind, place int }

// standard are the elements of channelConfiguration.
var standard = map[int][]speaker{
	1:  {{single, frontCentre}},
	2:  {{pair, frontLeft}},
	3:  {{single, frontCentre}, {pair, frontLeft}},
	4:  {{single, frontCentre}, {pair, frontLeft}, {single, backCentre}},
	5:  {{single, frontCentre}, {pair, frontLeft}, {pair, backLeft}},
	6:  {{single, frontCentre}, {pair, frontLeft}, {pair, backLeft}, {lfe, lowEffects}},
	7:  {{single, frontCentre}, {pair, wideLeft}, {pair, frontLeft}, {pair, backLeft}, {lfe, lowEffects}},
	11: {{single, frontCentre}, {pair, frontLeft}, {pair, sideLeft}, {single, backCentre}, {lfe, lowEffects}},
	12: {{single, frontCentre}, {pair, frontLeft}, {pair, sideLeft}, {pair, backLeft}, {lfe, lowEffects}},
}

// ParseConfig reads an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). The error
// wraps audio.ErrUnsupported and names the object type if it is not AAC-LC, alone
// or as the core of HE-AAC; or audio.ErrMalformed.
func ParseConfig(b []byte) (Config, error) {
	r := &bits.Reader{B: b}
	var c Config
	object := readObject(r)
	rate := readRate(r)
	channels := r.Read(4)
	explicit := object == objectSBR || object == objectPS
	if explicit {
		c.Extended = true
		readRate(r)
		object = readObject(r)
	}
	if object != objectLC {
		name, ok := objects[object]
		if !ok {
			name = fmt.Sprintf("MPEG-4 audio object type %d", object)
		}
		return c, fmt.Errorf("aac: %s: %w", name, audio.ErrUnsupported)
	}
	if rate < 1000 || rate > 96000 {
		return c, fmt.Errorf("aac: %d Hz: %w", rate, audio.ErrUnsupported)
	}
	c.Rate, c.layout = rate, layoutOf(rate)
	if r.Flag() {
		return c, fmt.Errorf("aac: frames of 960 samples: %w", audio.ErrUnsupported)
	}
	if r.Flag() {
		r.Read(14) // the core coder's delay, which only scalable streams have
	}
	r.Read(1)
	speakers, ok := standard[channels]
	if channels == 0 {
		speakers, ok = readProgram(r)
	}
	if !ok || len(speakers) == 0 {
		return c, fmt.Errorf("aac: channel configuration %d: %w", channels, audio.ErrUnsupported)
	}
	if r.Over() {
		return c, fmt.Errorf("aac: configuration cut off: %w", audio.ErrMalformed)
	}
	if !explicit {
		c.readSync(r)
	}
	return c, c.arrange(speakers)
}

const syncSBR = 0x2b7

// readSync reads what old decoders do not look for behind a configuration: whether
// there is an extension. The same for parametric stereo, which may follow, is left:
// that tells of itself.
func (c *Config) readSync(r *bits.Reader) {
	if r.Left() < 16 || r.Read(11) != syncSBR || readObject(r) != objectSBR {
		return
	}
	c.Extended = r.Flag()
	c.plain = !c.Extended
}

func readObject(r *bits.Reader) int {
	if n := r.Read(5); n != escaped {
		return n
	}
	return 32 + r.Read(6)
}

func readRate(r *bits.Reader) int {
	i := r.Read(4)
	if i == 15 {
		return r.Read(24)
	}
	if i < len(layouts) {
		return layouts[i].rate
	}
	return 0
}

// layoutOf finds the layout that serves rate (ISO/IEC 14496-3, 4.5.1.1).
func layoutOf(rate int) *layout {
	for i, least := range []int{92017, 75132, 55426, 46009, 37566, 27713, 23004, 18783, 13856, 11502, 9391} {
		if rate >= least {
			return &layouts[i]
		}
	}
	return &layouts[11]
}

// arrange gives each element its channels and finds the order to put them out in.
func (c *Config) arrange(speakers []speaker) error {
	var places []int
	for _, s := range speakers {
		c.slots = append(c.slots, slot{s.kind, len(places)})
		places = append(places, s.place)
		if s.kind == pair {
			places = append(places, s.place+1)
		}
	}
	if len(places) > maxChannels {
		return fmt.Errorf("aac: %d channels: %w", len(places), audio.ErrUnsupported)
	}
	for i := range places {
		c.order = append(c.order, i)
	}
	slices.SortStableFunc(c.order, func(a, b int) int { return places[a] - places[b] })
	if len(places) == 4 && slices.Contains(places, backCentre) {
		c.order = append(c.order, c.order[3]) // left, right, centre, and the back one on both sides
	}
	c.Channels = len(c.order)
	return nil
}

// slot is the number of the nth slot of a kind, or -1.
func (c *Config) slot(kind, nth int) int {
	for i, s := range c.slots {
		if s.kind != kind {
			continue
		}
		if nth == 0 {
			return i
		}
		nth--
	}
	return -1
}

// again reports whether what is put out at out is what is put out before it.
func (c *Config) again(out int) bool { return out > 0 && c.order[out-1] == c.order[out] }

// repeat fills the channels of pcm that are others again.
func (c *Config) repeat(pcm []float32, channels int) {
	for out := range c.order {
		if c.again(out) {
			for i := out; i < len(pcm); i += channels {
				pcm[i] = pcm[i-1]
			}
		}
	}
}

// readProgram reads a program_config_element (ISO/IEC 14496-3, 4.4.1.1).
func readProgram(r *bits.Reader) (speakers []speaker, ok bool) {
	r.Read(4 + 2 + 4)
	front, side, back, low := r.Read(4), r.Read(4), r.Read(4), r.Read(2)
	data, coupling := r.Read(3), r.Read(4)
	for _, n := range []int{4, 4, 3} { // the mix-downs
		if r.Flag() {
			r.Read(n)
		}
	}
	place := func(n, centre int, pairs ...int) {
		for range n {
			isPair := r.Flag()
			r.Read(4)
			if !isPair {
				speakers = append(speakers, speaker{single, centre})
				continue
			}
			speakers = append(speakers, speaker{pair, pairs[0]})
			pairs = pairs[min(1, len(pairs)-1):]
		}
	}
	place(front, frontCentre, frontLeft, wideLeft)
	place(side, backCentre, sideLeft)
	place(back, backCentre, backLeft)
	for range low {
		r.Read(4)
		speakers = append(speakers, speaker{lfe, lowEffects})
	}
	for range data {
		r.Read(4)
	}
	for range coupling {
		r.Read(5)
	}
	r.Align()
	for range r.Read(8) {
		r.Read(8)
	}
	return speakers, !r.Over()
}
