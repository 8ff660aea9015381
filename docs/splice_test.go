package docs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec"
	"segue/audio/codec/opus"
	"segue/audio/container"
	"segue/audio/effect"
	"segue/audio/meter"
	"segue/audio/pipeline"
	"segue/testdata"
)

// A tape is packets to be played, as a demuxer.
type tape struct {
	codec   audio.CodecInfo
	packets []audio.Packet
	n       int
}

func (f *tape) Codec() audio.CodecInfo                  { return f.codec }
func (*tape) Info() audio.Info                          { return audio.Info{} }
func (*tape) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }
func (*tape) Close() error                              { return nil }
func (f *tape) ReadPacket() (audio.Packet, error) {
	if f.n == len(f.packets) {
		return audio.Packet{}, io.EOF
	}
	f.n++
	return f.packets[f.n-1], nil
}

// number is which packet that is, or -1.
func (f *tape) number(data []byte) int {
	return slices.IndexFunc(f.packets, func(p audio.Packet) bool { return bytes.Equal(p.Data, data) })
}

// lantern is the first packets of the bundled piece.
func lantern(t *testing.T, n int) *tape {
	b, err := testdata.Sounds.ReadFile(testdata.Lantern)
	if err != nil {
		t.Fatal(err)
	}
	d, err := container.Open(&audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(b)), Size: int64(len(b))})
	if err != nil {
		t.Fatal(err)
	}
	f := &tape{codec: d.Codec()}
	for range n {
		p, err := d.ReadPacket()
		if err != nil {
			t.Fatal(err)
		}
		f.packets = append(f.packets, p)
	}
	return f
}

// coded is pcm as our encoder has it.
func coded(t *testing.T, pcm []float32) *tape {
	enc, err := opus.NewEncoder(opus.EncoderOptions{Bitrate: 128000})
	if err != nil {
		t.Fatal(err)
	}
	f := &tape{codec: audio.CodecInfo{Name: "opus", SampleRate: audio.SampleRate, Channels: audio.Channels, PreSkip: int64(enc.Lookahead())}}
	for i := 0; i+frame <= len(pcm); i += frame {
		b, err := enc.Encode(nil, pcm[i:i+frame])
		if err != nil {
			t.Fatal(err)
		}
		f.packets = append(f.packets, audio.Packet{Data: b, PTS: int64(i / audio.Channels), Duration: audio.FrameSamples})
	}
	return f
}

// heard is what one decoder, never reset, makes of frames.
func heard(t *testing.T, frames [][]byte) (pcm []float32) {
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if pcm, err = dec.Decode(pcm, audio.Packet{Data: f}); err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// A watched decoder and a watched encoder tell what they are given and how often.
type watched struct {
	audio.Decoder
	decoded *[]int
	tape    *tape
}

func (w watched) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	*w.decoded = append(*w.decoded, w.tape.number(p.Data))
	return w.Decoder.Decode(dst, p)
}

type counted struct {
	*opus.Encoder
	n *int
}

func (c counted) Encode(dst []byte, pcm []float32) ([]byte, error) {
	*c.n++
	return c.Encoder.Encode(dst, pcm)
}

// A sent frame is what a stream gave, and what that took.
type sent struct {
	opus    []byte
	mode    pipeline.Mode
	decoded []int // packets
	encoded int   // frames, with those thrown away
}

// ours is what a stream sends of f, when want says what is wanted at each frame.
func ours(t *testing.T, f *tape, want func(i int) effect.Settings) (frames []sent) {
	var decoded []int
	encoded := 0
	again := *f
	s := pipeline.New(&again, f, pipeline.Options{
		Encoder: func() (audio.Encoder, error) {
			e, err := opus.NewEncoder(opus.EncoderOptions{Bitrate: 128000})
			return counted{e, &encoded}, err
		},
		Decoder: func(info audio.CodecInfo) (audio.Decoder, error) {
			d, err := codec.NewDecoder(info)
			return watched{d, &decoded, f}, err
		},
	})
	for i := 0; ; i++ {
		s.Want(want(i))
		decoded, encoded = nil, 0
		next, err := s.Next()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, sent{next.Opus, s.Mode(), decoded, encoded})
	}
}

