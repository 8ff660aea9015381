package pipeline

import (
	"segue/audio"
	"segue/audio/levelling"
)

// Measure says whether a stream finds out how loud its music is.
type Measure uint8

// How much of the music is measured.
const (
	MeasureNothing Measure = iota
	MeasureDecoded         // what is decoded anyway
	MeasureAll             // what passes is decoded for that, which takes a third of what encoding it would
)

// A gauge measures music as its source has it.
type gauge struct {
	tracker *levelling.Tracker
	dec     audio.Decoder // of what passes; nil until something did
	pcm     []float32
}

// newGauge returns what measures as o wants it, or nil.
func newGauge(o Measure, info audio.Info) *gauge {
	if o == MeasureNothing {
		return nil
	}
	return &gauge{tracker: levelling.NewTracker(toSamples(info.Duration))}
}

// decoded hears what the music holds from pos on.
func (e *gauge) decoded(pos int64, pcm []float32) {
	if early := min(max(-pos, 0)*audio.Channels, int64(len(pcm))); early > 0 {
		pos, pcm = pos+early/audio.Channels, pcm[early:]
	}
	e.tracker.Add(pos, pcm)
}

// passed hears a packet that passes. What cannot be decoded is not heard.
func (s *Stream) passed(p timed) {
	e := s.gauge
	if e.dec == nil {
		dec, err := s.o.Decoder(s.codec)
		if err != nil {
			s.gauge = nil
			return
		}
		e.dec = dec
	}
	pcm, err := e.dec.Decode(e.pcm[:0], p.Packet)
	e.pcm = pcm
	if rate, channels := e.dec.Format(); err == nil && rate == audio.SampleRate && channels == audio.Channels {
		n := int(max(p.length-p.TrimEnd, 0)) * audio.Channels
		e.decoded(p.PTS, pcm[:min(n, len(pcm))])
	}
}

// Measured is how loud the music was found to be so far. It is for the stream's
// owner.
func (s *Stream) Measured() levelling.Measurement {
	if s.gauge == nil {
		return levelling.Measurement{}
	}
	return s.gauge.tracker.Measurement()
}

// Measured is how loud the music was found to be. It is for after Close; before, it
// says nothing.
func (p *Pump) Measured() levelling.Measurement {
	if !p.closed.Load() {
		return levelling.Measurement{}
	}
	return p.measured
}
