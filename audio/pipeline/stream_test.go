package pipeline

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/effect"
)

func TestPassedPacketsAreTheFrames(t *testing.T) {
	d := evenly(9)
	s := standIn(d)
	out := record(t, s, always(neutral))
	out.isWhole(t, 0, d.total())
	if out.modes != "ppppppppp" || !errors.Is(out.err, io.EOF) {
		t.Fatalf("modes %s, end %v", out.modes, out.err)
	}
	if s.coder != nil {
		t.Fatal("a codec was made although nothing had to be coded")
	}
}

func TestSwitchLosesNothing(t *testing.T) {
	d := evenly(40)
	s := standIn(d)
	out := record(t, s, during([2]int{8, 14}))
	out.isWhole(t, 0, d.total())
	// Six frames changed, one in which the change fades and which its lookahead
	// carries into the next, four unchanged.
	want := "pppppppp" + "TTTTTT" + "TT" + "TTTT" + strings.Repeat("p", 20)
	if out.modes != want {
		t.Fatalf("modes %s, want %s", out.modes, want)
	}
	if c := s.Stats(); c != (Stats{Passed: 28, Transcoded: 12, Splices: 2}) {
		t.Fatalf("counted %+v", c)
	}
}

func TestSwitchBackAndForthAtOnce(t *testing.T) {
	d := evenly(80)
	out := record(t, standIn(d), during([2]int{8, 14}, [2]int{20, 21}, [2]int{22, 23}, [2]int{33, 34}, [2]int{45, 46}))
	out.isWhole(t, 0, d.total())
}

func TestSwitchAnywhereLosesNothing(t *testing.T) {
	for from := range 24 {
		for length := 1; length < 9; length++ {
			d := evenly(28)
			out := record(t, standIn(d), during([2]int{from, from + length}))
			out.isWhole(t, 0, d.total())
		}
	}
}

// FuzzSwitch switches on and off as the bits of on say, with packets of odd
// lengths where the bits of odd say, and a lookahead.
func FuzzSwitch(f *testing.F) {
	f.Add(uint64(0b1111110000000000), uint64(0), uint16(312), uint16(0))
	f.Add(uint64(1<<8|1<<14|1<<19|1<<25), uint64(0), uint16(312), uint16(100))
	f.Add(uint64(1<<60|0xf0f0f0f0f0f0), uint64(1<<20|1<<21), uint16(0), uint16(0))
	f.Add(uint64(0xff), uint64(1<<63), uint16(960), uint16(959))
	f.Add(uint64(1<<12), uint64(1<<13|1<<50), uint16(119), uint16(1))
	f.Fuzz(func(t *testing.T, on, odd uint64, look, trim uint16) {
		d := evenly(64)
		d.trim = int64(trim % 960)
		lengths := []int64{120, 240, 480, 1920, 2880, 960}
		for i := range d.lengths {
			if odd>>i&1 == 1 {
				d.lengths[i] = lengths[(i+int(odd%7))%len(lengths)]
			}
		}
		d.trim = min(d.trim, d.lengths[63]-1)
		out := record(t, standInWith(d, int(look%1500)), func(i int) effect.Settings {
			if i < 64 && on>>i&1 == 1 {
				return loud
			}
			return neutral
		})
		// A last packet that passes brings its padding along.
		for i := range out.left {
			if int64(i) >= d.total() {
				out.left[i] = 0
			}
		}
		out.isWhole(t, 0, d.total())
	})
}

func TestOddPacketsAreTranscodedWithoutAShift(t *testing.T) {
	d := evenly(60)
	d.lengths[20], d.lengths[21] = 480, 480 // together one frame: packets line up again
	d.lengths[40] = 2880
	out := record(t, standIn(d), always(neutral))
	out.isWhole(t, 0, d.total())
	if strings.Count(out.modes, "p") < 40 || !strings.Contains(out.modes, "T") || !strings.HasSuffix(out.modes, "p") {
		t.Fatalf("modes %s, want transcoding around the odd packets only", out.modes)
	}
}

func TestShortLastPacketIsPadded(t *testing.T) {
	d := evenly(12)
	d.lengths[11] = 240
	out := record(t, standIn(d), always(neutral))
	out.isWhole(t, 0, d.total())
	if out.modes != "pppppppppppT" {
		t.Fatalf("modes %s", out.modes)
	}
}

