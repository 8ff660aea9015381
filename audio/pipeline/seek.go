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
		s.held, s.ended, s.jumped, s.floor = s.held[:0], nil, true, 0
		s.framing.restart(target + s.zero)
	}
	s.failed, s.mode, s.begun, s.joined, s.turning = nil, Passthrough, true, false, false
	s.past.forget()
	return s.arrive(target)
}

// arrive reads up to target and prepares to make the frame there.
func (s *Stream) arrive(target int64) (time.Duration, error) {
	var run []timed // what warms decoders up, and the packet that holds target
	for {
		p, err := s.read()
		if err != nil {
			return s.arriveAtEnd(target)
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
		return toTime(s.origin), s.enter(s.origin)
	}
	for _, p := range run[:len(run)-1] {
		s.past.add(p)
	}
	s.unget(last)
	return toTime(max(last.PTS, 0)), nil
}

// arriveAtEnd is arrive where nothing is left to be heard.
func (s *Stream) arriveAtEnd(target int64) (time.Duration, error) {
	s.failed = s.ended
	return toTime(target), nil
}

func toSamples(d time.Duration) int64 {
	s, rest := int64(d/time.Second), int64(d%time.Second)
	return s*audio.SampleRate + (rest*audio.SampleRate+int64(time.Second)/2)/int64(time.Second)
}

func toTime(samples int64) time.Duration {
	s, rest := samples/audio.SampleRate, samples%audio.SampleRate
	return time.Duration(s)*time.Second + time.Duration((rest*int64(time.Second)+audio.SampleRate/2)/audio.SampleRate)
}
