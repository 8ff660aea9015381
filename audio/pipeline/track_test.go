package pipeline

import (
	"errors"
	"io"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
)

// errBroken is what reading a track that cannot be read gives.
var errBroken = errors.New("broken")

// A track is music of which sample i, counted from where it begins, is base+i+1 in
// the left channel and the opposite in the right one.
type track struct {
	name    string // "opus" may pass
	lengths []int64
	base    int64
	skip    int64 // pre-skip
	trim    int64 // at the end
	broken  bool
}

// total is how many samples of music there are.
func (k *track) total() (n int64) {
	for _, l := range k.lengths {
		n += l
	}
	return n - k.skip - k.trim
}

// aligned reports whether its packets may pass.
func (k *track) aligned() bool { return k.name == "opus" && k.lengths[0] == frameSamples }

// at is sample i.
func (k *track) at(i int64) float32 { return float32(k.base + i + 1) }

// A trackDemuxer reads a track.
type trackDemuxer struct {
	*track
	n  int
	to int64 // where packet n begins, from the first packet on
}

func (d *trackDemuxer) Codec() audio.CodecInfo {
	return audio.CodecInfo{Name: d.name, SampleRate: 48000, Channels: 2, PreSkip: d.skip}
}
func (d *trackDemuxer) Info() audio.Info { return audio.Info{Container: "track"} }

func (d *trackDemuxer) Seek(to time.Duration) (time.Duration, error) {
	d.n, d.to = 0, 0
	for d.n < len(d.lengths) && d.to+d.lengths[d.n] <= toSamples(to)+d.skip {
		d.to += d.lengths[d.n]
		d.n++
	}
	return toTime(max(d.to-d.skip, 0)), nil
}

func (d *trackDemuxer) ReadPacket() (audio.Packet, error) {
	switch {
	case d.broken:
		return audio.Packet{}, errBroken
	case d.n == len(d.lengths):
		return audio.Packet{}, io.EOF
	}
	length := d.lengths[d.n]
	p := audio.Packet{PTS: d.to, Duration: length}
	pcm := make([]float32, 0, 2*length)
	for i := d.to - d.skip; i < d.to-d.skip+length; i++ {
		pcm = append(pcm, d.at(i), -d.at(i))
	}
	p.Data = pack(pcm)
	d.to += length
	if d.n++; d.n == len(d.lengths) {
		p.TrimEnd = d.trim
	}
	return p, nil
}

// stream is one of the track with the stand-in codec.
func (k *track) stream(o Options) *Stream {
	o.Encoder = func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }
	o.Decoder = func(audio.CodecInfo) (audio.Decoder, error) {
		// What is sought begins up to a frame before the packet it begins with, and
		// that as much before what was asked for.
		return &decoder{rate: 48000, channels: 2, early: 2, begins: map[float32]bool{k.at(-k.skip): true}}, nil
	}
	d := &trackDemuxer{track: k}
	s := New(d, nothing{}, o)
	s.tail = func([]byte) (opus.Tail, bool) { return opus.Tail{}, false }
	s.from = d
	s.rules.pass = func(p timed) bool { return len(p.Data) == 4*frameLen }
	s.rules.limit = func() limiting { return &delaying{} }
	s.rules.length = func(_ string, p audio.Packet) (int64, bool) { return p.Duration, true }
	return s
}

// dice are what bytes say; 0 once there are none.
type dice struct{ bytes []byte }

func (d *dice) roll(n int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % n
}

// newTrack makes up the n-th track.
func newTrack(d *dice, n int) *track {
	k := &track{name: "opus", base: int64(10000 + 250_000*n)}
	kind, packets := d.roll(6), 1+d.roll(48)
	for i := range packets {
		l := frameSamples
		switch {
		case kind == 2:
			l = 1152
		case kind == 3 && (i*7+packets)%9 < 2: // two for one
			l = frameSamples / 2
		case kind == 3 && i%11 == 5:
			l = 2 * frameSamples
		}
		k.lengths = append(k.lengths, l)
	}
	switch kind {
	case 1:
		k.skip = 312
	case 2:
		k.name, k.skip = "mp3", 1105
	case 4:
		k.name = "pcm"
	}
	k.trim = []int64{0, 0, 1, 500, 959}[d.roll(5)] % k.lengths[packets-1]
	k.broken = kind == 5 && packets%2 == 0
	if k.total() <= 0 {
		k.skip, k.trim = 0, 0
	}
	return k
}
