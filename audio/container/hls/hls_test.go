package hls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

// shapes are the sweep as HLS, each with the packets it must give.
func shapes(t testing.TB) map[string]struct {
	w    *web
	want []audio.Packet
} {
	t.Helper()
	type shape = struct {
		w    *web
		want []audio.Packet
	}
	out := make(map[string]shape)

	whole, segments, length := packed(t, 7)
	w := newWeb(t)
	w.vod("", segments, length)
	out["packed AAC"] = shape{w, containertest.Packets(t, openADTS, whole)}

	whole, segments, length = layer3(t, 12)
	w = newWeb(t)
	w.vod("", segments, length)
	out["packed MP3"] = shape{w, containertest.Packets(t, openMP3, whole)}

	whole, segments, length = transport(t, 7)
	w = newWeb(t)
	w.vod("", segments, length)
	out["transport stream"] = shape{w, containertest.Packets(t, openADTS, whole)}

	whole, begin, segments := fragments(t, relative)
	w = newWeb(t)
	w.vod("#EXT-X-MAP:URI=\"../init.mp4\"\n", segments, 0.3)
	w.put("http://example.org/init.mp4", begin)
	out["fragmented MP4"] = shape{w, containertest.Packets(t, openMP4, whole)}

	w = newWeb(t)
	list := "#EXTM3U\r\n#EXT-X-TARGETDURATION:1\r\n#EXT-X-MAP:BYTERANGE=\"741@0\",URI=\"all.mp4\"\r\n"
	for i, s := range segments {
		list += fmt.Sprintf("#EXTINF:0.3,\r\n#EXT-X-BYTERANGE:%d", len(s))
		if i == 0 {
			list += "@741"
		}
		list += "\r\nall.mp4\r\n"
	}
	w.put(home, []byte("\xef\xbb\xbf"+list+"#EXT-X-ENDLIST"))
	w.put("http://example.org/a/all.mp4", whole)
	out["byte ranges"] = shape{w, containertest.Packets(t, openMP4, whole)}

	whole, begin, segments = fragments(t, absolute)
	w = newWeb(t)
	w.vod("#EXT-X-MAP:URI=\"../init.mp4\"\n", segments, 0.3)
	w.put("http://example.org/init.mp4", begin)
	out["places in the file"] = shape{w, containertest.Packets(t, openMP4, whole)}
	return out
}

func TestSegmentsComeOutAsTheWhole(t *testing.T) {
	for name, s := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			d := s.w.mustDemux(t)
			got, err := containertest.Drain(d)
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			same(t, s.want, got)
			if in := d.Info(); in.Container != "hls" || in.Live || in.Duration < 1400*time.Millisecond || in.Duration > 1650*time.Millisecond {
				t.Errorf("%+v", in)
			}
			if s.w.open != 0 {
				t.Errorf("%d media left open", s.w.open)
			}
		})
	}
}

func TestContract(t *testing.T) {
	for name, s := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return s.w.mustDemux(t) })
		})
	}
}

func TestSeekFindsThePacketsOfTheWhole(t *testing.T) {
	for name, s := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			d := s.w.mustDemux(t)
			rng := rand.New(rand.NewPCG(3, 4))
			for range 40 {
				to := time.Duration(rng.Int64N(int64(1500 * time.Millisecond)))
				landed, err := d.Seek(to)
				if err != nil || landed > to {
					t.Fatalf("to %v: %v, %v", to, landed, err)
				}
				got, err := containertest.Drain(d)
				if !errors.Is(err, io.EOF) || len(got) == 0 {
					t.Fatalf("to %v: %d packets, %v", to, len(got), err)
				}
				same(t, s.want[len(s.want)-len(got):], got)
				if at := input.Duration(got[0].PTS); at > to || to > time.Second && at == 0 {
					t.Fatalf("to %v: began at %v", to, at)
				}
			}
		})
	}
}

