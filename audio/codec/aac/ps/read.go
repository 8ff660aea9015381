package ps

import (
	"fmt"

	"segue/audio"
	"segue/audio/codec/aac/bits"
	"segue/audio/codec/aac/qmf"
)

// maxEnvelopes is four and one more, that goes on to the end of the frame.
const maxEnvelopes = 5

// rows are one kind of parameter, by envelope.
type rows [maxEnvelopes]row

// fit is envelope e in the bands of l. What there is one value for in two of 20
// bands is kept in both.
func (r *rows) fit(l *layout, bands, e int) row {
	wide := bands > layout20.bands || bands == layout34.phased
	switch {
	case wide && l == layout20:
		return r[e].along(narrowing)
	case !wide && l == layout34:
		return r[e].along(widening)
	}
	return r[e]
}

// parameters are what is in force: the header, and the values of a frame.
type parameters struct {
	started                        bool // there was a header
	hasIID, hasICC, hasMore        bool
	fine                           bool // intensities have 15 steps each way, not 7
	typeB                          bool // the mix is that of mixB
	iidBands, iccBands, phaseBands int

	envelopes          int // the first frame's are none
	ends               [maxEnvelopes]int
	iid, icc, ipd, opd rows
}

// A coding is how values of a kind are written.
type coding struct {
	time, freq  *book // for differences to the envelope before, and to the band below
	least, most int
	modulo      int // what values wrap around at, or 0
}

var (
	intensityCoding = coding{intensityTime, intensityFreq, -coarseSteps, coarseSteps, 0}
	fineCoding      = coding{fineTime, fineFreq, -fineSteps, fineSteps, 0}
	coherenceCoding = coding{coherenceTime, coherenceFreq, 0, coherences - 1, 0}
	betweenCoding   = coding{phaseTime, phaseFreq, 0, phases - 1, phases}
	overallCoding   = coding{overallTime, overallFreq, 0, phases - 1, phases}
)

var (
	bandsOf  = [6]int{10, 20, 34, 10, 20, 34} // by iid_mode or icc_mode
	phasesOf = [6]int{5, 11, 17, 5, 11, 17}   // by iid_mode
)

// envelopesOf is how many envelopes there are, by frame class and number.
var envelopesOf = [2][4]int{{0, 1, 2, 4}, {1, 2, 3, 4}}

// read reads ps_data. After an error p is of no use.
func (p *parameters) read(r *bits.Reader) error {
	if r.Flag() {
		if err := p.readHeader(r); err != nil {
			return err
		}
	}
	last := max(p.envelopes-1, 0)
	if err := p.readBorders(r); err != nil {
		return err
	}
	c := &intensityCoding
	if p.fine {
		c = &fineCoding
	}
	if !p.iid.readAll(r, p.hasIID, c, p.iidBands, p.envelopes, last) {
		return malformed("intensity")
	}
	if !p.icc.readAll(r, p.hasICC, &coherenceCoding, p.iccBands, p.envelopes, last) {
		return malformed("coherence")
	}
	if err := p.readMore(r, last); err != nil {
		return err
	}
	if r.Over() {
		return malformed("cut off")
	}
	p.fill(last)
	return p.check()
}

func (p *parameters) readHeader(r *bits.Reader) error {
	if p.hasIID = r.Flag(); p.hasIID {
		mode := r.Read(3)
		if mode >= len(bandsOf) {
			return malformed("reserved intensity mode")
		}
		p.fine, p.iidBands, p.phaseBands = mode >= 3, bandsOf[mode], phasesOf[mode]
	}
	if p.hasICC = r.Flag(); p.hasICC {
		mode := r.Read(3)
		if mode >= len(bandsOf) {
			return malformed("reserved coherence mode")
		}
		p.typeB, p.iccBands = mode >= 3, bandsOf[mode]
	}
	p.hasMore = r.Flag()
	p.started = true
	return nil
}

