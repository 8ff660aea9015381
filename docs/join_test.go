package docs_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	"segue/audio/pipeline"
)

// A wave is a demuxer of samples, in pieces of 20 ms that are not in line with frames.
type wave struct{ pcm []float32 }

func (*wave) Codec() audio.CodecInfo {
	return audio.CodecInfo{Name: "samples", SampleRate: audio.SampleRate, Channels: audio.Channels}
}
func (*wave) Info() audio.Info                          { return audio.Info{} }
func (*wave) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }
func (*wave) Close() error                              { return nil }
func (w *wave) ReadPacket() (audio.Packet, error) {
	if len(w.pcm) == 0 {
		return audio.Packet{}, io.EOF
	}
	n := min(frame, len(w.pcm))
	p := audio.Packet{Data: bare{}.pack(nil, w.pcm[:n]), Duration: int64(n / audio.Channels)}
	w.pcm = w.pcm[n:]
	return p, nil
}

// bare is a codec that changes nothing: what the engine makes of the music before it is coded.
type bare struct{}

func (bare) pack(dst []byte, pcm []float32) []byte {
	for _, v := range pcm {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}

func (b bare) Encode(dst []byte, pcm []float32) ([]byte, error) { return b.pack(dst, pcm), nil }
func (bare) Lookahead() int                                     { return 0 }
func (bare) Reset()                                             {}
func (bare) Format() (rate, channels int)                       { return audio.SampleRate, audio.Channels }

func (bare) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	for b := p.Data; len(b) > 3; b = b[4:] {
		dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return dst, nil
}

func (w *wave) stream() *pipeline.Stream {
	return pipeline.New(w, w, pipeline.Options{
		Encoder: func() (audio.Encoder, error) { return bare{}, nil },
		Decoder: func(audio.CodecInfo) (audio.Decoder, error) { return bare{}, nil },
	})
}

// inTurn is the frames of streams that are played one after the other; each
// follows the one before with that overlap, if that is not negative.
func inTurn(t *testing.T, overlap time.Duration, streams ...*pipeline.Stream) (frames [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		var pumps []*pipeline.Pump
		for i, s := range streams {
			if i == 0 {
				pumps = append(pumps, pipeline.Start(t.Context(), s))
				continue
			}
			pumps = append(pumps, pipeline.Park(t.Context(), s))
			if overlap >= 0 {
				pumps[i-1].Follow(pumps[i], overlap)
			}
		}
		synctest.Wait()
		for _, p := range pumps {
			for !p.Ended() {
				if f, ok := p.Take(); ok {
					frames = append(frames, f.Opus)
				}
				synctest.Wait()
			}
			if err := p.Err(); err != nil {
				t.Error(err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return frames
}

// unpacked is the samples of bare frames.
func unpacked(frames [][]byte) (pcm []float32) {
	for _, f := range frames {
		pcm, _ = bare{}.Decode(pcm, audio.Packet{Data: f})
	}
	return pcm
}

// onlyIn leaves sound in one channel.
func onlyIn(channel int, pcm []float32) []float32 {
	for i := range pcm {
		if i%audio.Channels != channel {
			pcm[i] = 0
		}
	}
	return pcm
}

// power is the mean square of each so many samples of pcm, to that of its beginning, in dB.
func power(pcm []float32, window int) (at, db []float64) {
	first := 0.0
	for i := 0; i+2*window <= len(pcm); i += 2 * window {
		sum := 0.0
		for _, v := range pcm[i : i+2*window] {
			sum += float64(v) * float64(v)
		}
		if i == 0 {
			first = sum
		}
		at, db = append(at, float64(i/2+window/2)/second), append(db, 10*math.Log10(sum/first+1e-12))
	}
	return at, db
}

func crossfadePicture(t *testing.T) *picture {
	p := newPicture(860, 470, "A cross-fade of one second: the gains of both pieces, the power of their sum, and which frames pass, as measured")
	const length = 19 * second / 10
	out := unpacked(inTurn(t, time.Second,
		(&wave{onlyIn(0, ones(0.5, length))}).stream(), (&wave{onlyIn(1, ones(0.5, length))}).stream()))
	q := p.plot(60, 30, 330, 220, "How loud each piece is", seconds(2.8, 0.4), axis{to: 1, ticks: between(0, 1, 0.25), label: "gain"})
	for c := range audio.Channels {
		at, y := every(960, channel(out, c))
		for i := range y {
			y[i] /= 0.5
		}
		q.curve(fmt.Sprintf("c%d", c), at, y)
	}

	q = p.plot(480, 30, 330, 220, "How loud the whole is", seconds(2.8, 0.4), decibelAxis(-6, 3, 1.5))
	out = unpacked(inTurn(t, time.Second,
		(&wave{audiotest.Noise(1, 0.3, length)}).stream(), (&wave{audiotest.Noise(2, 0.3, length)}).stream()))
	at, db := power(out, second/10)
	q.curve("c0", at, db)
	q.rule(math.NaN(), 0)
	q.text(480, 300, "start", "small", "two noises of the same power, each 100 ms")

	music := audiotest.Music(2*length + 2*second)
	first, then := coded(t, music[:2*length]), coded(t, music[2*length:])
	frames := inTurn(t, time.Second, first.stream(), then.stream())
	p.text(60, 345, "start", "head", "Which frames pass: Opus after Opus")
	p.strip(360, frames, func(data []byte) string { return first.whose(data, then) })
	p.text(60, 435, "start", "small", "Numbers of frames of 20 ms. Blue passes: the source's own packets. Orange is encoded: the overlap, and on until a good moment to hand back.")
	return p
}

// strip draws runs of frames by whose they are; those that are nobody's were encoded.
func (p *picture) strip(y float64, frames [][]byte, whose func(data []byte) string) {
	width := 750 / float64(len(frames))
	from, was := 0, ""
	for i := range len(frames) + 1 {
		is := "end"
		if i < len(frames) {
			is = whose(frames[i])
		}
		if is != was && i > 0 {
			class := "soft"
			if was == "" {
				class = "warm"
			}
			p.box(60+width*float64(from), y, width*float64(i-from), 50, class, fmt.Sprint(i-from), was)
			from = i
		}
		was = is
	}
}

// whose is the piece a packet is from, "" if it is of neither.
func (f *tape) whose(data []byte, then *tape) string {
	switch {
	case f.number(data) >= 0:
		return "of the first"
	case then.number(data) >= 0:
		return "of the second"
	}
	return ""
}

func (f *tape) stream() *pipeline.Stream {
	again := *f
	return pipeline.New(&again, f, pipeline.Options{
		Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{Bitrate: 128000}) },
	})
}

func gaplessPicture(t *testing.T) *picture {
	p := newPicture(760, 330, "A tone cut in two pieces and played one after the other, to the sample and each by itself, as measured")
	const cut = 40*audio.FrameSamples + 480
	tone := audiotest.Sine(330, 0.5, 80*audio.FrameSamples)
	pieces := func() (a, b *pipeline.Stream) {
		return (&wave{tone[:2*cut]}).stream(), (&wave{tone[2*cut:]}).stream()
	}
	q := p.plot(60, 30, 560, 240, "A tone, cut after 810 ms", axis{from: -10, to: 20, ticks: between(-10, 20, 5), label: "ms from the cut"}, axis{from: -1.2, to: 1.2})
	a, b := pieces()
	alone := unpacked(inTurn(t, -1, a, b))
	a, b = pieces()
	joined := unpacked(inTurn(t, 0, a, b))
	for i, pcm := range [][]float32{alone, joined} {
		var ms, y []float64
		for k := cut - 480; k < cut+960; k += 8 {
			ms, y = append(ms, float64(k-cut)/48), append(y, float64(pcm[2*k])+0.6*float64(1-2*i))
		}
		q.curve([]string{"c1", "c0"}[i], ms, y)
	}
	q.rule(0, math.NaN())
	p.legend(630, 60, [2]string{"c1", "each by itself"}, [2]string{"c0", "joined"})
	return p
}

func fadesPicture(t *testing.T) *picture {
	p := newPicture(760, 330, "How loud the sound is around a pause and a resume, with fades of 60 and of 300 ms, as measured")
	q := p.plot(60, 30, 560, 240, "A pause after 400 ms of music, and music again", axis{to: 1.4, ticks: between(0, 1.4, 0.2), label: "s, of what is sent; nothing is sent while it rests"}, axis{to: 1, ticks: between(0, 1, 0.25), label: "gain"})
	for i, fade := range []time.Duration{60 * time.Millisecond, 300 * time.Millisecond} {
		class := fmt.Sprintf("c%d", i)
		at, y := every(240, channel(paused(t, fade, ones(0.5, 2*second)), 0)[:14*second/10])
		for k := range y {
			y[k] /= 0.5
		}
		q.curve(class, at, y)
		p.legend(630, 60+17*float64(i), [2]string{class, fmt.Sprint("fade of ", fade)})
	}
	return p
}

// paused is what is sent of pcm when it is paused after 20 frames and goes on later.
func paused(t *testing.T, fade time.Duration, pcm []float32) []float32 {
	var frames [][]byte
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.Start(t.Context(), (&wave{pcm}).stream())
		p.Fade(fade)
		take := func() bool {
			synctest.Wait()
			f, ok := p.Take()
			if ok {
				frames = append(frames, f.Opus)
			}
			return ok
		}
		for range 20 {
			take()
		}
		p.Hold(true)
		for take() || !p.Held() {
		}
		p.Hold(false)
		for take() || !p.Ended() {
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return unpacked(frames)
}

// joinFigures says how far joined pieces are from the whole.
func joinFigures(t *testing.T) string {
	const cut, length = 40*audio.FrameSamples + 333, 80 * audio.FrameSamples
	s := "| | figure |\n| --- | --- |\n"
	tone := audiotest.Sine(330, 0.5, length)
	joined := unpacked(inTurn(t, 0, (&wave{tone[:2*cut]}).stream(), (&wave{tone[2*cut:]}).stream()))
	most := 0.0
	for i, v := range tone {
		most = max(most, math.Abs(float64(v-joined[i])))
	}
	if len(joined) < len(tone) || most > 1e-6 {
		t.Errorf("a tone cut in two is off by %v", most)
	}
	s += fmt.Sprintf("| gapless: largest difference of a tone cut in two from the whole, of %d samples | %.6f |\n", length, most)
	low, high := 0.0, 0.0
	for seed := range uint64(2) {
		const n = 5 * second
		out := unpacked(inTurn(t, 3*time.Second, (&wave{audiotest.Noise(2*seed, 0.3, n)}).stream(), (&wave{audiotest.Noise(2*seed+1, 0.3, n)}).stream()))
		_, db := power(out[:2*7*second], second/4)
		for _, v := range db {
			low, high = min(low, v), max(high, v)
		}
	}
	if low < -0.5 || high > 0.5 {
		t.Errorf("power goes from %.2f to %.2f dB in a cross-fade", low, high)
	}
	return s + fmt.Sprintf("| cross-fade of 3 s, power in each 250 ms, to that before | %.2f to %.2f dB |\n", low, high)
}

// controlFigures asks for something at every place in turn, and counts how many
// frames are as if nobody had.
func controlFigures(t *testing.T) string {
	s := "| what is asked | frames before it: least, most |\n| --- | --- |\n"
	music := audiotest.Music(2 * second)
	plain := inTurn(t, -1, (&wave{music}).stream())
	for _, c := range []struct {
		name string
		ask  func(s *pipeline.Stream, p, next *pipeline.Pump)
	}{
		{"volume", func(s *pipeline.Stream, _, _ *pipeline.Pump) { s.Want(effect.Settings{Volume: -6}) }},
		{"an effect", func(s *pipeline.Stream, _, _ *pipeline.Pump) {
			s.Want(effect.Settings{Equalizer: effect.Equalizer{0.2}})
		}},
		{"pause", func(_ *pipeline.Stream, p, _ *pipeline.Pump) { p.Hold(true) }},
		{"skip to a track made ready", func(_ *pipeline.Stream, p, next *pipeline.Pump) {
			p.Follow(next, 0)
			p.Cut(60 * time.Millisecond)
		}},
	} {
		least, most := math.MaxInt, 0
		for at := 5; at < 9; at++ {
			n := unchanged(t, plain, music, at, c.ask)
			least, most = min(least, n), max(most, n)
		}
		s += fmt.Sprintf("| %s | %d, %d |\n", c.name, least, most)
		if most > 2 {
			t.Errorf("%s: %d frames", c.name, most)
		}
	}
	return s
}

// unchanged asks after so many frames, and counts those that are still plain.
func unchanged(t *testing.T, plain [][]byte, music []float32, at int, ask func(s *pipeline.Stream, p, next *pipeline.Pump)) (n int) {
	synctest.Test(t, func(t *testing.T) {
		s := (&wave{music}).stream()
		p := pipeline.Start(t.Context(), s)
		next := pipeline.Park(t.Context(), (&wave{audiotest.Noise(1, 0.1, second)}).stream())
		p.Fade(60 * time.Millisecond)
		for range at {
			synctest.Wait()
			p.Take()
		}
		synctest.Wait()
		ask(s, p, next)
		for n = 0; n < 20; n++ {
			synctest.Wait()
			if f, ok := p.Take(); !ok || !bytes.Equal(f.Opus, plain[at+n]) {
				break
			}
		}
		for _, p := range []*pipeline.Pump{p, next} {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return n
}
