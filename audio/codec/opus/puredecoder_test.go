//go:build !libopus

package opus

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thesyncim/gopus"

	"segue/audio"
)

// whole is the library's decoder as it would be without ours around it.
func whole(t testing.TB) *gopus.Decoder {
	t.Helper()
	dec, err := gopus.NewDecoder(gopus.DecoderConfig{
		SampleRate: audio.SampleRate, Channels: audio.Channels, MaxPacketSamples: MaxDuration, MaxPacketBytes: 1 << 16,
	})
	if err != nil {
		t.Fatal(err)
	}
	return dec
}

// random is a packet of frames of noise, each of least bytes or more.
func random(r *rand.Rand, config byte, stereo, least int) []byte {
	toc := config<<3 | byte(stereo)<<2
	data := make([][]byte, 1+r.IntN(MaxDuration/frameSamples(toc)))
	for i := range data {
		data[i] = make([]byte, least+r.IntN(120))
		for k := range data[i] {
			data[i][k] = byte(r.Uint32())
		}
	}
	return appendPacket(nil, toc, data)
}

// TestFramesOneByOneAreWhatTheirPacketIs gives packets of noise, several frames each,
// and losses to the decoder and to the library's. Where an empty frame follows one of
// another configuration in the same packet, the library conceals it as if it were of the
// packet before: only then do they differ, and are not held against each other.
func TestFramesOneByOneAreWhatTheirPacketIs(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 19))
	check := func(t *testing.T, dec audio.Decoder, want *gopus.Decoder, packets [][]byte) {
		t.Helper()
		var pcm, theirs []float32
		sound := 0
		for i, packet := range packets {
			pcm, theirs = both(t, dec, want, packet, pcm, theirs)
			if !slices.Equal(pcm, theirs) {
				t.Fatalf("packet %d, % .4x of %d bytes: it sounds otherwise", i, packet[:min(len(packet), 4)], len(packet))
			}
			if slices.ContainsFunc(pcm, func(v float32) bool { return v != 0 }) {
				sound++
			}
		}
		if sound < len(packets)/2 {
			t.Errorf("%d packets of %d made a sound", sound, len(packets))
		}
	}
	several := func(n, least int, config func() byte, stereo func() int) (packets [][]byte) {
		for i := range n {
			p := random(r, config(), stereo(), least)
			if i%17 == 16 {
				p = nil
			}
			packets = append(packets, p)
		}
		return packets
	}
	side := func() int { return r.IntN(2) }
	t.Run("up to 20 ms", func(t *testing.T) {
		short := func() byte {
			c := byte(r.IntN(32))
			if frameSamples(c<<3) > audio.FrameSamples {
				c |= 16
			}
			return c
		}
		check(t, mustDecoder(t), whole(t), several(400, 2, short, side))
	})
	t.Run("longer ones", func(t *testing.T) {
		// A 60 ms frame comes first, so that none is heard before there is room.
		packets := append([][]byte{{3 << 3, 1, 2, 3, 4, 5}}, several(400, 2, func() byte { return byte(r.IntN(32)) }, side)...)
		check(t, mustDecoder(t), whole(t), packets)
	})
	t.Run("empty ones", func(t *testing.T) {
		for config := range byte(32) {
			for stereo := range 2 {
				dec, want := mustDecoder(t), whole(t)
				first := [][]byte{random(r, config, stereo, 2)}
				check(t, dec, want, append(first, several(12, 0, func() byte { return config }, func() int { return stereo })...))
			}
		}
	})
}

// both decodes packet, or conceals 20 ms, by both decoders.
func both(t *testing.T, dec audio.Decoder, want *gopus.Decoder, packet []byte, a, b []float32) ([]float32, []float32) {
	t.Helper()
	samples := audio.FrameSamples
	if packet != nil {
		samples, _ = Duration(packet)
	}
	b = slices.Grow(b[:0], samples*audio.Channels)[:samples*audio.Channels]
	n, theirs := want.Decode(packet, b)
	a, ours := dec.Decode(a[:0], audio.Packet{Data: packet, Duration: audio.FrameSamples})
	if (theirs == nil) != (ours == nil) || ours != nil && !errors.Is(ours, audio.ErrMalformed) {
		t.Fatalf("%v, the library says %v", ours, theirs)
	}
	return a, b[:n*audio.Channels]
}
