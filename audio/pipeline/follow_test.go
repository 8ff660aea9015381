package pipeline

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/meter"
)

// junk is every sample of the stand-in's pre-skip and padding.
const junk = 0.5

// A part is one of several streams in the same media: so many packets of so many
// samples, of which the first skip are junk and the last trim padding.
type part struct {
	name             string // "opus" may pass
	packets          int
	each, skip, trim int64
	gain             float32
}

func (p part) music() int64 { return int64(p.packets)*p.each - p.skip - p.trim }

func (p part) codec() audio.CodecInfo {
	return audio.CodecInfo{Name: p.name, SampleRate: 48000, Channels: 2, PreSkip: p.skip, GainDB: p.gain}
}

// A chain is a demuxer of parts. The ramp goes on from one to the next.
type chain struct {
	parts  []part
	at, n  int // part and packet that is next
	told   int // the part of the packet before
	noSeek bool
}

func (c *chain) Codec() audio.CodecInfo { return c.parts[0].codec() }
func (c *chain) Info() audio.Info       { return audio.Info{Container: "chain"} }

// begin is where the music of part i begins.
func (c *chain) begin(i int) (n int64) {
	for _, p := range c.parts[:i] {
		n += p.music()
	}
	return n
}

func (c *chain) ReadPacket() (audio.Packet, error) {
	for c.at < len(c.parts) && c.n == c.parts[c.at].packets {
		c.at, c.n = c.at+1, 0
	}
	if c.at == len(c.parts) {
		return audio.Packet{}, io.EOF
	}
	part := c.parts[c.at]
	from, begin := int64(c.n)*part.each, c.begin(c.at)
	// As Ogg has it: music is at PTS less the first stream's pre-skip.
	p := audio.Packet{PTS: begin - part.skip + from + c.parts[0].skip, Duration: part.each}
	for i := from - part.skip; i < from-part.skip+part.each; i++ {
		v := float32(begin + i + 1)
		if i < 0 || i >= part.music() {
			v = junk
		}
		p.Data = append(p.Data, pack([]float32{v, -v})...)
	}
	if c.told != c.at {
		info := part.codec()
		p.Codec, c.told = &info, c.at
	}
	if c.n++; c.n == part.packets {
		p.TrimEnd = part.trim
	}
	return p, nil
}

func (c *chain) Seek(to time.Duration) (time.Duration, error) {
	if c.noSeek {
		return 0, audio.ErrNotSeekable
	}
	target := toSamples(to)
	for c.at = len(c.parts) - 1; c.at > 0 && c.begin(c.at) > target; c.at-- {
	}
	part := c.parts[c.at]
	c.n = min(int((target-c.begin(c.at)+part.skip)/part.each), part.packets-1)
	return toTime(max(c.begin(c.at)-part.skip+int64(c.n)*part.each, 0)), nil
}

func (c *chain) stream() *Stream {
	begins := map[float32]bool{junk: true}
	for i := range c.parts {
		begins[float32(c.begin(i)+1)] = true
	}
	s := New(c, nothing{}, Options{
		Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil },
		Decoder: func(audio.CodecInfo) (audio.Decoder, error) {
			return &decoder{rate: 48000, channels: 2, begins: begins}, nil
		},
	})
	s.from = c
	s.rules.limit = func() limiting { return &delaying{} }
	s.rules.pass = func(p timed) bool { return len(p.Data) == 4*frameLen }
	s.rules.length = func(_ string, p audio.Packet) (int64, bool) { return p.Duration, true }
	return s
}

