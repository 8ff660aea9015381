package containertest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
)

// plain is a format of packets, each behind a byte with its length, and a zero
// at the end. fault breaks its demuxer.
type plain struct {
	fault string
	m     *audio.Media
	at    int64
	ended bool
}

// opener is the constructor of a demuxer with a fault, or none.
func opener(fault string) Opener {
	return func(m *audio.Media) (audio.Demuxer, error) {
		if m.Size == 0 {
			return nil, audio.ErrMalformed
		}
		if fault == "fails" || fault == "fails in a stream" && m.Seeker == nil {
			return nil, errors.New("out of sorts")
		}
		return &plain{fault: fault, m: m}, nil
	}
}

func (d *plain) Info() audio.Info       { return audio.Info{Duration: 100} }
func (d *plain) Codec() audio.CodecInfo { return audio.CodecInfo{Name: "plain"} }

func (d *plain) Seek(time.Duration) (time.Duration, error) {
	switch {
	case d.m.Seeker == nil && d.fault == "seeks a stream":
		return 0, nil
	case d.fault == "seek fails":
		return 0, errors.New("out of sorts")
	}
	return 0, audio.ErrNotSeekable
}

func (d *plain) ReadPacket() (audio.Packet, error) {
	if d.ended {
		return audio.Packet{}, io.EOF
	}
	length := make([]byte, 1)
	if _, err := io.ReadFull(d.m, length); err != nil {
		return d.cut(nil)
	}
	if d.ended = length[0] == 0; d.ended {
		return audio.Packet{}, io.EOF
	}
	data := make([]byte, length[0])
	if n, err := io.ReadFull(d.m, data); err != nil {
		return d.cut(data[:n])
	}
	p := audio.Packet{Data: data, PTS: d.at, Duration: 4}
	d.at += 4
	switch {
	case d.fault == "time":
		p.Duration = -1
	case d.m.Seeker == nil && d.fault == "late in a stream":
		p.PTS++
	case d.m.Seeker == nil && d.fault == "deaf in a stream":
		return audio.Packet{}, io.EOF
	}
	return p, nil
}

// cut is what the end of the bytes gives.
func (d *plain) cut(rest []byte) (audio.Packet, error) {
	switch d.fault {
	case "never truncated":
		return audio.Packet{}, io.EOF
	case "odd error":
		return audio.Packet{}, io.ErrUnexpectedEOF
	case "makes up":
		d.ended = true
		return audio.Packet{Data: append(rest, 1, 2, 3)}, nil
	case "endless":
		return audio.Packet{Data: make([]byte, 1<<20)}, nil
	}
	return audio.Packet{}, audio.ErrTruncated
}

// music is a file of n packets.
func music(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte(5+i%7))
		b = append(b, bytes.Repeat([]byte{byte(i + 1)}, 5+i%7)...)
	}
	return append(b, 0)
}

func TestBrokenDemuxersAreFound(t *testing.T) {
	stream := func(t testing.TB, open Opener) { TestStream(t, open, music(40)) }
	truncated := func(t testing.TB, open Opener) { TestTruncated(t, open, music(40)) }
	damaged := func(t testing.TB, open Opener) { TestDamaged(t, open, 300, music(40), music(3)) }
	for _, c := range []struct {
		check       func(testing.TB, Opener)
		fault, want string
	}{
		{stream, "", ""},
		{stream, "fails", "out of sorts"},
		{stream, "fails in a stream", "out of sorts"},
		{stream, "late in a stream", "packet 0 is 1+4"},
		{stream, "deaf in a stream", "0 packets, want 40"},
		{stream, "seeks a stream", "seeking back in a stream"},
		{truncated, "", ""},
		{truncated, "never truncated", "only 0 cuts were noticed"},
		{truncated, "odd error", "unexpected EOF"},
		{truncated, "makes up", "differs"},
		{damaged, "", ""},
		{damaged, "fails", "out of sorts"},
		{damaged, "odd error", "unexpected EOF"},
		{damaged, "time", "more than can be"},
		{damaged, "endless", "more than can be"},
		{damaged, "seek fails", "out of sorts"},
	} {
		found := audiotest.Found(t, func(v testing.TB) { c.check(v, opener(c.fault)) })
		if c.want == "" && found != "" || !strings.Contains(found, c.want) {
			t.Errorf("%q: found %q, want %q", c.fault, found, c.want)
		}
	}
}

func TestAFileThatIsNotThereIsSaid(t *testing.T) {
	if found := audiotest.Found(t, func(v testing.TB) { File(v, "no such sound") }); !strings.Contains(found, "no such sound") {
		t.Errorf("found %q", found)
	}
	if len(File(t, "sweep.wav")) == 0 {
		t.Error("a sound is empty")
	}
}

func TestDamageIsDamageAndIsRepeatable(t *testing.T) {
	whole := music(40)
	before := bytes.Clone(whole)
	changed := 0
	a, b := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(1, 1))
	for range 100 {
		one, other := Damage(whole, a), Damage(whole, b)
		if !bytes.Equal(one, other) {
			t.Fatal("the same seed gives other damage")
		}
		if !bytes.Equal(one, whole) {
			changed++
		}
	}
	if !bytes.Equal(whole, before) || changed < 90 {
		t.Errorf("%d of 100 copies are damaged; the original is untouched: %v", changed, bytes.Equal(whole, before))
	}
	if got := Damage([]byte{1, 2, 3}, a); !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("what is too short for damage became %v", got)
	}
}

func FuzzWholeDemuxer(f *testing.F) { Fuzz(f, opener(""), music(4), nil) }
