package flac_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/codec/flac"
)

func packet(b []byte) audio.Packet { return audio.Packet{Data: b} }

// roundTrip checks that a frame made of samples decodes to them, in both ways.
func roundTrip(t *testing.T, channels [][]int64, bits int, stereo flac.Stereo, ways []coded) {
	t.Helper()
	b := encode(channels, bits, stereo, ways)
	d := decoder(t, streamInfo(len(channels), bits))
	got, depth, err := d.DecodeInt([]int32{7}, packet(b))
	if err != nil || depth != bits {
		t.Fatalf("%d bits: %d bits, %v", bits, depth, err)
	}
	pcm, err := d.Decode([]float32{7}, packet(b))
	if err != nil {
		t.Fatal(err)
	}
	want, floats := []int32{7}, []float32{7}
	for i := range channels[0] {
		for _, s := range channels {
			want = append(want, int32(s[i]))
			floats = append(floats, float32(s[i])/float32(int64(1)<<(bits-1)))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%d bits, stereo %d, %+v: samples differ", bits, stereo, ways)
	}
	if !slices.Equal(pcm, floats) {
		t.Fatalf("%d bits, stereo %d: float samples differ", bits, stereo)
	}
}

func TestEveryDepthComesBackAsItWas(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for bits := 4; bits <= 32; bits++ {
		for stereo := flac.Independent; stereo <= flac.MidSide; stereo++ {
			for _, kind := range []string{"verbatim", "fixed"} {
				way := coded{kind: kind, order: rng.IntN(2), param: min(14, bits/2)}
				if bits > 20 && kind == "fixed" {
					way.method, way.param = 1, 30 // the largest parameter, for the largest steps
				}
				way.order *= min(1, 29/bits) // a residual has 32 bits at most
				loud := kind == "verbatim" || bits < 16
				channels := [][]int64{noise(rng, 192, bits, 0, loud), noise(rng, 192, bits, 0, loud)}
				roundTrip(t, channels, bits, stereo, []coded{way, way})
			}
		}
	}
}

func TestEveryPredictorComesBackAsItWas(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for order := 1; order <= 32; order++ {
		for _, bits := range []int{16, 24, 32} {
			for precision := 1; precision <= 15; precision += 7 {
				way := coded{kind: "linear", order: order, precision: precision, shift: min(15, precision+rng.IntN(4)), parts: rng.IntN(3), method: 1, param: 10}
				for range order {
					way.coefs = append(way.coefs, rng.Int64N(1<<precision)-1<<(precision-1))
				}
				channels := [][]int64{noise(rng, 256, bits, 0, false), noise(rng, 256, bits, 0, false)}
				roundTrip(t, channels, bits, flac.Stereo(rng.IntN(4)), []coded{way, way})
			}
		}
	}
}

func TestSubframesOfEveryKind(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for order := range 5 {
		for parts := range 5 {
			for _, param := range []int{-1, 0, 3, 14} {
				for method := range 2 {
					way := coded{kind: "fixed", order: order, parts: parts, method: method, param: param, wasted: rng.IntN(4)}
					roundTrip(t, [][]int64{noise(rng, 320, 16, way.wasted, false)}, 16, flac.Independent, []coded{way})
				}
			}
		}
	}
	for wasted := range 15 {
		still := slices.Repeat([]int64{-1 << wasted}, 20)
		roundTrip(t, [][]int64{still, still}, 16, flac.LeftSide, []coded{
			{kind: "constant", wasted: wasted}, {kind: "constant", wasted: wasted},
		})
		roundTrip(t, [][]int64{noise(rng, 33, 16, wasted, true)}, 16, flac.Independent, []coded{{kind: "verbatim", wasted: wasted}})
	}
	zeros := make([]int64, 64)
	roundTrip(t, [][]int64{zeros}, 16, flac.Independent, []coded{{kind: "fixed", parts: 2, param: -1}}) // escaped numbers of no bits
	one := []int64{-5}
	roundTrip(t, [][]int64{one}, 16, flac.Independent, []coded{{kind: "fixed", order: 1, param: 2}}) // nothing but the first sample
}

func TestEveryNumberOfChannelsAndBlockSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	d := decoder(t, streamInfo(1, 16))
	for n := 1; n <= 8; n++ {
		for _, block := range []int{1, 2, 17, 4096, 65535} {
			var channels [][]int64
			var ways []coded
			for range n {
				channels = append(channels, noise(rng, block, 16, 0, false))
				ways = append(ways, coded{kind: "fixed", order: min(block, 2), param: 4})
			}
			roundTrip(t, channels, 16, flac.Independent, ways)
			pcm, err := d.Decode(nil, packet(encode(channels, 16, flac.Independent, ways)))
			if rate, c := d.Format(); err != nil || len(pcm) != n*block || c != n || rate != 48000 {
				t.Errorf("%d channels of %d: %d values in %d at %d Hz, %v", n, block, len(pcm), c, rate, err)
			}
		}
	}
	if d.Reset(); true {
		if rate, c := d.Format(); rate != 48000 || c != 1 {
			t.Errorf("after Reset %d Hz, %d channels", rate, c)
		}
	}
}

