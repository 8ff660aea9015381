package main

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/discordtest/listener"
)

// level is how loud the last frames that alice heard are, as a root of a mean square.
func (s *stage) level(ears *listener.Listener, frames int) float64 {
	s.Helper()
	got := withoutSilence(ears.Heard(s.bot()).Packets)
	pcm, err := joined(got)
	if err != nil {
		s.Fatal(err)
	}
	sum := 0.0
	pcm = pcm[max(len(pcm)-frames*1920, 0):]
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}

// pitch is how often the left channel of the last frames crosses zero upwards in a second.
func (s *stage) pitch(ears *listener.Listener, frames int) float64 {
	s.Helper()
	pcm, err := joined(withoutSilence(ears.Heard(s.bot()).Packets))
	if err != nil {
		s.Fatal(err)
	}
	pcm = pcm[max(len(pcm)-frames*1920, 0):]
	n := 0
	for i := 2; i < len(pcm); i += 2 {
		if pcm[i-2] < 0 && pcm[i] >= 0 {
			n++
		}
	}
	return float64(n) * audio.SampleRate / float64(len(pcm)/2)
}

// steady is n frames of one tone in both channels.
func steady(n int, hz float64) []float32 {
	pcm := make([]float32, n*1920)
	for i := range len(pcm) / 2 {
		v := float32(0.4 * math.Sin(2*math.Pi*hz*float64(i)/audio.SampleRate))
		pcm[2*i], pcm[2*i+1] = v, v
	}
	return pcm
}

// more waits until alice has heard n packets of music more.
func (s *stage) more(ears *listener.Listener, n int) {
	s.Helper()
	c := ears.Counts(s.bot())
	s.hears(ears, c.E2EE+c.Plain+n)
}

func TestTheVolumeIsHeardAndOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.put("tone.wav", wave(t, steady(3000, 440)))
	s.starts()
	ears := s.listens()
	s.asks("/levelling", "mode", "off")
	s.asks("/play", "query", "tone")
	s.hears(ears, 25)
	loud := s.level(ears, 10)
	if r := s.asks("/volume", "level", 50); r.Ephemeral || !strings.Contains(r.Text(), "50 %") {
		t.Errorf("/volume says %q", r.Text())
	}
	s.more(ears, 25)
	if soft := s.level(ears, 10); math.Abs(soft/loud-0.5) > 0.02 {
		t.Errorf("at half the volume the music is %.3f times as loud", soft/loud)
	}
	s.asks("/leave")
	s.ends()

	s.d.Passes(10 * time.Second) // between identifies
	s.starts()
	ears = s.listens()
	s.asks("/play", "query", "tone")
	s.more(ears, 25)
	if soft := s.level(ears, 10); math.Abs(soft/loud-0.5) > 0.02 {
		t.Errorf("after a restart it is %.3f times as loud", soft/loud)
	}
}

func TestEffectsAreHeardAndLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, packets := loop(t, 3000, 9)
	s.put("song.opus", file)
	s.put("tone.wav", wave(t, steady(3000, 440)))
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "tone")
	s.hears(ears, 25)
	if hz := s.pitch(ears, 20); math.Abs(hz-440) > 5 {
		t.Fatalf("the tone has %.1f Hz", hz)
	}
	if r := s.asks("/pitch", "semitones", 12); !strings.Contains(r.Text(), "pitch 12 semitones") {
		t.Errorf("/pitch says %q", r.Text())
	}
	s.more(ears, 50)
	if hz := s.pitch(ears, 20); math.Abs(hz-880) > 9 {
		t.Errorf("an octave higher it has %.1f Hz", hz)
	}
	s.asks("/effects show")
	s.asks("/pitch", "semitones", 0)
	s.asks("/effects add", "preset", "nightcore")
	s.more(ears, 50)
	if hz := s.pitch(ears, 20); math.Abs(hz-528) > 6 {
		t.Errorf("with nightcore it has %.1f Hz", hz)
	}
	s.asks("/play", "query", "song")
	s.asks("/skip")
	s.more(ears, 50)
	if r := s.asks("/effects off"); !strings.Contains(r.Text(), "No effects") {
		t.Errorf("/effects off says %q", r.Text())
	}
	s.until("packets pass again", func() bool {
		ps := withoutSilence(ears.Heard(s.bot()).Packets)
		last := ps[len(ps)-1].Opus
		return slices.ContainsFunc(packets, func(p []byte) bool { return bytes.Equal(p, last) })
	})
}

