package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"

	"segue/audio"
	"segue/audio/codec/aac"
	"segue/audio/codec/flac"
	"segue/audio/codec/opus"
)

// A track is what the index says about one.
type track struct {
	id         uint32
	scale      uint32 // units of a second
	sound      bool
	silent     bool // it is known to be something else
	editStart  int64
	editLength int64 // in the movie's units
	edited     bool
	codec      audio.CodecInfo
	head       opus.Head // of Opus
	frame      int64     // samples at the codec's rate in every packet, or 0
	refused    error
	table      table
	text       bool     // it may be the names of chapters
	chapters   []uint32 // the tracks that have those of this one
}

// readTrack reads a trak and takes it, if it can be decoded.
func (d *Demuxer) readTrack(b box, depth int) error {
	t := &track{}
	if err := d.within(b.end, depth, t.reader(d)); err != nil {
		return err
	}
	switch {
	case t.text && t.table.count <= maxChapters && len(d.movie.texts) < maxTexts:
		d.movie.texts = append(d.movie.texts, t)
	case !t.sound || d.movie.chosen != nil:
	case t.codec.Name == "":
		if d.movie.refused = t.refused; t.refused == nil {
			return malformed("sound without a description")
		}
	case t.scale == 0:
		return malformed("track without a time scale")
	default:
		d.movie.chosen = t
	}
	return nil
}

// reader returns what reads the boxes of t.
func (t *track) reader(d *Demuxer) func(b box, depth int) error {
	var read func(b box, depth int) error
	read = func(b box, depth int) (err error) {
		switch b.kind {
		case "tkhd":
			return t.readHeader(d, b)
		case "edts", "mdia", "minf", "stbl", "tref":
			if !t.silent || t.text {
				return d.within(b.end, depth, read)
			}
		case "chap":
			return t.readChapterIDs(d, b)
		case "elst":
			return t.readEdits(d, b)
		case "mdhd":
			t.scale, _, err = d.readClock(b)
		case "hdlr":
			var h []byte
			if h, err = d.fields(b, 12); err == nil && string(h[8:]) != "url " && string(h[8:]) != "alis" {
				kind := string(h[8:])
				t.sound, t.text = kind == "soun" && d.movie.chosen == nil, kind == "text" || kind == "sbtl"
				t.silent = !t.sound
			}
		case "stsd":
			if t.sound {
				return t.readDescriptions(d, b, depth)
			}
		default:
			return t.readTable(d, b)
		}
		return err
	}
	return read
}

func (t *track) readHeader(d *Demuxer, b box) error {
	h, err := d.fields(b, 4)
	if err != nil {
		return err
	}
	skip := 8
	if h[0] == 1 {
		skip = 16
	}
	if h, err = d.fields(b, skip+4); err == nil {
		t.id = binary.BigEndian.Uint32(h[skip:])
	}
	return err
}

// readChapterIDs reads which tracks hold the names of chapters.
func (t *track) readChapterIDs(d *Demuxer, b box) error {
	for b.end-d.r.Pos() >= 4 && len(t.chapters) < maxTexts {
		h, err := d.fields(b, 4)
		if err != nil {
			return err
		}
		t.chapters = append(t.chapters, binary.BigEndian.Uint32(h))
	}
	return nil
}

// readEdits takes the first edit that is not a pause.
func (t *track) readEdits(d *Demuxer, b box) error {
	h, err := d.r.Peek(1)
	if err != nil {
		return cut(err)
	}
	wide, size := h[0] == 1, 12
	if wide {
		size = 20
	}
	return d.entries(b, 4, size, func(e []byte) error {
		length, start := int64(binary.BigEndian.Uint32(e)), int64(int32(binary.BigEndian.Uint32(e[4:])))
		if wide {
			length, start = int64(binary.BigEndian.Uint64(e)), int64(binary.BigEndian.Uint64(e[8:]))
		}
		if start >= 0 && !t.edited {
			t.edited, t.editStart, t.editLength = true, min(start, 1<<48), min(max(length, 0), 1<<48)
		}
		return nil
	})
}

// readTable reads the tables of where samples are.
func (t *track) readTable(d *Demuxer, b box) error {
	u32 := binary.BigEndian.Uint32
	if t.text && b.end-d.r.Pos() > 16*maxChapters+16 {
		t.text = false // too many to be chapters
		return nil
	}
	switch b.kind {
	case "stts":
		return d.entries(b, 4, 8, func(e []byte) error { return t.table.add(t.table.runs.add(run{u32(e), u32(e[4:])})) })
	case "stsc":
		return d.entries(b, 4, 12, func(e []byte) error { return t.table.add(t.table.spans.add(span{u32(e), u32(e[4:])})) })
	case "stco":
		t.table.chunks.rising = true
		return d.entries(b, 4, 4, func(e []byte) error { return t.table.add(t.table.chunks.add(int64(u32(e)))) })
	case "co64":
		t.table.chunks.rising = true
		return d.entries(b, 4, 8, func(e []byte) error {
			return t.table.add(t.table.chunks.add(int64(binary.BigEndian.Uint64(e) &^ (1 << 63))))
		})
	case "stsz":
		h, err := d.r.Peek(12)
		if err != nil {
			return cut(err)
		}
		if t.table.fixed, t.table.count = u32(h[4:]), int(u32(h[8:])); t.table.count > maxEntries {
			return fmt.Errorf("mp4: more than %d samples: %w", maxEntries, audio.ErrLimit)
		}
		if t.table.fixed != 0 {
			return nil
		}
		return d.entries(b, 8, 4, func(e []byte) error { return t.table.add(t.table.sizes.add(int64(u32(e)))) })
	}
	return nil
}

