package matroska

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"segue/audio"
	"segue/audio/codec/aac"
	"segue/audio/codec/flac"
	"segue/audio/codec/mp3"
	"segue/audio/codec/opus"
	"segue/audio/codec/pcm"
	"segue/audio/codec/vorbis"
	"segue/audio/container/input"
)

const (
	maxPrivate = 1 << 20
	typeAudio  = 2
)

// A track is one as its TrackEntry tells.
type track struct {
	number, kind int64
	id, name     string // of the codec, and its title
	private      []byte
	delay        int64 // nanoseconds to drop at the start
	rate         float64
	channels     int64
	depth        int64
	prefix       []byte // stripped from each frame
	unreadable   string // why its frames cannot be had

	disabled, aside, spare bool // not to be played; commentary and the like; not the default
}

// rank is how much the track is wanted: those that are meant to be played before
// those that are not.
func (t *track) rank() (n int) {
	for i, no := range []bool{t.spare, t.aside, t.disabled} {
		if !no {
			n += 1 << i
		}
	}
	return n
}

func readTrack(r *input.Reader, e element) (track, error) {
	t := track{rate: 8000, channels: 1}
	err := children(r, e, func(e element) (err error) {
		switch e.id {
		case idNumber:
			t.number, err = number(r, e)
		case idEnabled, idDefault, idImpaired, idCommentary:
			err = t.readFlag(r, e)
		case idType:
			t.kind, err = number(r, e)
		case idCodecID:
			t.id, err = text(r, e)
		case idName:
			t.name, err = text(r, e)
		case idCodecPrivate:
			if e.size <= maxPrivate {
				t.private, err = data(r, e, maxPrivate)
			}
		case idCodecDelay:
			t.delay, err = number(r, e)
		case idAudio:
			err = t.readAudio(r, e)
		case idEncodings:
			err = t.readEncodings(r, e)
		}
		return err
	})
	return t, err
}

func (t *track) readFlag(r *input.Reader, e element) error {
	v, err := number(r, e)
	switch e.id {
	case idEnabled:
		t.disabled = v == 0
	case idDefault:
		t.spare = v == 0
	default:
		t.aside = t.aside || v != 0
	}
	return err
}

func (t *track) readAudio(r *input.Reader, e element) error {
	return children(r, e, func(e element) (err error) {
		switch e.id {
		case idRate:
			t.rate, err = float(r, e)
		case idChannels:
			t.channels, err = number(r, e)
		case idBitDepth:
			t.depth, err = number(r, e)
		}
		return err
	})
}

// readEncodings understands one kind of encoding: bytes that all frames begin
// with, stripped.
func (t *track) readEncodings(r *input.Reader, e element) error {
	return children(r, e, func(e element) error {
		if e.id != idEncoding {
			return nil
		}
		const frames = 1
		scope := int64(frames)
		var prefix []byte
		unreadable := ""
		err := children(r, e, func(e element) (err error) {
			switch e.id {
			case idScope:
				scope, err = number(r, e)
			case idEncryption:
				unreadable = "encrypted"
			case idCompression:
				prefix, unreadable, err = readCompression(r, e)
			}
			return err
		})
		if scope&frames != 0 || unreadable != "" {
			t.prefix, t.unreadable = append(prefix, t.prefix...), unreadable
		}
		return err
	})
}

func readCompression(r *input.Reader, e element) (prefix []byte, unreadable string, err error) {
	const stripping = 3
	algorithm := int64(0)
	err = children(r, e, func(e element) (err error) {
		switch e.id {
		case idCompAlgo:
			algorithm, err = number(r, e)
		case idCompSettings:
			prefix, err = data(r, e, maxString)
		}
		return err
	})
	if algorithm == stripping {
		return prefix, "", err
	}
	name := map[int64]string{0: "zlib", 1: "bzlib", 2: "LZO"}[algorithm]
	return nil, strings.TrimSpace("compressed " + name), err
}

// A coding is what is known about the packets of a track.
type coding struct {
	info    audio.CodecInfo
	samples func(packet []byte) int // at info.SampleRate, after those asked about before
	grid    int64                   // all packets last so many samples, or a multiple; 0 if that is not known
	restart func()

	overlaps bool // packets are heard with the ones before: the first gives nothing
}

