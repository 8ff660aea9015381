package latm

import (
	"fmt"

	"segue/audio"
	"segue/audio/codec/aac/bits"
	"segue/audio/container/adts"
)

// Audio object types (ISO/IEC 14496-3, 1.5.1).
const (
	objectMain = 1
	objectLTP  = 4
	objectSBR  = 5
	objectPS   = 29
	objectBSAC = 22
)

// rates are the sampling frequencies by their index (ISO/IEC 14496-3, table 1.18).
var rates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// measure finds how many bits the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1)
// takes that b begins with, without an extension at its end, which only those can
// have that are told their length; and the rate of the core.
func measure(b []byte) (size, rate int, err error) {
	r := &bits.Reader{B: b}
	object := readObject(r)
	rate = readRate(r)
	channels := r.Read(4)
	if object == objectSBR || object == objectPS {
		readRate(r)
		if object = readObject(r); object == objectBSAC {
			r.Read(4)
		}
	}
	if object < objectMain || object > objectLTP {
		return 0, 0, unsupported(fmt.Sprintf("MPEG-4 audio object type %d", object))
	}
	r.Read(1)
	if r.Flag() {
		r.Read(14) // the core coder's delay
	}
	extended := r.Flag()
	if channels == 0 {
		adts.SkipProgram(r)
	}
	if extended {
		r.Read(1)
	}
	if r.Over() || rate == 0 {
		return 0, 0, fmt.Errorf("latm: bad configuration: %w", audio.ErrMalformed)
	}
	return r.Pos, rate, nil
}

func readObject(r *bits.Reader) int {
	if n := r.Read(5); n != 31 {
		return n
	}
	return 32 + r.Read(6)
}

func readRate(r *bits.Reader) int {
	i := r.Read(4)
	switch {
	case i == 15:
		return r.Read(24)
	case i < len(rates):
		return rates[i]
	}
	return 0
}
