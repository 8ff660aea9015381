package sbr

import "segue/audio/codec/aac/bits"

// A spectrum is the part of a header that shapes the bands. Where it changes,
// everything begins anew.
type spectrum struct {
	start, stop, crossover int
	scale                  int
	alter                  bool
	noiseBands             int
}

// A header is an sbr_header (ISO/IEC 14496-3, 4.4.2.8).
type header struct {
	spectrum
	coarse       bool // amplitudes in steps of 3 dB, not 1.5
	limiterBands int
	limiterGains int
	interpolate  bool
	plain        bool // gains are not smoothed in time
}

func readHeader(r *bits.Reader) header {
	h := header{coarse: r.Flag(), limiterBands: 2, limiterGains: 2, interpolate: true, plain: true}
	h.spectrum = spectrum{start: r.Read(4), stop: r.Read(4), crossover: r.Read(3), scale: 2, alter: true, noiseBands: 2}
	r.Read(2)
	frequencies, limits := r.Flag(), r.Flag()
	if frequencies {
		h.scale, h.alter, h.noiseBands = r.Read(2), r.Flag(), r.Read(2)
	}
	if limits {
		h.limiterBands, h.limiterGains, h.interpolate, h.plain = r.Read(2), r.Read(2), r.Flag(), r.Flag()
	}
	return h
}
