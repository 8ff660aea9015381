package mpegts

import (
	"encoding/binary"
	"fmt"

	"segue/audio"
	"segue/audio/codec/aac"
	"segue/audio/codec/mp3"
	"segue/audio/codec/opus"
	"segue/audio/container/adts"
	"segue/audio/container/input"
	"segue/audio/container/latm"
)

// A coding knows the frames of a kind of elementary stream.
type coding interface {
	traits() traits
	// look returns the size of the frame b begins with: more than b has, if more
	// must be seen; 0, if none begins here. Frames that can follow each other have
	// the same key. b has at least as many bytes as traits say.
	look(b []byte) (size, key int)
	// take emits the sound of a frame, whose bytes are to be kept.
	take(d *Demuxer, frame []byte, key int) error
	// clone returns one that knows as much.
	clone() coding
}

// traits are what frames of a coding have in common.
type traits struct {
	first byte  // every frame begins with it
	least int   // bytes look needs
	runUp int64 // frames to decode before a place
	grain int64 // every frame lasts a multiple of so many samples at its rate; 0: as long as the others
}

// adtsCoding is AAC in ADTS.
type adtsCoding struct {
	split  adts.Splitter
	pieces [][]byte
	alike  uint32 // what of the header before tells which frames can follow; 0: none was
	key    int    // of those
}

func (c *adtsCoding) traits() traits {
	return traits{first: 0xff, least: adts.HeaderSize, runUp: 4, grain: aac.FrameSamples}
}

func (c *adtsCoding) look(b []byte) (size, key int) {
	const same = 0xfffefdc0 // all of the first four bytes but whether there are checksums, and the size
	head := binary.BigEndian.Uint32(b)
	if head&(same|1<<16) == c.alike|1<<16 && c.alike != 0 { // nearly always
		if size = int(head&3)<<11 | int(b[4])<<3 | int(b[5]>>5); size > adts.HeaderSize {
			return size, c.key
		}
		return 0, 0
	}
	h, ok := adts.ParseHeader(b)
	if !ok {
		return 0, 0
	}
	c.alike, c.key = head&same, h.Object<<16|h.Index<<8|h.Channels
	return h.Size, h.Object<<16 | h.Index<<8 | h.Channels
}

func (c *adtsCoding) take(d *Demuxer, frame []byte, key int) error {
	if alone := frame[6]&3 == 0 && frame[1]&1 == 1; alone && key == d.key { // nearly always
		d.emit(frame[adts.HeaderSize:], aac.FrameSamples)
		return nil
	}
	h, _ := adts.ParseHeader(frame)
	if key != d.key {
		if err := d.adoptAAC(h.Config(frame), h.Rate()); err != nil {
			return err
		}
	}
	c.pieces = c.split.Split(c.pieces[:0], h, frame)
	for _, p := range c.pieces {
		d.emit(d.slab.Copy(p), h.Samples()/int64(len(c.pieces)))
	}
	return nil
}

func (c *adtsCoding) clone() coding { return &adtsCoding{} }

// latmCoding is AAC in LATM.
type latmCoding struct {
	mux  latm.Mux
	lost int // elements in a row that could not be read
}

const maxLost = 100 // elements in a row

func (c *latmCoding) traits() traits {
	return traits{first: 0x56, least: latm.HeaderSize, runUp: 4, grain: aac.FrameSamples}
}

func (c *latmCoding) look(b []byte) (size, key int) {
	size, _ = latm.ParseHeader(b)
	return size, 0
}

func (c *latmCoding) take(d *Demuxer, frame []byte, _ int) error {
	changed, err := c.mux.Read(frame[latm.HeaderSize:])
	if err == nil && changed {
		err = d.adoptAAC(c.mux.Config(), c.mux.Rate())
	}
	if err != nil {
		if c.lost++; c.lost > maxLost || d.codec.Name == "" {
			return err
		}
		return nil
	}
	c.lost = 0
	for i := range c.mux.Len() {
		data := d.slab.Make(c.mux.Size(i))
		c.mux.Copy(data, i)
		d.emit(data, aac.FrameSamples)
	}
	return nil
}

func (c *latmCoding) clone() coding {
	other := *c
	return &other
}

