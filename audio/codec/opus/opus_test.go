package opus

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// sweep is a stereo chirp: a signal that matches itself at one delay only.
func sweep(samples int) []float32 {
	pcm := make([]float32, samples*2)
	for i := range samples {
		t := float64(i) / audio.SampleRate
		pcm[2*i] = float32(0.4 * math.Sin(2*math.Pi*(200*t+2000*t*t)))
		pcm[2*i+1] = float32(0.4 * math.Sin(2*math.Pi*(300*t+1500*t*t)))
	}
	return pcm
}

func mustEncoder(t testing.TB, o EncoderOptions) audio.Encoder {
	t.Helper()
	e, err := NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustDecoder(t testing.TB) audio.Decoder {
	t.Helper()
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// errorAt is the error of heard against played, in dB, if heard trails by delay.
func errorAt(played, heard []float32, delay int) float64 {
	var signal, noise float64
	for i := 48000; i < 2*48000; i++ {
		for c := range 2 {
			s, h := float64(played[2*i+c]), float64(heard[2*(i+delay)+c])
			signal += s * s
			noise += (s - h) * (s - h)
		}
	}
	return 10 * math.Log10(noise/signal)
}

func TestLookaheadIsTheDelayToTheSample(t *testing.T) {
	enc, dec := mustEncoder(t, EncoderOptions{}), mustDecoder(t)
	played := sweep(3 * audio.SampleRate)
	var heard []float32
	for at := 0; at < len(played); at += audio.FrameSamples * 2 {
		data, err := enc.Encode(nil, played[at:at+audio.FrameSamples*2])
		if err != nil {
			t.Fatal(err)
		}
		if heard, err = dec.Decode(heard, audio.Packet{Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	best := 0
	for delay := range 1000 {
		if errorAt(played, heard, delay) < errorAt(played, heard, best) {
			best = delay
		}
	}
	if best != enc.Lookahead() {
		t.Errorf("output trails by %d samples, Lookahead says %d", best, enc.Lookahead())
	}
	if e := errorAt(played, heard, best); e > -20 {
		t.Errorf("error %.1f dB at delay %d, want below -20", e, best)
	}
	t.Logf("delay %d, error %.1f dB", best, errorAt(played, heard, best))
}

func TestThisBuildKeepsTheContract(t *testing.T) {
	layeh := strings.Contains(Build(), "layeh")
	o := audiotest.Opus{
		Encoder: func(t testing.TB, bitrate, complexity int) audio.Encoder {
			return mustEncoder(t, EncoderOptions{Bitrate: bitrate, Complexity: complexity})
		},
		Decoder: mustDecoder, Duration: Duration, OneComplexity: layeh, NoIndependent: layeh,
	}
	if layeh {
		o.Allocations = 1
	}
	audiotest.TestOpus(t, o)
}

func packets(t testing.TB, o EncoderOptions) (list []audio.Packet) {
	t.Helper()
	enc, pcm := mustEncoder(t, o), sweep(audio.SampleRate)
	for at := 0; at < len(pcm); at += audio.FrameSamples * 2 {
		data, err := enc.Encode(nil, pcm[at:at+audio.FrameSamples*2])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, audio.Packet{Data: data, Duration: audio.FrameSamples})
	}
	return list
}

func TestBitrateIsKeptAndComplexityHeard(t *testing.T) {
	size := func(o EncoderOptions) (n int) {
		for _, p := range packets(t, o) {
			n += len(p.Data)
			if len(p.Data) > MaxPacket {
				t.Errorf("packet of %d bytes", len(p.Data))
			}
			if d, err := Duration(p.Data); d != 960 || err != nil || !Stereo(p.Data) {
				t.Errorf("%+v: %d samples, %v, stereo %v", o, d, err, Stereo(p.Data))
			}
		}
		return n
	}
	low, high := size(EncoderOptions{Bitrate: 48_000, Complexity: 1}), size(EncoderOptions{Bitrate: 256_000, Complexity: 10})
	if low > 48_000/8*14/10 || high < 2*low {
		t.Errorf("a second at 48 kbit/s is %d bytes, at 256 kbit/s %d", low, high)
	}
}

func TestOptionsOutOfRangeAreRefused(t *testing.T) {
	for _, o := range []EncoderOptions{{Bitrate: 5999}, {Bitrate: 510_001}, {Complexity: 11}, {Complexity: -1}} {
		if _, err := NewEncoder(o); !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestLossIsConcealedForAsLongAsItLasted(t *testing.T) {
	dec, list := mustDecoder(t), packets(t, EncoderOptions{})
	for _, p := range list[:10] {
		if _, err := dec.Decode(nil, p); err != nil {
			t.Fatal(err)
		}
	}
	for duration, want := range map[int64]int{0: 960, 120: 120, 960: 960, 1000: 1000, 2880: 2880, 5760: 5760, 1 << 40: MaxDuration} {
		pcm, err := dec.Decode(nil, audio.Packet{Duration: duration})
		if err != nil || len(pcm) != want*2 {
			t.Errorf("%d samples concealed with %d, %v", duration, len(pcm)/2, err)
		}
	}
}

func TestPacketsOfEveryLengthDecode(t *testing.T) {
	frame := packets(t, EncoderOptions{})[20].Data
	for count := 1; count <= 6; count++ { // 20 to 120 ms of equal frames
		packet := append([]byte{frame[0]&^3 | 3, byte(count)}, bytes.Repeat(frame[1:], count)...)
		pcm, err := mustDecoder(t).Decode(nil, audio.Packet{Data: packet})
		if err != nil || len(pcm) != count*960*2 {
			t.Errorf("%d ms: %d samples, %v", count*20, len(pcm)/2, err)
		}
	}
	for config := byte(0); config < 32; config++ {
		for _, stereo := range []byte{0, 4} {
			packet := append([]byte{config<<3 | stereo}, frame[1:80]...)
			want, _ := Duration(packet)
			pcm, err := mustDecoder(t).Decode(nil, audio.Packet{Data: packet})
			if err != nil || len(pcm) != want*2 {
				t.Errorf("config %d: %d samples of %d, %v", config, len(pcm)/2, want, err)
			}
		}
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	dec, list := mustDecoder(t), packets(t, EncoderOptions{})
	dst, i := make([]float32, 0, 2*MaxDuration), 0
	if n := testing.AllocsPerRun(40, func() {
		if _, err := dec.Decode(dst, list[i]); err != nil {
			t.Fatal(err)
		}
		i++
	}); n >= 1 {
		t.Errorf("%v allocations a packet", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, p := range packets(f, EncoderOptions{Bitrate: 24_000})[:5] {
		f.Add(p.Data)
	}
	dec := mustDecoder(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		pcm, err := dec.Decode(nil, audio.Packet{Data: b})
		if err != nil && !errors.Is(err, audio.ErrMalformed) || len(pcm) > 2*MaxDuration {
			t.Fatalf("%d values, %v", len(pcm), err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	enc, pcm, dst := mustEncoder(b, EncoderOptions{}), sweep(audio.FrameSamples*50), make([]byte, 0, MaxPacket)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := enc.Encode(dst, pcm[i*1920:(i+1)*1920]); err != nil {
			b.Fatal(err)
		}
		i = (i + 1) % 50
	}
}

func BenchmarkDecode(b *testing.B) {
	dec, list, dst := mustDecoder(b), packets(b, EncoderOptions{}), make([]float32, 0, 2*MaxDuration)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := dec.Decode(dst, list[i]); err != nil {
			b.Fatal(err)
		}
		i = (i + 1) % len(list)
	}
}

// What an encoder and a decoder hold once they have worked: Go's heap, which is
// all of it but where C keeps memory of its own.
func BenchmarkPair(b *testing.B) {
	const pairs = 20
	frame, dst := sweep(audio.FrameSamples), make([]byte, 0, MaxPacket)
	pcm := make([]float32, 0, 2*MaxDuration)
	for b.Loop() {
		var before, after runtime.MemStats
		var kept []any
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range pairs {
			enc, dec := mustEncoder(b, EncoderOptions{}), mustDecoder(b)
			for range 3 {
				data, err := enc.Encode(dst, frame)
				if err == nil {
					_, err = dec.Decode(pcm, audio.Packet{Data: data})
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			kept = append(kept, enc, dec)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/pairs, "B/pair")
		runtime.KeepAlive(kept)
	}
}
