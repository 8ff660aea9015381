package pipeline

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/effect"
)

// following gives streams one after the other.
func following(all ...*Stream) func() (*Stream, error) {
	return func() (*Stream, error) {
		if len(all) == 0 {
			return nil, io.EOF
		}
		s := all[0]
		all = all[1:]
		return s, nil
	}
}

// played is all that a medley's frames hold, the left channel, and the modes.
func played(t testing.TB, m *Medley) (left []float32, modes string) {
	t.Helper()
	for {
		f, err := m.Next()
		if errors.Is(err, io.EOF) {
			return left, modes
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range unpack(f.Opus) {
			if i%2 == 0 {
				left = append(left, v)
			}
		}
		modes += string("pT"[m.Now().Mode()])
	}
}

// isRamps fails unless got is ramps of those lengths, to the sample, and then silence.
func isRamps(t testing.TB, got []float32, lengths ...int64) {
	t.Helper()
	at := 0
	for n, length := range lengths {
		for i := range length {
			if got[at] != float32(i+1) {
				t.Fatalf("piece %d: sample %d is %v", n, i, got[at])
			}
			at++
		}
	}
	for _, v := range got[at:] {
		if v != 0 {
			t.Fatalf("%v after the end", v)
		}
	}
}

func TestPiecesOfAMedleyFollowToTheSample(t *testing.T) {
	for _, want := range []effect.Settings{neutral, loud} {
		for _, trim := range []int64{0, 1, 500, 959} {
			var all []*Stream
			var lengths []int64
			for _, packets := range []int{60, 40, 90} {
				r := evenly(packets)
				r.trim = trim
				s := standIn(r)
				s.Want(want)
				all, lengths = append(all, s), append(lengths, r.total())
			}
			m := NewMedley(all[0], 0, following(all[1:]...))
			left, modes := played(t, m)
			isRamps(t, left, lengths...)
			total := lengths[0] + lengths[1] + lengths[2]
			if got := int64(len(left)) - m.Now().Padding(); got != total {
				t.Fatalf("%d samples, want %d", got, total)
			}
			if want == neutral && !strings.HasPrefix(modes, strings.Repeat("p", 55)) {
				t.Errorf("modes %s", modes)
			}
			if n := m.Stats(); n.Passed+n.Transcoded != int64(len(modes)) || n.Passed != int64(strings.Count(modes, "p")) {
				t.Errorf("%+v, modes %s", n, modes)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// closing counts how often it was closed.
type closing int

func (c *closing) Close() error { *c++; return nil }

func TestAMedleyGoesOnAfterWhatFails(t *testing.T) {
	var closed closing
	cut := evenly(60)
	cut.end = audio.ErrTruncated
	first := New(cut, &closed, Options{Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }})
	first.from, first.rules = cut, standIn(cut).rules
	broken, gone := errors.New("broken"), false
	last := standIn(evenly(50))
	m := NewMedley(first, 0, func() (*Stream, error) {
		switch {
		case !gone:
			gone = true
			return nil, broken
		case last != nil:
			s := last
			last = nil
			return s, nil
		}
		return nil, io.EOF
	})
	frames := 0
	var err error
	for ; err == nil; frames++ {
		_, err = m.Next()
	}
	if !errors.Is(err, broken) || !errors.Is(err, audio.ErrTruncated) || frames-1 != 110 {
		t.Errorf("%d frames, then %v", frames-1, err)
	}
	if err := m.Close(); err != nil || closed != 1 {
		t.Errorf("%v, closed %d times", err, closed)
	}
}

// ringing is a stream of a tone, as PCM that has to be encoded.
func ringing(hz float64, seconds int) *Stream {
	pcm := audiotest.Sine(hz, 0.25, seconds*audio.SampleRate)
	d := &toneDemuxer{pcm: pcm}
	s := New(d, nothing{}, Options{
		Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil },
		Decoder: func(audio.CodecInfo) (audio.Decoder, error) {
			return &decoder{rate: 48000, channels: 2, warm: true}, nil
		},
	})
	s.from = d
	s.rules.length = func(_ string, p audio.Packet) (int64, bool) { return p.Duration, true }
	return s
}

// A toneDemuxer is a demuxer of float samples in packets of a thousand.
type toneDemuxer struct {
	pcm []float32
	at  int
}

func (d *toneDemuxer) Codec() audio.CodecInfo {
	return audio.CodecInfo{Name: "pcm", SampleRate: 48000, Channels: 2}
}
func (d *toneDemuxer) Info() audio.Info { return audio.Info{} }
func (d *toneDemuxer) Seek(time.Duration) (time.Duration, error) {
	return 0, audio.ErrNotSeekable
}

func (d *toneDemuxer) ReadPacket() (audio.Packet, error) {
	n := min(1000, len(d.pcm)/2-d.at)
	if n == 0 {
		return audio.Packet{}, io.EOF
	}
	p := audio.Packet{Data: pack(d.pcm[2*d.at : 2*(d.at+n)]), PTS: int64(d.at), Duration: int64(n)}
	d.at += n
	return p, nil
}

func TestPiecesOfAMedleyOverlap(t *testing.T) {
	a, b := ringing(440, 10), ringing(1000, 9)
	m := NewMedley(a, 3*time.Second, following(b))
	left, _ := played(t, m)
	want := 16 * audio.SampleRate
	if got := len(left) - int(m.Now().Padding()); got < want || got > want+audio.FrameSamples {
		t.Fatalf("%d samples, want %d", got, want)
	}
	// Music is left with a frame, no earlier. Different tones: the power is that of one of them throughout.
	const window = audio.SampleRate / 10
	for at := 6 * audio.SampleRate; at+window < 11*audio.SampleRate; at += window {
		sum := 0.0
		for _, v := range left[at : at+window] {
			sum += float64(v) * float64(v)
		}
		if db := 10 * math.Log10(sum/window/(0.25*0.25/2)); math.Abs(db) > 0.5 {
			t.Errorf("%.1f s: %.2f dB", float64(at)/audio.SampleRate, db)
		}
	}
}

func TestAMedleyOfPiecesShorterThanTheirOverlap(t *testing.T) {
	m := NewMedley(ringing(440, 2), 5*time.Second, following(ringing(1000, 2), ringing(440, 1)))
	left, _ := played(t, m)
	if n := len(left); n < audio.SampleRate || n > 5*audio.SampleRate {
		t.Errorf("%d samples", n)
	}
}