// adoptAAC makes config what packets are coded by.
func (d *Demuxer) adoptAAC(config []byte, rate int) error {
	c, err := aac.ParseConfig(config)
	if err != nil {
		return fmt.Errorf("mpegts: %w", err)
	}
	d.adopt(audio.CodecInfo{Name: "aac", SampleRate: c.Rate, Channels: c.Channels, Private: config}, rate)
	return nil
}

// mpegCoding is MPEG audio of any layer.
type mpegCoding struct{}

func (mpegCoding) traits() traits {
	return traits{first: 0xff, least: mp3.HeaderSize, runUp: 10}
}

func (mpegCoding) look(b []byte) (size, key int) {
	h, ok := mp3.ParseHeader(b)
	if !ok {
		return 0, 0
	}
	return h.Size, h.Rate<<2 | h.Layer
}

func (mpegCoding) take(d *Demuxer, frame []byte, key int) error {
	h, _ := mp3.ParseHeader(frame)
	if key != d.key {
		d.adopt(audio.CodecInfo{Name: h.Name(), SampleRate: h.Rate, Channels: h.Channels}, h.Rate)
	}
	d.emit(frame, int64(h.Samples))
	return nil
}

func (mpegCoding) clone() coding { return mpegCoding{} }

// opusCoding is Opus with the control headers of its mapping to transport streams,
// which Xiph published as OpusTS (https://wiki.xiph.org/OpusTS).
type opusCoding struct {
	head    opus.Head
	leading bool // only packets trimmed away came until now
}

const maxTrimmed = 72 // packets that a start trim of 13 bits can be about: of 2.5 ms

func (c *opusCoding) traits() traits {
	return traits{first: 0x7f, least: 3, grain: 120}
}

// control reads a control header: its size, that of the packet behind it, and how
// many samples are to be trimmed. The size is 0 if there is none, and more than b
// has if it is cut off.
func control(b []byte) (size, packet, start, end int) {
	if b[0] != 0x7f || b[1]&0xe0 != 0xe0 {
		return 0, 0, 0, 0
	}
	at := 2
	for {
		if at == len(b) {
			return at + 1, 0, 0, 0
		}
		v := int(b[at])
		packet += v
		at++
		if v < 255 {
			break
		}
	}
	for i, flag := range []byte{0x10, 0x08} {
		if b[1]&flag == 0 {
			continue
		}
		if at+2 > len(b) {
			return at + 2, packet, 0, 0
		}
		trim := int(b[at]&0x1f)<<8 | int(b[at+1])
		if i == 0 {
			start = trim
		} else {
			end = trim
		}
		at += 2
	}
	if b[1]&0x04 != 0 {
		if at == len(b) {
			return at + 1, packet, 0, 0
		}
		at += 1 + int(b[at])
	}
	return at, packet, start, end
}

func (c *opusCoding) look(b []byte) (size, key int) {
	header, packet, _, _ := control(b)
	if header == 0 {
		return 0, 0
	}
	return header + packet, 0
}

func (c *opusCoding) take(d *Demuxer, frame []byte, key int) error {
	header, _, start, end := control(frame)
	data := frame[header:]
	if key != d.key {
		private := c.head.Append(nil)
		h, err := opus.ParseHead(private)
		if err != nil {
			return fmt.Errorf("mpegts: %w", err)
		}
		d.adopt(h.Info(private), audio.SampleRate)
	}
	n, err := opus.Duration(data)
	if err != nil {
		return nil //nolint:nilerr // damaged: the next tells by its time what is missing
	}
	if start > 0 && !c.leading {
		c.leading, d.fresh = true, true // another stream, joined to the one before
	}
	p := d.emit(data, int64(n))
	if p.TrimEnd = int64(min(end, n)); c.leading {
		d.told.PreSkip += int64(min(start, n))
		c.leading = start >= n && len(d.queue) < maxTrimmed
	}
	return nil
}

func (c *opusCoding) clone() coding {
	other := *c
	return &other
}

// due reports whether the packets read are not to be handed out yet, because those
// after them say more about the beginning.
func (d *Demuxer) due() bool {
	o, ok := d.coding.(*opusCoding)
	return len(d.queue) > 0 && !(ok && o.leading)
}

// scale turns PTS into samples at 48 kHz.
func scale(pts int64) int64 { return input.MulDiv(pts, audio.SampleRate, ticks) }
