package audiotest

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/meter"
)

const frameLen = audio.FrameSamples * audio.Channels

// Opus is a build of the Opus codec: how to make its parts, and what it is
// excused from.
type Opus struct {
	Encoder  func(t testing.TB, bitrate, complexity int) audio.Encoder
	Decoder  func(t testing.TB) audio.Decoder
	Duration func(packet []byte) (samples int, err error) // what a packet says it lasts

	OneComplexity bool // it cannot be told a complexity
	NoIndependent bool // it cannot make a packet independent of those before it
	Allocations   int  // per frame encoded
}

// adjustable is what an Opus encoder can be told between two frames.
type adjustable interface {
	SetBitrate(bps int)
	SetComplexity(c int)
}

// TestOpus checks what every build of the Opus codec promises, including what
// TestEncoder and TestDecoder check.
func TestOpus(t *testing.T, o Opus) {
	t.Helper()
	best := func(t testing.TB) audio.Encoder { return o.Encoder(t, 128_000, 8) }
	t.Run("encoder", func(t *testing.T) { runAll(t, encoderChecks(best, o.Decoder, o.Allocations)) })
	t.Run("decoder", func(t *testing.T) {
		runAll(t, decoderChecks(o.Decoder, o.code(t, best(t), Music(50*audio.FrameSamples))))
	})
	runAll(t, o.checks())
}

func (o Opus) checks() []check {
	return []check{
		{"sounds like what it was", o.quality},
		{"keeps to the bit rate", o.bitrates},
		{"leaves mono in the middle", o.mono},
		{"is silent when nothing sounds", o.silence},
		{"takes what is loud", o.loud},
		{"gets over what is no sound", o.noSound},
		{"is not slowed by what is hardly there", o.denormals},
		{"makes a packet that needs none before it", o.independent},
		{"changes the bit rate from one frame to the next", o.rateChanges},
		{"changes the complexity from one frame to the next", o.complexityChanges},
		{"conceals what is lost", o.loss},
	}
}

// code encodes pcm, whole frames of it, with e.
func (o Opus) code(t testing.TB, e audio.Encoder, pcm []float32) (packets []audio.Packet) {
	t.Helper()
	for i := 0; i+frameLen <= len(pcm); i += frameLen {
		b, err := e.Encode(nil, pcm[i:i+frameLen])
		if err != nil {
			t.Fatalf("frame %d: %v", i/frameLen, err)
		}
		if n, err := o.Duration(b); n != audio.FrameSamples || err != nil {
			t.Fatalf("frame %d: a packet of %d samples (%v)", i/frameLen, n, err)
		}
		packets = append(packets, audio.Packet{Data: b, Duration: audio.FrameSamples})
	}
	return packets
}

// listen is pcm after an encoder and a decoder, and must be all there and finite.
func (o Opus) listen(t testing.TB, e audio.Encoder, pcm []float32) []float32 {
	t.Helper()
	heard := decodeAll(t, o.Decoder(t), o.code(t, e, pcm))
	if len(heard) != len(pcm) {
		t.Fatalf("%d values in, %d out", len(pcm), len(heard))
	}
	if i := slices.IndexFunc(heard, strange); i >= 0 {
		t.Fatalf("value %d is %v", i, heard[i])
	}
	return heard
}

func strange(v float32) bool { return v != v || math.IsInf(float64(v), 0) }

func size(packets []audio.Packet) (n int) {
	for _, p := range packets {
		n += len(p.Data)
	}
	return n
}

