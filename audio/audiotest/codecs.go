package audiotest

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/meter"
)

// TestDecoder checks what audio.Decoder promises, on packets that follow each
// other and are good. It makes as many decoders as it wants.
func TestDecoder(t *testing.T, make func(t testing.TB) audio.Decoder, packets []audio.Packet) {
	t.Helper()
	if len(packets) < 3 {
		t.Fatalf("%d packets are too few to check a decoder", len(packets))
	}
	runAll(t, decoderChecks(make, packets))
}

// A check is one of the promises of a contract.
type check struct {
	name string
	run  func(t testing.TB)
}

func runAll(t *testing.T, checks []check) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func decoderChecks(make func(t testing.TB) audio.Decoder, packets []audio.Packet) []check {
	return []check{
		{"appends whole samples", func(t testing.TB) {
			d := make(t)
			dst := []float32{1, 2, 3}
			for i, p := range packets {
				was, data := slices.Clone(dst), bytes.Clone(p.Data)
				var err error
				if dst, err = d.Decode(dst, p); err != nil {
					t.Fatalf("packet %d: %v", i, err)
				}
				rate, channels := d.Format()
				if rate <= 0 || channels <= 0 {
					t.Fatalf("format after packet %d is %d Hz, %d channels", i, rate, channels)
				}
				if len(dst) < len(was) || !slices.Equal(dst[:len(was)], was) {
					t.Fatalf("packet %d changed what dst held", i)
				}
				if n := len(dst) - len(was); n%channels != 0 {
					t.Fatalf("packet %d gave %d values for %d channels", i, n, channels)
				}
				if !bytes.Equal(p.Data, data) {
					t.Fatalf("decoding changed packet %d", i)
				}
			}
			if len(dst) == 3 {
				t.Fatal("nothing was decoded")
			}
			for i, v := range dst {
				if v != v || math.IsInf(float64(v), 0) {
					t.Fatalf("value %d is %v", i, v)
				}
			}
		}},
		{"begins anew after Reset", func(t testing.TB) {
			d := make(t)
			first := decodeAll(t, d, packets)
			d.Reset()
			if again := decodeAll(t, d, packets); !slices.Equal(first, again) {
				t.Fatal("the same packets decode differently after Reset")
			}
			if other := decodeAll(t, make(t), packets); !slices.Equal(first, other) {
				t.Fatal("the same packets decode differently in another decoder")
			}
		}},
		{"survives damage", func(t testing.TB) { survives(t, make(t), packets) }},
	}
}

func decodeAll(t testing.TB, d audio.Decoder, packets []audio.Packet) (pcm []float32) {
	t.Helper()
	for i, p := range packets {
		var err error
		if pcm, err = d.Decode(pcm, p); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	return pcm
}

// survives feeds d packets cut short, overwritten and missing, then good ones.
func survives(t testing.TB, d audio.Decoder, packets []audio.Packet) {
	for i, p := range packets {
		bad := bytes.Clone(p.Data)
		switch i % 3 {
		case 0:
			bad = bad[:len(bad)/2]
		case 1:
			for k := range bad {
				bad[k] ^= byte(k*7 + i)
			}
		case 2:
			bad = nil
		}
		dst := []float32{7}
		got, err := d.Decode(dst, audio.Packet{Data: bad, PTS: p.PTS, Duration: p.Duration})
		if len(got) < 1 || got[0] != 7 {
			t.Fatalf("damaged packet %d changed what dst held", i)
		}
		if err != nil && len(got) != 1 {
			t.Fatalf("damaged packet %d gave samples and %v", i, err)
		}
		if err != nil && bad != nil && !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrUnsupported) && !errors.Is(err, audio.ErrLimit) {
			t.Fatalf("damaged packet %d: %v is none of audio's errors", i, err)
		}
	}
	d.Reset()
	if len(decodeAll(t, d, packets)) == 0 {
		t.Fatal("nothing is decoded after damage and Reset")
	}
}

// TestEncoder checks what audio.Encoder promises; decode must understand its packets.
func TestEncoder(t *testing.T, make func(t testing.TB) audio.Encoder, decode func(t testing.TB) audio.Decoder) {
	t.Helper()
	runAll(t, encoderChecks(make, decode, 0))
}

//arch:long it is a list of checks over one helper
func encoderChecks(make func(t testing.TB) audio.Encoder, decode func(t testing.TB) audio.Decoder, allocations int) []check {
	const frames, frame = 50, frameLen
	pcm := Music(frames * audio.FrameSamples)
	encode := func(t testing.TB, e audio.Encoder) (packets []audio.Packet) {
		t.Helper()
		for i := range frames {
			b, err := e.Encode([]byte("kept"), pcm[i*frame:(i+1)*frame])
			if err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			if len(b) <= 4 || string(b[:4]) != "kept" {
				t.Fatalf("frame %d: what dst held was changed, or nothing appended", i)
			}
			packets = append(packets, audio.Packet{Data: b[4:], Duration: audio.FrameSamples})
		}
		return packets
	}
	return []check{
		{"one packet a frame, late by Lookahead", func(t testing.TB) {
			e, was := make(t), slices.Clone(pcm)
			packets := encode(t, e)
			if !slices.Equal(pcm, was) {
				t.Fatal("encoding changed the samples")
			}
			got := decodeAll(t, decode(t), packets)
			if len(got) != len(pcm) {
				t.Fatalf("%d samples in, %d out", len(pcm), len(got))
			}
			m := meter.Compare(pcm, got, 2*audio.FrameSamples)
			if m.Shift != e.Lookahead() || m.ErrorDB > -10 {
				t.Fatalf("decoded %d samples late at %.1f dB, Lookahead says %d", m.Shift, m.ErrorDB, e.Lookahead())
			}
		}},
		{"begins anew after Reset", func(t testing.TB) {
			e, after := make(t), Noise(9, 0.5, audio.FrameSamples)
			first := encode(t, e)
			for i, p := range encode(t, make(t)) {
				if !bytes.Equal(p.Data, first[i].Data) {
					t.Fatalf("frame %d is coded differently by another encoder", i)
				}
			}
			if _, err := e.Encode(nil, after); err != nil {
				t.Fatal(err)
			}
			e.Reset()
			// Nothing of the noise may be heard. The bytes may differ: libraries keep
			// what they have learnt of the signal.
			plain := decodeAll(t, decode(t), first)
			again := decodeAll(t, decode(t), encode(t, e))
			was, is := meter.Error(pcm, plain, e.Lookahead()), meter.Error(pcm, again, e.Lookahead())
			if is > was+0.5 {
				t.Fatalf("error %.2f dB after Reset, %.2f before", is, was)
			}
			if d := meter.Error(plain[:frame], again[:frame], 0); d > -30 {
				t.Fatalf("the first frame after Reset is another sound (%.1f dB)", d)
			}
		}},
		{"refuses what is not a frame", func(t testing.TB) {
			e := make(t)
			for _, n := range []int{0, 2, frame - 2, frame + 2} {
				if b, err := e.Encode(nil, Sine(440, 0.5, frame)[:n]); err == nil || len(b) != 0 {
					t.Errorf("%d values gave %d bytes, %v", n, len(b), err)
				}
			}
		}},
		{"allocates no more than it may", func(t testing.TB) {
			e, dst := make(t), slices.Grow([]byte(nil), 4000)
			encode(t, e)
			if n := testing.AllocsPerRun(50, func() { _, _ = e.Encode(dst, pcm[:frame]) }); n >= float64(1+allocations) {
				t.Errorf("%v allocations a frame", n)
			}
		}},
	}
}
