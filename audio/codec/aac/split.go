package aac

import "segue/audio/codec/aac/bits"

// A Splitter finds where frames end that stand one behind the other without a word
// about it, as in ADTS frames of several blocks. To find out it must read them. It
// is for one goroutine at a time.
type Splitter struct{ d *Decoder }

// NewSplitter returns a splitter of frames that private, an AudioSpecificConfig,
// describes. Errors are those of ParseConfig.
func NewSplitter(private []byte) (*Splitter, error) {
	d, err := NewDecoder(private)
	if err != nil {
		return nil, err
	}
	return &Splitter{d}, nil
}

// Split appends to dst the frames b consists of, which are parts of it, and reports
// whether there are n of them and no more. Otherwise it appends those before what
// is no frame.
func (s *Splitter) Split(dst [][]byte, b []byte, n int) ([][]byte, bool) {
	r := &bits.Reader{B: b}
	for range n {
		from := r.Pos / 8
		clear(s.d.heard[:])
		if err := s.d.read(r); err != nil {
			return dst, false
		}
		r.Align()
		dst = append(dst, b[from:r.Pos/8])
	}
	return dst, r.Pos == 8*len(b)
}
