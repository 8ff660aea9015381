package matroska

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

// hour is an hour of Opus without cues, in clusters of five seconds; cluster says
// what stands around the blocks of each.
func hour(cluster func(parts ...[]byte) []byte, duration bool) []byte {
	info := [][]byte{uint(idScale, 1e6)}
	if duration {
		info = append(info, float64El(idDuration, 3600_000))
	}
	body := [][]byte{el(idInfo, info...), el(idTracks, audioTrack())}
	rng := rand.New(rand.NewPCG(1, 2))
	n := 0
	for c := range 720 {
		parts := [][]byte{el(idCRC, make([]byte, 4)), uint(idTimestamp, uint64(c*5000))}
		for i := range 250 {
			p := make([]byte, 200+rng.IntN(240))
			for k := range p {
				p[k] = byte(rng.Uint32())
			}
			copy(p, []byte{31<<3 | 4})
			binary.BigEndian.PutUint32(p[1:], uint32(n))
			if i%50 == 7 {
				copy(p[20:], clusterID+"\x80\xE7\x81\x00") // what only looks like a cluster
			}
			parts = append(parts, el(idSimple, block(1, i*20, 0x80, p)))
			n++
		}
		body = append(body, cluster(parts...))
	}
	return append(el(idEBML, str(idDocType, "webm")), endless(idSegment, body...)...)
}

func TestAnHourWithoutCuesIsSoughtByHalving(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: long")
	}
	sized := func(parts ...[]byte) []byte { return el(idCluster, parts...) }
	unsized := func(parts ...[]byte) []byte { return endless(idCluster, parts...) }
	containertest.TestSeeks(t, open, hour(sized, true), 21*time.Millisecond, 1<<20)
	containertest.TestSeeks(t, open, hour(unsized, false), 21*time.Millisecond, 2<<20)
}

func TestTimesAreExactWhereTicksAreNot(t *testing.T) {
	track := trackOf("A_AAC", el(idCodecPrivate, []byte{0x12, 0x10})) // 44.1 kHz
	var clusters [][]byte
	for c := range 50 {
		at := func(i int) int { return (i*1024*10000/44100 + 5) / 10 }
		parts := [][]byte{uint(idTimestamp, uint64(at(c*40)))}
		for i := range 40 {
			parts = append(parts, el(idSimple, block(1, at(c*40+i)-at(c*40), 0x80, packetOf(c*40+i))))
		}
		clusters = append(clusters, el(idCluster, parts...))
	}
	b := webm(track, clusters...)
	for i, p := range containertest.Packets(t, open, b) {
		if p.PTS != input.Scale(int64(i)*1024, 44100) {
			t.Fatalf("packet %d is at %d", i, p.PTS)
		}
	}
	containertest.TestSeeks(t, open, b, 200*time.Millisecond, 1<<20)
}

// TestVorbisIsExactAfterASeek has Vorbis in blocks whose times are milliseconds,
// the first packet lasting 256 samples as muxers let it.
func TestVorbisIsExactAfterASeek(t *testing.T) {
	d := containertest.Open(t, open, containertest.Media(containertest.File(t, "sweep-vorbis.mka")))
	packets, _ := containertest.Drain(d)
	track := trackOf("A_VORBIS", el(idCodecPrivate, d.Codec().Private))
	var clusters [][]byte
	n := int64(0)
	for c := range 20 {
		parts := [][]byte{uint(idTimestamp, uint64(c*1500))}
		for i, p := range packets {
			at := (n + 256) * 1000 / 22050
			if c == 0 && i == 0 {
				at = 0
			}
			parts = append(parts, el(idSimple, block(1, int(at)-c*1500, 0x80, p.Data)))
			switch {
			case i > 0:
				n += input.Unscale(p.Duration, 22050)
			case c > 0:
				n += 384 // from a long block to a short one
			}
		}
		clusters = append(clusters, el(idCluster, parts...))
	}
	containertest.TestSeeks(t, open, containertest.File(t, "sweep-vorbis.mka"), 400*time.Millisecond, 1<<20) // laced
	b := webm(track, clusters...)
	want := int64(0)
	for i, p := range containertest.Packets(t, open, b) {
		if p.PTS != input.Scale(want, 22050) {
			t.Fatalf("packet %d is at %d, after %d samples", i, p.PTS, want)
		}
		want += input.Unscale(p.Duration, 22050)
	}
	containertest.TestSeeks(t, open, b, 400*time.Millisecond, 1<<20)
}

