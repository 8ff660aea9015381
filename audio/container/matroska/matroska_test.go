package matroska

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := NewDemuxer(input.New(m))
	if err != nil {
		return nil, err
	}
	return d, nil
}

var files = []string{"sweep.webm", "sweep-vorbis.mka"}

func TestStreamsAndCuts(t *testing.T) {
	for _, f := range files {
		t.Run(f, func(t *testing.T) {
			b := containertest.File(t, f)
			containertest.TestStream(t, open, b)
			containertest.TestTruncated(t, open, b)
		})
	}
}

func TestDamage(t *testing.T) {
	containertest.TestDamaged(t, open, 2000, containertest.File(t, "sweep.webm"), containertest.File(t, "sweep-vorbis.mka"),
		webm(audioTrack(), simple(0, 0), el(idCluster, uint(idTimestamp, 100), laced(3, 1, packetOf(5), packetOf(6), packetOf(7)))))
}

// el is an element with the given ID and body.
func el(id uint32, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	size := binary.BigEndian.AppendUint64(nil, 1<<56|uint64(len(body)))
	return append(append(idBytes(id), size...), body...)
}

// endless is an element of unknown size.
func endless(id uint32, parts ...[]byte) []byte {
	return append(append(idBytes(id), 0xff), bytes.Join(parts, nil)...)
}

func idBytes(id uint32) []byte {
	return bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, id), "\x00")
}

func uint(id uint32, v uint64) []byte { return el(id, binary.BigEndian.AppendUint64(nil, v)) }