func (o Opus) quality(t testing.TB) {
	pcm := Music(100 * audio.FrameSamples)
	for _, c := range []struct {
		bitrate int
		limit   float64 // dB: what the worst build does, and one for luck
	}{{48_000, -14}, {96_000, -17}, {128_000, -19}} {
		e := o.Encoder(t, c.bitrate, 8)
		m := meter.Compare(pcm, o.listen(t, e, pcm), 2*audio.FrameSamples)
		t.Logf("%d bit/s: error %.1f dB", c.bitrate, m.ErrorDB)
		if m.Shift != e.Lookahead() {
			t.Errorf("%d bit/s: heard %d samples late, Lookahead says %d", c.bitrate, m.Shift, e.Lookahead())
		}
		if m.ErrorDB > c.limit {
			t.Errorf("%d bit/s: error %.1f dB, want below %.0f", c.bitrate, m.ErrorDB, c.limit)
		}
	}
}

func (o Opus) bitrates(t testing.TB) {
	const seconds = 2
	pcm := Music(seconds * audio.SampleRate)
	for _, rate := range []int{8000, 16_000, 24_000, 32_000, 64_000, 96_000, 128_000, 256_000, 384_000, 510_000} {
		got := size(o.code(t, o.Encoder(t, rate, 8), pcm)) * 8 / seconds
		t.Logf("%d bit/s asked, %d got", rate, got)
		if got > rate*3/2 || got < rate/2 { // the music is hard
			t.Errorf("%d bit/s asked, %d got", rate, got)
		}
	}
}

func (o Opus) mono(t testing.TB) {
	pcm := Sweep(100, 8000, 0.5, 50*audio.FrameSamples)
	e := o.Encoder(t, 96_000, 8)
	heard := o.listen(t, e, pcm)
	left, right := make([]float32, 0, len(heard)), make([]float32, 0, len(heard))
	for i := 0; i < len(heard); i += 2 {
		left, right = append(left, heard[i], heard[i]), append(right, heard[i+1], heard[i+1])
	}
	if d := meter.Error(left, right, 0); d > -40 {
		t.Errorf("left and right differ by %.1f dB", d)
	}
	if d := meter.Error(pcm, left, e.Lookahead()); d > -15 {
		t.Errorf("error %.1f dB", d)
	}
}

func (o Opus) silence(t testing.TB) {
	e := o.Encoder(t, 128_000, 8)
	packets := o.code(t, e, make([]float32, 20*frameLen))
	for i, v := range decodeAll(t, o.Decoder(t), packets) {
		if math.Abs(float64(v)) > 1e-4 { // -80 dBFS
			t.Fatalf("value %d is %v", i, v)
		}
	}
	// After music there is silence again.
	e.Reset()
	pcm := slices.Concat(Music(10*audio.FrameSamples), make([]float32, 20*frameLen))
	heard := o.listen(t, e, pcm)
	for i, v := range heard[20*frameLen:] {
		if math.Abs(float64(v)) > 1e-3 {
			t.Fatalf("value %d, 200 ms into silence, is %v", i, v)
		}
	}
}

func (o Opus) loud(t testing.TB) {
	sine := Sine(997, 1, 50*audio.FrameSamples)
	square := slices.Clone(sine)
	for i, v := range square {
		square[i] = float32(math.Copysign(1, float64(v)))
	}
	e := o.Encoder(t, 128_000, 8)
	if d := meter.Error(sine, o.listen(t, e, sine), e.Lookahead()); d > -20 {
		t.Errorf("a sine of full scale has error %.1f dB", d)
	}
	for name, pcm := range map[string][]float32{"square": square, "beyond": scaled(square, 8), "sine beyond": scaled(sine, 100)} {
		for i, v := range o.listen(t, o.Encoder(t, 128_000, 8), pcm) {
			if math.Abs(float64(v)) > 200 {
				t.Fatalf("%s: value %d is %v", name, i, v)
			}
		}
	}
}

func scaled(pcm []float32, g float32) []float32 {
	out := slices.Clone(pcm)
	for i := range out {
		out[i] *= g
	}
	return out
}

