package pipeline

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/meter"
	"segue/testdata"
)

// A file is media in memory that knows whether it was closed.
type file struct {
	*bytes.Reader
	closed bool
}

func (f *file) Close() error { f.closed = true; return nil }

func media(b []byte, seekable bool) (*audio.Media, *file) {
	f := &file{Reader: bytes.NewReader(b)}
	m := &audio.Media{ReadCloser: f, Size: int64(len(b))}
	if seekable {
		m.Seeker = f
	}
	return m, f
}

func bundled(t testing.TB, name string) []byte {
	t.Helper()
	b, err := testdata.Sounds.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBundledOpusPassesBitForBit(t *testing.T) {
	b := bundled(t, testdata.Lantern)
	for _, seekable := range []bool{true, false} {
		m, f := media(b, seekable)
		s, err := Open(m, Options{})
		if err != nil {
			t.Fatal(err)
		}
		again, _ := media(b, seekable)
		d, err := container.Open(again)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; ; n++ {
			got, err := s.Next()
			want, end := d.ReadPacket()
			if errors.Is(err, io.EOF) && errors.Is(end, io.EOF) {
				break
			}
			if err != nil || end != nil || !bytes.Equal(got.Opus, want.Data) || s.Mode() != Passthrough {
				t.Fatalf("frame %d: %v, packet: %v", n, err, end)
			}
			if at := max(int64(n)*frameSamples-312, 0); got.Pos != at {
				t.Fatalf("frame %d is at %d, want %d", n, got.Pos, at)
			}
		}
		if n != 1201 || s.Info().Title != "Lantern" || s.Codec().Name != "opus" {
			t.Errorf("%d frames of %+v", n, s.Info())
		}
		if err := s.Close(); err != nil || !f.closed {
			t.Errorf("closed %v, %v", f.closed, err)
		}
	}
}

func TestBundledWAVIsResampledAndAligned(t *testing.T) {
	m, _ := media(bundled(t, testdata.Clockwork), true)
	s, err := Open(m, Options{Encoder: opusEncoder})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, modes := listen(t, s, always(neutral))
	if want := int(4.4 * 50); len(modes) != want || modes[0] != 'T' {
		t.Fatalf("%d frames, want %d: %s", len(modes), want, modes)
	}
	// The same music, resampled without being encoded.
	m, _ = media(bundled(t, testdata.Clockwork), true)
	d, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	plain := New(d, m, Options{Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }})
	var want []float32
	for f, err := plain.Next(); err == nil; f, err = plain.Next() {
		want = append(want, unpack(f.Opus)...)
	}
	c := meter.Compare(want, got, 2000)
	t.Logf("shift %d, error %.1f dB", c.Shift, c.ErrorDB)
	if c.Shift != 0 || c.ErrorDB > -12 {
		t.Errorf("shift %d, error %.1f dB", c.Shift, c.ErrorDB)
	}
	if found := meter.Breaks(want, got, 0, -3, 9600); len(found) != 0 {
		t.Errorf("%v", found)
	}
}

func TestSeekInBundledOpus(t *testing.T) {
	b := bundled(t, testdata.Lantern)
	m, _ := media(b, true)
	whole, err := Open(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := map[int64][]byte{}
	for f, err := whole.Next(); err == nil; f, err = whole.Next() {
		at[f.Pos] = f.Opus
	}
	for _, to := range []time.Duration{12*time.Second + 345*time.Millisecond, 0, 3 * time.Second, 23990 * time.Millisecond} {
		landed, err := whole.Seek(to)
		if err != nil || landed > to || to-landed > 20*time.Millisecond {
			t.Fatalf("seek to %v: %v, %v", to, landed, err)
		}
		f, err := whole.Next()
		if err != nil || f.Pos != toSamples(landed) || !bytes.Equal(f.Opus, at[f.Pos]) {
			t.Fatalf("seek to %v: frame at %d, %v", to, f.Pos, err)
		}
	}
}

func TestOpenRefusesAndCloses(t *testing.T) {
	broken := errors.New("no codec today")
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":    {nil, audio.ErrUnsupported},
		"not audio":  {bytes.Repeat([]byte("words, words, words. "), 500), audio.ErrUnsupported},
		"no decoder": {bundled(t, testdata.Clockwork), broken},
	} {
		m, f := media(c.data, true)
		s, err := Open(m, Options{Decoder: func(audio.CodecInfo) (audio.Decoder, error) { return nil, broken }})
		if !errors.Is(err, c.want) || s != nil || !f.closed {
			t.Errorf("%s: %v, closed %v", name, err, f.closed)
		}
	}
}

func TestTruncatedFileIsPlayedThenSaidToBe(t *testing.T) {
	for _, name := range []string{testdata.Lantern, testdata.Clockwork} {
		b := bundled(t, name)
		m, _ := media(b[:len(b)/2], true)
		s, err := Open(m, Options{Encoder: func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err = s.Next(); err == nil; _, err = s.Next() {
			n++
		}
		if !errors.Is(err, audio.ErrTruncated) || n < 50 {
			t.Errorf("%s: %d frames, then %v", name, n, err)
		}
	}
}