func TestTheWidestDifferenceFits(t *testing.T) {
	const low, high = -1 << 31, 1<<31 - 1
	channels := [][]int64{{high, low, high, low, 0, -1, 5}, {low, high, high, low, -1, 0, -5}}
	for stereo := flac.Independent; stereo <= flac.MidSide; stereo++ {
		for _, wasted := range []int{0, 1} {
			if wasted == 1 {
				for _, s := range channels {
					for i := range s {
						s[i] &^= 3 // so that the middle too ends in 0
					}
				}
			}
			way := coded{kind: "verbatim", wasted: wasted}
			roundTrip(t, channels, 32, stereo, []coded{way, way})
		}
	}
}

// TestWhatNoEncoderMakesIsRefused holds frames whose checksums are right and whose
// content is not.
func TestWhatNoEncoderMakesIsRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	d := decoder(t, streamInfo(1, 16))
	good := encode([][]int64{noise(rng, 64, 16, 0, false)}, 16, flac.Independent, []coded{{kind: "fixed", param: 4}})
	head := func(bits ...int64) []byte { // value, width, value, width …
		w := &bitWriter{b: slices.Clone(good[:8]), n: 64}
		for i := 0; i < len(bits); i += 2 {
			w.put(bits[i], int(bits[i+1]))
		}
		return append(w.b, make([]byte, 40)...)
	}
	for name, b := range map[string][]byte{
		"padding bit":             head(1, 1),
		"reserved kind 2":         head(2, 7),
		"reserved kind 13":        head(13, 7),
		"reserved kind 31":        head(31, 7),
		"all bits wasted":         head(0, 7, 1, 1, 1, 16),
		"wasted without end":      head(0, 7, 1, 1),
		"precision 16":            head(32, 7, 0, 1, 0, 16, 15, 4),
		"negative shift":          head(32, 7, 0, 1, 0, 16, 3, 4, 31, 5),
		"reserved residual":       head(8, 7, 0, 1, 2, 2),
		"partitions do not fit":   head(8, 7, 0, 1, 0, 2, 7, 4),
		"partition within warmup": head(63, 7, 0, 1, 0, 32*16, 0, 4, 0, 5, 0, 32, 0, 2, 2, 4),
		"residual cut off":        head(8, 7, 0, 1, 0, 2, 0, 4, 0, 4),
		"verbatim cut off":        head(1, 7, 0, 1),
		"residual of 33 bits":     head(8, 7, 0, 1, 1, 2, 0, 4, 30, 5, 0, 4, 1, 1, 0, 30, -1, 64*31),
		"bytes after the frame":   slices.Concat(good[:len(good)-2], []byte{0}),
		"longer than its block":   head(0, 7, 0, 1, 0, 16),
		"louder than can be": encode([][]int64{slices.Repeat([]int64{1 << 15}, 64)}, 16, flac.Independent,
			[]coded{{kind: "fixed", param: 14}})[:],
	} {
		if name != "louder than can be" {
			sum := flac.CRC16(0, b)
			b = append(b, byte(sum>>8), byte(sum))
		}
		pcm, err := d.Decode([]float32{1}, packet(b))
		_, _, errInt := d.DecodeInt(nil, packet(b))
		if !malformed(err) || !malformed(errInt) || len(pcm) != 1 {
			t.Errorf("%s: %d values, %v, %v", name, len(pcm), err, errInt)
		}
	}
	if pcm, err := d.Decode(nil, packet(good)); err != nil || len(pcm) != 64 {
		t.Errorf("after that, a good frame: %d values, %v", len(pcm), err)
	}
	wide := [][]int64{slices.Repeat([]int64{1<<31 - 1}, 4), slices.Repeat([]int64{1 << 31}, 4)}
	way := []coded{{kind: "verbatim"}, {kind: "verbatim"}}
	if _, err := decoder(t, streamInfo(2, 32)).Decode(nil, packet(encode(wide, 32, flac.LeftSide, way))); !malformed(err) {
		t.Errorf("samples of 33 bits: %v", err)
	}
}

func TestDecodingAllocatesNothingAFrame(t *testing.T) {
	private, packets := sweep(t)
	d := decoder(t, private)
	var pcm []float32
	var ints []int32
	pcm, _ = d.Decode(pcm, packets[0])
	ints, _, _ = d.DecodeInt(ints, packets[0])
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		i = (i + 1) % len(packets)
		pcm, _ = d.Decode(pcm[:0], packets[i])
		ints, _, _ = d.DecodeInt(ints[:0], packets[i])
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func ExampleDecoder_DecodeInt() {
	d, _ := flac.NewDecoder(streamInfo(1, 16))
	b := encode([][]int64{{1, 2, 3, -4}}, 16, flac.Independent, []coded{{kind: "verbatim"}})
	samples, bits, err := d.DecodeInt(nil, audio.Packet{Data: b})
	fmt.Println(samples, bits, err)
	// Output: [1 2 3 -4] 16 <nil>
}
