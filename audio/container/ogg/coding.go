package ogg

import (
	"bytes"
	"encoding/binary"
	"slices"

	"segue/audio"
	"segue/audio/codec/flac"
	"segue/audio/codec/opus"
	"segue/audio/codec/vorbis"
	"segue/audio/container/tags"
)

// A coding knows the packets of one codec in Ogg. Its samples are at the rate in
// which the stream's granule positions count.
type coding interface {
	// header takes packet if it is a header, and says so.
	header(packet []byte, in *audio.Info) (taken bool, err error)
	// ready reports whether all headers needed have come.
	ready() bool
	name() string
	codec() audio.CodecInfo // once ready
	// samples is how long the audio in packet is, after those asked about before.
	samples(packet []byte) int64
	// restart forgets the packets before.
	restart()
}

// recognise returns the coding of a stream that begins with packet, or else what
// the stream is, for a sentence.
func recognise(packet []byte) (coding, string, error) {
	begins := func(s string) bool { return bytes.HasPrefix(packet, []byte(s)) }
	switch {
	case begins("OpusHead"):
		head, err := opus.ParseHead(packet)
		if err != nil {
			return nil, "", err
		}
		return &opusCoding{info: head.Info(slices.Clone(packet)), head: head}, "", nil
	case begins("\x01vorbis"):
		return &vorbisCoding{headers: vorbis.Headers{Ident: slices.Clone(packet)}}, "", nil
	case begins("\x7fFLAC"):
		return newFLAC(packet)
	case begins("\x80theora"), begins("BBCD"), begins("OVP80"):
		return nil, "video", nil
	case begins("fishead"):
		return nil, "skeleton", nil
	case begins("Speex   "):
		return nil, "speex", nil
	case begins("\x80kate"), begins("CMML"):
		return nil, "text", nil
	}
	return nil, "an unknown codec", nil
}

type opusCoding struct {
	head   opus.Head
	info   audio.CodecInfo
	tagged bool
}

func (c *opusCoding) header(packet []byte, in *audio.Info) (bool, error) {
	if c.tagged {
		return false, nil
	}
	c.tagged = true // be content without tags
	if !bytes.HasPrefix(packet, []byte("OpusTags")) {
		return false, nil
	}
	tags.VorbisComment(in, packet[8:])
	return true, nil
}

func (c *opusCoding) ready() bool { return c.tagged }

func (c *opusCoding) name() string { return "opus" }

func (c *opusCoding) codec() audio.CodecInfo { return c.info }

func (c *opusCoding) samples(packet []byte) int64 {
	if c.head.Family == 0 { // one stream: twice as quick
		n, _ := opus.Duration(packet) // the decoder will say what is wrong with it
		return int64(n)
	}
	n, _ := c.head.Duration(packet)
	return int64(n)
}

func (c *opusCoding) restart() {}

type vorbisCoding struct {
	headers vorbis.Headers
	stream  *vorbis.Stream
}

func (c *vorbisCoding) header(packet []byte, in *audio.Info) (bool, error) {
	if !vorbis.IsHeader(packet) {
		return false, nil
	}
	switch packet[0] {
	case 3:
		c.headers.Comment = []byte("\x03vorbis\x00\x00\x00\x00\x00\x00\x00\x00\x01") // nobody needs it, and it may hold a picture
		tags.VorbisComment(in, packet[7:])
	case 5:
		c.headers.Setup = slices.Clone(packet)
		s, err := vorbis.Open(c.headers)
		if err != nil {
			return true, err
		}
		c.stream = s
	}
	return true, nil
}

func (c *vorbisCoding) ready() bool { return c.stream != nil }

func (c *vorbisCoding) name() string { return "vorbis" }

func (c *vorbisCoding) codec() audio.CodecInfo {
	return audio.CodecInfo{Name: "vorbis", SampleRate: c.stream.Rate, Channels: c.stream.Channels, Private: c.headers.Lace()}
}

func (c *vorbisCoding) samples(packet []byte) int64 { return int64(c.stream.Samples(packet)) }

func (c *vorbisCoding) restart() {
	if c.stream != nil {
		c.stream.Restart()
	}
}

type flacCoding struct {
	info  audio.CodecInfo
	cover tags.Cover
	done  bool
}

// newFLAC reads the first packet of the FLAC mapping (RFC 9639, 10.1).
func newFLAC(packet []byte) (coding, string, error) {
	const streamInfo = 5 + 2 + 2 + 4 + 4
	if len(packet) < streamInfo {
		return nil, "flac without its header", nil
	}
	private := slices.Clone(packet[streamInfo:])
	s, err := flac.ParseStreamInfo(private)
	if err != nil {
		return nil, "", err
	}
	return &flacCoding{info: audio.CodecInfo{
		Name: "flac", SampleRate: s.Rate, Channels: s.Channels, Private: private,
	}}, "", nil
}

func (c *flacCoding) header(packet []byte, in *audio.Info) (bool, error) {
	if len(packet) == 0 || packet[0] == 0xff {
		c.done = true
		return false, nil
	}
	const comment, picture = 4, 6
	if len(packet) > 4 {
		switch packet[0] & 0x7f {
		case comment:
			tags.VorbisComment(in, packet[4:])
		case picture:
			_ = tags.FLACPicture(in, &c.cover, tags.Bytes(slices.Clone(packet[4:])), int64(len(packet)-4)) // as far as it goes
		}
	}
	c.done = c.done || packet[0]&0x80 != 0 // the last metadata block says that it is
	return true, nil
}

func (c *flacCoding) ready() bool { return c.done }

func (c *flacCoding) name() string { return "flac" }

func (c *flacCoding) codec() audio.CodecInfo { return c.info }

func (c *flacCoding) samples(packet []byte) int64 {
	h, _ := flac.ParseFrameHeader(packet)
	return int64(h.Block)
}

func (c *flacCoding) restart() {}

// commentHeader is the vendor string and the comments as Opus and Vorbis have them.
func commentHeader(dst []byte, vendor string, comments []string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(vendor)))
	dst = append(dst, vendor...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(comments)))
	for _, c := range comments {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c)))
		dst = append(dst, c...)
	}
	return dst
}