// naive passes packets, but where on says so decodes and encodes them with a decoder
// and an encoder made for the purpose: what routers of packets do.
func naive(t *testing.T, f *tape, on func(i int) bool) (frames [][]byte) {
	var dec audio.Decoder
	var enc audio.Encoder
	for i, p := range f.packets {
		if !on(i) {
			frames, dec = append(frames, p.Data), nil
			continue
		}
		var err error
		if dec == nil {
			if dec, err = opus.NewDecoder(); err != nil {
				t.Fatal(err)
			}
			if enc, err = opus.NewEncoder(opus.EncoderOptions{Bitrate: 128000}); err != nil {
				t.Fatal(err)
			}
		}
		pcm, err := dec.Decode(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := enc.Encode(nil, pcm)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, b)
	}
	return frames
}

func bytesOf(frames []sent) (b [][]byte) {
	for _, f := range frames {
		b = append(b, f.opus)
	}
	return b
}

func (f *tape) bytes() (b [][]byte) {
	for _, p := range f.packets {
		b = append(b, p.Data)
	}
	return b
}

// hardly changes nothing that can be heard, and so is played the long way.
func hardly() effect.Settings { return effect.Settings{Volume: 1e-9} }

const (
	window  = 240 // samples: 5 ms
	deepest = -70 // dB: what is drawn of no error at all
)

// errorsOf is the error to the music in each 5 ms of got, in dB.
func errorsOf(ref, got []float32) (db []float64) {
	for i := 0; i+2*window <= min(len(ref), len(got)); i += 2 * window {
		e, s := 0.0, 0.0
		for k := i; k < i+2*window; k++ {
			d := float64(got[k]) - float64(ref[k])
			e, s = e+d*d, s+float64(ref[k])*float64(ref[k])
		}
		db = append(db, max(10*math.Log10(e/s+1e-12), deepest))
	}
	return db
}

func splicePicture(t *testing.T) *picture {
	p := newPicture(760, 660, "The error each 5 ms around a switch into transcoding and back: naively, and ours, as measured")
	const in, out, all = 150, 190, 270
	f := lantern(t, all)
	ref := heard(t, f.bytes())
	frames := ours(t, f, func(i int) effect.Settings {
		if i >= in && i < out {
			return hardly()
		}
		return effect.Settings{}
	})
	back := out
	for frames[back].mode == pipeline.Transcode {
		back++
	}
	mine := errorsOf(ref, heard(t, bytesOf(frames)))
	other := errorsOf(ref, heard(t, naive(t, f, func(i int) bool { return i >= in && i < out })))
	whole := errorsOf(ref, heard(t, bytesOf(ours(t, f, func(int) effect.Settings { return hardly() }))))
	p.around(30, "Into transcoding", -40, map[string]around{"c1": {other, in}, "c0": {mine, in}, "c5 thin": {whole, in}})
	p.legend(630, 60, [2]string{"c1", "naive"}, [2]string{"c0", "ours"}, [2]string{"c5 thin", "never passed"})
	p.text(630, 125, "start", "small", "0 dB: as loud")
	p.text(630, 140, "start", "small", "as the music")
	p.around(350, "Back (each at its own switch)", -60, map[string]around{"c1": {other, out}, "c0": {mine, back}, "c5 thin": {whole, back}})
	return p
}

// An around is errors, and the frame around which they are drawn.
type around struct {
	db []float64
	at int
}

// around draws errors for 240 ms, in steps.
func (p *picture) around(y float64, title string, from int, curves map[string]around) {
	to := from + 240
	q := p.plot(60, y, 560, 230, title, axis{from: float64(from), to: float64(to), ticks: between(float64(from), float64(to), 20), label: "ms from the switch"}, decibelAxis(deepest, 20, 10))
	q.rule(math.NaN(), 0)
	q.rule(0, math.NaN())
	for _, class := range []string{"c5 thin", "c1", "c0"} {
		var xs, ys []float64
		for ms := from; ms < to; ms += 5 {
			v := curves[class].db[curves[class].at*4+ms/5]
			xs, ys = append(xs, float64(ms), float64(ms+5)), append(ys, v, v)
		}
		q.curve(class, xs, ys)
	}
}

