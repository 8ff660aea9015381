package aac_test

import (
	"errors"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/codec/aac"
)

// pack makes bytes of numbers and their widths, by turns.
func pack(fields ...int) []byte {
	var b []byte
	n := 0
	for i := 0; i < len(fields); i += 2 {
		for bit := fields[i+1] - 1; bit >= 0; bit-- {
			if n%8 == 0 {
				b = append(b, 0)
			}
			b[n/8] |= byte(fields[i]>>bit&1) << (7 - n%8)
			n++
		}
	}
	return b
}

// program is a configuration with a program of its own: front, side and back
// elements, and one for low frequencies.
func program(front, side, back []int, low int) []byte {
	f := []int{2, 5, 3, 4, 0, 4, 0, 3, 0, 4, 1, 2, 3, 4, len(front), 4, len(side), 4, len(back), 4, low, 2, 1, 3, 1, 4, 1, 1, 0, 4, 0, 1, 0, 1}
	for _, part := range [][]int{front, side, back} {
		for i, isPair := range part {
			f = append(f, isPair, 1, i, 4)
		}
	}
	for range low {
		f = append(f, 0, 4)
	}
	f = append(f, 0, 4, 0, 5)
	n := 0
	for i := 1; i < len(f); i += 2 {
		n += f[i]
	}
	return pack(append(f, 0, (8-n%8)%8, 1, 8, 'x', 8)...)
}

