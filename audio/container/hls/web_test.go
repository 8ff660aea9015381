package hls

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio"
	codec "segue/audio/codec/mp3"
	"segue/audio/container/adts"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/mp3"
	"segue/audio/container/mp4"
	"segue/audio/container/tags"
)

var errMissing = errors.New("nothing there")

// A web has resources by address. Each is asked with how often it was asked before.
type web struct {
	at    map[string]func(before int) ([]byte, error)
	log   []string // what was asked for, in order
	waits []time.Duration
	fast  bool // reads give what is asked for, and nothing is logged
	open  int  // media that were not closed
	life  context.Context
	close context.CancelFunc
}

func newWeb(t testing.TB) *web {
	w := &web{at: make(map[string]func(int) ([]byte, error))}
	w.life, w.close = context.WithCancel(context.Background())
	t.Cleanup(w.close)
	return w
}

func (w *web) put(address string, b []byte) {
	w.at[address] = func(int) ([]byte, error) { return b, nil }
}

// refs are what is found from an address on.
type refs struct {
	w    *web
	base string
}

func (r refs) OpenRef(ref string, from, n int64) (*audio.Media, error) {
	if r.w.life.Err() != nil {
		return nil, r.w.life.Err()
	}
	base, _ := url.Parse(r.base)
	u, err := base.Parse(ref)
	if err != nil {
		return nil, err
	}
	address := u.String()
	before := 0
	for _, l := range r.w.log {
		if l == address {
			before++
		}
	}
	r.w.log = append(r.w.log, address)
	get := r.w.at[address]
	if get == nil {
		return nil, errMissing
	}
	b, err := get(before)
	if b == nil && err != nil {
		return nil, err
	}
	if from > int64(len(b)) || from+n > int64(len(b)) {
		return nil, errMissing
	}
	if b = b[from:]; n > 0 {
		b = b[:n]
	}
	m := containertest.Stream(b)
	if r.w.fast {
		m = containertest.Media(b)
		r.w.log = r.w.log[:0]
	}
	var body io.Reader = m.ReadCloser
	if err != nil {
		body = io.MultiReader(body, broken{err})
	}
	r.w.open++
	return &audio.Media{ReadCloser: &counted{body, r.w, false}, Size: -1, Refs: refs{r.w, address}}, nil
}

