package pipeline

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/governor"
	"segue/audio/resample"
)

// A fault is what goes wrong in one of the parts of a stream, and where.
type fault struct {
	at    string // the method in which it happens
	after int    // that many calls of it
	do    func() // nil: panic

	frame  func(pcm []float32) []float32       // instead, what a decoder makes
	packet func(p audio.Packet) audio.Packet   // or a demuxer
	format func(rate, channels int) (int, int) // or a decoder says
}

func (f *fault) call(method string) bool {
	if method != f.at {
		return false
	}
	if f.after--; f.after >= 0 {
		return false
	}
	if f.do == nil && f.frame == nil && f.packet == nil && f.format == nil {
		panic("a foreign file did this")
	}
	if f.do != nil {
		f.do()
	}
	return true
}

type faultyDemuxer struct {
	*ramp
	f *fault
}

func (d faultyDemuxer) ReadPacket() (audio.Packet, error) {
	hit := d.f.call("ReadPacket")
	p, err := d.ramp.ReadPacket()
	if hit && d.f.packet != nil {
		p = d.f.packet(p)
	}
	return p, err
}

func (d faultyDemuxer) Seek(to time.Duration) (time.Duration, error) {
	d.f.call("Seek")
	return d.ramp.Seek(to)
}

type faultyDecoder struct {
	audio.Decoder
	f *fault
}

func (d faultyDecoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	hit := d.f.call("Decode")
	pcm, err := d.Decoder.Decode(dst, p)
	if hit && d.f.frame != nil {
		pcm = d.f.frame(pcm)
	}
	return pcm, err
}

func (d faultyDecoder) Format() (rate, channels int) {
	hit := d.f.call("Format")
	rate, channels = d.Decoder.Format()
	if hit && d.f.format != nil {
		rate, channels = d.f.format(rate, channels)
	}
	return rate, channels
}

func (d faultyDecoder) Reset() {
	d.f.call("decoder.Reset")
	d.Decoder.Reset()
}

type faultyEncoder struct {
	*encoder
	f *fault
}

func (e faultyEncoder) SetBitrate(int)    { e.f.call("SetBitrate") }
func (e faultyEncoder) SetComplexity(int) { e.f.call("SetComplexity") }

func (e faultyEncoder) Encode(dst []byte, pcm []float32) ([]byte, error) {
	e.f.call("Encode")
	return e.encoder.Encode(dst, pcm)
}

func (e faultyEncoder) Lookahead() int {
	e.f.call("Lookahead")
	return e.encoder.Lookahead()
}

func (e faultyEncoder) Reset() {
	e.f.call("encoder.Reset")
	e.encoder.Reset()
}

type faultyLimiter struct {
	limiting
	f *fault
}

func (l faultyLimiter) Process(dst, src []float32) []float32 {
	l.f.call("limiter.Process")
	return l.limiting.Process(dst, src)
}

func (l faultyLimiter) Reset() {
	l.f.call("limiter.Reset")
	l.limiting.Reset()
}

// faulty is a stream in which f is.
func faulty(f *fault, o Options) *Stream {
	d := faultyDemuxer{evenly(400), f}
	s := standIn(d)
	s.o.Governor, s.o.Tables = o.Governor, o.Tables
	s.o.Bitrate = func() int { f.call("Bitrate"); return 96_000 }
	dec, limit := s.o.Decoder, s.rules.limit
	s.o.Decoder = func(c audio.CodecInfo) (audio.Decoder, error) {
		f.call("making a decoder")
		made, err := dec(c)
		return faultyDecoder{made, f}, err
	}
	s.o.Encoder = func() (audio.Encoder, error) {
		f.call("making an encoder")
		return faultyEncoder{&encoder{look: lookahead}, f}, nil
	}
	s.rules.limit = func() limiting {
		f.call("making a limiter")
		return faultyLimiter{limit(), f}
	}
	s.close = func() error { f.call("Close"); return nil }
	s.playing = func() string { f.call("Playing"); return "" }
	return s
}