func TestASeekIsHeard(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, packets := song(t, 1000, 9.37) // whose beat comes at no two packets alike
	s.put("song.opus", file)
	s.starts()
	ears := s.listens()
	if r := s.asks("/seek", "to", "0:05"); !r.Ephemeral || !strings.Contains(r.Text(), "Nothing is playing") {
		t.Errorf("with nothing playing /seek says %q", r.Text())
	}
	s.asks("/play", "query", "song")
	s.hears(ears, 25)
	at := func() int {
		ps := withoutSilence(ears.Heard(s.bot()).Packets)
		last := ps[len(ps)-1].Opus
		return slices.IndexFunc(packets, func(p []byte) bool { return bytes.Equal(p, last) })
	}
	for _, c := range []struct {
		to       string
		from, up int // packets
	}{{"0:10", 500, 700}, {"-8", 100, 500}, {"+12", 700, 1000}} {
		before := ears.Counts(s.bot()).Packets
		if r := s.asks("/seek", "to", c.to); !strings.HasPrefix(r.Text(), "At 0:") {
			t.Errorf("/seek to %s says %q", c.to, r.Text())
		}
		s.until("music from "+c.to, func() bool { n := at(); return n >= c.from && n < c.up })
		if n := ears.Counts(s.bot()).Packets - before; n > 300 {
			t.Errorf("%d packets until there was music from %s, as if it had played on to there", n, c.to)
		}
	}
	if r := s.asks("/seek", "to", "1:01"); !strings.Contains(r.Text(), "only 0:19 long") {
		t.Errorf("beyond the end /seek says %q", r.Text())
	}
	if r := s.asks("/seek", "to", "soon"); !r.Ephemeral || !strings.Contains(r.Text(), "is no time") {
		t.Errorf("/seek to soon says %q", r.Text())
	}
}

func TestTracksFadeIntoEachOther(t *testing.T) {
	s := newStage(t)
	s.put("low.wav", wave(t, steady(200, 300)))
	s.put("high.wav", wave(t, steady(200, 900)))
	s.starts()
	ears := s.listens()
	s.asks("/levelling", "mode", "off")
	if r := s.asks("/crossfade", "seconds", 2); !strings.Contains(r.Text(), "for 2 s") {
		t.Errorf("/crossfade says %q", r.Text())
	}
	got := s.unbroken(ears, 298, func() {
		s.asks("/play", "query", "low")
		s.asks("/play", "query", "high")
	})
	if n := len(got); n < 298 || n > 303 { // two times 4 s, 2 s of them together
		t.Errorf("%d packets were heard", n)
	}
	pcm, err := joined(got)
	if err != nil {
		t.Fatal(err)
	}
	loud := func(from, to int) float64 {
		sum := 0.0
		for _, v := range pcm[from*1920 : to*1920] {
			sum += float64(v) * float64(v)
		}
		return 10 * math.Log10(sum/float64((to-from)*1920))
	}
	if before, within := loud(50, 90), loud(105, 195); math.Abs(before-within) > 0.5 {
		t.Errorf("%.2f dB before the cross-fade, %.2f dB within", before, within)
	}
}

func TestAPauseFadesWithin60Milliseconds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.put("tone.wav", wave(t, steady(3000, 440)))
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "tone")
	s.hears(ears, 25)
	s.asks("/pause")
	s.quiet(ears)
	got := withoutSilence(ears.Heard(s.bot()).Packets)
	pcm, err := joined(got)
	if err != nil {
		t.Fatal(err)
	}
	tail := pcm[len(pcm)-960:]
	for _, v := range tail {
		if math.Abs(float64(v)) > 0.02 {
			t.Errorf("the last thing heard before the pause is at %.3f", v)
			break
		}
	}
	s.asks("/resume")
	s.more(ears, 25)
	if s.level(ears, 10) < 0.2 {
		t.Error("it did not come back")
	}
}