func TestPaddingAtTheEndIsCutWhenTranscoding(t *testing.T) {
	for _, trim := range []int64{1, 312, 959} {
		d := evenly(12)
		d.trim = trim
		out := record(t, standIn(d), always(loud))
		out.isWhole(t, 0, d.total())
	}
}

func TestPacketOfNothingButPaddingIsSkipped(t *testing.T) {
	d := evenly(12)
	d.trim = frameSamples
	out := record(t, standIn(d), always(neutral))
	if out.modes != "ppppppppppp" {
		t.Fatalf("modes %s, want eleven frames", out.modes)
	}
}

func TestPCMIsAlignedWithTheMusic(t *testing.T) {
	for _, packet := range []int64{1, 100, 960, 4096, 50000} {
		for _, packets := range []int{1, 2, 3} {
			d := &ramp{info: audio.CodecInfo{Name: "pcm", SampleRate: 48000, Channels: 2, PreSkip: 0}}
			for range packets {
				d.lengths = append(d.lengths, packet)
			}
			out := record(t, standIn(d), always(neutral))
			out.isWhole(t, 0, d.total())
		}
	}
}

func TestPreSkipAndEndTrimAreExact(t *testing.T) {
	for _, skip := range []int64{1, 312, 960, 3840, 5000} {
		for _, zero := range []int64{0, -skip, 77777} {
			d := &ramp{info: audio.CodecInfo{Name: "pcm", SampleRate: 48000, Channels: 2, PreSkip: skip}, trim: 123, zero: zero}
			for range 9 {
				d.lengths = append(d.lengths, 1152)
			}
			out := record(t, standIn(d), always(neutral))
			for i := range out.left {
				if out.left[i] != 0 {
					out.left[i] -= float32(skip)
				}
			}
			out.isWhole(t, 0, d.total()-skip)
		}
	}
}

// What passes brings its pre-skip along; so that frames stay aligned with
// packets, transcoding keeps its time, but silently.
func TestPreSkipOfPassableStreamIsSilent(t *testing.T) {
	d := evenly(30)
	d.info.PreSkip = 312
	out := record(t, standIn(d), during([2]int{0, 9}))
	for i := range out.left {
		if i < 312 && out.left[i] != 0 {
			t.Fatalf("sample %d before the music is %v", i, out.left[i])
		}
		if out.left[i] != 0 {
			out.left[i] -= 312
		}
	}
	out.isWhole(t, -312, d.total()-312)
	if out.pos[0] != 0 || out.pos[1] != 648 || out.pos[20] != 20*960-312 {
		t.Fatalf("positions %v", out.pos)
	}
	if !strings.HasSuffix(out.modes, "pppp") {
		t.Fatalf("modes %s: never left", out.modes)
	}
}

