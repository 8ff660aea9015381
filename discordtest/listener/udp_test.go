package listener

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"segue/audio"
	"segue/voice/dave"
)

func TestSealAndOpen(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	for _, mode := range []string{ModeAES256GCM, ModeXChaCha20} {
		s, err := newSeal(mode, key)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(1, 0)
		plain := []byte{0x80, 0x78, 0, 5, 0, 0, 0, 9, 0, 0, 0, 3}
		d, err := s.open(s.close(plain, []byte("opus")), at)
		if err != nil || string(d.payload) != "opus" || d.seq != 5 || d.timestamp != 9 || d.ssrc != 3 || d.at != at {
			t.Errorf("%s: %+v, %v", mode, d, err)
		}
		// one CSRC, and an extension of one word whose body is sealed
		long := append([]byte{0x91, 0x78, 0, 5, 0, 0, 0, 9, 0, 0, 0, 3}, 0, 0, 0, 1, 0xbe, 0xde, 0, 1)
		if d, err := s.open(s.close(long, []byte("EXTDopus")), at); err != nil || string(d.payload) != "opus" {
			t.Errorf("%s: extension: %q, %v", mode, d.payload, err)
		}
		padded := bytes.Clone(plain)
		padded[0] |= 0x20
		if d, err := s.open(s.close(padded, []byte("opus\x00\x00\x03")), at); err != nil || string(d.payload) != "opus" {
			t.Errorf("%s: padding: %q, %v", mode, d.payload, err)
		}
		for name, b := range map[string][]byte{
			"extension longer than the packet": s.close(long, []byte("EXT")),
			"padding longer than the packet":   s.close(padded, []byte("\x09")),
			"padding of nothing":               s.close(padded, []byte("\x00")),
			"short":                            plain,
			"other payload":                    append([]byte{0x80, 0x77}, make([]byte, 60)...),
			"forged":                           append(bytes.Clone(plain), make([]byte, 60)...),
		} {
			if d, err := s.open(b, at); err == nil {
				t.Errorf("%s: %s: opened %+v", mode, name, d)
			}
		}
	}
}

func TestSpeakerStartsAnewWithTheSSRC(t *testing.T) {
	l := &Listener{opt: Options{PacketsOnly: true}}
	s := &speaker{l: l}
	for _, p := range []Packet{
		{SSRC: 1, Seq: 65534, Timestamp: 0xffffffff - 959},
		{SSRC: 1, Seq: 65535, Timestamp: 0},
		{SSRC: 1, Seq: 0, Timestamp: 960},            // both wrap
		{SSRC: 1, Seq: 1, Timestamp: 960 * 12},       // a pause of ten frames
		{SSRC: 1, Seq: 1, Timestamp: 960 * 12},       // again
		{SSRC: 1, Seq: 2, Timestamp: 5},              // a clock that runs backwards adds nothing
		{SSRC: 2, Seq: 500, Timestamp: 123456},       // a new connection
		{SSRC: 2, Seq: 2000, Timestamp: 0x7000_0000}, // began anew without saying
	} {
		s.take(p)
	}
	s.flush()
	if s.counts.Packets != 7 || s.counts.Late != 1 || s.counts.Lost != 0 || s.counts.Samples != (7+10)*audio.FrameSamples {
		t.Errorf("%+v", s.counts)
	}
	if len(s.gaps) != 1 || s.gaps[0] != (Gap{Start: 3 * audio.FrameSamples, Samples: 10 * audio.FrameSamples}) {
		t.Errorf("gaps %+v", s.gaps)
	}
}

type nobody struct{}

func (nobody) SendMLSKeyPackage([]byte) error        { return nil }
func (nobody) SendMLSCommitWelcome([]byte) error     { return nil }
func (nobody) SendReadyForTransition(uint16) error   { return nil }
func (nobody) SendInvalidCommitWelcome(uint16) error { return nil }

func TestWhatCannotBeDecryptedIsCounted(t *testing.T) {
	l := &Listener{opt: Options{PacketsOnly: true}, speakers: map[uint64]*speaker{}}
	l.dave = dave.New(slog.New(slog.DiscardHandler), "1", nobody{})
	l.dave.SetChannelID(1)
	l.dave.OnSelectProtocolAck(1)
	sealed := datagram{payload: []byte("0123456789abcdefgh\x01\x0c\xfa\xfa")}
	l.hear(2, sealed)
	l.epochs = 1
	l.hear(2, sealed)
	l.hear(2, sealed)
	l.hear(2, datagram{seq: 3, payload: silence})
	want := Counts{BeforeJoin: 1, Undecryptable: 2, Silence: 1, Packets: 1, Samples: audio.FrameSamples}
	if got := l.Counts(2); got != want {
		t.Errorf("%+v", got)
	}
}

func FuzzOpen(f *testing.F) {
	s, err := newSeal(ModeAES256GCM, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0x80, 0x78, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, []byte("opus"), true)
	f.Add([]byte{0x9f, 0x78, 0, 1}, []byte{}, false)
	f.Add([]byte{0x90, 0x78, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff}, []byte("x"), true)
	f.Fuzz(func(t *testing.T, header, payload []byte, sealed bool) {
		b := append(bytes.Clone(header), payload...)
		if sealed {
			b = s.close(header, payload)
		}
		d, err := s.open(b, time.Time{})
		if err == nil && (len(d.payload) > len(payload) || d.seq != binary.BigEndian.Uint16(b[2:])) {
			t.Errorf("%+v of %x", d, b)
		}
	})
}
