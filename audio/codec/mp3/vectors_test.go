package mp3_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/codec/mp3"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	demux "segue/audio/container/mp3"
)

// A conformance stream and what a reference decoder makes of it, in 16 bits.
type stream struct {
	name      string
	data      []byte
	reference []float64 // in units of the last bit
}

func vectors(t testing.TB) string {
	dir := os.Getenv("SEGUE_TEST_DATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	dir = filepath.Join(dir, "mp3", "vectors")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("test data missing")
		}
		t.Skip("SKIPPED: test data missing")
	}
	return dir
}

func vector(t testing.TB, name string) stream {
	t.Helper()
	dir := vectors(t)
	s := stream{name: name}
	var err error
	if s.data, err = os.ReadFile(filepath.Join(dir, name+".bit")); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, name+".pcm"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for ; len(raw) >= 2; raw = raw[2:] {
		s.reference = append(s.reference, float64(int16(binary.LittleEndian.Uint16(raw))))
	}
	return s
}

func open(m *audio.Media) (audio.Demuxer, error) { return demux.NewDemuxer(input.New(m), audio.Info{}) }

func (s stream) packets(t testing.TB) []audio.Packet {
	t.Helper()
	packets, _ := containertest.Drain(containertest.Open(t, open, containertest.Media(s.data)))
	return packets
}

// A difference is why what we give is not frame by frame what the reference has.
type difference struct {
	lead int // frames of ours at the beginning that the reference does not have
	bad  int // frames refused
	gap  int // frames of ours behind each refused one that the reference does not have
	// loose is a reference that is not of this stream alone; what is there agrees.
	loose bool
	why   string
}

const (
	leaves = "frames that build on bytes not there are silent here and left out there"
	longer = "the reference goes on where the stream ends"
)

var differences = map[string]difference{
	"l3-sin1k0db": {lead: 2, why: leaves},
	"l3-nonstandard-compl-sideinfo-bigvalues": {bad: 1, gap: 3, why: leaves},
	"l3-nonstandard-compl-sideinfo-blocktype": {bad: 1, gap: 3, why: leaves},
	"l3-nonstandard-compl-sideinfo-size":      {bad: 1, gap: 3, why: leaves},
	"l2-nonstandard-test32-size":              {bad: 1, why: "one frame is too short for its samples"},
	"l1-fl1":                                  {loose: true, why: longer}, "l1-fl2": {loose: true, why: longer},
	"l1-fl3": {loose: true, why: longer}, "l1-fl4": {loose: true, why: longer}, "l1-fl5": {loose: true, why: longer},
	"l1-fl6": {loose: true, why: longer}, "l1-fl7": {loose: true, why: longer}, "l1-fl8": {loose: true, why: longer},
	"l2-fl10": {loose: true, why: longer}, "l2-fl11": {loose: true, why: longer}, "l2-fl12": {loose: true, why: longer},
	"l2-fl13": {loose: true, why: longer}, "l2-fl14": {loose: true, why: longer}, "l2-fl15": {loose: true, why: longer},
	"l2-fl16": {loose: true, why: longer},
}

// unheard are the streams that are not compared, and why.
var unheard = map[string]string{
	"l2-nonstandard-fl1_fl2_ff":      "changes from Layer I to II and to free format; a file here is of one kind",
	"l3-nonstandard-vbrtag-oob-read": "its only frame is a Xing header, taken here as one, and there as sound",
	"l3-nonstandard-big-iscf":        "damage without a reference",
	"ILL2_overalloc2":                "no sound there, and none here", "l3-nonstandard-id3v2-only": "no frame",
	"l3-nonstandard-sideinfo-size": "no whole frame", "l3-nonstandard-small": "no frame",
	"l3-nonstandard-vbrtag-corrupted": "a header alone", "l3-nonstandard-vbrtag-empty": "a header alone",
	"l3-nonstandard-vbrtag-noframes": "a header alone", "l3-nonstandard-vbrtag-only": "a header alone",
}

