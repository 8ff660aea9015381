// Package sbr decodes the spectral band replication of HE-AAC (ISO/IEC 14496-3,
// 4.6.18): out of the samples of the core and a little that is told about the upper
// half of the spectrum, it makes the sound at twice the rate. What is written of
// parametric stereo among its data it carries out by package ps.
package sbr

import (
	"segue/audio/codec/aac/bits"
	"segue/audio/codec/aac/ps"
	"segue/audio/codec/aac/qmf"
)

const (
	// FrameIn is how many samples per channel of the core a frame is made of.
	FrameIn = qmf.Slots * qmf.Core
	// FrameOut is how many samples per channel come out for them.
	FrameOut = qmf.Slots * qmf.Bands
)

const (
	delay  = 8 // slots the making of high bands looks back
	offset = 2 // of them come before the slot that is put out
	spill  = 6 // slots the last envelope can reach into the next frame
)

// An Element is the extension of one element of the core, one channel or a pair. It
// is for one goroutine at a time.
type Element struct {
	rate   int // of the output, as the tables of bands know it
	pair   bool
	stereo *ps.Decoder // nil until there is parametric stereo

	header
	bands
	known   bool // there was a header, and its bands can be
	stale   bool // what differences in time refer to is lost
	reset   bool // the bands are new: what is carried over from frame to frame means nothing
	ready   bool // the data of the frame have been read
	coupled bool

	wasStart, wasWidth int // of the bands, in the frame before

	channels  []channel
	synthesis []qmf.Synthesis
}

// A channel is what one channel of an element keeps.
type channel struct {
	grid
	before grid // that of the frame before

	levels    [maxEnvelopes + 1][maxHigh]uint8
	floor     [2 + 1][maxNoise]uint8 // of noise; both as written, the first row is the last of the frame before
	lastHigh  bool                   // that row has all bands
	timeLevel [maxEnvelopes]bool     // told as differences in time
	timeFloor [2]bool
	inverse   [2][maxNoise]uint8 // filtering, of the frame before and of this one
	sines     [maxHigh]bool      // by band: a sinusoid is to be added

	energy [maxEnvelopes][maxHigh]float32 // by band, of full scale
	ratio  [2][maxNoise]float32           // of noise to signal

	analysis  qmf.Analysis
	low       [delay + qmf.Slots][qmf.Core]complex64
	tail      [spill][maxHigh]complex64 // high bands of the next frame's beginning
	chirps    [maxNoise]float32
	gains     [smooth][maxHigh]float32 // of the last slots
	noises    [smooth][maxHigh]float32
	lastSines [maxHigh]bool       // by subband, in the last envelope
	mean      [2][maxHigh]float32 // room for smoothed gains
	noiseAt   int
	sineAt    int
}

// A Scratch is room for one element at a time.
type Scratch struct {
	room   qmf.Room
	matrix [2]qmf.Matrix
	high   [qmf.Slots + spill][maxHigh]complex64
	levels levels
}

// New returns the extension of an element whose core has half the rate; that is
// rounded to what the standard has tables for.
func New(rate int, pair bool) *Element {
	n := 1
	if pair {
		n = 2
	}
	return &Element{rate: rate, pair: pair, wasStart: qmf.Core, channels: make([]channel, n), synthesis: make([]qmf.Synthesis, n)}
}

// Reset forgets all that was heard. What was told of the stream as a whole stays: the
// header, and that there is parametric stereo.
func (e *Element) Reset() {
	clear(e.channels)
	clear(e.synthesis)
	e.wasStart, e.wasWidth = qmf.Core, 0
	e.stale, e.ready = e.known, false
	if e.stereo != nil {
		e.stereo.Reset()
	}
}

// Drop forgets what Read has read of a frame that is not made.
func (e *Element) Drop() {
	e.stale = e.stale || e.ready
	e.ready = false
}

// Stereo reports whether a single channel is made two.
func (e *Element) Stereo() bool { return e.stereo != nil }

// beStereo begins with parametric stereo. The right channel goes on from the left.
func (e *Element) beStereo(d *ps.Decoder) {
	e.stereo = d
	e.synthesis = append(e.synthesis[:1], e.synthesis[0])
}