var faults = map[string]*fault{
	"a demuxer panics at once": {at: "ReadPacket"}, "a demuxer panics": {at: "ReadPacket", after: 30}, "seeking panics": {at: "Seek"},
	"a decoder panics at once": {at: "Decode"}, "a decoder panics": {at: "Decode", after: 40}, "its format": {at: "Format", after: 3}, "its reset": {at: "decoder.Reset"},
	"no decoder": {at: "making a decoder"}, "no encoder": {at: "making an encoder"}, "no limiter": {at: "making a limiter"},
	"an encoder panics at once": {at: "Encode"}, "an encoder panics": {at: "Encode", after: 40}, "its lookahead": {at: "Lookahead", after: 2},
	"it is reset": {at: "encoder.Reset"}, "its bit rate": {at: "SetBitrate"}, "its complexity": {at: "SetComplexity"}, "nobody knows the bit rate": {at: "Bitrate"},
	"an effect panics": {at: "limiter.Process", after: 5}, "it is reset as well": {at: "limiter.Reset"},
	"closing panics": {at: "Close"}, "a title panics": {at: "Playing"},
	"a decoder gives no numbers":   {at: "Decode", after: 20, frame: func(b []float32) []float32 { return fill(b, float32(math.NaN())) }},
	"a decoder gives infinities":   {at: "Decode", after: 20, frame: func(b []float32) []float32 { return fill(b, float32(math.Inf(-1))) }},
	"a decoder gives nothing":      {at: "Decode", after: 20, frame: func(b []float32) []float32 { return b[:0] }},
	"a decoder gives half a frame": {at: "Decode", after: 20, frame: func(b []float32) []float32 { return b[:len(b)/2+1] }},
	"a decoder gives 20 seconds":   {at: "Decode", after: 30, frame: func(b []float32) []float32 { return append(b, make([]float32, 20*48000)...) }},
	"no rate":                      {at: "Format", after: 20, format: func(int, int) (int, int) { return 0, 2 }},
	"a rate below nothing":         {at: "Format", after: 20, format: func(int, int) (int, int) { return -48000, 2 }},
	"no channels":                  {at: "Format", after: 20, format: func(int, int) (int, int) { return 48000, 0 }},
	"too many channels":            {at: "Format", after: 20, format: func(int, int) (int, int) { return 48000, 1000 }},
	"packets of nothing":           {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet { p.Data = nil; return p }},
	"packets that last for ever":   {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet { p.Duration = math.MaxInt64; return p }},
	"packets that end before":      {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet { p.Duration = math.MinInt64; return p }},
	"packets out of time":          {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet { p.PTS = math.MinInt64; return p }},
	"packets beyond all time":      {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet { p.PTS = math.MaxInt64; return p }},
	"packets of padding":           {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet { p.TrimEnd = math.MaxInt64; return p }},
	"packets with less than none":  {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet { p.TrimEnd = math.MinInt64; return p }},
	"each packet another stream": {at: "ReadPacket", after: 20, packet: func(p audio.Packet) audio.Packet {
		p.Codec = &audio.CodecInfo{Name: "opus", SampleRate: 48000, Channels: 2, PreSkip: 1 << 40}
		return p
	}},
}

func fill(b []float32, v float32) []float32 {
	for i := range b {
		b[i] = v
	}
	return b
}