func TestSegmentsMayBeCutAnywhere(t *testing.T) {
	whole := containertest.File(t, "sweep.mp3")
	w := newWeb(t)
	w.vod("", [][]byte{whole[:3000], whole[3000:3001], whole[3001:8000], whole[8000:]}, 0.4, 0.01, 0.6, 0.5)
	d := w.mustDemux(t)
	got, _ := containertest.Drain(d)
	want := containertest.Packets(t, openMP3, whole)
	same(t, want, got)
	if d.Codec().PreSkip == 0 || d.Info().Title != "Sweep" {
		t.Errorf("%+v, %+v", d.Codec(), d.Info())
	}
	if at, err := d.Seek(1200 * time.Millisecond); err != nil || at < 300*time.Millisecond {
		t.Fatalf("at %v, %v", at, err)
	}
	if p, err := d.ReadPacket(); err != nil || !slices.ContainsFunc(want, func(w audio.Packet) bool { return bytes.Equal(w.Data, p.Data) }) {
		t.Errorf("after a seek: %v", err)
	}
}

func TestSeekByLengthsWhereSegmentsHaveNoClock(t *testing.T) {
	whole, segments, length := packed(t, 8)
	for i, s := range segments {
		segments[i] = s[bytes.Index(s, []byte{0xff, 0xf1}):]
	}
	w := newWeb(t)
	w.vod("", segments, float64(int(length*100+0.5))/100) // rounded to 10 ms
	want := containertest.Packets(t, openADTS, whole)
	d := w.mustDemux(t)
	for _, to := range []time.Duration{time.Second, 1400 * time.Millisecond, 0, 1200 * time.Millisecond} {
		if _, err := d.Seek(to); err != nil {
			t.Fatal(err)
		}
		got, _ := containertest.Drain(d)
		same(t, want[len(want)-len(got):], got)
	}
	if _, err := d.Seek(time.Hour); err != nil {
		t.Error(err)
	}
}

func TestEncryptedSegments(t *testing.T) {
	whole, segments, length := packed(t, 9)
	iv := [16]byte{15: 7, 3: 9}
	keys := [][]byte{[]byte("0123456789abcdef"), []byte("fedcba9876543210")}
	var list strings.Builder
	list.WriteString("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:4711\n")
	w := newWeb(t)
	for i, s := range segments {
		switch i {
		case 0:
			list.WriteString("#EXT-X-KEY:METHOD=AES-128,URI=\"key0\",IV=0X00000009000000000000000000000007,KEYFORMAT=\"identity\"\n" +
				"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n")
			s = lock(s, keys[0], iv)
		case 1:
			s = lock(s, keys[0], iv)
		case 2:
			list.WriteString("#EXT-X-KEY:URI=\"key1\", METHOD=AES-128\n")
			s = lock(s, keys[1], vectorOf(4713))
		case 3:
			list.WriteString("#EXT-X-KEY:METHOD=NONE\n")
		}
		fmt.Fprintf(&list, "#EXTINF:%f\nseg%d\n", length, i)
		w.put(fmt.Sprintf("http://example.org/a/seg%d", i), s)
	}
	list.WriteString("#EXT-X-ENDLIST\n")
	w.put(home, []byte(list.String()))
	w.put("http://example.org/a/key0", keys[0])
	w.put("http://example.org/a/key1", keys[1])
	got, err := containertest.Drain(w.mustDemux(t))
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	same(t, containertest.Packets(t, openADTS, whole), got)
	if n := strings.Count(strings.Join(w.log, "\n"), "key0"); n != 1 {
		t.Errorf("the first key was asked for %d times", n)
	}
}

func TestWhatCannotBeDecryptedIsSaid(t *testing.T) {
	_, segments, length := packed(t, 9)
	for tag, want := range map[string]string{
		"METHOD=SAMPLE-AES,URI=\"key\"":                           "SAMPLE-AES",
		"METHOD=SAMPLE-AES-CTR,URI=\"key\"":                       "SAMPLE-AES-CTR",
		"METHOD=AES-128,URI=\"key\",KEYFORMAT=\"com.widevine\n\"": "com.widevine",
	} {
		w := newWeb(t)
		w.vod("#EXT-X-KEY:"+strings.ReplaceAll(tag, "\n", "")+"\n", segments, length)
		_, err := w.demux()
		if f, ok := errors.AsType[*audio.Foreign](err); !ok || !strings.Contains(f.Looks, "encrypted HLS stream ("+want+")") {
			t.Errorf("%s: %v", tag, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(t)
		w.vod("#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n", segments, length)
		w.put("http://example.org/a/key", []byte("seventeen bytes!!"))
		if _, err := w.demux(); !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("a key of 17 bytes: %v", err)
		}
	})
}