// isChain fails unless the tape has all music from sample from on, in order, and
// between the parts nothing but what is said to be heard there. Frames must say
// where they are.
func (o tape) isChain(t testing.TB, c *chain, s *Stream, from int64) {
	t.Helper()
	if !errors.Is(o.err, io.EOF) {
		t.Fatalf("modes %s: %v", o.modes, o.err)
	}
	total, next, gap := c.begin(len(c.parts)), from, int64(0)
	lead := c.parts[0].skip
	if from > 0 {
		lead = frameSamples
	}
	allowed := map[int64]int64{0: lead, from: lead, total: frameSamples + 960}
	for i, p := range c.parts[1:] {
		if mayPass(p.codec()) && p.each == frameSamples {
			allowed[c.begin(i+1)] = 2*frameSamples - 2
		}
	}
	for i, v := range o.left {
		if v == float32(next+1) && next < total {
			next, gap = next+1, 0
			if i%audio.FrameSamples == 0 {
				if at := o.pos[i/audio.FrameSamples]; at != next-1 {
					t.Fatalf("modes %s: frame %d begins with sample %d and says it is at %d", o.modes, i/960, next-1, at)
				}
			}
			continue
		}
		if gap++; v != 0 && v != junk || gap > allowed[next] {
			t.Fatalf("modes %s: sample %d of frame %d is %v after %v, %d that are no music", o.modes, i%960, i/960, v, next, gap)
		}
	}
	if next != total {
		t.Fatalf("modes %s: ends at %d of %d", o.modes, next, total)
	}
	for i := range o.pos[1:] {
		if d := o.pos[i+1] - o.pos[i]; d < 0 || d > frameSamples {
			t.Fatalf("modes %s: frame %d is at %d, the next at %d", o.modes, i, o.pos[i], o.pos[i+1])
		}
	}
	if heard := int64(len(o.left)); from == 0 && (s.Length() < total || s.Length() > heard || s.Length() <= heard-frameSamples-c.parts[0].skip) {
		t.Fatalf("modes %s: length %d of %d heard", o.modes, s.Length(), heard)
	}
}

func TestStreamsThatMayPassFollowEachOther(t *testing.T) {
	c := &chain{parts: []part{
		{name: "opus", packets: 20, each: 960, skip: 312, trim: 100},
		{name: "opus", packets: 15, each: 960, skip: 312},
		{name: "opus", packets: 15, each: 960, skip: 3840, trim: 7},
		{name: "opus", packets: 9, each: 960, skip: 4000},
	}}
	s := c.stream()
	out := record(t, s, always(neutral))
	if out.modes != strings.Repeat("p", 20+15+11+5) || s.coder != nil || s.Stats().Splices != 0 {
		t.Fatalf("modes %s", out.modes)
	}
	// The first packet heard of the third stream is its fifth.
	if got := out.left[35*960]; got != float32(c.begin(2)+1) || out.pos[35] != c.begin(2) || out.pos[36] != c.begin(2)+960 {
		t.Fatalf("the third stream begins with %v at %d, then %d", got, out.pos[35], out.pos[36])
	}
	if out.pos[20] != c.begin(1) || out.pos[21] != c.begin(1)+960-312 {
		t.Fatalf("the second stream is at %d, %d", out.pos[20], out.pos[21])
	}
	if want := int64(51*960 - 312); s.Length() != want {
		t.Fatalf("%d samples, want %d", s.Length(), want)
	}
	out.isChain(t, c, s, 0)
}

func TestWhatMayNotPassFollowsToTheSample(t *testing.T) {
	for _, trim := range []int64{0, 100, 959} {
		for _, then := range []part{
			{name: "pcm", packets: 9, each: 1152, skip: 1105},
			{name: "pcm", packets: 9, each: 1000},
			{name: "opus", packets: 12, each: 2880, skip: 312}, // does not fit 20 ms
		} {
			for _, want := range []effect.Settings{neutral, loud} {
				c := &chain{parts: []part{{name: "opus", packets: 20, each: 960, trim: trim}, then}}
				s := c.stream()
				out := record(t, s, always(want))
				out.isChain(t, c, s, 0)
				if want == neutral && !strings.HasPrefix(out.modes, strings.Repeat("p", 19)) || !strings.HasSuffix(out.modes, "TTTT") {
					t.Fatalf("modes %s", out.modes)
				}
				if s.Length() != c.begin(2) || s.Codec().Name != then.name {
					t.Fatalf("%d samples, %s", s.Length(), s.Codec().Name)
				}
			}
		}
	}
}

