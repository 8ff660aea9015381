package mp4_test

import (
	"encoding/binary"
	"strings"
)

// box makes a box of parts: strings, byte slices and big-endian numbers.
func box(kind string, parts ...any) []byte {
	b := join(parts...)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(b)+8)), kind...), b...)
}

func join(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case byte:
			b = append(b, p)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, p)
		default:
			panic("no part of a box")
		}
	}
	return b
}

func zeros(n int) string { return strings.Repeat("\x00", n) }

// esds describes MPEG-4 sound.
func esds(kind byte, config string) []byte {
	specific := join("\x05\x80\x80\x80", byte(len(config)), config)
	decoder := join("\x04", byte(13+len(specific)), kind, "\x15", zeros(11), specific)
	return box("esds", 0, "\x03\x80", byte(3+len(decoder)), "\x00\x01\x00", decoder)
}

// entry is a sample description.
func entry(kind string, version uint16, more ...any) []byte {
	extra := map[uint16]int{1: 16, 2: 36}[version]
	return box(kind, zeros(6), uint16(1), version, zeros(6), uint16(2), uint16(16), 0, 44100<<16, zeros(extra), join(more...))
}

func aacEntry() []byte { return entry("mp4a", 0, esds(0x40, "\x12\x10")) }

// A file is one to be written: four samples in two chunks.
type file struct {
	description []byte
	handler     string
	scale       int
	edits       []byte
	table       []byte // in place of the usual
	movie       []byte // more boxes in the index
	first       []byte // boxes in front
	last        bool   // the index comes last
}

var sounds4 = []string{"one!", "two", "three", "four."}

func (f file) bytes() []byte {
	if f.handler == "" {
		f.handler = "soun"
	}
	if f.scale == 0 {
		f.scale = 44100
	}
	if f.description == nil {
		f.description = aacEntry()
	}
	data := box("mdat", strings.Join(sounds4, ""))
	index := func(at int) []byte {
		table := f.table
		if table == nil {
			table = join(
				box("stts", 0, 2, 3, 1024, 1, 1000), box("stsc", 0, 2, 1, 3, 1, 2, 1, 1),
				box("stsz", 0, 0, 4, 4, 3, 5, 5), box("stco", 0, 2, at, at+12))
		}
		return box("moov",
			box("mvhd", zeros(12), 1000, 93, zeros(80)),
			box("trak", box("tkhd", zeros(12), 1, zeros(60)), f.edits,
				box("mdia", box("mdhd", zeros(12), f.scale, 4072, 0), box("hdlr", 0, 0, f.handler, zeros(12)),
					box("minf", box("stbl", box("stsd", 0, 1, f.description), table)))),
			f.movie)
	}
	front := join(box("ftyp", "M4A \x00\x00\x00\x00"), f.first)
	if f.last {
		return join(front, data, index(len(front)+8))
	}
	return join(front, index(len(front)+len(index(0))+8), data)
}
