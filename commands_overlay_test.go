package main

import (
	"math"
	"strings"
	"testing"

	"segue/audio"
	"segue/discordtest/listener"
)

// partial is how loud the tone of hz is in the last frames that alice heard.
func (s *stage) partial(ears *listener.Listener, hz float64, frames int) float64 {
	s.Helper()
	pcm, err := joined(withoutSilence(ears.Heard(s.bot()).Packets))
	if err != nil {
		s.Fatal(err)
	}
	pcm = pcm[max(len(pcm)-frames*1920, 0):]
	var re, im float64
	for i := range len(pcm) / 2 {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
		re, im = re+float64(pcm[2*i])*cos, im+float64(pcm[2*i])*sin
	}
	return 2 * math.Hypot(re, im) / float64(max(len(pcm)/2, 1))
}

func TestASoundIsHeardOverTheMusic(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.put("tone.wav", wave(t, steady(3000, 500)))
	s.put("bell.wav", wave(t, steady(200, 1500)))
	s.starts()
	ears := s.listens()
	if r := s.asks("/sound", "query", "bell"); !r.Ephemeral || !strings.Contains(r.Text(), "Nothing is playing") {
		t.Errorf("with nothing playing /sound says %q", r.Text())
	}
	s.asks("/levelling", "mode", "off")
	s.asks("/play", "query", "tone")
	s.hears(ears, 25)
	alone := s.partial(ears, 500, 10)
	if r := s.asks("/sound", "query", "bell"); r.Ephemeral || !strings.Contains(r.Text(), "bell") {
		t.Errorf("/sound says %q", r.Text())
	}
	s.more(ears, 50)
	if music, bell := s.partial(ears, 500, 10)/alone, s.partial(ears, 1500, 10)/alone; math.Abs(music-0.25) > 0.03 || math.Abs(bell-1) > 0.1 {
		t.Errorf("under the bell the music is %.3f of what it was, and the bell %.3f", music, bell)
	}
	s.more(ears, 250)
	if music, bell := s.partial(ears, 500, 10)/alone, s.partial(ears, 1500, 10)/alone; math.Abs(music-1) > 0.05 || bell > 0.01 {
		t.Errorf("after the bell the music is %.3f of what it was, and the bell %.3f", music, bell)
	}
}
