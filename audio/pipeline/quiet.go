package pipeline

import (
	"segue/audio"
)

// Silence at the ends of a piece, which can be left out.
const (
	hush       = 1e-3                  // 60 dB below full scale: what no sample exceeds is silence
	breath     = audio.SampleRate / 10 // samples of it that are kept
	searched   = 10 * audio.SampleRate // samples at the beginning that are looked at
	searchedAt = 6 * audio.SampleRate  // and at the end
	inspected  = 1 << 20               // bytes of packets that are looked at
)

// span finds where in pcm, which begins at pos, the first and the last sample are
// that can be heard.
func span(pcm []float32, pos int64) (first, last int64, any bool) {
	for i, v := range pcm {
		if v > hush || v < -hush {
			at := pos + int64(i/audio.Channels)
			if !any {
				first, any = at, true
			}
			last = at
		}
	}
	return first, last, any
}

// trimStart makes the first frame the one before which there is nothing to be heard. It is called before
// that is made, and may wait for packets.
func (s *Stream) trimStart() error {
	if !s.begun {
		if err := s.look(); err != nil {
			return err
		}
	}
	dec, err := s.o.Decoder(s.codec)
	if err != nil {
		return err
	}
	in := newIntake(dec, s.o.Tables, s.codec.GainDB)
	in.reset(place{first: -s.skip, zero: s.zero})
	var run []timed
	var pcm []float32
	bytes, at, sound := 0, int64(0), int64(-1)
	for at < searched && bytes < inspected && sound < 0 {
		p, err := s.read()
		if err != nil {
			break
		}
		run = append(run, p)
		if bytes += len(p.Data); p.Codec != nil {
			break
		}
		if pcm, _, err = in.take(pcm[:0], p); err != nil {
			break
		}
		if first, _, any := span(pcm, at); any {
			sound = first
		}
		at += int64(len(pcm) / audio.Channels)
	}
	s.held = append(run, s.held...)
	if sound <= breath {
		return nil // silence throughout is left as it is
	}
	s.trimmed = true
	_, err = s.arrive(sound - breath)
	return err
}

// trimStart does that if it is wanted.
func (p *Pump) trimStart() error {
	if !p.stream.o.Trim {
		return nil
	}
	p.ahead().reach(searchedAt + margin)
	return p.stream.trimStart()
}

// trimEnd finds out whether the end of what has been read ahead is silence, and
// leaves that out.
func (p *Pump) trimEnd() {
	if _, ended := p.ahead().rest(); !p.stream.o.Trim || p.trimmed || !ended {
		return
	}
	p.trimmed = true
	if end, ok := p.lastSound(); ok && p.ahead().truncate(end+breath) {
		p.stream.trimmed = true
	}
}

// lastSound is where what has been read ahead becomes silent for good, by the
// container's time.
func (p *Pump) lastSound() (end int64, ok bool) {
	s := p.stream
	packets := p.ahead().last(searchedAt, inspected)
	dec, err := s.o.Decoder(s.codec)
	if err != nil {
		return 0, false
	}
	in := newIntake(dec, s.o.Tables, s.codec.GainDB)
	in.reset(place{})
	var pcm []float32
	for i, k := range packets {
		if k.Codec != nil {
			return 0, false
		}
		pcm, err = guarded(func() (_ []float32, err error) {
			pcm, _, err := in.take(pcm[:0], timed{Packet: k, length: k.Duration})
			return pcm, err
		})
		if err != nil {
			return 0, false
		}
		if i < warm { // the decoder is still cold
			continue
		}
		if _, last, any := span(pcm, k.PTS); any {
			end, ok = last+1, true
		}
	}
	if !ok && len(packets) > warm && s.heard >= audio.SampleRate { // it has been silent for a while
		return packets[warm].PTS, true
	}
	return end, ok
}

// last is a copy of the last packets read ahead, as many as last so long and have so
// many bytes.
func (a *ahead) last(samples int64, bytes int) []audio.Packet {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for ; n < a.n && samples > 0 && bytes > 0; n++ {
		p := &a.ring[(a.first+a.n-1-n)%len(a.ring)]
		samples -= max(p.Duration, 1)
		bytes -= len(p.Data)
	}
	out := make([]audio.Packet, 0, n)
	for i := a.n - n; i < a.n; i++ {
		out = append(out, a.ring[(a.first+i)%len(a.ring)])
	}
	return out
}

// truncate makes the music end at end, by the container's time, and reports whether
// it lasted longer.
func (a *ahead) truncate(end int64) (cut bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.n > 1 {
		p := &a.ring[(a.first+a.n-1)%len(a.ring)]
		if p.PTS < end {
			if over := p.PTS + p.Duration - end; over > p.TrimEnd {
				p.TrimEnd = over
				cut = true
			}
			return cut
		}
		a.length -= p.Duration
		a.bytes -= len(p.Data) + overhead
		*p = audio.Packet{}
		a.n--
		cut = true
	}
	return cut
}