func TestConfigurations(t *testing.T) {
	for name, c := range map[string]struct {
		config         []byte
		rate, channels int
		extended       bool
	}{
		"stereo":                    {pack(2, 5, 4, 4, 2, 4, 0, 3), 44100, 2, false},
		"mono at a rate in full":    {pack(2, 5, 15, 4, 44000, 24, 1, 4, 0, 3), 44000, 1, false},
		"a low rate in full":        {pack(2, 5, 15, 4, 7000, 24, 1, 4, 0, 3), 7000, 1, false},
		"HE-AAC":                    {pack(5, 5, 6, 4, 2, 4, 3, 4, 2, 5, 0, 3), 24000, 2, true},
		"HE-AAC v2":                 {pack(29, 5, 6, 4, 1, 4, 3, 4, 2, 5, 0, 3), 24000, 1, true},
		"HE-AAC for old decoders":   {pack(2, 5, 6, 4, 2, 4, 0, 3, 0x2b7, 11, 5, 5, 1, 1, 3, 4), 24000, 2, true},
		"HE-AAC v2 for old ones":    {pack(2, 5, 6, 4, 1, 4, 0, 3, 0x2b7, 11, 5, 5, 1, 1, 3, 4, 0x548, 11, 1, 1), 24000, 1, true},
		"no HE-AAC, it says":        {pack(2, 5, 6, 4, 2, 4, 0, 3, 0x2b7, 11, 5, 5, 0, 1), 24000, 2, false},
		"something else behind":     {pack(2, 5, 6, 4, 2, 4, 0, 3, 0x2b6, 11, 5, 5, 1, 1, 3, 4), 24000, 2, false},
		"HE-AAC at a rate in full":  {pack(5, 5, 6, 4, 2, 4, 15, 4, 48000, 24, 2, 5, 0, 3), 24000, 2, true},
		"four channels make five":   {pack(2, 5, 3, 4, 4, 4, 0, 3), 48000, 5, false},
		"five and low frequencies":  {pack(2, 5, 3, 4, 6, 4, 0, 3), 48000, 6, false},
		"seven and low frequencies": {pack(2, 5, 3, 4, 7, 4, 0, 3), 48000, 8, false},
		"six and low frequencies":   {pack(2, 5, 3, 4, 11, 4, 0, 3), 48000, 7, false},
		"seven, two of them beside": {pack(2, 5, 3, 4, 12, 4, 0, 3), 48000, 8, false},
		"with a core coder's delay": {pack(2, 5, 3, 4, 2, 4, 0, 1, 1, 1, 99, 14, 0, 1), 48000, 2, false},
		"a program of stereo":       {program([]int{1}, nil, nil, 0), 48000, 2, false},
		"a program of 7.1":          {program([]int{0, 1}, []int{1}, []int{1}, 1), 48000, 8, false},
	} {
		got, err := aac.ParseConfig(c.config)
		if err != nil || got.Rate != c.rate || got.Channels != c.channels || got.Extended != c.extended {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestWhatIsNotDecodedIsRefusedByName(t *testing.T) {
	for want, config := range map[string][]byte{
		"AAC Main":                pack(1, 5, 4, 4, 2, 4, 0, 3),
		"AAC SSR":                 pack(3, 5, 4, 4, 2, 4, 0, 3),
		"AAC LTP":                 pack(4, 5, 4, 4, 2, 4, 0, 3),
		"xHE-AAC":                 pack(31, 5, 10, 6, 4, 4, 2, 4, 0, 3),
		"type 22":                 pack(22, 5, 4, 4, 2, 4, 0, 3),
		"960 samples":             pack(2, 5, 4, 4, 2, 4, 1, 1, 0, 2),
		"channel configuration 9": pack(2, 5, 4, 4, 9, 4, 0, 3),
		"channel configuration 0": pack(2, 5, 4, 4, 0, 4, 0, 3),
		" 0 Hz":                   pack(2, 5, 14, 4, 2, 4, 0, 3),
		"12 channels":             program([]int{1, 1}, []int{1, 1}, []int{1, 1}, 0),
	} {
		_, err := aac.NewDecoder(config)
		if !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := aac.NewDecoder([]byte{0x12}); err == nil {
		t.Error("half a configuration was taken")
	}
	if _, err := aac.NewDecoder(pack(2, 5, 15, 4, 44100, 24, 1, 4)[:4]); err == nil {
		t.Error("a configuration cut off was taken")
	}
}

// TestAChannelTooManyIsDamage feeds hand-made frames: what there may be beside the
// channels is skipped, and what there must not be is an error.
func TestAChannelTooManyIsDamage(t *testing.T) {
	d, err := aac.NewDecoder(pack(2, 5, 4, 4, 1, 4, 0, 3))
	if err != nil {
		t.Fatal(err)
	}
	// A single channel: tag, gain, long window without bands, no pulses, shaping, gain control.
	one := []int{0, 3, 0, 4, 100, 8, 0, 1, 0, 2, 0, 1, 0, 6, 0, 1, 0, 3}
	data, filler := []int{4, 3, 0, 4, 1, 1, 2, 8}, []int{6, 3, 15, 4, 3, 8}
	pcm, err := d.Decode(nil, audio.Packet{Data: pack(append(one, 7, 3)...)})
	if err != nil || len(pcm) != 1024 {
		t.Errorf("silence: %d samples, %v", len(pcm), err)
	}
	whole := append([]int{}, filler...)
	for range 17 {
		whole = append(whole, 0xa5, 8)
	}
	whole = append(append(whole, one...), 7, 3)
	if _, err := d.Decode(nil, audio.Packet{Data: pack(whole...)}); err != nil {
		t.Errorf("with something to fill: %v", err)
	}
	n := 7 + 1 + 8
	before := append(append([]int{}, data...), 0, (8-n%8)%8, 0xffff, 16)
	if _, err := d.Decode(nil, audio.Packet{Data: pack(append(append(before, one...), 7, 3)...)}); err != nil {
		t.Errorf("with data: %v", err)
	}
	for name, unit := range map[string][]int{
		"two channels":         append(append(append([]int{}, one...), one...), 7, 3),
		"a pair":               {1, 3, 0, 4, 0, 32, 0, 32, 7, 3},
		"coupling":             {2, 3, 0, 4, 0, 32, 7, 3},
		"prediction":           {0, 3, 0, 4, 100, 8, 0, 1, 0, 2, 0, 1, 0, 6, 1, 1, 0, 3, 7, 3},
		"gain control":         {0, 3, 0, 4, 100, 8, 0, 1, 0, 2, 0, 1, 0, 6, 0, 1, 0, 2, 1, 1, 7, 3},
		"too many bands":       {0, 3, 0, 4, 100, 8, 0, 1, 0, 2, 0, 1, 60, 6, 0, 1, 0, 32},
		"pulses in short ones": {0, 3, 0, 4, 100, 8, 0, 1, 2, 2, 0, 1, 0, 4, 0, 7, 1, 1, 0, 32},
	} {
		if _, err := d.Decode(nil, audio.Packet{Data: pack(unit...)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
