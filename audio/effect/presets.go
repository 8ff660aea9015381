package effect

// A Preset is settings with a name.
type Preset struct {
	Name     string // "nightcore"
	Settings Settings
}

// Presets lists what listeners know by name. The list is the caller's.
func Presets() []Preset {
	d := Defaults()
	return []Preset{
		{"bassboost-low", Settings{Equalizer: bass(0.5)}},
		{"bassboost", Settings{Equalizer: bass(1)}},
		{"bassboost-high", Settings{Equalizer: bass(2)}},
		{"bassboost-extreme", Settings{Equalizer: bass(3)}},
		{"treble", Settings{Equalizer: Equalizer{9: 0.05, 0.1, 0.15, 0.2, 0.2, 0.2}}},
		{"soft", Settings{LowPass: d.LowPass}},
		{"nightcore", Settings{Timescale: Timescale{true, 1.2, 1.2, 1}}},
		{"vaporwave", Settings{Timescale: Timescale{true, 0.85, 0.85, 1}, Reverb: Reverb{true, 0.2, 0.6, 0.5, 1}}},
		{"8d", Settings{Rotation: Rotation{true, 0.2}}},
		{"karaoke", Settings{Karaoke: d.Karaoke}},
		{"tremolo", Settings{Tremolo: d.Tremolo}},
		{"vibrato", Settings{Vibrato: d.Vibrato}},
		{"chorus", Settings{Chorus: d.Chorus}},
		{"echo", Settings{Echo: d.Echo}},
		{"reverb", Settings{Reverb: d.Reverb}},
		{"compressor", Settings{Compressor: d.Compressor}},
		{"normalization", Settings{Normalization: d.Normalization}},
		{"mono", Settings{ChannelMix: ChannelMix{true, 0.5, 0.5, 0.5, 0.5}}},
	}
}

// bass is Lavalink clients' usual bass boost, by so much; what it takes away above the
// bass it takes away once.
func bass(by float64) (e Equalizer) {
	for i, g := range [...]float64{0.2, 0.15, 0.1, 0.05, 0, -0.05} {
		if g < 0 {
			by = min(by, 1)
		}
		e[i] = min(fullBand, by*g)
	}
	return e
}
