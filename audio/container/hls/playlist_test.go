package hls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
)

func parsed(t testing.TB, s string) *playlist {
	t.Helper()
	p, err := parse(iotest.HalfReader(strings.NewReader(s)))
	if err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return p
}

func (p *playlist) all() (out []segment) {
	for i := range p.segments.n {
		s, _ := p.segments.at(i)
		out = append(out, s)
	}
	return out
}

func TestMediaPlaylists(t *testing.T) {
	const second = time.Second
	for name, c := range map[string]struct {
		text string
		want []segment
	}{
		"plain":         {"#EXTM3U\n#EXTINF:9.5,title, with comma\na.ts\n#EXTINF:3\n\n b.ts \n", []segment{{uri: "a.ts", length: 9500 * time.Millisecond}, {uri: "b.ts", length: 3 * second}}},
		"CRLF and BOM":  {"\xef\xbb\xbf#EXTM3U\r\n#EXT-X-VERSION:3\r\n#EXTINF:10, \r\nseg one.aac\r\n#EXT-X-ENDLIST", []segment{{uri: "seg one.aac", length: 10 * second}}},
		"odd lengths":   {"#EXTM3U\n#EXTINF:-1,\na\n#EXTINF:NaN,\nb\n#EXTINF:1e99,\nc\n#EXTINF:,\nd\ne\n", []segment{{uri: "a"}, {uri: "b"}, {uri: "c", length: maxLength}, {uri: "d"}, {uri: "e"}}},
		"unknown tags":  {"#EXTM3U\n#EXT-X-FUTURE:A=B\n# a comment\n#EXT-X-PART:DURATION=1.0,URI=\"p1.mp4\"\n#EXTINF:1,\na\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p2\"\n", []segment{{uri: "a", length: second}}},
		"discontinuity": {"#EXTM3U\n#EXTINF:1,\na\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nb\n#EXT-X-GAP\n#EXTINF:1,\nc\n#EXTINF:1,\nd\n", []segment{{uri: "a", length: second}, {uri: "b", length: second, fresh: true}, {uri: "c", length: second, gap: true}, {uri: "d", length: second}}},
		"byte ranges": {
			"#EXTM3U\n#EXT-X-BYTERANGE:10\nx\n#EXT-X-BYTERANGE:5\nx\n#EXT-X-BYTERANGE:7@100\nx\n#EXT-X-BYTERANGE:1\nx\n#EXT-X-BYTERANGE:1\ny\n#EXT-X-BYTERANGE:-4@3\nz\n#EXT-X-BYTERANGE:99999999999999999\nz\n",
			[]segment{{uri: "x", n: 10}, {uri: "x", from: 10, n: 5}, {uri: "x", from: 100, n: 7}, {uri: "x", from: 107, n: 1}, {uri: "y", n: 1}, {uri: "z"}, {uri: "z"}},
		},
		"keys and beginnings": {
			"#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MAP:URI=\"i\"\na\nb\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\nc\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:BYTERANGE=\"5@6\",URI=\"i\"\nd\n",
			[]segment{{uri: "a", key: 1, initial: 1}, {uri: "b", key: 1, initial: 1}, {uri: "c", key: 1, initial: 1}, {uri: "d", initial: 2}},
		},
	} {
		p := parsed(t, c.text)
		for i := range c.want { // a segment that is told where it is says so
			if i < p.segments.n && c.want[i].n == 0 {
				c.want[i].from = 0
			}
		}
		if got := p.all(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWhatAPlaylistSaysOfTheWhole(t *testing.T) {
	for text, want := range map[string]playlist{
		"#EXTINF:2,\na\n": {target: 2 * time.Second},
		"#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1042\n":              {target: 6 * time.Second, sequence: 1042},
		"#EXT-X-TARGETDURATION:18446744073709551615\na\n":                    {target: maxTarget},
		"#EXT-X-TARGETDURATION:0\na\n":                                       {target: minTarget},
		"#EXT-X-PLAYLIST-TYPE:VOD\na\n":                                      {target: minTarget, ended: true},
		"#EXT-X-PLAYLIST-TYPE:EVENT\na\n#EXT-X-ENDLIST\n":                    {target: minTarget, ended: true},
		"#EXT-X-START:PRECISE=YES,TIME-OFFSET=-12.5\na\n":                    {target: minTarget, starts: true, start: -12500 * time.Millisecond},
		"#EXT-X-MEDIA-SEQUENCE:-5\n#EXT-X-MEDIA-SEQUENCE:7x\na\n":            {target: minTarget},
		"#EXT-X-MEDIA-SEQUENCE:9223372036854775807\na\n":                     {target: minTarget, sequence: 1 << 60},
		"#EXT-X-MEDIA-SEQUENCE:5\na\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:\n": {target: minTarget, sequence: 5},
	} {
		p := parsed(t, "#EXTM3U\n"+text)
		p.segments = segments{}
		if !reflect.DeepEqual(*p, want) {
			t.Errorf("%q: got %+v, want %+v", text, *p, want)
		}
	}
}

func TestWhatIsNoPlaylist(t *testing.T) {
	long := func(line string, n int) string { return "#EXTM3U\n" + strings.Repeat(line, n) }
	var keys strings.Builder
	for i := range maxTold / 128 / 2 {
		fmt.Fprintf(&keys, "#EXT-X-KEY:METHOD=AES-128,URI=\"k%d\"\n#EXT-X-MAP:URI=\"m%d\"\n", i, i)
	}
	for text, want := range map[string]error{
		"":                          audio.ErrMalformed,
		"<html>":                    audio.ErrMalformed,
		"#EXTM3U\n":                 audio.ErrMalformed,
		"\n#EXTM3U\n":               audio.ErrMalformed,
		long("a", maxLine+1):        audio.ErrLimit,
		long("a\n", maxSegments+1):  audio.ErrLimit,
		long("#\n", maxText/2):      audio.ErrLimit,
		"#EXTM3U\n" + keys.String(): audio.ErrLimit,
		long("#EXT-X-STREAM-INF:\na\n", maxChoices+1):                                           audio.ErrLimit,
		long("#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n", maxChoices+1):                               audio.ErrLimit,
		long("#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"m\"\n#EXT-X-MAP:URI=n\n", maxTold/128/2): audio.ErrLimit,
	} {
		if _, err := parse(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", text, err, want)
		}
	}
	if _, err := parse(io.MultiReader(strings.NewReader("#EXTM3U\na"), iotest.ErrReader(errMissing))); !errors.Is(err, errMissing) {
		t.Errorf("got %v", err)
	}
}

func TestAttributesInAnyShape(t *testing.T) {
	for list, want := range map[string]string{
		`A=1,B="x,y=z",C=q`: "A:1|B:x,y=z|C:q|",
		`B="x" , A = 1 `:    "B:x|A:1|",
		`A="open`:           "A:open|",
		`A=,B=""`:           "A:|B:|",
		`nothing`:           "",
		`A="1"rubbish,B=2`:  "A:1|B:2|",
		`,,A=1,,B=2`:        "A:1|B:2|",
	} {
		got := ""
		attributes(list, func(name, value string) { got += name + ":" + value + "|" })
		if got != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
}

func TestTheBestForListeningIsChosen(t *testing.T) {
	const video = `RESOLUTION=640x360,CODECS="avc1.4D401E,mp4a.40.2"`
	for name, c := range map[string]struct{ text, want string }{
		"audio only": {"#EXT-X-STREAM-INF:BANDWIDTH=2000000," + video + "\nv\n#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.5\"\nlow\n" +
			"#EXT-X-STREAM-INF:BANDWIDTH=140000,CODECS=\"mp4a.40.2\"\nhigh\n#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"flac\"\nhuge\n", "high low huge v"},
		"a group": {"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"other\",AUTOSELECT=NO\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"usual\",DEFAULT=YES,GROUP-ID=\"a\"\n" +
			"#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"a\",URI=\"text\",DEFAULT=YES\n#EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO=\"a\"," + video + "\nv\n", "usual"},
		"the group of the best": {"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"l\",URI=\"lo\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"h\",URI=\"hi\"\n" +
			"#EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO=\"l\"," + video + "\nv\n#EXT-X-STREAM-INF:BANDWIDTH=900,AUDIO=\"h\"," + video + "\nw\n", "hi lo"},
		"Twitch": {"#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"chunked\",NAME=\"1080p60\",AUTOSELECT=YES,DEFAULT=YES\n#EXT-X-STREAM-INF:BANDWIDTH=6000000,RESOLUTION=1920x1080,CODECS=\"avc1.64002A,mp4a.40.2\",VIDEO=\"chunked\"\nsource\n" +
			"#EXT-X-STREAM-INF:BANDWIDTH=160000,CODECS=\"mp4a.40.2\",VIDEO=\"audio_only\"\naudio_only\n", "audio_only source"},
		"nothing told": {"#EXT-X-STREAM-INF:BANDWIDTH=96000\na\n#EXT-X-STREAM-INF:BANDWIDTH=128000\nb\n#EXT-X-STREAM-INF:BANDWIDTH=3000000\nc\n", "b a c"},
		"video only as a last resort": {"#EXT-X-STREAM-INF:BANDWIDTH=3000000," + video + "\nbig\n#EXT-X-STREAM-INF:BANDWIDTH=400000," + video + "\nsmall\n" +
			"#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.1\"\nmute\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.1,ec-3\"\nsurround\n", "small big"},
	} {
		got, err := parsed(t, "#EXTM3U\n"+c.text).choices()
		if s := strings.Join(got, " "); err != nil || s != c.want {
			t.Errorf("%s: %q, %v, want %q", name, s, err, c.want)
		}
	}
}

func TestManySegmentsKeepTheirPlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var l segments
	var want []segment
	var begins []time.Duration
	for range 1000 {
		s := segment{
			uri: strings.Repeat("x", rng.IntN(5)) + fmt.Sprint(rng.IntN(1000)) + strings.Repeat("y", rng.IntN(5)), length: time.Duration(rng.IntN(1e6)) * time.Microsecond,
			fresh: rng.IntN(50) == 0, gap: rng.IntN(50) == 0, key: rng.IntN(200), initial: rng.IntN(2),
		}
		if rng.IntN(2) == 0 {
			s.from, s.n = rng.Int64N(maxRange), 1+rng.Int64N(1000)
		}
		begins, want = append(begins, l.total), append(want, s)
		if err := l.add(s); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range want {
		got, begin := l.at(i)
		if got != w || begin != begins[i] {
			t.Fatalf("%d: %+v at %v, want %+v at %v", i, got, begin, w, begins[i])
		}
		if n := l.find(begins[i]); begins[n] != begins[i] || n < i {
			t.Fatalf("%v found in %d, want %d", begins[i], n, i)
		}
		if n := l.find(begins[i] + w.length/2); w.length > 1000 && n != i {
			t.Fatalf("the middle of %d found in %d", i, n)
		}
		b := min(i+rng.IntN(60), len(want)-1)
		joined := true
		for k := i + 1; k <= b; k++ {
			joined = joined && !want[k].fresh && !want[k].gap && want[k].initial == want[k-1].initial
		}
		if l.joined(i, b) != joined {
			t.Fatalf("%d to %d joined: %v", i, b, !joined)
		}
	}
	if l.find(-1) != 0 || l.find(time.Hour*1000) != 999 {
		t.Error("outside")
	}
}

// TestTwelveHoursFit is a playlist of the kind that services sign.
func TestTwelveHoursFit(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("#EXTM3U\n#EXT-X-TARGETDURATION:2\n")
	for i := range 12 * 1800 {
		fmt.Fprintf(&text, "#EXTINF:2.005333,\nhttps://cdn.example.org/vod/4711/audio/segment-%05d.m4s?token=%s&n=%d\n", i, strings.Repeat("0123456789abcdef", 16), i)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p, err := parse(&text)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if p.segments.n != 21600 || p.segments.total.Round(time.Minute) != 12*time.Hour+2*time.Minute {
		t.Errorf("%d segments, %v", p.segments.n, p.segments.total)
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 1<<20 {
		t.Errorf("%d bytes kept", kept)
	} else {
		t.Logf("%d bytes kept, %d of them segments", kept, len(p.segments.data))
	}
	if s, _ := p.segments.at(21599); !strings.HasSuffix(s.uri, "cdef&n=21599") {
		t.Errorf("the last is %q", s.uri)
	}
	runtime.KeepAlive(p)
}

// What a stranger's playlist takes is bounded, however it is made: a stream has two
// while it asks for a new one.
func TestAHostilePlaylistTakesLittle(t *testing.T) {
	long, rng := strings.Repeat("x", maxLine-200), rand.New(rand.NewPCG(3, 1))
	mixed := func(n int) string { // nothing that comes again
		b := make([]byte, n)
		for i := range b {
			b[i] = 'a' + byte(rng.IntN(26))
		}
		return string(b)
	}
	for name, line := range map[string]string{
		"keys":           "#EXT-X-KEY:METHOD=AES-128,URI=\"k%d" + long + "\"\n",
		"beginnings":     "#EXT-X-MAP:URI=\"m%d" + long + "\"\n",
		"variants":       "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"" + long + "\"\nv%d\n",
		"addresses":      "#EXT-X-STREAM-INF:BANDWIDTH=1\nv%d" + long + "\n",
		"renditions":     "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",URI=\"r%d" + long + "\"\n",
		"segments":       "",
		"short segments": "%d\n",
		"short keys":     "#EXT-X-KEY:METHOD=AES-128,URI=%d\n",
	} {
		var text bytes.Buffer
		text.WriteString("#EXTM3U\n#EXT-X-TARGETDURATION:2\n")
		for i := 0; text.Len() < maxKept+maxTold; i++ {
			if line == "" {
				fmt.Fprintf(&text, "%d%s\n", i, mixed(len(long)))
				continue
			}
			fmt.Fprintf(&text, line, i)
		}
		p := &parser{}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, err := p.read(&text)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if !errors.Is(err, audio.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 7<<19 {
			t.Errorf("%s: %d bytes kept", name, kept)
		}
		runtime.KeepAlive(p)
		runtime.KeepAlive(&text)
	}
}

func TestDecrypting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	key := []byte("sixteen bytes ok")
	for n := range 200 {
		if n > 100 {
			n = rng.IntN(20_000)
		}
		clear := make([]byte, n)
		for i := range clear {
			clear[i] = byte(rng.Uint32())
		}
		iv := vectorOf(int64(n))
		for name, slow := range map[string]func(io.Reader) io.Reader{"bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "errors with data": iotest.DataErrReader} {
			d, err := decrypt(slow(bytes.NewReader(lock(clear, key, iv))), key, iv)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, clear) {
				t.Fatalf("%d bytes in %s: %d, %v", n, name, len(got), err)
			}
		}
		d, _ := decrypt(bytes.NewReader(lock(clear, key, iv)[:n/16*16+3]), key, iv)
		if got, err := io.ReadAll(d); !errors.Is(err, audio.ErrTruncated) || !bytes.HasPrefix(clear, got) {
			t.Fatalf("cut off: %d bytes, %v", len(got), err)
		}
	}
	whole := lock(make([]byte, 16), key, [16]byte{})[:16] // without padding
	d, _ := decrypt(bytes.NewReader(whole), key, [16]byte{})
	if got, err := io.ReadAll(d); err != nil || len(got) != 16 {
		t.Errorf("no padding: %d bytes, %v", len(got), err)
	}
	d, _ = decrypt(iotest.ErrReader(nil), key, [16]byte{})
	if _, err := io.ReadAll(d); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a source that gives nothing: %v", err)
	}
	if _, err := decrypt(nil, key[:5], [16]byte{}); err == nil {
		t.Error("a short key is taken")
	}
}

func TestVectors(t *testing.T) {
	for s, want := range map[string]string{"0x1": "1", "0XaB": "ab", "0x00000000000000000000000000000001": "1", "1": "", "0x": "", "0xzz": "", "0x000000000000000000000000000000001": ""} {
		iv, ok := vector(s)
		if got := strings.TrimLeft(fmt.Sprintf("%x", iv), "0"); got != want || ok != (want != "") {
			t.Errorf("%s: %s, %v", s, got, ok)
		}
	}
}

func TestMasterPlaylists(t *testing.T) {
	whole, segments, length := packed(t, 7)
	want := containertest.Packets(t, openADTS, whole)
	w := newWeb(t)
	w.vod("", segments, length)
	media := w.at[home]
	w.at["http://example.org/b/high.m3u8"] = nil
	delete(w.at, "http://example.org/b/high.m3u8")
	w.at["http://example.org/a/low.m3u8"] = media
	w.put(home, []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"\n/a/low.m3u8\n"+
		"#EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\n/b/high.m3u8\n"))
	got, err := containertest.Drain(w.mustDemux(t))
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	same(t, want, got) // the second best, whose segments are beside it
	w.at["http://example.org/b/high.m3u8"], w.at["http://example.org/a/low.m3u8"] = w.at[home], w.at[home]
	if _, err := w.demux(); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("one within another: %v", err)
	}
	w.put(home, []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"avc1.1\"\nx\n"))
	if _, err := w.demux(); !errors.Is(err, audio.ErrUnsupported) {
		t.Errorf("no sound: %v", err)
	}
}
