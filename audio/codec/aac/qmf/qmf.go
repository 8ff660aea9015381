// Package qmf has the quadrature mirror filter banks of MPEG-4's extensions
// (ISO/IEC 14496-3, 4.6.18.4), and the matrix of subband samples that spectral
// band replication hands to parametric stereo.
package qmf

const (
	Bands = 64 // of a whole slot; the lower half of them is the core's
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