func TestModesFollowTheStreams(t *testing.T) {
	c := &chain{parts: []part{
		{name: "pcm", packets: 20, each: 1000, trim: 30},
		{name: "opus", packets: 20, each: 960, skip: 312},
		{name: "vorbis", packets: 20, each: 1024},
		{name: "opus", packets: 2, each: 960, skip: 1900},
		{name: "opus", packets: 1, each: 960, skip: 960}, // nothing is left of it
		{name: "opus", packets: 20, each: 960, skip: 312, trim: 50},
	}}
	s := c.stream()
	out := record(t, s, always(neutral))
	out.isChain(t, c, s, 0)
	if got := strings.Trim(strings.ReplaceAll(strings.ReplaceAll(out.modes, "TT", "T"), "pp", "p"), " "); !strings.HasPrefix(out.modes, "TTTTTTTTTTTTTTTTTTTTTpppp") || !strings.HasSuffix(out.modes, "pppppppppppppppp") || !strings.Contains(got, "pT") {
		t.Fatalf("modes %s", out.modes)
	}
}

func TestHeaderGainFollowsTheStream(t *testing.T) {
	c := &chain{parts: []part{
		{name: "opus", packets: 20, each: 960},
		{name: "opus", packets: 20, each: 960, gain: -6.0206},
		{name: "opus", packets: 20, each: 960},
	}}
	out := record(t, c.stream(), always(neutral))
	if out.modes != strings.Repeat("p", 20)+strings.Repeat("T", 20)+strings.Repeat("p", 20) {
		t.Fatalf("modes %s", out.modes)
	}
	for i, v := range out.left {
		want := float64(i + 1)
		if i/(20*960) == 1 {
			want /= 2
		}
		if d := float64(v) - want; d > 1 || d < -1 {
			t.Fatalf("sample %d is %v, want %v", i, v, want)
		}
	}
}

func TestVolumeHoldsAcrossStreams(t *testing.T) {
	c := &chain{parts: []part{{name: "opus", packets: 20, each: 960}, {name: "opus", packets: 20, each: 960}}}
	out := record(t, c.stream(), always(effect.Settings{Volume: effect.Percent(50)}))
	if len(out.left) != 40*960 {
		t.Fatalf("%d samples", len(out.left))
	}
	for i, v := range out.left {
		if want := float32(i+1) / 2; v < want-1 || v > want+1 {
			t.Fatalf("sample %d is %v, want %v", i, v, want)
		}
	}
}

func TestSeekAcrossStreams(t *testing.T) {
	for _, parts := range [][]part{
		{{name: "opus", packets: 30, each: 960, skip: 312, trim: 100}, {name: "opus", packets: 30, each: 960, skip: 3840}, {name: "opus", packets: 30, each: 960, skip: 312}},
		{{name: "pcm", packets: 30, each: 960, skip: 312, trim: 100}, {name: "opus", packets: 30, each: 960, skip: 312}, {name: "pcm", packets: 30, each: 1152, skip: 1105}},
		{{name: "pcm", packets: 30, each: 960}, {name: "pcm", packets: 30, each: 1000, skip: 77}},
	} {
		for _, want := range []effect.Settings{neutral, loud} {
			c := &chain{parts: parts}
			s := c.stream()
			var targets []int64
			for i := range parts {
				for _, d := range []int64{0, 1, 500, 960, 2000, 3839, 3841, 9000} {
					targets = append(targets, c.begin(i)+d)
				}
			}
			for i := range targets { // back and forth
				target := targets[i*7%len(targets)]
				s.Want(want)
				landed, err := s.Seek(toTime(target))
				if err != nil || toSamples(landed) > target || toSamples(landed) <= target-frameSamples {
					t.Fatalf("%v: to %d: %d, %v", parts[0].name, target, toSamples(landed), err)
				}
				for k := range 3 {
					f, err := s.Next()
					if err != nil {
						t.Fatalf("to %d: %v", target, err)
					}
					pcm := unpack(f.Opus)
					// The rest of the pre-skip, where the frame begins with it.
					first := slices.IndexFunc(pcm, func(v float32) bool { return v >= 1 })
					if first < 0 || first > 2*320 || pcm[first] != float32(f.Pos+1) && first == 0 || k == 0 && f.Pos != toSamples(landed) {
						t.Fatalf("%s: to %d: frame %d at %d begins with %v (landed %d)", parts[0].name, target, k, f.Pos, pcm[0], toSamples(landed))
					}
				}
			}
		}
	}
}