// Nine play, some as it is and some with an effect, and are asked for things; the
// tenth has a fault, and is asked for them too.
func TestAFaultInOnePlayerCostsTheOthersNothing(t *testing.T) {
	for name, f := range faults {
		if raced && len(name)%3 != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			f := *f
			synctest.Test(t, func(t *testing.T) {
				o := Options{Governor: governor.New(), Tables: &resample.Tables{}}
				bad := Start(t.Context(), faulty(&f, o))
				var good []*Pump
				for range 9 {
					good = append(good, Start(t.Context(), faulty(&fault{}, o)))
				}
				for i := range 80 {
					time.Sleep(20 * time.Millisecond)
					synctest.Wait()
					_, _ = bad.Take()
					_, _ = bad.Stats(), bad.Playing()
					for n, p := range good {
						if _, ok := p.Take(); !ok {
							t.Fatalf("frame %d of player %d is not there: %v", i, n, p.Err())
						}
					}
					if i == 60 {
						shutWithin(t, bad)
					}
					change(t, i, append(good, bad))
				}
				if f.after >= 0 {
					t.Error("there was no fault")
				}
				for n, p := range good {
					if st := p.Stats(); p.Err() != nil || st.Starved != 0 || st.Damaged != 0 || st.Taken != 80 || n%2 == 1 && st.Transcoded == 0 {
						t.Errorf("player %d: %v, %+v", n, p.Err(), st)
					}
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				}
				if n := o.Governor.Stats().Streams; n != 0 {
					t.Errorf("%d streams read on", n)
				}
			})
		})
	}
}

// What is laid over the music is closed when the Pump is, whatever that comes to.
func TestAnOverlayThatPanicsWhenItIsClosedIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fault{at: "Close"}
		p := Start(t.Context(), faulty(&fault{}, Options{}))
		asked(p, 10)
		if _, ok := p.Overlay(faulty(f, Options{}), 6); !ok {
			t.Fatal("it is not taken")
		}
		if nulled := asked(p, 10); nulled > 0 {
			t.Errorf("%d nulled", nulled)
		}
		if err := p.Close(); err != nil || f.after >= 0 {
			t.Errorf("%v; closed: %v", err, f.after < 0)
		}
	})
}

// change asks every other player for another sound now and then, and all to seek
// once. What has ended refuses.
func change(t *testing.T, i int, players []*Pump) {
	for n, p := range players {
		switch {
		case i%40 == 10 && n%2 == 1:
			p.stream.Want(loud)
		case i%40 == 30 && n%2 == 1:
			p.stream.Want(effect.Settings{})
		case i == 40 && n == len(players)-1:
			if err := p.Seek(t.Context(), time.Second); err != nil && !errors.Is(err, ErrEnded) && !errors.Is(err, audio.ErrNotSeekable) && !strings.Contains(err.Error(), "foreign") {
				t.Errorf("seeking: %v", err)
			}
		}
	}
}

// shutWithin closes p, which has either come to an end or to grief.
func shutWithin(t *testing.T, p *Pump) {
	err := p.Err()
	if errors.Is(err, io.EOF) {
		t.Errorf("it ended with %v", err)
	}
	if err := p.Close(); err != nil && !strings.Contains(err.Error(), "a foreign file did this") {
		t.Errorf("closing: %v", err)
	}
	if st := p.Stats(); !p.Ended() && st.Frames == 0 {
		t.Error("it goes on")
	}
}

// What goes wrong in a sound ends that at most, and not the music under it.
func TestWhatGoesWrongInAnOverlayDoesNotHarmTheMusic(t *testing.T) {
	for name, of := range faults {
		if name == "a decoder gives 20 seconds" { // each packet: that is no fault of a sound, but a long one
			continue
		}
		if raced && len(name)%3 != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := *of
				music := toneOf("pcm", 600, 0, 600*960)
				p := Start(t.Context(), music.stream(Options{}))
				var heard <-chan struct{}
				left, _ := heardOf(t, p, func(frame int) {
					if frame == 50 {
						ok := false
						if heard, ok = p.Overlay(faulty(&f, Options{}), 6); !ok {
							t.Error("it is not taken")
						}
					}
				})
				if err := p.Err(); err != nil {
					t.Errorf("the music ended with %v", err)
				}
				if len(left) < 600*960 {
					t.Fatalf("%d samples of the music", len(left))
				}
				select {
				case <-heard:
				default:
					t.Error("the sound does not end")
				}
				alone := of.frame == nil && of.packet == nil // else it may be heard for longer
				for i, v := range left[550*960 : 600*960] {
					want := music.at(int64(550*960 + i))
					if alone && v != want || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
						t.Fatalf("sample %d is %v, want %v", 550*960+i, v, want)
					}
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
