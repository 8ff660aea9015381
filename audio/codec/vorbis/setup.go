package vorbis

import (
	"fmt"
	"math"
	"math/bits"

	"segue/audio"
)

// What a setup header may ask for. Encoders stay far below: libvorbis's largest
// book has some 16,000 entries.
const (
	maxBookEntries = 1 << 15
	maxEntries     = 1 << 18 // in all books together
	maxValues      = 1 << 20 // vector elements in all books together
)

// setup walks a setup header (Vorbis I, 4.2.4) without keeping anything but the modes.
type setup struct {
	bits            bitReader
	channels        int
	entries, values int
	books           int
	edited          editor
}

func (s *Stream) readSetup(b []byte) error {
	w := &setup{bits: bitReader{data: b}, channels: s.Channels}
	for _, part := range []func() error{w.codebooks, w.times, w.floors, w.residues, w.mappings} {
		if err := part(); err != nil {
			return err
		}
		if w.bits.over {
			return malformed("setup header cut off")
		}
	}
	s.long = make([]bool, w.bits.read(6)+1)
	for i := range s.long {
		s.long[i] = w.bits.read(1) == 1
		w.bits.read(16)
		w.bits.read(16)
		w.bits.read(8)
	}
	s.modeBits = bits.Len(uint(len(s.long) - 1))
	if w.bits.read(1) != 1 || w.bits.over {
		return malformed("setup header cut off")
	}
	if w.edited.copied > 0 {
		w.edited.copyTo(b, 8*len(b))
		s.edited = w.edited.data
	}
	return nil
}

func (w *setup) codebooks() error {
	w.books = int(w.bits.read(8)) + 1
	for range w.books {
		if err := w.codebook(); err != nil {
			return err
		}
		if w.bits.over {
			return malformed("codebook cut off")
		}
	}
	return nil
}

func (w *setup) codebook() error {
	if w.bits.read(24) != 0x564342 { // "BCV"
		return malformed("no codebook")
	}
	dimensions, entries := int(w.bits.read(16)), int(w.bits.read(24))
	if dimensions == 0 || entries == 0 {
		return malformed("codebook without entries")
	}
	w.entries += entries
	if entries > maxBookEntries || w.entries > maxEntries {
		return fmt.Errorf("vorbis: codebook of %d entries: %w", entries, audio.ErrLimit)
	}
	used, err := w.lengths(entries)
	if err != nil {
		return err
	}
	if used == 0 {
		return malformed("codebook without a code")
	}
	return w.vectors(dimensions, entries)
}

// lengths walks the code lengths and returns how many entries have one.
func (w *setup) lengths(entries int) (used int, err error) {
	if w.bits.read(1) == 0 {
		sparse := w.bits.read(1) == 1
		for range entries {
			if !sparse || w.bits.read(1) == 1 {
				w.bits.read(5)
				used++
			}
			if w.bits.over {
				break
			}
		}
		return used, nil
	}
	w.bits.read(5)
	for length := 1; used < entries; length++ {
		used += int(w.bits.read(bits.Len(uint(entries - used))))
		if used > entries || length > 32 || w.bits.over {
			return 0, malformed("impossible code lengths")
		}
	}
	return used, nil
}

func (w *setup) vectors(dimensions, entries int) error {
	kind := w.bits.read(4)
	if kind == 0 {
		return nil
	}
	if kind > 2 {
		return malformed("unknown vector lookup")
	}
	w.values += entries * dimensions
	if w.values > maxValues {
		return fmt.Errorf("vorbis: vectors of %d values: %w", w.values, audio.ErrLimit)
	}
	w.bits.read(32)
	w.bits.read(32)
	width := int(w.bits.read(4)) + 1
	w.bits.read(1)
	count := entries * dimensions
	if kind == 1 {
		count = int(math.Floor(math.Pow(float64(entries), 1/float64(dimensions))))
	}
	w.bits.skip(count * width)
	return nil
}

func (w *setup) times() error {
	for range w.bits.read(6) + 1 {
		w.bits.read(16)
	}
	return nil
}

func (w *setup) floors() error {
	for range w.bits.read(6) + 1 {
		switch w.bits.read(16) {
		case 0:
			w.bits.skip(8 + 16 + 16 + 6 + 8)
			w.bits.skip(8 * (int(w.bits.read(4)) + 1))
		case 1:
			w.floor1()
		default:
			return malformed("unknown floor")
		}
	}
	return nil
}

func (w *setup) floor1() {
	at := w.bits.at
	partitions := make([]int, w.bits.read(5))
	classes := 0
	for i := range partitions {
		partitions[i] = int(w.bits.read(4))
		classes = max(classes, partitions[i]+1)
	}
	var dimensions [16]int
	for i := range classes {
		dimensions[i] = int(w.bits.read(3)) + 1
		subclasses := w.bits.read(2)
		if subclasses != 0 {
			w.bits.read(8)
		}
		w.bits.skip(8 << subclasses)
	}
	w.bits.read(2)
	width := int(w.bits.read(4))
	if len(partitions) == 0 && !w.bits.over {
		w.edited.bend(w.bits.data, at, width)
	}
	for _, class := range partitions {
		w.bits.skip(width * dimensions[class])
	}
}

func (w *setup) residues() error {
	for range w.bits.read(6) + 1 {
		if w.bits.read(16) > 2 {
			return malformed("unknown residue")
		}
		begin, end := w.bits.read(24), w.bits.read(24)
		if begin > end { // the library would take it for four thousand million values
			return malformed("residue that ends before it begins")
		}
		w.bits.skip(24)
		classes := int(w.bits.read(6)) + 1
		if int(w.bits.read(8)) >= w.books {
			return malformed("residue without its book")
		}
		books := 0
		for range classes {
			cascade := w.bits.read(3)
			if w.bits.read(1) == 1 {
				cascade |= w.bits.read(5) << 3
			}
			books += bits.OnesCount32(cascade)
		}
		w.bits.skip(8 * books)
	}
	return nil
}

func (w *setup) mappings() error {
	for range w.bits.read(6) + 1 {
		if w.bits.read(16) != 0 {
			return malformed("unknown mapping")
		}
		submaps := 1
		if w.bits.read(1) == 1 {
			submaps = int(w.bits.read(4)) + 1
		}
		if w.bits.read(1) == 1 {
			steps := int(w.bits.read(8)) + 1
			w.bits.skip(steps * 2 * bits.Len(uint(w.channels-1)))
		}
		w.bits.read(2)
		if submaps > 1 {
			w.bits.skip(4 * w.channels)
		}
		w.bits.skip(submaps * 24)
	}
	return nil
}

// A bitReader reads integers least significant bit first. Past the end it gives
// zeros and remembers that it did.
type bitReader struct {
	data []byte
	at   int // in bits
	over bool
}

func (r *bitReader) read(n int) uint32 {
	var v uint32
	for i := 0; i < n; {
		at := r.at + i
		if at/8 >= len(r.data) {
			r.over = true
			break
		}
		take := min(8-at%8, n-i)
		v |= uint32(r.data[at/8]>>(at%8)) & (1<<take - 1) << i
		i += take
	}
	r.at += n
	return v
}

func (r *bitReader) skip(n int) {
	r.at += n
	if r.at > 8*len(r.data) {
		r.over = true
	}
}