func TestWhatMayNotPassIsTranscoded(t *testing.T) {
	head := func(family byte) []byte {
		return append([]byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00"), family)
	}
	for name, info := range map[string]audio.CodecInfo{
		"a header with gain": {Name: "opus", SampleRate: 48000, Channels: 2, GainDB: -3},
		"several streams":    {Name: "opus", SampleRate: 48000, Channels: 2, Private: head(1)},
		"six channels":       {Name: "opus", SampleRate: 48000, Channels: 6},
		"something not Opus": {Name: "vorbis", SampleRate: 48000, Channels: 2},
	} {
		if mayPass(info) {
			t.Errorf("%s may pass", name)
		}
	}
	for _, c := range []int{1, 2} {
		if !mayPass(audio.CodecInfo{Name: "opus", SampleRate: 48000, Channels: c, Private: head(0)}) {
			t.Errorf("plain Opus in %d channels may not pass", c)
		}
	}
	for mapping, want := range map[string]bool{
		"\x01\x00\x00": true, "\x01\x01\x00\x01": true, // one stream as it is
		"\x01\x01\x01\x00": false, "\x01\x01\x00\x00": false, "\x01\x01\x00": false, // turned round, one side of it
		"\x01\x01\x00\xff": false, "\x02\x00\x00\x01": false, "": false,
	} {
		c := max(1, len(mapping)-2)
		if mayPass(audio.CodecInfo{Name: "opus", SampleRate: 48000, Channels: c, Private: append(head(1), mapping...)}) != want {
			t.Errorf("mapping %x: may pass is not %v", mapping, want)
		}
	}
	const celt20, celt10 = 31 << 3, 30 << 3
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"20 ms":           {[]byte{celt20, 1, 2}, true},
		"20 ms mono":      {[]byte{celt20 &^ 4, 1, 2}, true},
		"twice 10 ms":     {[]byte{celt10 | 1, 1, 2}, true},
		"10 ms":           {[]byte{celt10, 1, 2}, false},
		"40 ms":           {[]byte{celt20 | 1, 1, 2}, false},
		"nothing":         {nil, false},
		"not a packet":    {[]byte{celt20 | 3, 0}, false},
		"just fits":       {append([]byte{celt20}, make([]byte, 1274)...), true},
		"one byte longer": {append([]byte{celt20}, make([]byte, 1275)...), false},
	} {
		p := timed{Packet: audio.Packet{Data: c.data}}
		p.length, p.ok = opusLength(p.Packet)
		if got := opusMayPass(p); got != c.want {
			t.Errorf("%s: may pass is %v", name, got)
		}
		if p.length <= 0 {
			t.Errorf("%s: lasts %d", name, p.length)
		}
	}
	if n, ok := opusLength(audio.Packet{Duration: 480}); n != 480 || ok {
		t.Errorf("a packet of nothing lasts %d, want what the container says", n)
	}
}

func TestHeaderGainIsApplied(t *testing.T) {
	d := evenly(5)
	d.info.GainDB = float32(20 * math.Log10(0.5))
	out := record(t, standIn(d), always(neutral))
	for i, v := range out.left {
		if want := float32(i+1) / 2; math.Abs(float64(v-want)) > 0.01 {
			t.Fatalf("sample %d is %v, want %v", i, v, want)
		}
	}
}

func TestVolumeSlidesOverOneFrameAndBack(t *testing.T) {
	d := evenly(50)
	half := effect.Settings{Volume: effect.Percent(50)}
	out := record(t, standIn(d), func(i int) effect.Settings {
		if i >= 10 && i < 20 {
			return half
		}
		return neutral
	})
	gain := func(i int) float64 { return float64(out.left[i]) / float64(i+1) }
	last := 1.0
	for i := range out.left {
		g := gain(i)
		if math.Abs(g-last) > 0.5/960+1e-4 {
			t.Fatalf("the gain steps from %v to %v at sample %d", last, g, i)
		}
		last = g
	}
	for i := 12 * 960; i < 20*960; i++ {
		if math.Abs(gain(i)-0.5) > 1e-4 {
			t.Fatalf("sample %d has gain %v, want a half", i, gain(i))
		}
	}
	for i := range out.left {
		if frame := i / 960; (frame < 10 || frame >= 22) && gain(i) != 1 {
			t.Fatalf("sample %d of frame %d has gain %v, want none", i, frame, gain(i))
		}
	}
	if out.modes[25] != 'T' || out.modes[26] != 'p' {
		t.Fatalf("modes %s, want four dry frames after the slide", out.modes)
	}
}

func TestDamageIsConcealedInItsTime(t *testing.T) {
	d := evenly(30)
	d.damage = map[int]bool{10: true, 11: true}
	s := standIn(d)
	out := record(t, s, always(neutral))
	if len(out.pos) != 30 || !errors.Is(out.err, io.EOF) {
		t.Fatalf("%d frames, end %v", len(out.pos), out.err)
	}
	for i, v := range out.left {
		want := float32(i + 1)
		if f := i / 960; f == 10 || f == 11 {
			want = 0
		}
		if v != want {
			t.Fatalf("sample %d of frame %d is %v, want %v", i%960, i/960, v, want)
		}
	}
	if out.modes[9] != 'p' || out.modes[10] != 'T' || out.modes[29] != 'p' {
		t.Fatalf("modes %s", out.modes)
	}
	if n := s.Stats().Damaged; n != 2 {
		t.Fatalf("%d packets counted as damaged, want 2", n)
	}
}