// coding finds out about the packets of t. The error wraps audio.ErrUnsupported
// and names the codec if it is none of ours.
func (t *track) coding() (coding, error) {
	if t.unreadable != "" {
		return coding{}, fmt.Errorf("matroska: %w", &audio.Foreign{Looks: "a Matroska file whose sound is " + t.unreadable})
	}
	rate, err := t.sampleRate()
	if err != nil {
		return coding{}, err
	}
	c := coding{info: audio.CodecInfo{SampleRate: rate, Channels: int(t.channels), Private: t.private}, restart: func() {}}
	switch id := t.id; {
	case id == "A_OPUS" || strings.HasPrefix(id, "A_OPUS/"):
		return t.opus(c)
	case id == "A_VORBIS":
		return t.vorbis(c)
	case id == "A_FLAC":
		return t.flac(c)
	case id == "A_MPEG/L3" || id == "A_MPEG/L2" || id == "A_MPEG/L1":
		c.info.Name, c.info.Private = "mp"+id[len(id)-1:], nil
		c.info.PreSkip = input.Samples(nanoseconds(t.delay))
		c.samples = func(packet []byte) int {
			h, _ := mp3.ParseHeader(packet)
			return h.Samples
		}
		return c, nil
	case strings.HasPrefix(id, "A_PCM/"):
		return t.pcm(c)
	case id == "A_AAC" || strings.HasPrefix(id, "A_AAC/"):
		return t.aac(c)
	}
	what := map[string]string{
		"A_ALAC": "Apple Lossless (ALAC)", "A_AC3": "Dolby Digital", "A_EAC3": "Dolby Digital Plus", "A_TRUEHD": "Dolby TrueHD", "A_DTS": "DTS",
		"A_WAVPACK4": "WavPack", "A_TTA1": "TTA", "A_MS/ACM": "sound of Windows", "A_REAL/COOK": "RealAudio",
	}[t.id]
	if what == "" {
		what = fmt.Sprintf("codec %q", clip(t.id))
	}
	return coding{}, fmt.Errorf("matroska: %w", &audio.Foreign{Looks: "a Matroska file with " + what + " in it"})
}

func (t *track) sampleRate() (int, error) {
	if !(t.rate >= 1 && t.rate <= 768_000) || t.channels < 1 || t.channels > 64 {
		return 0, malformed("impossible sample rate or channel count")
	}
	return int(math.Round(t.rate)), nil
}

func (t *track) opus(c coding) (coding, error) {
	head, err := opus.ParseHead(t.private)
	switch {
	case err == nil:
		c.info = head.Info(t.private)
	case len(t.private) == 0 && t.channels <= 2: // early muxers wrote none
		c.info.Name, c.info.SampleRate = "opus", audio.SampleRate
	default:
		return c, err
	}
	if t.delay > 0 {
		c.info.PreSkip = input.Samples(nanoseconds(t.delay))
	}
	duration := opus.Duration // of one stream: twice as quick
	if head.Streams() > 1 {
		duration = head.Duration
	}
	c.samples = func(packet []byte) int {
		n, _ := duration(packet) // the decoder will say what is wrong with it
		return n
	}
	return c, nil
}

func (t *track) vorbis(c coding) (coding, error) {
	h, err := vorbis.Unlace(t.private)
	if err != nil {
		return c, err
	}
	s, err := vorbis.Open(h)
	if err != nil {
		return c, err
	}
	c.info.Name, c.info.SampleRate, c.info.Channels = "vorbis", s.Rate, s.Channels
	c.info.PreSkip = input.Samples(nanoseconds(t.delay))
	c.samples, c.restart, c.overlaps = s.Samples, s.Restart, true
	short, long := int64(1)<<(h.Ident[28]&15), int64(1)<<(h.Ident[28]>>4)
	c.grid = gcd(short/2, (short+long)/4) // what neighbouring blocks give (Vorbis I, 1.3.2)
	return c, nil
}