func float64El(id uint32, v float64) []byte {
	return el(id, binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
}

func str(id uint32, s string) []byte { return el(id, []byte(s)) }

func packetOf(i int) []byte {
	p := bytes.Repeat([]byte{byte(i)}, 50+i%100)
	p[0] = 31<<3 | 4 // Opus: CELT, full band, 20 ms, stereo, one frame
	binary.BigEndian.PutUint32(p[1:], uint32(i))
	return p
}

func numberOf(p audio.Packet) int { return int(binary.BigEndian.Uint32(p.Data[1:])) }

func block(track byte, ticks int, flags byte, body []byte) []byte {
	return append([]byte{0x80 | track, byte(ticks >> 8), byte(ticks), flags}, body...)
}

func simple(i, ticks int) []byte { return el(idSimple, block(1, ticks, 0x80, packetOf(i))) }

// laced is a block with several packets, laced as kind says, for track 1 at 0 ms.
func laced(kind byte, track byte, packets ...[]byte) []byte {
	head := []byte{byte(len(packets) - 1)}
	for i, p := range packets[:len(packets)-1] {
		switch {
		case kind == 1:
			for n := len(p); ; n -= 255 {
				head = append(head, byte(min(n, 255)))
				if n < 255 {
					break
				}
			}
		case kind == 3 && i == 0:
			head = append(head, 0x40|byte(len(p)>>8), byte(len(p)))
		case kind == 3:
			diff := len(p) - len(packets[i-1]) + 1<<13 - 1
			head = append(head, 0x40|byte(diff>>8), byte(diff))
		}
	}
	return el(idSimple, block(track, 0, kind<<1, append(head, bytes.Join(packets, nil)...)))
}

func audioTrack(more ...[]byte) []byte {
	return trackOf("A_OPUS", append(more, el(idCodecPrivate, opus.Head{Channels: 2, PreSkip: 312}.Append(nil)))...)
}

func trackOf(codec string, more ...[]byte) []byte {
	return el(idTrack, uint(idNumber, 1), uint(idType, typeAudio), str(idCodecID, codec), bytes.Join(more, nil),
		el(idAudio, float64El(idRate, 48000), uint(idChannels, 2), uint(idBitDepth, 16)))
}

// webm is a file with one track and these clusters' contents or clusters.
func webm(track []byte, rest ...[]byte) []byte {
	parts := [][]byte{el(idInfo, uint(idScale, 1e6)), el(idVoid, make([]byte, 30)), el(idTracks, track)}
	for _, r := range rest {
		if !bytes.HasPrefix(r, idBytes(idCluster)) && len(r) > 0 && r[0] != 0x1C && r[0] != 0x12 {
			r = el(idCluster, uint(idTimestamp, 0), r)
		}
		parts = append(parts, r)
	}
	return append(el(idEBML, str(idDocType, "webm")), el(idSegment, parts...)...)
}

func TestEveryLacing(t *testing.T) {
	for _, kind := range []byte{1, 3} {
		b := webm(audioTrack(), laced(kind, 1, packetOf(0), bytes.Repeat(packetOf(1), 9), packetOf(2), packetOf(3)))
		packets := containertest.Packets(t, open, b)
		if len(packets) != 4 || len(packets[1].Data) != 9*51 {
			t.Fatalf("lacing %d: %d packets", kind, len(packets))
		}
		for i, p := range packets {
			if numberOf(p) != i || p.PTS != int64(i)*960 {
				t.Errorf("lacing %d: packet %d is %d at %d", kind, i, numberOf(p), p.PTS)
			}
		}
	}
	same := [][]byte{packetOf(1), packetOf(101), packetOf(201)}
	if packets := containertest.Packets(t, open, webm(audioTrack(), laced(2, 1, same...))); len(packets) != 3 || numberOf(packets[2]) != 201 {
		t.Errorf("fixed lacing: %d packets", len(packets))
	}
}

func TestLacingThatLiesIsAGap(t *testing.T) {
	for _, body := range []string{"", "\x05", "\x02\xff\xff", "\x01\xfe", "\x02\x00\x00abc"} {
		for _, flags := range []byte{2, 4, 6} {
			bad := el(idSimple, block(1, 0, flags, []byte(body)))
			packets := containertest.Packets(t, open, webm(audioTrack(), bad, el(idCluster, uint(idTimestamp, 40), simple(2, 0))))
			if numberOf(packets[len(packets)-1]) != 2 {
				t.Errorf("%q as %d: the next packet is lost", body, flags)
			}
		}
	}
}

func TestClustersOfUnknownSize(t *testing.T) {
	b := el(idEBML, str(idDocType, "webm"))
	b = append(b, endless(idSegment, el(idInfo, uint(idScale, 1e6)), el(idTracks, audioTrack()))...)
	for c := range 3 {
		b = append(b, endless(idCluster, uint(idTimestamp, uint64(c*40)), simple(2*c, 0), simple(2*c+1, 20))...)
	}
	packets := containertest.Packets(t, open, b)
	if len(packets) != 6 {
		t.Fatalf("%d packets", len(packets))
	}
	for i, p := range packets {
		if numberOf(p) != i || p.PTS != int64(i)*960 {
			t.Errorf("packet %d is %d at %d", i, numberOf(p), p.PTS)
		}
	}
	d := containertest.Open(t, open, containertest.Media(b[:len(b)-10]))
	if packets, err := containertest.Drain(d); len(packets) != 5 || !errors.Is(err, audio.ErrTruncated) {
		t.Errorf("cut in a block: %d packets, %v", len(packets), err)
	}
}

func TestGroupsTellThePadding(t *testing.T) {
	group := el(idGroup, el(idBlock, block(1, 20, 0, packetOf(1))), el(0xFB), el(idDiscard, []byte{0, 0x98, 0x96, 0x80})) // 10 ms
	packets := containertest.Packets(t, open, webm(audioTrack(), simple(0, 0), group))
	if len(packets) != 2 || packets[0].TrimEnd != 0 || packets[1].TrimEnd != 480 {
		t.Fatalf("%+v", packets)
	}
	other := el(idGroup, el(idBlock, block(1, 20, 0, packetOf(1))), el(idDiscard, []byte{0xff}))
	if p := containertest.Packets(t, open, webm(audioTrack(), other)); p[0].TrimEnd != 0 {
		t.Errorf("padding of -1 ns is %d", p[0].TrimEnd)
	}
}

func TestOtherTracksAreSkipped(t *testing.T) {
	video := el(idTrack, uint(idNumber, 2), uint(idType, 1), str(idCodecID, "V_VP9"))
	film := el(idSimple, block(2, 0, 0x80, make([]byte, 100_000)))
	b := webm(append(video, audioTrack()...), film, simple(0, 0), film, film, simple(1, 20))
	if n := len(containertest.Packets(t, open, b)); n != 2 {
		t.Errorf("%d packets", n)
	}
	if _, err := open(containertest.Media(webm(video, film))); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "no audio track") {
		t.Errorf("video alone: %v", err)
	}
}