// Read reads the sbr_extension_data of a frame, to which all that is left of r belongs.
// checked is whether they begin with a checksum, which is not looked at. A frame that
// cannot be read is made without high bands, and so are those after it that build on
// it. Parametric stereo is heeded only if mono: the element is all there is.
func (e *Element) Read(r *bits.Reader, checked, mono bool) {
	e.Drop()
	if checked {
		r.Read(10)
	}
	if r.Flag() {
		e.begin(readHeader(r))
	}
	if !e.known {
		return
	}
	ok := false
	if e.pair {
		ok = e.readPair(r)
	} else {
		ok = e.readSingle(r)
	}
	if ok && r.Flag() {
		e.readExtended(r, mono)
	}
	e.ready = ok && !r.Over()
}

// begin takes a header.
func (e *Element) begin(h header) {
	changed := !e.known || h.spectrum != e.spectrum
	limits := h.limiterBands != e.limiterBands
	e.header = h
	switch {
	case changed:
		e.known, e.reset = e.make(h.spectrum, h.limiterBands, e.rate) == nil, true
	case limits:
		e.makeLimits(h.limiterBands)
	}
}

const extensionPS = 2

// readExtended reads the data for other extensions.
func (e *Element) readExtended(r *bits.Reader, mono bool) {
	n := r.Read(4)
	if n == 15 {
		n += r.Read(8)
	}
	end := r.Pos + 8*n
	if kind := r.Read(2); n > 0 && kind == extensionPS && mono && !e.pair && end <= 8*len(r.B) {
		d := e.stereo
		if d == nil {
			d = &ps.Decoder{}
		}
		err := d.Read(&bits.Reader{B: r.B[:(end+7)/8], Pos: r.Pos}) // after an error stereo goes on as it was
		if e.stereo == nil && err == nil {
			e.beStereo(d)
		}
	}
	r.Pos = end
}

// Process makes the frame that Read has read, or one without high bands if it has
// not, out of core, which has a channel or two. It puts FrameOut samples at
// left[0], left[step], … and, if there are two channels to put out, at right.
func (e *Element) Process(s *Scratch, core *[2][FrameIn]float32, left, right []float32, step int) {
	if !e.ready {
		e.stale = e.known
	}
	start, width := qmf.Core, 0
	if e.ready {
		start, width = e.start, e.width
		e.reset = e.reset || e.stale
		e.stale = false
		e.dequantize()
		for i := range e.channels {
			if e.reset {
				e.channels[i].noiseAt = 0
			}
		}
	}
	for i := range e.channels {
		c := &e.channels[i]
		c.analysis.Process(&s.room, c.low[delay:], &core[i])
		if e.ready {
			e.generate(c, s)
			e.adjust(c, s)
		}
		e.arrange(c, &s.matrix[i], s, start, width)
		c.carry(s, start)
	}
	e.wasStart, e.wasWidth = start, width
	if e.ready {
		e.reset = false
	}
	e.ready = false
	if e.stereo != nil {
		e.stereo.Apply(&s.matrix[0], &s.matrix[1])
	}
	e.synthesis[0].Process(&s.room, &s.matrix[0], left, step)
	if len(e.synthesis) > 1 {
		e.synthesis[1].Process(&s.room, &s.matrix[1], right, step)
	}
}

// arrange puts low and high bands together (4.6.18.5).
func (e *Element) arrange(c *channel, m *qmf.Matrix, s *Scratch, start, width int) {
	before := max(2*c.before.end()-qmf.Slots, 0) // slots that belong to the frame before
	from, to := 2*c.borders[0], 2*c.end()
	for i := range m {
		row, low := &m[i], &c.low[i+offset]
		n := copy(row[:], low[:start])
		switch {
		case i < before:
			n = copy(row[:], low[:e.wasStart])
			n += copy(row[n:], c.tail[i][:e.wasWidth])
		case i < qmf.Slots && i >= from && i < to:
			n += copy(row[n:], s.high[i][:width])
		}
		clear(row[n:])
	}
}

// carry keeps what the next frame needs of this one, whose high bands begin at start.
func (c *channel) carry(s *Scratch, start int) {
	for i := range delay {
		n := copy(c.low[i][:], c.low[qmf.Slots+i][:start])
		clear(c.low[i][n:])
	}
	copy(c.tail[:], s.high[qmf.Slots:])
	c.before, c.grid = c.grid, grid{}
}