func TestTheTrackThatIsMeantIsPlayed(t *testing.T) {
	track := func(number uint64, codec string, flags ...[]byte) []byte {
		return el(idTrack, uint(idNumber, number), uint(idType, typeAudio), str(idCodecID, codec), bytes.Join(flags, nil), el(idAudio, float64El(idRate, 48000), uint(idChannels, 1)))
	}
	off, spare, talk := uint(idEnabled, 0), uint(idDefault, 0), uint(idCommentary, 1)
	for name, c := range map[string]struct {
		tracks [][]byte
		want   int
	}{
		"the first":                       {[][]byte{track(1, "A_OPUS"), track(2, "A_OPUS")}, 1},
		"the default":                     {[][]byte{track(1, "A_OPUS", spare), track(2, "A_OPUS")}, 2},
		"what is not off":                 {[][]byte{track(1, "A_OPUS", off), track(2, "A_OPUS", spare)}, 2},
		"the film, not talk about it":     {[][]byte{track(1, "A_OPUS", talk), track(2, "A_OPUS", spare)}, 2},
		"what can be played":              {[][]byte{track(1, "A_AC3"), track(2, "A_OPUS", off, spare)}, 2},
		"what is off if there is no more": {[][]byte{track(3, "A_DTS"), track(1, "A_OPUS", off)}, 1},
	} {
		two := el(idSimple, block(2, 20, 0, packetOf(2)))
		packets := containertest.Packets(t, open, webm(bytes.Join(c.tracks, nil), el(idCluster, uint(idTimestamp, 0), simple(1, 0), two)))
		if len(packets) != 1 || numberOf(packets[0]) != c.want {
			t.Errorf("%s: %d packets, the first %d", name, len(packets), numberOf(packets[0]))
		}
	}
	_, err := open(containertest.Media(webm(append(track(1, "A_AC3"), track(2, "A_DTS")...), simple(1, 0))))
	if !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "Dolby Digital") {
		t.Errorf("none of them: %v", err)
	}
}

func TestABlockThatClaimsTooMuchCostsOnlyItsCluster(t *testing.T) {
	var clusters [][]byte
	for c := range 10 {
		clusters = append(clusters, el(idCluster, uint(idTimestamp, uint64(c*60)), simple(3*c, 0), simple(3*c+1, 20), simple(3*c+2, 40)))
	}
	b := webm(audioTrack(), clusters...)
	at := bytes.Index(b, packetOf(13)) - 4 - 8 // the size of the block
	copy(b[at:], []byte{1, 0, 0, 0, 0, 0, 9, 0})
	packets, err := containertest.Drain(containertest.Open(t, open, containertest.Media(b)))
	if !errors.Is(err, io.EOF) || len(packets) != 28 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	for i, p := range packets {
		if n := numberOf(p); p.PTS != int64(n)*960 || i < 13 && n != i || i >= 13 && n != i+2 {
			t.Errorf("packet %d is %d at %d", i, n, p.PTS)
		}
	}
}

func TestWhatHasNoEndIsLive(t *testing.T) {
	b := append(el(idEBML, str(idDocType, "webm")), endless(idSegment, el(idInfo, uint(idScale, 1e6)), el(idTracks, audioTrack()), endless(idCluster, uint(idTimestamp, 0), simple(0, 0)))...)
	if !containertest.Open(t, open, containertest.Stream(b)).Info().Live {
		t.Error("a stream of unknown size and duration")
	}
	if containertest.Open(t, open, containertest.Media(b)).Info().Live || containertest.Open(t, open, containertest.Stream(long(t, true))).Info().Live {
		t.Error("a file")
	}
}

func TestManyTracksTakeNoMemory(t *testing.T) {
	private := el(idCodecPrivate, make([]byte, maxPrivate))
	var tracks []byte
	for range 40 {
		tracks = append(tracks, trackOf("A_WHAT", private)...)
	}
	b := webm(append(tracks, audioTrack()...), simple(0, 0))
	if n := testing.AllocsPerRun(1, func() { containertest.Packets(t, open, b) }); n > 2000 {
		t.Errorf("%v allocations", n)
	}
}
