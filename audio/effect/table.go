package effect

const (
	nyquist = 24000.0 // Hz
	slowest = 0.1     // factor of speed, pitch, rate; Lavalink has no limits here
	fastest = 10.0
	huge    = 1e6 // where Lavalink sets no limit
)

// filters are the effects with named fields, in the order of Settings. They never
// change.
var filters = []filter{
	{
		name: "karaoke",
		on:   func(s *Settings) *bool { return &s.Karaoke.On },
		fields: []field{
			{"level", func(s *Settings) *float64 { return &s.Karaoke.Level }, 1, 0, 1, false},
			{"monoLevel", func(s *Settings) *float64 { return &s.Karaoke.MonoLevel }, 1, 0, 1, false},
			{"filterBand", func(s *Settings) *float64 { return &s.Karaoke.FilterBand }, 220, 0, nyquist, false},
			{"filterWidth", func(s *Settings) *float64 { return &s.Karaoke.FilterWidth }, 100, 0, nyquist, true},
		},
	},
	{
		name: "timescale",
		on:   func(s *Settings) *bool { return &s.Timescale.On },
		fields: []field{
			{"speed", func(s *Settings) *float64 { return &s.Timescale.Speed }, 1, slowest, fastest, false},
			{"pitch", func(s *Settings) *float64 { return &s.Timescale.Pitch }, 1, slowest, fastest, false},
			{"rate", func(s *Settings) *float64 { return &s.Timescale.Rate }, 1, slowest, fastest, false},
		},
	},
	{
		name: "tremolo",
		on:   func(s *Settings) *bool { return &s.Tremolo.On },
		fields: []field{
			{"frequency", func(s *Settings) *float64 { return &s.Tremolo.Frequency }, 2, 0, nyquist, true},
			{"depth", func(s *Settings) *float64 { return &s.Tremolo.Depth }, 0.5, 0, 1, false},
		},
	},
	{
		name: "vibrato",
		on:   func(s *Settings) *bool { return &s.Vibrato.On },
		fields: []field{
			{"frequency", func(s *Settings) *float64 { return &s.Vibrato.Frequency }, 2, 0, 14, true},
			{"depth", func(s *Settings) *float64 { return &s.Vibrato.Depth }, 0.5, 0, 1, false},
		},
	},
	{
		name: "rotation",
		on:   func(s *Settings) *bool { return &s.Rotation.On },
		fields: []field{
			{"rotationHz", func(s *Settings) *float64 { return &s.Rotation.RotationHz }, 0, -nyquist, nyquist, false},
		},
	},
	{
		name: "distortion",
		on:   func(s *Settings) *bool { return &s.Distortion.On },
		fields: []field{
			{"sinOffset", func(s *Settings) *float64 { return &s.Distortion.SinOffset }, 0, -huge, huge, false},
			{"sinScale", func(s *Settings) *float64 { return &s.Distortion.SinScale }, 1, -huge, huge, false},
			{"cosOffset", func(s *Settings) *float64 { return &s.Distortion.CosOffset }, 0, -huge, huge, false},
			{"cosScale", func(s *Settings) *float64 { return &s.Distortion.CosScale }, 1, -huge, huge, false},
			{"tanOffset", func(s *Settings) *float64 { return &s.Distortion.TanOffset }, 0, -huge, huge, false},
			{"tanScale", func(s *Settings) *float64 { return &s.Distortion.TanScale }, 1, -huge, huge, false},
			{"offset", func(s *Settings) *float64 { return &s.Distortion.Offset }, 0, -huge, huge, false},
			{"scale", func(s *Settings) *float64 { return &s.Distortion.Scale }, 1, -huge, huge, false},
		},
	},
	{
		name: "channelMix",
		on:   func(s *Settings) *bool { return &s.ChannelMix.On },
		fields: []field{
			{"leftToLeft", func(s *Settings) *float64 { return &s.ChannelMix.LeftToLeft }, 1, 0, 1, false},
			{"leftToRight", func(s *Settings) *float64 { return &s.ChannelMix.LeftToRight }, 0, 0, 1, false},
			{"rightToLeft", func(s *Settings) *float64 { return &s.ChannelMix.RightToLeft }, 0, 0, 1, false},
			{"rightToRight", func(s *Settings) *float64 { return &s.ChannelMix.RightToRight }, 1, 0, 1, false},
		},
	},
	{
		name: "lowPass",
		on:   func(s *Settings) *bool { return &s.LowPass.On },
		fields: []field{
			{"smoothing", func(s *Settings) *float64 { return &s.LowPass.Smoothing }, 20, 0, huge, false},
		},
	},
	{
		name: "highPass",
		on:   func(s *Settings) *bool { return &s.HighPass.On },
		fields: []field{
			{"smoothing", func(s *Settings) *float64 { return &s.HighPass.Smoothing }, 20, 0, huge, false},
		},
	},
	{
		name: "echo",
		on:   func(s *Settings) *bool { return &s.Echo.On },
		fields: []field{
			{"delay", func(s *Settings) *float64 { return &s.Echo.Delay }, 250, 0, 2000, true},
			{"feedback", func(s *Settings) *float64 { return &s.Echo.Feedback }, 0.4, 0, 0.95, false},
			{"mix", func(s *Settings) *float64 { return &s.Echo.Mix }, 0.35, 0, 1, false},
		},
	},
	{
		name: "reverb",
		on:   func(s *Settings) *bool { return &s.Reverb.On },
		fields: []field{
			{"mix", func(s *Settings) *float64 { return &s.Reverb.Mix }, 0.5, 0, 1, false},
			{"roomSize", func(s *Settings) *float64 { return &s.Reverb.RoomSize }, 0.5, 0, 1, false},
			{"damping", func(s *Settings) *float64 { return &s.Reverb.Damping }, 0.5, 0, 1, false},
			{"width", func(s *Settings) *float64 { return &s.Reverb.Width }, 1, 0, 1, false},
		},
	},
	{
		name: "chorus",
		on:   func(s *Settings) *bool { return &s.Chorus.On },
		fields: []field{
			{"rate", func(s *Settings) *float64 { return &s.Chorus.Rate }, 1.5, 0, 14, false},
			{"depth", func(s *Settings) *float64 { return &s.Chorus.Depth }, 0.5, 0, 1, false},
			{"delay", func(s *Settings) *float64 { return &s.Chorus.Delay }, 25, 1, 45, false},
			{"mix", func(s *Settings) *float64 { return &s.Chorus.Mix }, 0.5, 0, 1, false},
			{"feedback", func(s *Settings) *float64 { return &s.Chorus.Feedback }, 0, 0, 0.95, false},
		},
	},
	{
		name: "compressor",
		on:   func(s *Settings) *bool { return &s.Compressor.On },
		fields: []field{
			{"threshold", func(s *Settings) *float64 { return &s.Compressor.Threshold }, -24, -60, 0, false},
			{"ratio", func(s *Settings) *float64 { return &s.Compressor.Ratio }, 4, 1, 100, false},
			{"attack", func(s *Settings) *float64 { return &s.Compressor.Attack }, 0.01, 0.001, 1, false},
			{"release", func(s *Settings) *float64 { return &s.Compressor.Release }, 0.1, 0.01, 5, false},
			{"makeupGain", func(s *Settings) *float64 { return &s.Compressor.MakeupGain }, 0, 0, 24, false},
		},
	},
	{
		name: "normalization",
		on:   func(s *Settings) *bool { return &s.Normalization.On },
		fields: []field{
			{"maxAmplitude", func(s *Settings) *float64 { return &s.Normalization.MaxAmplitude }, 0.75, 0, 1, true},
		},
		flags: []flag{
			{"adaptive", func(s *Settings) *bool { return &s.Normalization.Adaptive }, true},
		},
	},
}
