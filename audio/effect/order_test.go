package effect

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"segue/audio/audiotest"
)

// The order that the package comment tells, which docs/audio.md draws, is that of
// the stages.
func TestOrderIsTheDocumentedOne(t *testing.T) {
	place := map[string]int{}
	for name, s := range each() {
		if name == "timescale" {
			place[name] = 2*untilTimescale - 1
			continue
		}
		for i := range makers {
			if on, _ := makers[i].params(&s); on {
				place[name] = 2 * i
			}
		}
	}
	want := slices.SortedFunc(maps.Keys(place), func(a, b string) int { return place[a] - place[b] })
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(strings.ReplaceAll(string(doc), "//", ""), "in brackets:")
	list, _, _ = strings.Cut(list, "Volume follows")
	var got []string
	for name := range strings.SplitSeq(list, ",") {
		got = append(got, strings.Trim(name, " []\t\n"))
	}
	if len(want) != len(each()) || !slices.Equal(got, want) {
		t.Errorf("the package comment says %q, it is %q", got, want)
	}
}

// What is on and does nothing is as good as off, to the bit.
func TestWhatIsNeutralLeavesEverySample(t *testing.T) {
	d := Defaults()
	still := map[string]Settings{
		"all that is neutral by default": {Timescale: d.Timescale, Rotation: d.Rotation, Distortion: d.Distortion, ChannelMix: d.ChannelMix},
		"karaoke of level 0":             {Karaoke: Karaoke{true, 0, 1, 220, 100}},
		"tremolo and vibrato of depth 0": {Tremolo: Tremolo{true, 2, 0}, Vibrato: Vibrato{true, 2, 0}},
		"passes of smoothing 1":          {LowPass: LowPass{true, 1}, HighPass: HighPass{true, 0.5}},
		"nothing mixed in":               {Echo: Echo{true, 250, 0.4, 0}, Reverb: Reverb{true, 0, 0.5, 0.5, 1}, Chorus: Chorus{true, 1.5, 0.5, 25, 0, 0}},
		"compressor of ratio 1":          {Compressor: Compressor{true, -24, 1, 0.01, 0.1, 0}},
		"off, and all else set":          {Tremolo: Tremolo{false, 2, 1}, LowPass: LowPass{Smoothing: 50}, Normalization: Normalization{MaxAmplitude: 0.1}},
	}
	music := audiotest.Music(second / 2)
	music[7], music[8] = 1e-38, -1e-42 // it is not for us to round
	for name, s := range still {
		c := NewChain()
		c.Set(s)
		if !s.Neutral() || !c.Settled() || !slices.Equal(frames(c, music), music) || c.Latency() != 0 {
			t.Errorf("%s: something is changed", name)
		}
		c.Set(everything())
		frames(c, music)
		c.Set(s)
		for i := 0; !c.Settled(); i++ {
			if c.Process(nil, music); i > 20 {
				t.Fatalf("%s: never settles after effects", name)
			}
		}
		if !slices.Equal(frames(c, music), music) {
			t.Errorf("%s: something is changed after effects", name)
		}
	}
}