func TestReadingForwardCrossesStreams(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		c := &chain{noSeek: true, parts: []part{{name: name, packets: 30, each: 960}, {name: "opus", packets: 30, each: 960, skip: 312}, {name: "pcm", packets: 30, each: 1152, skip: 1105}}}
		s := c.stream()
		for i, target := range []int64{c.begin(1) - 500, c.begin(1) + 5000, c.begin(2) + 100, c.begin(2) + 20000} {
			landed, err := s.Seek(toTime(target))
			if at := toSamples(landed); err != nil || at > target || at <= target-frameSamples {
				t.Fatalf("%s: to %d: %d, %v", name, target, at, err)
			}
			f, err := s.Next()
			if got := unpack(f.Opus)[0]; err != nil || f.Pos != toSamples(landed) || got != float32(f.Pos+1) {
				t.Fatalf("%s: seek %d, to %d: at %d is %v, %v", name, i, target, f.Pos, got, err)
			}
		}
	}
}

// FuzzChain joins parts of all kinds and switches as the bits of on say.
func FuzzChain(f *testing.F) {
	f.Add([]byte{0, 20, 0, 10, 0, 12, 3, 0}, uint64(0))
	f.Add([]byte{0, 20, 3, 10, 1, 12, 3, 0, 0, 9, 9, 9}, uint64(0xff00ff))
	f.Add([]byte{1, 5, 0, 10, 2, 12, 3, 0, 0, 20, 1, 4, 0, 1, 1, 1, 0, 3, 0, 0}, uint64(1<<20|1<<24))
	f.Fuzz(func(t *testing.T, b []byte, on uint64) {
		c := &chain{}
		for ; len(b) >= 4 && len(c.parts) < 6; b = b[4:] {
			p := part{name: []string{"opus", "pcm", "opus"}[b[0]%3], packets: 1 + int(b[1]%24), each: []int64{960, 1152, 480}[b[0]%3]}
			p.skip, p.trim = int64(b[2])*16, int64(b[3])*3
			if p.trim >= p.each || p.music() <= 0 {
				continue
			}
			c.parts = append(c.parts, p)
		}
		if len(c.parts) == 0 || c.parts[0].skip > 960 {
			return
		}
		s := c.stream()
		record(t, s, func(i int) effect.Settings {
			if i < 64 && on>>i&1 == 1 {
				return loud
			}
			return neutral
		}).isChain(t, c, s, 0)
	})
}

// TestChainedFilesPlayThrough joins files as people do: one after the other.
func TestChainedFilesPlayThrough(t *testing.T) {
	first := made(t, 48000+77, "opusenc --quiet --bitrate 96 IN OUT")
	mono := made(t, 2*48000+5, "opusenc --quiet --downmix-mono --framesize 10 --serial 7 IN OUT")
	third := made(t, 48000, "-c:a libopus -frame_duration 60 -f ogg -serial_offset 99")
	file := slices.Concat(first, mono, third)
	m, _ := media(file, true)
	s, err := Open(m, Options{Encoder: opusEncoder})
	if err != nil {
		t.Fatal(err)
	}
	got, modes := listen(t, s, always(neutral))
	if strings.Count(modes, "T") > 1+1 {
		t.Errorf("modes %s", modes)
	}
	at := 0
	for i, b := range [][]byte{first, mono, third} {
		m, _ := media(b, true)
		alone, err := Open(m, Options{Encoder: opusEncoder})
		if err != nil {
			t.Fatal(err)
		}
		want, _ := listen(t, alone, always(neutral))
		n := min(len(want), len(got)-at)
		// The decoder is warmer or colder by what came before: 100 ms settle that.
		if e := meter.Error(want[9600:n], got[at+9600:at+n], 0); n < len(want)-2*frameLen || e > -30 {
			t.Errorf("file %d: %d samples of %d, error %.1f dB", i, n/2, len(want)/2, e)
		}
		at += len(want)
	}
	if at != len(got) {
		t.Errorf("%d samples, want %d", len(got)/2, at/2)
	}
}