func TestCodecsAreNamed(t *testing.T) {
	for _, c := range []struct {
		track []byte
		name  string // or what the error says
	}{
		{trackOf("A_AAC"), "aac48000"},
		{trackOf("A_AAC", el(idCodecPrivate, []byte{0x12, 0x10})), "aac44100"},
		{trackOf("A_AAC", el(idCodecPrivate, []byte{0xff})), "object type"},
		{el(idTrack, uint(idNumber, 1), uint(idType, typeAudio), str(idCodecID, "A_AAC"), el(idAudio, float64El(idRate, 12345))), "without its configuration"},
		{trackOf("A_ALAC"), "Apple Lossless"},
		{trackOf("A_WHAT"), "A_WHAT"},
		{trackOf("A_MPEG/L3"), "mp3"},
		{trackOf("A_MPEG/L2"), "mp2"},
		{trackOf("A_PCM/INT/LIT"), "pcm_s16le"},
		{trackOf("A_PCM/INT/BIG"), "pcm_s16be"},
		{trackOf("A_PCM/FLOAT/IEEE"), "16 bits"},
		{trackOf("A_OPUS"), "opus"},
		{trackOf("A_OPUS", el(idCodecPrivate, opus.Head{Channels: 6, Family: 255, Mapping: make([]byte, 8)}.Append(nil))), "6 channels"},
		{trackOf("A_VORBIS"), "headers"},
		{trackOf("A_VORBIS", el(idCodecPrivate, []byte("\x02\x01\x01abc"))), "identification"},
		{trackOf("A_FLAC"), "STREAMINFO"},
		{trackOf("A_FLAC", el(idCodecPrivate, append([]byte("fLaC\x00\x00\x00\x22"), 16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xc4, 0x42, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))), "flac"},
		{trackOf("A_OPUS", el(idEncodings, el(idEncoding, el(idCompression, uint(idCompAlgo, 0))))), "compressed zlib"},
		{trackOf("A_OPUS", el(idEncodings, el(idEncoding, uint(idScope, 2), el(idCompression, uint(idCompAlgo, 3), el(idCompSettings, []byte("x")))))), "opus"},
		{trackOf("A_OPUS", el(idEncodings, el(idEncoding, el(idEncryption)))), "encrypted"},
		{trackOf("A_OPUS", el(idAudio, float64El(idRate, math.NaN()))), "48000"},
	} {
		d, err := open(containertest.Media(webm(c.track, simple(0, 0))))
		got := fmt.Sprint(err)
		if err == nil {
			got = d.Codec().Name + fmt.Sprint(d.Codec().SampleRate)
		}
		if !strings.Contains(got, c.name) {
			t.Errorf("want %q, got %q", c.name, got)
		}
	}
}

func TestStrippedBytesComeBack(t *testing.T) {
	track := trackOf("A_OPUS", el(idEncodings, el(idEncoding, el(idCompression, uint(idCompAlgo, 3), el(idCompSettings, []byte{31<<3 | 4, 0})))))
	cut := el(idSimple, block(1, 0, 0, packetOf(7)[2:]))
	packets := containertest.Packets(t, open, webm(track, cut))
	if !bytes.Equal(packets[0].Data, packetOf(7)) || packets[0].Duration != 960 {
		t.Errorf("%x", packets[0].Data)
	}
}

func TestTagsAndDelays(t *testing.T) {
	tag := func(target uint64, name, value string) []byte {
		return el(idTag, el(idTargets, uint(idTargetType, target)), el(idSimpleTag, str(idTagName, name), str(idTagString, value)))
	}
	b := webm(audioTrack(uint(idCodecDelay, 6_500_000), str(idName, "Song")),
		el(idTags, tag(50, "TITLE", "Album"), tag(30, "ARTIST", "Us\x00\x00")), simple(0, 0))
	d := containertest.Open(t, open, containertest.Media(b))
	if in := d.Info(); in.Title != "Song" || in.Album != "Album" || in.Artist != "Us" {
		t.Errorf("%+v", in)
	}
	if d.Codec().PreSkip != 312 {
		t.Errorf("delay is %d", d.Codec().PreSkip)
	}
}