// noSound feeds numbers that are none between two stretches of music.
func (o Opus) noSound(t testing.TB) {
	inf := float32(math.Inf(1))
	for name, bad := range map[string]float32{"NaN": float32(math.NaN()), "Inf": inf, "-Inf": -inf, "1e30": 1e30, "-3e38": -3e38} {
		for _, every := range []int{1, 101} {
			pcm := Music(40 * audio.FrameSamples)
			spoilt := slices.Clone(pcm)
			for i := 10 * frameLen; i < 13*frameLen; i += every {
				spoilt[i] = bad
			}
			e := o.Encoder(t, 128_000, 8)
			heard := o.listen(t, e, spoilt)
			from := 25 * frameLen
			if d := meter.Error(pcm[from:], heard[from:], e.Lookahead()); d > -10 {
				t.Errorf("%s, every %d: error %.1f dB afterwards", name, every, d)
			}
		}
	}
}

func (o Opus) denormals(t testing.TB) {
	const frames, rounds = 5, 40 // short and often: some are not interrupted, however busy the machine
	music, faint := Music(frames*audio.FrameSamples), Noise(5, 1e-39, 50*audio.FrameSamples)
	loud, quiet := time.Hour, time.Hour
	one, other := o.Encoder(t, 128_000, 8), o.Encoder(t, 128_000, 8)
	for range rounds {
		began := time.Now()
		o.code(t, one, music)
		loud = min(loud, time.Since(began))
		began = time.Now()
		o.code(t, other, faint[:frames*frameLen])
		quiet = min(quiet, time.Since(began))
	}
	if quiet > 4*loud {
		t.Errorf("100 ms of denormals take %v, of music %v", quiet, loud)
	}
	for i, v := range o.listen(t, o.Encoder(t, 128_000, 8), faint) {
		if math.Abs(float64(v)) > 1e-4 {
			t.Fatalf("value %d is %v", i, v)
		}
	}
}

// independent has a decoder join at a packet, which must then be worth more than
// one that leans on what the decoder has not heard.
func (o Opus) independent(t testing.TB) {
	pcm := Music(40 * audio.FrameSamples)
	const at = 20
	joined := func(alone bool) float64 {
		e := o.Encoder(t, 128_000, 8)
		o.code(t, e, pcm[:at*frameLen])
		if i, ok := e.(interface{ Independent() }); ok && alone {
			i.Independent()
		}
		heard := decodeAll(t, o.Decoder(t), o.code(t, e, pcm[at*frameLen:]))
		skip := 2 * 2 * 120 // the overlap with a frame nobody heard
		return meter.Error(pcm[at*frameLen : (at+2)*frameLen][skip:], heard[:2*frameLen][skip:], e.Lookahead())
	}
	with, without := joined(true), joined(false)
	t.Logf("error of 40 ms after joining: %.1f dB, without %.1f", with, without)
	if !o.NoIndependent && (with > -8 || with > without-2) {
		t.Errorf("error of 40 ms after joining is %.1f dB, without %.1f", with, without)
	}
	if o.NoIndependent && with != without {
		t.Errorf("it can after all: %.1f dB, without %.1f", with, without)
	}
}

func (o Opus) rateChanges(t testing.TB) {
	pcm := Music(150 * audio.FrameSamples)
	e := o.Encoder(t, 128_000, 8)
	lookahead := e.Lookahead()
	rates := []int{128_000, 32_000, 96_000, 510_000, 64_000}
	const each = 30 // frames
	var packets []audio.Packet
	for i, rate := range rates {
		e.(adjustable).SetBitrate(rate)
		part := o.code(t, e, pcm[i*each*frameLen:(i+1)*each*frameLen])
		packets = append(packets, part...)
		for k := range 3 { // ten frames; in the first of them it may come down
			limit := rate * 7 / 4
			if k == 0 && i > 0 {
				limit = max(limit, rates[i-1]*2/3)
			}
			if got := size(part[10*k:10*k+10]) * 8 * 5; got > limit || got < rate*3/4 {
				t.Errorf("%d bit/s wanted: frames %d and on have %d", rate, 10*k, got)
			}
		}
	}
	if e.Lookahead() != lookahead {
		t.Errorf("Lookahead was %d and is %d", lookahead, e.Lookahead())
	}
	// No click: nowhere is it worse than where the lowest rate is steady.
	heard := decodeAll(t, o.Decoder(t), packets)[lookahead*audio.Channels:]
	steady := o.listen(t, o.Encoder(t, 32_000, 8), pcm)[lookahead*audio.Channels:]
	is, at := meter.Worst(pcm[:len(heard)], heard, 0, audio.FrameSamples/2)
	was, _ := meter.Worst(pcm[:len(heard)], steady, 0, audio.FrameSamples/2)
	t.Logf("worst 10 ms: %.1f dB, at a steady 32 kbit/s %.1f", is, was)
	if is > was+1 {
		t.Errorf("an error of %.1f dB at frame %d, the worst at a steady 32 kbit/s is %.1f", is, at/audio.FrameSamples, was)
	}
}