// aac takes the configuration, or makes one of what early muxers put in the name.
func (t *track) aac(c coding) (coding, error) {
	private := t.private
	if len(private) == 0 {
		rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
		kind, rate := 2, slices.Index(rates, c.info.SampleRate) // Low Complexity
		if rate < 0 || t.channels > 7 {
			return c, malformed("AAC without its configuration")
		}
		private = []byte{byte(kind<<3 | rate>>1), byte(rate<<7 | int(t.channels)<<3)}
	}
	config, err := aac.ParseConfig(private)
	if err != nil {
		return c, err
	}
	c.info = audio.CodecInfo{Name: "aac", SampleRate: config.Rate, Channels: config.Channels, Private: private, PreSkip: input.Samples(nanoseconds(t.delay))}
	c.grid = aac.FrameSamples
	c.samples = func([]byte) int { return aac.FrameSamples }
	return c, nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (t *track) flac(c coding) (coding, error) {
	const streamInfo = 4 + 4 // "fLaC" and the block's header
	if len(t.private) < streamInfo {
		return c, malformed("flac without STREAMINFO")
	}
	s, err := flac.ParseStreamInfo(t.private[streamInfo:])
	if err != nil {
		return c, err
	}
	c.info.Name, c.info.SampleRate, c.info.Channels = "flac", s.Rate, s.Channels
	c.info.Private = t.private[streamInfo : streamInfo+flac.StreamInfoSize]
	c.samples = func(packet []byte) int {
		h, _ := flac.ParseFrameHeader(packet)
		return h.Block
	}
	return c, nil
}

func (t *track) pcm(c coding) (coding, error) {
	c.info.Private = nil
	switch {
	case t.id == "A_PCM/INT/LIT" && t.depth == 8:
		c.info.Name = "pcm_u8"
	case t.id == "A_PCM/INT/LIT":
		c.info.Name = fmt.Sprintf("pcm_s%dle", t.depth)
	case t.id == "A_PCM/INT/BIG":
		c.info.Name = fmt.Sprintf("pcm_s%dbe", t.depth)
	case t.id == "A_PCM/FLOAT/IEEE":
		c.info.Name = fmt.Sprintf("pcm_f%dle", t.depth)
	}
	frame := pcm.Width(c.info.Name) * c.info.Channels
	if frame == 0 {
		return c, fmt.Errorf("matroska: codec %q of %d bits: %w", clip(t.id), t.depth, audio.ErrUnsupported)
	}
	c.samples = func(packet []byte) int { return len(packet) / frame }
	return c, nil
}

func clip(s string) string { return s[:min(len(s), 40)] }

// lace takes apart the body of a block after its header into sizes of frames,
// appended to sizes, and returns what is left of b: the frames (RFC 9559, 10.3).
func lace(b []byte, kind byte, sizes []int) ([]int, []byte, error) {
	if kind == 0 {
		return append(sizes, len(b)), b, nil
	}
	if len(b) == 0 {
		return nil, nil, malformed("lacing cut off")
	}
	count := int(b[0]) + 1
	b = b[1:]
	if kind == 2 { // equal sizes
		if len(b)%count != 0 {
			return nil, nil, malformed("frames do not divide their block")
		}
		for range count {
			sizes = append(sizes, len(b)/count)
		}
		return sizes, b, nil
	}
	total, previous := 0, 0
	for i := range count - 1 {
		size, n := xiphSize(b)
		if kind == 3 {
			size, n = ebmlSize(b, i == 0, previous)
		}
		if n == 0 || size < 0 {
			return nil, nil, malformed("lacing cut off")
		}
		b, previous = b[n:], size
		total += size
		if total > len(b) {
			return nil, nil, malformed("frames longer than their block")
		}
		sizes = append(sizes, size)
	}
	return append(sizes, len(b)-total), b, nil
}

func xiphSize(b []byte) (size, n int) {
	for i, c := range b {
		size += int(c)
		if c != 255 {
			return size, i + 1
		}
	}
	return 0, 0
}

// ebmlSize reads the first size, or the difference of one to the previous.
func ebmlSize(b []byte, first bool, previous int) (size, n int) {
	v, n := vint(b, true)
	if n == 0 || n > 4 {
		return 0, 0
	}
	v &= 1<<(7*n) - 1
	if first {
		return int(v), n
	}
	return previous + int(v-(1<<(7*n-1)-1)), n
}
