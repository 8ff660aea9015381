package pipeline

import (
	"errors"
	"time"

	"segue/audio"
)

// lead is how far before its target a seek begins to read, in samples at
// 48 kHz: what decoders must hear before they can be trusted.
const lead = warm * frameSamples

// Seek makes the frame at to the next one and reports where that is: to itself,
// or, where packets pass, the beginning of the packet that holds it. It is for
// the stream's owner, before a Pump is started. Media that cannot seek are read
// up to to if it lies ahead; else the error wraps audio.ErrNotSeekable and the
// stream goes on where it was. Beyond the end there are no more frames.
func (s *Stream) Seek(to time.Duration) (time.Duration, error) {
	if !s.begun {
		if err := s.look(); err != nil && !errors.Is(err, s.ended) {
			return 0, err
		}
	}
	target := toSamples(max(to, 0))
	if _, err := s.demux.Seek(toTime(max(target-lead, 0))); err != nil {
		if !errors.Is(err, audio.ErrNotSeekable) || target < s.heard {
			return 0, err
		}
		if s.mode == Transcode && s.aligned {
			s.unread()
		}
	} else {
		s.framing.restart(target + s.zero)
		s.forget()
	}
	s.anew()
	at, err := s.arrive(target)
	if err != nil || s.failed != nil || s.aligned {
		return toTime(max(at, 0)), err
	}
	return toTime(at), s.enter(at)
}

// forget drops what has been read, for packets from elsewhere.
func (s *Stream) forget() { s.held, s.ended, s.jumped, s.floor = s.held[:0], nil, true, 0 }

// anew makes the next frame one that follows nothing.
func (s *Stream) anew() {
	s.failed, s.mode, s.begun, s.joined, s.turning = nil, Passthrough, true, false, false
	s.past.forget()
}

// arrive reads up to target and prepares for the frame there, which begins at the
// place it returns. Beyond the end the stream has failed with what it ended with.
func (s *Stream) arrive(target int64) (int64, error) {
	var run []timed // what warms decoders up, and the packet that holds target
	for {
		p, err := s.read()
		if err != nil {
			s.failed = s.ended
			return target, nil
		}
		if p.Codec != nil {
			s.adopt(p.Codec)
			p.Codec, run = nil, run[:0]
		}
		if p.length > 0 && p.PTS+p.length <= target-lead {
			continue
		}
		run = append(run, p)
		if p.PTS+p.length-p.TrimEnd > target || p.length <= 0 {
			break
		}
	}
	last := run[len(run)-1]
	if s.aligned = s.rules.passable(s.codec) && s.rules.pass(last); !s.aligned {
		s.origin, s.skip = max(target, run[0].PTS), max(target-run[0].PTS, 0)
		s.held = append(run, s.held...)
		return s.origin, nil
	}
	for _, p := range run[:len(run)-1] {
		s.past.add(p)
	}
	s.unget(last)
	return last.PTS, nil
}

func toSamples(d time.Duration) int64 {
	s, rest := int64(d/time.Second), int64(d%time.Second)
	return s*audio.SampleRate + (rest*audio.SampleRate+int64(time.Second)/2)/int64(time.Second)
}

func toTime(samples int64) time.Duration {
	s, rest := samples/audio.SampleRate, samples%audio.SampleRate
	return time.Duration(s)*time.Second + time.Duration((rest*int64(time.Second)+audio.SampleRate/2)/audio.SampleRate)
}