func (r refs) Wait(d time.Duration) error {
	r.w.waits = append(r.w.waits, d)
	select {
	case <-time.After(d): // in a bubble, where it takes no time
		return nil
	case <-r.w.life.Done():
		return r.w.life.Err()
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

type counted struct {
	io.Reader
	w      *web
	closed bool
}

func (c *counted) Close() error {
	if !c.closed {
		c.closed = true
		c.w.open--
	}
	return nil
}

const home = "http://example.org/a/list.m3u8"

// demux opens the playlist at home.
func (w *web) demux() (*Demuxer, error) {
	m, err := refs{w, home}.OpenRef("", 0, 0)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return NewDemuxer(input.New(m), m)
}

func (w *web) mustDemux(t testing.TB) *Demuxer {
	t.Helper()
	d, err := w.demux()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// vod puts a playlist of segments at home, each of so many seconds.
func (w *web) vod(tags string, segments [][]byte, each ...float64) {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n%s", tags)
	for i, s := range segments {
		fmt.Fprintf(&b, "#EXTINF:%f,\nseg%d.bin\n", each[i%len(each)], i)
		w.put(fmt.Sprintf("http://example.org/a/seg%d.bin", i), s)
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	w.put(home, []byte(b.String()))
}

// timestamped is an ID3v2 tag with when a segment begins.
func timestamped(samples int64, rate int) []byte {
	body := append([]byte("com.apple.streaming.transportStreamTimestamp\x00"), make([]byte, 8)...)
	binary.BigEndian.PutUint64(body[len(body)-8:], uint64(samples*90000/int64(rate)+900_000)&(1<<33-1))
	frame := append([]byte{'P', 'R', 'I', 'V', 0, 0, 0, byte(len(body)), 0, 0}, body...)
	return append([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, 0, byte(len(frame))}, frame...)
}

// frames cuts ADTS into its frames.
func frames(t testing.TB, b []byte) (out [][]byte) {
	t.Helper()
	if i := bytes.Index(b, []byte{0xff, 0xf1}); i > 0 {
		b = b[i:]
	}
	for len(b) > 0 {
		h, ok := adts.ParseHeader(b)
		if !ok {
			t.Fatal("no frame")
		}
		out, b = append(out, b[:h.Size]), b[h.Size:]
	}
	return out
}

// packed is the AAC sweep in segments of so many frames, with timestamps.
func packed(t testing.TB, each int) (whole []byte, segments [][]byte, length float64) {
	t.Helper()
	n := int64(0)
	all := frames(t, containertest.File(t, "sweep.aac"))
	for c := range slices.Chunk(all, each) {
		s := timestamped(n, 22050)
		for _, f := range c {
			s, whole = append(s, f...), append(whole, f...)
		}
		segments = append(segments, s)
		n += int64(len(c)) * 1024
	}
	return whole, segments, float64(each) * 1024 / 22050
}

// layer3 is the MP3 sweep in segments of so many frames, with timestamps. The
// frame that is no sound is left out.
func layer3(t testing.TB, each int) (whole []byte, segments [][]byte, length float64) {
	t.Helper()
	b := containertest.File(t, "sweep.mp3")
	h, ok := codec.ParseHeader(b[tags.ID3Size(b):])
	if !ok {
		t.Fatal("no frame")
	}
	b = b[tags.ID3Size(b)+int64(h.Size):]
	for n, at := 0, 0; ; n++ {
		h, ok := codec.ParseHeader(b[at:])
		if n%each == 0 && n > 0 || !ok {
			segments = append(segments, append(timestamped(int64((n-1)/each*each*576), 22050), b[:at]...))
			whole, b, at = append(whole, b[:at]...), b[at:], 0
		}
		if !ok {
			return whole, segments, float64(each) * 576 / 22050
		}
		at += h.Size
	}
}

// fragments is the sweep in fragmented MP4: its beginning, and its fragments, which
// place makes say where their sound is.
func fragments(t testing.TB, place func(t testing.TB, moof []byte) []byte) (whole, begin []byte, segments [][]byte) {
	t.Helper()
	b := containertest.File(t, "sweep-fragments.m4a")
	size := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	for at := 0; at < len(b); at += size(at) {
		switch string(b[at+4 : at+8]) {
		case "moof":
			segments = append(segments, place(t, b[at:at+size(at)]))
		case "mdat":
			last := len(segments) - 1
			segments[last] = append(segments[last], b[at:at+size(at)]...)
		case "mfra":
		default:
			begin = append(begin, b[at:at+size(at)]...)
		}
	}
	return append(bytes.Clone(begin), bytes.Join(segments, nil)...), begin, segments
}

// absolute leaves it as it is: they say where in the file.
func absolute(_ testing.TB, moof []byte) []byte { return bytes.Clone(moof) }

// relative takes the place in the file out of a moof.
func relative(t testing.TB, b []byte) []byte {
	t.Helper()
	const head, base = 16, 8 // of tfhd up to the place, and the place
	out := bytes.Clone(b)
	less := func(at int, n uint32) { binary.BigEndian.PutUint32(out[at:], binary.BigEndian.Uint32(out[at:])-n) }
	tfhd, traf, trun := bytes.Index(b, []byte("tfhd")), bytes.Index(b, []byte("traf")), bytes.Index(b, []byte("trun"))
	if tfhd < 0 || traf < 0 || trun < 0 || out[tfhd+7]&1 == 0 || out[trun+7]&1 == 0 {
		t.Fatal("not as it was made")
	}
	less(0, base)
	less(traf-4, base)
	less(tfhd-4, base)
	less(trun+12, base)
	out[tfhd+7] &^= 1
	out[tfhd+5] |= 2 // default-base-is-moof
	return append(out[:tfhd+head-4], out[tfhd+head-4+base:]...)
}

func openADTS(m *audio.Media) (audio.Demuxer, error) {
	return adts.NewDemuxer(input.New(m), audio.Info{})
}

func openMP3(m *audio.Media) (audio.Demuxer, error) {
	return mp3.NewDemuxer(input.New(m), audio.Info{})
}

func openMP4(m *audio.Media) (audio.Demuxer, error) { return mp4.NewDemuxer(input.New(m)) }

// lock encrypts a segment.
func lock(b, key []byte, iv [16]byte) []byte {
	pad := 16 - len(b)%16
	b = append(bytes.Clone(b), bytes.Repeat([]byte{byte(pad)}, pad)...)
	c, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(c, iv[:]).CryptBlocks(b, b)
	return b
}

// same compares packets with those of the whole; codecs are told where want says.
func same(t testing.TB, want, got []audio.Packet, told ...int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if !bytes.Equal(g.Data, w.Data) || g.PTS != w.PTS || g.Duration != w.Duration || g.TrimEnd != w.TrimEnd {
			t.Fatalf("packet %d is %d+%d-%d (%d bytes), want %d+%d-%d (%d bytes)", i, g.PTS, g.Duration, g.TrimEnd, len(g.Data), w.PTS, w.Duration, w.TrimEnd, len(w.Data))
		}
		if (g.Codec != nil) != slices.Contains(told, i) {
			t.Fatalf("packet %d: codec %v", i, g.Codec)
		}
	}
}