// readDescriptions reads the first sample description.
func (t *track) readDescriptions(d *Demuxer, b box, depth int) error {
	if _, err := d.fields(b, 8); err != nil {
		return err
	}
	return d.within(b.end, depth, func(b box, depth int) error {
		if t.codec.Name != "" {
			return nil
		}
		h, err := d.fields(b, 28)
		if err != nil {
			return err
		}
		t.codec = audio.CodecInfo{SampleRate: int(binary.BigEndian.Uint32(h[24:]) >> 16), Channels: int(binary.BigEndian.Uint16(h[16:]))}
		more := map[uint16]int{1: 16, 2: 36}[binary.BigEndian.Uint16(h[8:])] // QuickTime
		if _, err := d.fields(b, more); err != nil {
			return err
		}
		if err := d.within(b.end, depth, t.describer(d)); err != nil {
			return err
		}
		if t.codec.Name == "" && t.refused == nil {
			t.refused = refuse(b.kind)
		}
		return nil
	})
}

// refuse says what a sample description is that we cannot use.
func refuse(kind string) error {
	what := map[string]string{
		"alac": "Apple Lossless (ALAC)", "enca": "a protected file", "drms": "a protected file", "ac-3": "Dolby Digital", "ec-3": "Dolby Digital Plus",
		"ac-4": "Dolby AC-4", "dtsc": "DTS", "dtse": "DTS", "samr": "AMR speech", "sawb": "AMR speech",
	}[kind]
	if what == "" {
		what = fmt.Sprintf("MP4 audio of a kind called %q", kind)
	}
	return fmt.Errorf("mp4: %w", &audio.Foreign{Looks: what})
}

// describer returns what reads the boxes in a sample description.
func (t *track) describer(d *Demuxer) func(b box, depth int) error {
	var read func(b box, depth int) error
	read = func(b box, depth int) error {
		switch b.kind {
		case "wave":
			return d.within(b.end, depth, read)
		case "esds", "dOps", "dfLa":
		default:
			return nil
		}
		if b.end-d.r.Pos() > maxText {
			return malformed(fmt.Sprintf("box %q is too long", b.kind))
		}
		h, err := d.fields(b, int(b.end-d.r.Pos()))
		if err != nil {
			return err
		}
		switch b.kind {
		case "esds":
			err = t.readESDS(h)
		case "dOps":
			err = t.readOpus(h)
		case "dfLa":
			err = t.readFLAC(h)
		}
		if errors.Is(err, audio.ErrUnsupported) {
			t.refused, err = err, nil
		}
		return err
	}
	return read
}

// readOpus makes an OpusHead of a dOps, which has the same in other byte order.
func (t *track) readOpus(b []byte) error {
	if len(b) < 11 {
		return malformed("Opus header cut off")
	}
	h := opus.Head{
		Channels: int(b[1]), PreSkip: int(binary.BigEndian.Uint16(b[2:])), InputRate: int(binary.BigEndian.Uint32(b[4:])),
		Gain: int16(binary.BigEndian.Uint16(b[8:])), Family: b[10], Mapping: b[11:],
	}
	private := h.Append(nil)
	head, err := opus.ParseHead(private)
	if err == nil {
		t.codec, t.head = head.Info(private), head
	}
	return err
}

func (t *track) readFLAC(b []byte) error {
	if len(b) < 8+flac.StreamInfoSize || b[4]&0x7f != 0 {
		return malformed("FLAC header cut off")
	}
	private := append([]byte(nil), b[8:8+flac.StreamInfoSize]...)
	s, err := flac.ParseStreamInfo(private)
	if err == nil {
		t.codec = audio.CodecInfo{Name: "flac", SampleRate: s.Rate, Channels: s.Channels, Private: private}
	}
	return err
}

// readESDS reads the descriptors of MPEG-4 sound (ISO/IEC 14496-1, 7.2.6).
func (t *track) readESDS(b []byte) error {
	const stream, decoder, specific = 3, 4, 5
	b = b[min(4, len(b)):]
	kind := byte(0)
	for len(b) > 2 {
		tag, size := b[0], 0
		b = b[1:]
		for more := true; more && len(b) > 0; b = b[1:] {
			size, more = (size<<7|int(b[0]&0x7f))&0xffffff, b[0]&0x80 != 0
		}
		switch {
		case tag == stream && len(b) >= 3:
			flags := b[2]
			skip := 3 + int(flags>>7)*2 + int(flags>>5&1)*2
			if flags&0x40 != 0 && len(b) > skip {
				skip += 1 + int(b[skip])
			}
			b = b[min(skip, len(b)):]
		case tag == decoder && len(b) >= 13:
			if kind = b[0]; kind == 0x69 || kind == 0x6b {
				if t.codec.Name, t.frame = "mp3", 1152; t.codec.SampleRate < 32000 {
					t.frame = 576
				}
				return nil
			}
			b = b[13:]
		case tag == specific && (kind == 0x40 || kind >= 0x66 && kind <= 0x68):
			return t.readAAC(append([]byte(nil), b[:min(size, len(b))]...))
		default:
			b = b[min(size, len(b)):]
		}
	}
	if kind == 0x40 || kind == 0 {
		return malformed("AAC without its configuration")
	}
	return fmt.Errorf("mp4: %w", &audio.Foreign{Looks: fmt.Sprintf("MP4 audio of type %#x", kind)})
}

func (t *track) readAAC(private []byte) error {
	c, err := aac.ParseConfig(private)
	if err != nil {
		return err
	}
	t.codec = audio.CodecInfo{Name: "aac", SampleRate: c.Rate, Channels: c.Channels, Private: private}
	t.frame = aac.FrameSamples
	return nil
}