func timelinePicture(t *testing.T) *picture {
	p := newPicture(860, 290, "What a stream decodes, encodes and sends around a short change, as recorded")
	const in, wanted, shown = 110, 6, 32
	f := coded(t, audiotest.Music(3*second))
	frames := ours(t, f, func(i int) effect.Settings {
		if i >= in && i < in+wanted {
			return effect.Settings{Volume: -6}
		}
		return effect.Settings{}
	})
	const left, width, first = 150, 21, in - 10
	column := func(i int) float64 { return left + width*float64(i-first) }
	row := func(y float64, name string) { p.text(left-10, y+15, "end", "", name) }
	cell := func(i int, y float64, class, s string) {
		if i < first || i >= first+shown {
			return
		}
		p.rect(column(i)+1, y, width-2, 22, class)
		p.text(column(i)+width/2, y+15, "middle", "small", s)
	}
	row(60, "source's packets")
	row(110, "decoded")
	row(160, "encoded")
	row(210, "sent")
	for i := first; i < first+shown; i++ {
		cell(i, 60, "soft", fmt.Sprint(i%100))
		fr := frames[i]
		for _, n := range fr.decoded {
			cell(n, 110, "warm", "")
		}
		for k := range fr.encoded {
			at := i - fr.encoded + 1 + k
			if at < i {
				cell(at, 160, "box", "×")
			} else {
				cell(at, 160, "warm", "")
			}
		}
		if fr.mode == pipeline.Passthrough {
			n := f.number(fr.opus)
			cell(i, 210, "soft", fmt.Sprint(n%100))
		} else {
			cell(i, 210, "warm", "")
		}
	}
	p.line("line c1", [2]float64{column(in), 40}, [2]float64{column(in + wanted), 40})
	p.text(column(in), 32, "start", "", "wanted: volume -6 dB")
	p.line("rule", [2]float64{column(in), 40}, [2]float64{column(in), 245})
	p.line("rule", [2]float64{column(in + wanted), 40}, [2]float64{column(in + wanted), 245})
	p.text(left, 275, "start", "small", "A column is 20 ms of music. Blue is the source's; orange was made from it; × was encoded, and thrown away.")
	return p
}

// spliceFigures switches to and fro, and says how well it was heard.
func spliceFigures(t *testing.T) string {
	const all, every, long = 420, 36, 12
	f := lantern(t, all)
	on := func(i int) bool { return i >= 40 && i < all-40 && i%every < long }
	ref := heard(t, f.bytes())
	frames := ours(t, f, func(i int) effect.Settings {
		if on(i) {
			return hardly()
		}
		return effect.Settings{}
	})
	var back []int
	for i := 1; i < len(frames); i++ {
		if frames[i-1].mode == pipeline.Transcode && frames[i].mode == pipeline.Passthrough {
			back = append(back, i)
		}
	}
	var in, out []int
	for i := 1; i < all; i++ {
		if on(i) && !on(i-1) {
			in = append(in, i)
		} else if !on(i) && on(i-1) {
			out = append(out, i)
		}
	}
	s := "| | time shift while transcoding | into: mean, worst | back: mean, worst |\n| --- | --- | --- | --- |\n"
	line := func(name string, got []float32, back []int) {
		db := errorsOf(ref, got)
		a := in[0] * frame
		b := a + long*frame
		shift := meter.Align(ref[a+frame:b], got[a+frame:b], 400)
		m, w := worst(db, in)
		n, v := worst(db, back)
		s += fmt.Sprintf("| %s | %d samples | %.1f, %.1f dB | %.1f, %.1f dB |\n", name, shift, m, w, n, v)
	}
	line("naive", heard(t, naive(t, f, on)), out)
	mine := heard(t, bytesOf(frames))
	line("ours", mine, back)
	into, _ := worst(errorsOf(ref, mine), in)
	if home, _ := worst(errorsOf(ref, mine), back); into > -15 || home > -25 {
		t.Errorf("into transcoding %.1f dB, back %.1f dB on average", into, home)
	}
	return s
}

// worst is the mean and the worst of the worst 5 ms of the 60 after each of these frames.
func worst(db []float64, at []int) (mean, most float64) {
	most = math.Inf(-1)
	for _, i := range at {
		w := slices.Max(db[4*i : 4*i+12])
		mean, most = mean+w/float64(len(at)), max(most, w)
	}
	return mean, most
}