func TestDiscontinuitiesLeaveNoHole(t *testing.T) {
	whole, segments, length := packed(t, 11)
	_, begin, pieces := fragments(t, relative)
	first := containertest.Packets(t, openADTS, whole)
	second, err := containertest.Drain(containertest.Open(t, openMP4, containertest.Media(append(bytes.Clone(begin), bytes.Join(pieces, nil)...))))
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	w := newWeb(t)
	var list strings.Builder
	list.WriteString("#EXTM3U\n#EXT-X-TARGETDURATION:1\n")
	add := func(name string, b []byte, seconds float64) {
		fmt.Fprintf(&list, "#EXTINF:%f,\n%s\n", seconds, name)
		w.put("http://example.org/a/"+name, b)
	}
	for i, s := range segments {
		add(fmt.Sprintf("a%d", i), s, length)
	}
	list.WriteString("#EXT-X-GAP\n#EXTINF:3,\nnowhere\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init\"\n")
	w.put("http://example.org/a/init", begin)
	for i, s := range pieces {
		add(fmt.Sprintf("b%d", i), s, 0.3)
	}
	list.WriteString("#EXT-X-ENDLIST\n")
	w.put(home, []byte(list.String()))
	d := w.mustDemux(t)
	got, err := containertest.Drain(d)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	end := first[len(first)-1].PTS + first[len(first)-1].Duration
	for i := range second {
		second[i].PTS += end - second[0].Duration // which is pre-skip
	}
	want := slices.Concat(first, second)
	same(t, want, got, len(first))
	if c := got[len(first)].Codec; c.Name != "aac" || c.PreSkip == 0 || string(c.Private) == string(d.Codec().Private) {
		t.Errorf("codec %+v after %+v", c, d.Codec())
	}
	if slices.Contains(w.log, "http://example.org/a/nowhere") {
		t.Error("asked for a gap")
	}
	// Back to the first part and again to the second: each is announced.
	if _, err := d.Seek(100 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	again, _ := containertest.Drain(d)
	same(t, want, again, 0, len(first))
}

func TestAStreamMayChangeWithinASegment(t *testing.T) {
	all := frames(t, containertest.File(t, "sweep.aac"))
	other := slices.Clone(all)
	for i, f := range other { // as if at 48 kHz
		other[i] = bytes.Clone(f)
		other[i][2] = f[2]&^0x3c | 3<<2
	}
	m := &muxer{cc: make(map[int]byte)}
	m.section(0, 0, []byte{0, 1, 0xe1, 0x01})
	m.section(0x101, 2, []byte{0xe1, 0, 0xf0, 0, 0x0f, 0xe1, 0, 0xf0, 0})
	for i := range 12 {
		m.frames(int64(i)*1024*90000/22050, all[i])
	}
	for i := range 12 {
		m.frames(12*1024*90000/22050+int64(i)*1024*90000/48000, other[i])
	}
	w := newWeb(t)
	w.vod("", [][]byte{m.out}, 0.8)
	got, err := containertest.Drain(w.mustDemux(t))
	if !errors.Is(err, io.EOF) || len(got) != 24 || got[12].Codec == nil || got[12].Codec.SampleRate != 48000 {
		t.Fatalf("%d packets, %v, %+v", len(got), err, got[12].Codec)
	}
	for i, p := range got[12:] {
		if p.PTS != got[12].PTS+int64(i)*1024 || p.Duration != 1024 {
			t.Errorf("packet %d of the second is %d+%d", i, p.PTS-got[12].PTS, p.Duration)
		}
	}
}