func (o Opus) complexityChanges(t testing.TB) {
	pcm := Music(110 * audio.FrameSamples)
	e := o.Encoder(t, 128_000, 8)
	lookahead := e.Lookahead()
	same := o.code(t, o.Encoder(t, 128_000, 8), pcm)
	var packets []audio.Packet
	for i := range 11 {
		e.(adjustable).SetComplexity([]int{8, 0, 10, 5, 2, 8, 1, 9, 3, -1, 11}[i])
		packets = append(packets, o.code(t, e, pcm[i*10*frameLen:(i+1)*10*frameLen])...)
	}
	if e.Lookahead() != lookahead {
		t.Errorf("Lookahead was %d and is %d", lookahead, e.Lookahead())
	}
	differ := slices.IndexFunc(packets, func(p audio.Packet) bool {
		i := slices.IndexFunc(packets, func(q audio.Packet) bool { return &q.Data[0] == &p.Data[0] })
		return !bytes.Equal(p.Data, same[i].Data)
	})
	if want := map[bool]int{false: 10, true: -1}[o.OneComplexity]; differ != want {
		t.Errorf("the first packet that shows it is %d, want %d", differ, want)
	}
	heard := decodeAll(t, o.Decoder(t), packets)[lookahead*audio.Channels:]
	low := o.listen(t, o.Encoder(t, 128_000, 1), pcm)[lookahead*audio.Channels:]
	is, at := meter.Worst(pcm[:len(heard)], heard, 0, audio.FrameSamples/2)
	was, _ := meter.Worst(pcm[:len(heard)], low, 0, audio.FrameSamples/2)
	t.Logf("worst 10 ms: %.1f dB, at complexity 1 %.1f", is, was)
	if is > was+2 {
		t.Errorf("an error of %.1f dB at frame %d, the worst at complexity 1 is %.1f", is, at/audio.FrameSamples, was)
	}
}

// loss loses a packet of a tone: what stands in for it must be like it, and what
// follows must be right again soon.
func (o Opus) loss(t testing.TB) {
	pcm := Sine(440, 0.5, 50*audio.FrameSamples)
	e := o.Encoder(t, 96_000, 8)
	packets := o.code(t, e, pcm)
	packets[20].Data = nil
	heard := decodeAll(t, o.Decoder(t), packets)
	if len(heard) != len(pcm) {
		t.Fatalf("%d values of %d", len(heard), len(pcm))
	}
	if i := slices.IndexFunc(heard, strange); i >= 0 {
		t.Fatalf("value %d is %v", i, heard[i])
	}
	lost := meter.Error(pcm[20*frameLen:21*frameLen], heard[20*frameLen+2*e.Lookahead():][:frameLen], 0)
	after := meter.Error(pcm[28*frameLen:], heard[28*frameLen:], e.Lookahead())
	t.Logf("error of what stands in %.1f dB, afterwards %.1f", lost, after)
	if lost > -3 || after > -15 {
		t.Errorf("error of what stands in is %.1f dB, afterwards %.1f", lost, after)
	}
}