// long is a minute in clusters of a second, with cues at its end.
func long(t *testing.T, cues bool) []byte {
	t.Helper()
	info := el(idInfo, uint(idScale, 1e6), float64El(idDuration, 60_000))
	tracks := el(idTracks, audioTrack())
	entry := func(id uint32, at int) []byte {
		return el(idSeek, el(idSeekID, idBytes(id)), uint(idSeekPos, uint64(at)))
	}
	head := el(idSeekHead, entry(idCues, 0), entry(idTags, 0))
	at := len(head) + len(info) + len(tracks)
	var clusters, points [][]byte
	for c := range 60 {
		parts := [][]byte{uint(idTimestamp, uint64(c*1000))}
		for i := range 50 {
			parts = append(parts, simple(c*50+i, i*20))
		}
		points = append(points, el(idCuePoint, uint(idCueTime, uint64(c*1000)), el(idCuePosition, uint(idCueTrack, 1), uint(idCueCluster, uint64(at)))))
		clusters = append(clusters, el(idCluster, parts...))
		at += len(clusters[c])
	}
	tags := el(idTags, el(idTag, el(idSimpleTag, str(idTagName, "ARTIST"), str(idTagString, "Late"))))
	if !cues {
		points = nil
	}
	head = el(idSeekHead, entry(idCues, at), entry(idTags, at+len(el(idCues, points...))))
	body := append([][]byte{head, info, tracks}, clusters...)
	body = append(body, el(idCues, points...), tags)
	return append(el(idEBML, str(idDocType, "webm")), el(idSegment, body...)...)
}

func TestSeekByCuesAndWithout(t *testing.T) {
	for _, cues := range []bool{true, false} {
		d := containertest.Open(t, open, containertest.Media(long(t, cues)))
		if in := d.Info(); in.Duration != time.Minute || in.Artist != "Late" {
			t.Errorf("%+v", in)
		}
		for _, to := range []time.Duration{30 * time.Second, 0, 59*time.Second + 999*time.Millisecond, 12345 * time.Millisecond, time.Hour} {
			landed, err := d.Seek(to)
			if err != nil {
				t.Fatal(err)
			}
			p, err := d.ReadPacket()
			if err != nil {
				t.Fatal(err)
			}
			want := int(min(to, time.Minute-1) / (20 * time.Millisecond))
			if numberOf(p) != want || p.PTS != int64(want)*960 || landed > to {
				t.Errorf("seek to %v: packet %d at %d, landed %v", to, numberOf(p), p.PTS, landed)
			}
			if next, err := d.ReadPacket(); err == nil && numberOf(next) != want+1 {
				t.Errorf("packet %d follows %d", numberOf(next), want)
			}
		}
	}
}

func TestAStreamCanBeReadForward(t *testing.T) {
	d := containertest.Open(t, open, containertest.Stream(long(t, true)))
	if _, err := d.Seek(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if p, _ := d.ReadPacket(); numberOf(p) != 1000 {
		t.Errorf("packet %d", numberOf(p))
	}
	if _, err := d.Seek(time.Second); !errors.Is(err, audio.ErrNotSeekable) {
		t.Errorf("back: %v", err)
	}
}

func TestCuesThatLieDoNoHarm(t *testing.T) {
	b := long(t, true)
	at := bytes.LastIndex(b, idBytes(idCueCluster))
	for i := range 60 { // all positions but the last few are wrong now
		at = bytes.LastIndex(b[:at], idBytes(idCueCluster))
		if at < 0 {
			break
		}
		b[at+15] ^= byte(i) | 1
	}
	d := containertest.Open(t, open, containertest.Media(b))
	if _, err := d.Seek(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if p, _ := d.ReadPacket(); numberOf(p) != 1000 {
		t.Errorf("packet %d", numberOf(p))
	}
}

func TestDamageIsSkippedToTheNextCluster(t *testing.T) {
	b := long(t, false)
	second := bytes.Index(b, idBytes(idCluster))
	copy(b[second+2000:], make([]byte, 300))
	packets, err := containertest.Drain(containertest.Open(t, open, containertest.Media(b)))
	if !errors.Is(err, io.EOF) || len(packets) < 59*50 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	for _, p := range packets[100:] {
		if p.PTS != int64(numberOf(p))*960 {
			t.Fatalf("packet %d is at %d", numberOf(p), p.PTS)
		}
	}
}

func TestASecondSegmentGoesOn(t *testing.T) {
	one := webm(audioTrack(), simple(0, 0), el(idCluster, uint(idTimestamp, 20), simple(1, 0)))
	packets := containertest.Packets(t, open, append(bytes.Clone(one), one...))
	if len(packets) != 4 || packets[3].PTS != 3*960 {
		t.Errorf("%d packets, the last at %d", len(packets), packets[len(packets)-1].PTS)
	}
	if n := len(containertest.Packets(t, open, append(one, "trailing rubbish"...))); n != 2 {
		t.Errorf("%d packets before rubbish", n)
	}
}
