package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/meter"
	"segue/testdata"
)

// song is lantern, composed once: it takes a second.
var song = sync.OnceValue(lantern)

func shipped(t *testing.T, name string) []byte {
	t.Helper()
	b, err := testdata.Sounds.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestShippedWAVIsWhatIsComposed(t *testing.T) {
	const header = 44
	b := shipped(t, testdata.Clockwork)
	if len(b) > 800<<10 {
		t.Errorf("%d bytes are too many to ship", len(b))
	}
	want := clockwork()
	if len(b) != header+2*len(want) {
		t.Fatalf("%d bytes for %d samples", len(b), len(want))
	}
	off := 0
	for i, v := range want {
		got := int16(binary.LittleEndian.Uint16(b[header+2*i:]))
		if d := int(got) - int(v); d < -1 || d > 1 {
			t.Fatalf("sample %d is %d, composed %d: run go run ./audio/audiotest/compose", i, got, v)
		} else if d != 0 {
			off++
		}
	}
	if off > len(want)/100 {
		t.Fatalf("%d of %d samples are off by one", off, len(want))
	}
}

func TestShippedOpusIsWhatIsComposed(t *testing.T) {
	b := shipped(t, testdata.Lantern)
	if len(b) > 500<<10 {
		t.Errorf("%d bytes are too many to ship", len(b))
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	for _, p := range packetsOf(t, b)[2:] {
		if got, err = dec.Decode(got, audio.Packet{Data: p}); err != nil {
			t.Fatal(err)
		}
	}
	want := floats(song())
	m := meter.Compare(want, got, 2000)
	if enc, err := opus.NewEncoder(opus.EncoderOptions{}); err != nil || m.Shift != enc.Lookahead() {
		t.Errorf("decoded %d samples late, %v", m.Shift, err)
	}
	if m.ErrorDB > -15 {
		t.Errorf("error %.1f dB against what is composed: run go run ./audio/audiotest/compose", m.ErrorDB)
	}
	if found := meter.Breaks(want, got, m.Shift, -3, 9600); len(found) != 0 {
		t.Errorf("%v", found)
	}
	t.Logf("error %.1f dB", m.ErrorDB)
}

// packetsOf takes the packets out of our own plain Ogg.
func packetsOf(t *testing.T, b []byte) (packets [][]byte) {
	t.Helper()
	var p []byte
	for len(b) > 0 {
		if !bytes.HasPrefix(b, []byte("OggS")) {
			t.Fatal("not a page")
		}
		n := int(b[26])
		lacing, body := b[27:27+n], b[27+n:]
		for _, l := range lacing {
			p, body = append(p, body[:l]...), body[l:]
			if l < 255 {
				packets, p = append(packets, p), nil
			}
		}
		b = body
	}
	return packets
}

func TestPiecesHaveDynamicsAndTwoSides(t *testing.T) {
	for name, c := range map[string]struct {
		pcm  []int16
		rate int
		loud float64 // dB between the loudest and the softest half second that sounds
	}{"lantern": {song(), lanternRate, 12}, "clockwork": {clockwork(), clockworkRate, 3}} {
		most, least, sides, sum := 0.0, math.Inf(1), 0.0, 0.0
		step := c.rate // half a second in values of both channels
		for i := 0; i+step <= len(c.pcm); i += step {
			e := 0.0
			for k := i; k < i+step; k += 2 {
				l, r := float64(c.pcm[k]), float64(c.pcm[k+1])
				e, sides, sum = e+l*l+r*r, sides+(l-r)*(l-r), sum+(l+r)*(l+r)
			}
			most, least = max(most, e), min(least, e)
		}
		if db := 10 * math.Log10(most/least); db < c.loud {
			t.Errorf("%s: dynamics of %.1f dB", name, db)
		}
		if sides < sum/100 {
			t.Errorf("%s is nearly mono", name)
		}
		for i, v := range c.pcm {
			if v == math.MaxInt16 || v == math.MinInt16 {
				t.Fatalf("%s clips at %d", name, i)
			}
		}
	}
}

func TestComposeWritesTheShippedFilesAndTheMaster(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir, filepath.Join(dir, "master.wav")); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	master := read("master.wav")[44:]
	for i, v := range song() {
		if got := int16(binary.LittleEndian.Uint16(master[2*i:])); got != v {
			t.Fatalf("sample %d of the master is %d, composed again %d", i, got, v)
		}
	}
	// Other processors round differently; the tests above allow for that.
	same := bytes.Equal(read("lantern.opus"), shipped(t, testdata.Lantern)) && bytes.Equal(read("clockwork.wav"), shipped(t, testdata.Clockwork))
	if runtime.GOARCH == "amd64" && !same {
		t.Error("what is shipped is not what is written: run go run ./audio/audiotest/compose")
	}
	if err := write(filepath.Join(dir, "missing", "x"), nil); err == nil {
		t.Error("writing into a folder that does not exist succeeds")
	}
}
