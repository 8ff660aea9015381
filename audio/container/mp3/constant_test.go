package mp3

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"segue/audio/codec/mp3"
	"segue/audio/container/containertest"
)

// paced is n frames with a header like head, whose padding is as a bit rate of so
// many bit/s demands, or none if that is 0; base is what a frame has without. Each
// has its number in it, and noise that has headers in it.
func paced(head string, n, base, bitrate int) []byte {
	h, _ := mp3.ParseHeader([]byte(head))
	slot := 1
	if h.Layer == 1 {
		slot = 4
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var b []byte
	owed := 0
	for i := range n {
		f := append([]byte(head), make([]byte, base-4)...)
		for k := 8; k < len(f); k++ {
			f[k] = byte(rng.Uint32())
		}
		copy(f[base/3:], head)
		binary.BigEndian.PutUint32(f[4:], uint32(i))
		if bitrate > 0 {
			if owed += h.Samples/8*bitrate - base*h.Rate; owed >= slot*h.Rate {
				owed -= slot * h.Rate
				f[2] |= 2
				f = append(f, make([]byte, slot)...)
			}
		}
		b = append(b, f...)
	}
	return b
}

// TestConstantBitRateIsSoughtInDirectly holds seeks in every version and layer to
// a few frames' bytes, and to the packets that a straight read gives.
func TestConstantBitRateIsSoughtInDirectly(t *testing.T) {
	for name, c := range map[string]struct {
		head          string
		base, bitrate int
	}{
		"MPEG-1 III":                  {"\xff\xfb\x90\x00", 417, 128000},
		"MPEG-1 III at 320 kbit/s":    {"\xff\xfb\xe0\x00", 1044, 320000},
		"MPEG-1 III never padded":     {"\xff\xfb\x90\x00", 417, 0},
		"MPEG-1 III, nothing to pad":  {"\xff\xfb\x94\x00", 384, 128000},
		"MPEG-1 II":                   {"\xff\xfd\x80\x00", 417, 128000},
		"MPEG-1 I":                    {"\xff\xff\x40\x00", 136, 128000},
		"MPEG-2 III":                  {"\xff\xf3\x40\x00", 104, 32000},
		"MPEG-2.5 III":                {"\xff\xe3\x40\x00", 208, 32000},
		"MPEG-1 III of free format":   {"\xff\xfb\x00\x00", 1142, 350000},
		"MPEG-1 II of free format":    {"\xff\xfd\x00\x00", 1142, 350000},
		"MPEG-1 I of free format":     {"\xff\xff\x00\x00", 380, 350000},
		"free format of no bit rate":  {"\xff\xfb\x00\x00", 1000, 0},
		"MPEG-1 III with a checksum":  {"\xff\xfa\x90\x00", 417, 128000},
		"MPEG-1 III with a tag first": {"ID3", 417, 128000},
	} {
		t.Run(name, func(t *testing.T) {
			head := c.head
			if head == "ID3" {
				head = "\xff\xfb\x90\x00"
			}
			b := paced(head, 4<<20/c.base, c.base, c.bitrate)
			if c.head == "ID3" {
				b = append(append([]byte("ID3\x04\x00\x00\x00\x00\x01\x00"), make([]byte, 128)...), b...)
			}
			containertest.TestSeeks(t, open, b, 800*time.Millisecond, 300<<10)
		})
	}
}

// TestWhatIsNotConstantIsReadThrough: seeks must stay exact where the number of a
// frame cannot be told from where it is.
func TestWhatIsNotConstantIsReadThrough(t *testing.T) {
	const head = "\xff\xfb\x90\x00"
	b := paced(head, 8000, 417, 128000)
	half := bytes.Index(b[len(b)/2:], []byte(head)) + len(b)/2
	for half > 0 { // to where a frame begins
		d := &Demuxer{pace: pace{base: 417}}
		d.like, _ = mp3.ParseHeader([]byte(head))
		if d.runs(b[half:]) {
			break
		}
		half++
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var vbr []byte
	for i := range 8000 {
		kbit := 9
		if i > 100 {
			kbit = 5 + rng.IntN(8)
		}
		f := []byte{0xff, 0xfb, byte(kbit << 4), 0}
		h, _ := mp3.ParseHeader(f)
		f = append(f, make([]byte, h.Size-4)...)
		binary.BigEndian.PutUint32(f[4:], uint32(i))
		vbr = append(vbr, f...)
	}
	for name, b := range map[string][]byte{
		"variable bit rate":        vbr,
		"garbage in the middle":    bytes.Join([][]byte{b[:half], b[half:]}, bytes.Repeat([]byte("x"), 200)),
		"a tag in the middle":      bytes.Join([][]byte{b[:half], b[half:]}, append([]byte("ID3\x04\x00\x00\x00\x00\x01\x00"), make([]byte, 128)...)),
		"half of another bit rate": append(bytes.Clone(b[:half]), paced("\xff\xfb\xa0\x00", 4000, 522, 160000)...),
		"a long tag behind":        append(bytes.Clone(b), append([]byte("ID3\x04\x00\x00\x00\x0c\x00\x00"), make([]byte, 12<<14)...)...),
		"nothing is whole behind":  b[:len(b)-100],
	} {
		t.Run(name, func(t *testing.T) {
			if name == "nothing is whole behind" {
				b = append(bytes.Clone(b[:len(b)-317]), "TAG"+fmt.Sprintf("%125d", 0)...)
			}
			containertest.TestSeeks(t, open, b, 800*time.Millisecond, int64(len(b))+1<<20)
		})
	}
}

// TestSeekingBehindTheEndReadsLittle: neither is what follows the music read for
// it, nor what is before.
func TestSeekingBehindTheEndReadsLittle(t *testing.T) {
	b := append(paced("\xff\xfb\x90\x00", 8000, 417, 128000), "TAG"+fmt.Sprintf("%125d", 0)...)
	m, read := containertest.Counted(b)
	d := containertest.Open(t, open, m)
	*read = 0
	if _, err := d.Seek(time.Hour); err != nil {
		t.Fatal(err)
	}
	if packets, _ := containertest.Drain(d); len(packets) > 1 || *read > 400<<10 {
		t.Errorf("%d packets after %d bytes", len(packets), *read)
	}
	if _, err := d.Seek(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if p, err := d.ReadPacket(); err != nil || p.PTS > 3*60*48000 || p.PTS < 3*60*48000-48000 {
		t.Errorf("after it at %d, %v", p.PTS, err)
	}
}