// TestVectors decodes every stream, and compares with the reference where there is
// one: the error is 96 dB or more below full scale, of which the reference's 16 bits
// alone leave 101. Encoder delay and padding are taken off as the container says.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors(t), "*.bit"))
	if err != nil || len(files) < 75 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		s := vector(t, strings.TrimSuffix(filepath.Base(f), ".bit"))
		want := differences[s.name]
		ours, mask, bad := s.play(t, want.gap)
		if _, ok := unheard[s.name]; ok {
			if len(s.reference) == 0 && len(ours) > 2*1152 {
				t.Errorf("%s: %d values where there is no sound", s.name, len(ours))
			}
			continue
		}
		skip := min(want.lead*2304, len(ours))
		ours, mask = ours[skip:], mask[skip:]
		if more := len(ours) - len(s.reference); bad != want.bad || more > 4608 || more < 0 && !want.loose {
			t.Errorf("%s: %d values and %d refused frames, want %d and %d", s.name, len(ours), bad, len(s.reference), want.bad)
		}
		if db := psnr(ours, s.reference, mask); db < 96 {
			t.Errorf("%s: error at -%.1f dB", s.name, db)
		}
	}
}

// play decodes the stream through its container. mask marks values that the reference
// has otherwise on purpose: where mono turns to stereo, it goes on with the right
// channel as it was before the mono.
func (s stream) play(t *testing.T, gap int) (ours []float64, mask []bool, bad int) {
	d, err := open(containertest.Media(s.data))
	if err != nil {
		if !containertest.Sane(err) || len(s.reference) > 0 {
			t.Errorf("%s: %v", s.name, err)
		}
		return nil, nil, 0
	}
	packets, err := containertest.Drain(d)
	if !containertest.Sane(err) && !errors.Is(err, io.EOF) {
		t.Errorf("%s: %v", s.name, err)
	}
	dec, was, drop := mp3.NewDecoder(d.Codec().SampleRate), 0, 0
	skip := int(input.Unscale(d.Codec().PreSkip, d.Codec().SampleRate))
	for _, p := range packets {
		h, _ := mp3.ParseHeader(p.Data)
		pcm, err := dec.Decode(nil, p)
		if err != nil {
			bad, drop = bad+1, gap
			dec.Reset()
			continue
		}
		if drop > 0 {
			drop--
			continue
		}
		pcm = pcm[:len(pcm)-2*int(input.Unscale(p.TrimEnd, h.Rate))]
		n := min(skip, len(pcm)/2)
		skip, pcm = skip-n, pcm[2*n:]
		for i := 0; i < len(pcm); i += 3 - h.Channels {
			ours = append(ours, max(-32768, min(32767, float64(pcm[i])*32768)))
			mask = append(mask, was == 1 && h.Channels == 2)
		}
		was = h.Channels
	}
	return ours, mask, bad
}

// psnr is the ratio in dB of full scale to the error where mask is false.
func psnr(got, want []float64, mask []bool) float64 {
	sum, n := 0.0, 0
	for i := range min(len(got), len(want)) {
		if !mask[i] {
			sum += (got[i] - want[i]) * (got[i] - want[i])
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return 10 * math.Log10(32767*32767*float64(n)/(sum+1e-9))
}

func TestDamagedStreamsArePlayed(t *testing.T) {
	for _, pattern := range []string{"fuzz/*.mp3", "performance/*.mp3"} {
		files, _ := filepath.Glob(filepath.Join(vectors(t), pattern))
		if len(files) == 0 {
			t.Errorf("no %s", pattern)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			s := stream{name: filepath.Base(f), data: b}
			if ours, _, _ := s.play(t, 0); len(ours) == 0 {
				t.Errorf("%s: no sound", f)
			}
		}
	}
}

func TestThousandMutatedFilesAreMusicOrASentence(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	played := 0
	for _, name := range []string{"l3-hecommon", "l3-si_block", "ILL2_layer3", "l2-fl14", "l1-fl8"} {
		s := vector(t, name)
		for range 200 {
			m := stream{name: name, data: containertest.Damage(s.data[:min(len(s.data), 4000)], rng)}
			if ours, _, _ := m.play(t, 0); len(ours) > 0 {
				played++
			}
		}
	}
	if played < 800 {
		t.Errorf("%d of 1000 gave sound", played)
	}
}
