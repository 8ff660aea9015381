// Package qmf has the quadrature mirror filter banks of MPEG-4's extensions
// (ISO/IEC 14496-3, 4.6.18.4), and the matrix of subband samples that spectral
// band replication hands to parametric stereo.
package qmf

import "segue/audio/codec/aac/dct"

const (
	Bands = 64 // of a whole slot
	Core  = 32 // of them, the ones below: the core's
	Slots = 32 // of a frame
	Ahead = 6  // slots of the frame after that come along, for hybrid filters
)

// A Matrix is a frame in the subband domain, by slot and band. It is scaled so
// that full scale is 1, as the samples of the decoder are. The last Ahead slots are
// the first of the next frame, as far as they are known: their bands of the core
// are what they will be, those above are not there yet.
//
// Go multiplies complex64 in float64; where speed counts, multiply the parts.
type Matrix [Slots + Ahead][Bands]complex64

// tables are what all banks share. They never change.
type tables struct {
	all       *dct.IV
	analysis  [5][Bands]float32 // backwards, with its signs and the scale
	synthesis [10][Bands]float32
}

var shared = newTables()

func newTables() *tables {
	t := &tables{all: dct.New(Bands)}
	for i := range 5 {
		for n := range Bands {
			c := 2 * Bands * Coefficient(2*(Bands*i+Bands-1-n))
			if n < Bands-Core-1 {
				c = -c
			}
			t.analysis[i][n] = c
		}
	}
	for i := range 10 {
		for n := range Bands {
			t.synthesis[i][n] = Coefficient(Bands*i + n)
		}
	}
	return t
}

// A Room is scratch for one bank at a time.
type Room struct {
	c    [Bands]complex64
	a, b [Bands]float32
}