func TestTooMuchDamageIsTheEnd(t *testing.T) {
	d := evenly(200)
	d.damage = map[int]bool{}
	for i := 20; i < 200; i++ {
		d.damage[i] = true
	}
	out := record(t, standIn(d), always(neutral))
	if !errors.Is(out.err, audio.ErrMalformed) || len(out.pos) < 20 || len(out.pos) > 20+tolerated {
		t.Fatalf("%d frames, then %v", len(out.pos), out.err)
	}
}

func TestNoiseFromTheFirstPacketIsMalformed(t *testing.T) {
	d := evenly(100)
	d.info.Name, d.damage = "pcm", map[int]bool{}
	for i := range 100 {
		d.damage[i] = true
	}
	if out := record(t, standIn(d), always(neutral)); !errors.Is(out.err, audio.ErrMalformed) {
		t.Fatalf("%v, want malformed", out.err)
	}
}

func TestWhatIsThereIsPlayedBeforeTheError(t *testing.T) {
	for _, want := range []effect.Settings{neutral, loud} {
		d := evenly(10)
		d.end = audio.ErrTruncated
		s := standIn(d)
		out := record(t, s, always(want))
		out.isWhole(t, 0, d.total())
		if !errors.Is(out.err, audio.ErrTruncated) {
			t.Fatalf("ended with %v", out.err)
		}
		if _, err := s.Next(); !errors.Is(err, audio.ErrTruncated) {
			t.Fatalf("then with %v", err)
		}
	}
}

func TestEmptyStreamEndsAtOnce(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		d := evenly(0)
		d.info.Name = name
		if out := record(t, standIn(d), always(loud)); !errors.Is(out.err, io.EOF) || len(out.pos) != 0 {
			t.Fatalf("%s: %d frames, %v", name, len(out.pos), out.err)
		}
	}
}

func TestRateAndChannelsAreBroughtToTheEngines(t *testing.T) {
	// 44.1 kHz mono: a constant stays a constant, and as long as it was.
	pcm := make([]float32, 44100)
	for i := range pcm {
		pcm[i] = 0.5
	}
	d := &blocks{info: audio.CodecInfo{Name: "pcm", SampleRate: 44100, Channels: 1}, data: pack(pcm)}
	s := New(d, nothing{}, Options{
		Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil },
		Decoder: func(audio.CodecInfo) (audio.Decoder, error) {
			return &decoder{rate: 44100, channels: 1, warm: true}, nil
		},
	})
	var left []float32
	for {
		f, err := s.Next()
		if err != nil {
			break
		}
		for i, v := range unpack(f.Opus) {
			if i%2 == 0 {
				left = append(left, v)
			}
		}
	}
	if len(left) != 48000 {
		t.Fatalf("%d samples, want 48000", len(left))
	}
	for i, v := range left[100:47900] {
		if math.Abs(float64(v)-0.5) > 1e-5 {
			t.Fatalf("sample %d is %v", i+100, v)
		}
	}
}

// blocks is a demuxer of one long row of samples, in uneven packets.
type blocks struct {
	ramp
	info audio.CodecInfo
	data []byte
	rnd  rand.PCG
}

func (b *blocks) Codec() audio.CodecInfo { return b.info }
func (b *blocks) ReadPacket() (audio.Packet, error) {
	if len(b.data) == 0 {
		return audio.Packet{}, io.EOF
	}
	n := min(len(b.data), 4+int(b.rnd.Uint64()%3000)*4)
	p := audio.Packet{Data: b.data[:n]}
	b.data = b.data[n:]
	return p, nil
}

func TestCodecsThatCannotBeMadeAreErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, o := range []Options{
		{Encoder: func() (audio.Encoder, error) { return nil, broken }, Decoder: func(audio.CodecInfo) (audio.Decoder, error) { return &decoder{}, nil }},
		{Encoder: func() (audio.Encoder, error) { return &encoder{}, nil }, Decoder: func(audio.CodecInfo) (audio.Decoder, error) { return nil, broken }},
	} {
		d := evenly(3)
		d.info.Name = "pcm"
		if _, err := New(d, nothing{}, o).Next(); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
}