// readBorders reads how the frame is divided in time.
func (p *parameters) readBorders(r *bits.Reader) error {
	class := r.Read(1)
	p.envelopes = envelopesOf[class][r.Read(2)]
	end := 0
	for e := range p.envelopes {
		if class == 0 {
			p.ends[e] = (e + 1) * qmf.Slots / p.envelopes
			continue
		}
		p.ends[e] = r.Read(5) + 1
		if p.ends[e] < end { // where they are the same, the matrices step
			return malformed("borders of envelopes")
		}
		end = p.ends[e]
	}
	return nil
}

// readAll reads the values of all envelopes, if there are any; else they are zero.
// Last is the envelope before the first. It reports whether the values can be.
func (v *rows) readAll(r *bits.Reader, there bool, c *coding, bands, envelopes, last int) bool {
	if !there {
		*v = rows{}
		return true
	}
	before := v[last]
	for e := range envelopes {
		if !v[e].read(r, c, bands, &before) {
			return false
		}
		before = v[e]
	}
	return true
}

// read reads one envelope's values.
func (v *row) read(r *bits.Reader, c *coding, bands int, before *row) bool {
	inTime := r.Flag()
	book, stride := c.freq, 1
	if inTime {
		book = c.time
	}
	if bands <= bandsOf[0] {
		stride = 2
	}
	*v = row{}
	x := 0
	for b := range bands {
		if inTime {
			x = int(before[b*stride])
		}
		x += book.next(r)
		if c.modulo > 0 {
			x %= c.modulo
		}
		if x < c.least || x > c.most {
			return false
		}
		for k := range stride {
			v[b*stride+k] = int8(x)
		}
	}
	return true
}

// readMore reads extensions, of which there is one: phases.
func (p *parameters) readMore(r *bits.Reader, last int) error {
	phased := false
	if p.hasMore {
		size := r.Read(4)
		if size == 15 {
			size += r.Read(8)
		}
		end := r.Pos + 8*size
		if size > 0 && r.Read(2) == 0 {
			if phased = r.Flag(); phased {
				p.readPhases(r, last)
			}
			r.Read(1) // reserved
		}
		if r.Pos > end {
			return malformed("extension longer than it says")
		}
		r.Pos = end
	}
	if !phased {
		p.ipd, p.opd = rows{}, rows{}
	}
	return nil
}

// readPhases reads values of which none is wrong.
func (p *parameters) readPhases(r *bits.Reader, last int) {
	ipd, opd := p.ipd[last], p.opd[last]
	for e := range p.envelopes {
		p.ipd[e].read(r, &betweenCoding, p.phaseBands, &ipd)
		p.opd[e].read(r, &overallCoding, p.phaseBands, &opd)
		ipd, opd = p.ipd[e], p.opd[e]
	}
}

// hold makes the last values those of a whole frame.
func (p *parameters) hold() {
	last := max(p.envelopes-1, 0)
	p.envelopes = 0
	p.fill(last)
}

// fill lets the last values go on to the end of the frame.
func (p *parameters) fill(last int) {
	n := p.envelopes
	if n > 0 {
		last = n - 1
		if p.ends[last] == qmf.Slots {
			return
		}
	}
	for _, v := range []*rows{&p.iid, &p.icc, &p.ipd, &p.opd} {
		v[n] = v[last]
	}
	p.ends[n] = qmf.Slots
	p.envelopes++
}

// check says whether values that were kept are some under a new header, too.
func (p *parameters) check() error {
	if p.fine {
		return nil
	}
	for _, x := range p.iid[0] {
		if x < -coarseSteps || x > coarseSteps {
			return malformed("intensity")
		}
	}
	return nil
}

// layout is the one to use, where the one before was l.
func (p *parameters) layout(l *layout) *layout {
	switch {
	case p.hasIID && p.iidBands == layout34.bands, p.hasICC && p.iccBands == layout34.bands:
		return layout34
	case p.hasIID, p.hasICC, l == nil:
		return layout20
	}
	return l
}

func malformed(what string) error {
	return fmt.Errorf("ps: %s: %w", what, audio.ErrMalformed)
}
