package pipeline

import (
	"fmt"
	"math"

	"segue/audio"
	"segue/audio/resample"
)

// tolerated is how many packets in a row may be damaged: a second of Opus.
// A file with more is not worth listening to.
const tolerated = 50

// believed is for how long a packet that cannot be decoded is believed to last,
// in samples at 48 kHz: containers claim what they like.
const believed = 2 * audio.SampleRate

// An intake turns packets into PCM of the engine's format.
type intake struct {
	dec    audio.Decoder
	tables *resample.Tables
	rs     *resample.Resampler // for what the decoder gave last; nil before
	gain   float32             // of the container's header; 1 is none
	raw    []float32           // as decoded

	at     place
	joined bool  // drop is known, by the codec's rate
	empty  bool  // nothing has come of the first packet
	drop   int64 // samples at the codec's rate still to drop
	bad    int   // packets damaged in a row
}

func newIntake(dec audio.Decoder, tables *resample.Tables, gainDB float32) *intake {
	return &intake{dec: dec, tables: tables, gain: float32(math.Pow(10, float64(gainDB)/20))}
}

// A place is where on the timeline, in samples at 48 kHz, things are.
type place struct {
	first  int64 // the first packet
	origin int64 // the first sample wanted
	music  int64 // the beginning of the music, where the resampler's grid begins
	// zero is what the container's times are more than the timeline's. Of those,
	// and not of differences, it is known which sample of the codec they mean.
	zero int64
}

// reset starts anew at p, with a packet that follows nothing.
func (in *intake) reset(p place) {
	in.dec.Reset()
	in.rs = nil
	in.at, in.joined, in.empty, in.drop, in.bad = p, false, false, 0, 0
}

// take appends the PCM of p to dst. A packet that cannot be decoded is concealed
// for as long as it says it lasts, and reported as damaged; after too many in a
// row comes audio.ErrMalformed.
func (in *intake) take(dst []float32, p timed) (_ []float32, damaged bool, err error) {
	raw, err := in.dec.Decode(in.raw[:0], p.Packet)
	if damaged = err != nil; damaged {
		if in.bad++; in.bad > tolerated {
			return dst, true, fmt.Errorf("%d damaged packets in a row: %w: %w", in.bad, audio.ErrMalformed, err)
		}
		raw = in.conceal(p)
	} else {
		in.bad = 0
	}
	in.raw = raw
	rate, channels := in.dec.Format()
	if len(raw) == 0 { // some decoders need two packets for the first sound
		in.empty = in.empty || !in.joined
		return dst, damaged, nil
	}
	if in.empty {
		in.at.first, in.empty = p.PTS, false
	}
	dst, err = in.fit(dst, rate, channels)
	if err != nil {
		return dst, damaged, err
	}
	raw = in.trim(raw[:len(raw)/channels*channels], rate, channels, p.TrimEnd)
	if in.gain != 1 {
		for i := range raw {
			raw[i] *= in.gain
		}
	}
	return in.rs.Process(dst, raw), damaged, nil
}

// conceal gives PCM in place of a packet that is damaged: the codec's guess, or
// silence.
func (in *intake) conceal(p timed) []float32 {
	length := min(p.length, believed)
	raw, err := in.dec.Decode(in.raw[:0], audio.Packet{PTS: p.PTS, Duration: length})
	rate, channels := in.dec.Format()
	if want := int(length*int64(rate)/audio.SampleRate) * channels; err != nil || len(raw) != want {
		raw = append(in.raw[:0], make([]float32, max(want, 0))...)
	}
	return raw
}

// fit sees to a resampler for what the decoder gives now. If that has changed,
// the old one's rest comes first.
func (in *intake) fit(dst []float32, rate, channels int) ([]float32, error) {
	if in.rs != nil {
		if r, c := in.rs.Format(); r == rate && c == channels {
			return dst, nil
		}
		dst = in.rs.Flush(dst)
	}
	rs, err := resample.New(in.tables, rate, channels)
	if err != nil {
		return dst, err
	}
	in.rs = rs
	if !in.joined {
		in.joined = true
		have := atRate(in.at.first+in.at.zero, rate) - atRate(in.at.music+in.at.zero, rate)
		in.drop = rs.Join(in.at.origin-in.at.music) - have
		if lack := min(-in.drop, int64(rs.Latency()+1)*int64(rate)/audio.SampleRate+1); lack > 0 {
			dst = rs.Process(dst, make([]float32, int(lack)*channels)) // before the first sample there is silence
		}
		in.drop = max(in.drop, 0)
	}
	return dst, nil
}

// trim takes off what is not music: at the start what is still to be dropped, at
// the end so many samples at 48 kHz.
func (in *intake) trim(raw []float32, rate, channels int, end int64) []float32 {
	n := int64(len(raw) / channels)
	if end > 0 {
		n = max(n-atRate(end, rate), 0)
	}
	d := min(in.drop, n)
	in.drop -= d
	return raw[int(d)*channels : int(n)*channels]
}

// owing reports whether the PCM has not begun: what came was to be dropped.
func (in *intake) owing() bool { return !in.joined || in.drop > 0 }

// dropping is how many samples at 48 kHz are still to be dropped.
func (in *intake) dropping() int64 {
	if in.rs == nil {
		return in.at.origin - in.at.first
	}
	rate, _ := in.rs.Format()
	return in.drop * audio.SampleRate / int64(rate)
}

// flush appends what the resampler still holds.
func (in *intake) flush(dst []float32) []float32 {
	if in.rs == nil {
		return dst
	}
	return in.rs.Flush(dst)
}

// atRate turns samples at 48 kHz into samples at rate, to the nearest: a count
// that came from that rate comes back as it was.
func atRate(samples int64, rate int) int64 {
	n := samples*int64(rate) + audio.SampleRate/2
	if n < 0 {
		n -= audio.SampleRate - 1 // towards minus infinity
	}
	return n / audio.SampleRate
}
