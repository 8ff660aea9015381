package voice

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/disgoorg/godave"
	"golang.org/x/crypto/chacha20poly1305"

	"segue/voice/dave"
)

// bare passes frames through, or refuses.
type bare struct{ err error }

func (b bare) Encrypt(_ uint32, frame, out []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return copy(out[:cap(out)], frame), nil
}

// opened undoes the transport's encryption as the server does.
func opened(t testing.TB, mode string, key [32]byte, packet []byte) (body []byte, nonce uint32) {
	t.Helper()
	var a cipher.AEAD
	if mode == modeAES {
		block, err := aes.NewCipher(key[:])
		if err != nil {
			t.Fatal(err)
		}
		if a, err = cipher.NewGCM(block); err != nil {
			t.Fatal(err)
		}
	} else {
		var err error
		if a, err = chacha20poly1305.NewX(key[:]); err != nil {
			t.Fatal(err)
		}
	}
	n := make([]byte, a.NonceSize())
	end := len(packet) - 4
	copy(n, packet[end:])
	body, err := a.Open(nil, n, packet[header:end], packet[:header])
	if err != nil {
		t.Fatal(err)
	}
	return body, binary.LittleEndian.Uint32(n)
}

func TestSealMakesPacketsThatOpen(t *testing.T) {
	key := [32]byte{1, 2, 3}
	for _, mode := range []string{modeAES, modeXChaCha} {
		s, err := newSealer(mode, key, 0xabcdef01)
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range []int{1, 3, 160, 512, 513, 1275} {
			frame := bytes.Repeat([]byte{byte(i + 1)}, size)
			p, err := s.seal(bare{}, frame, uint16(i), uint32(960*i))
			if err != nil {
				t.Fatal(err)
			}
			if len(p) != header+size+16+4 || p[0] != 0x80 || p[1] != 0x78 || binary.BigEndian.Uint16(p[2:]) != uint16(i) ||
				binary.BigEndian.Uint32(p[4:]) != uint32(960*i) || binary.BigEndian.Uint32(p[8:]) != 0xabcdef01 {
				t.Errorf("%s: header % x, %d bytes", mode, p[:header], len(p))
			}
			body, nonce := opened(t, mode, key, p)
			if !bytes.Equal(body, frame) || nonce != uint32(i) {
				t.Errorf("%s: %d bytes under nonce %d, want %d under %d", mode, len(body), nonce, size, i)
			}
		}
	}
	if _, err := newSealer("xsalsa20_poly1305", key, 1); code(err) != "voice.unsupported" {
		t.Errorf("old mode: %v", err)
	}
}

func TestARefusedFrameUsesNothingUp(t *testing.T) {
	s, err := newSealer(modeAES, [32]byte{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	if _, err := s.seal(bare{no}, []byte{1}, 7, 8); !errors.Is(err, no) {
		t.Errorf("error is %v", err)
	}
	if _, err := s.seal(bare{}, nil, 7, 8); err == nil {
		t.Error("sealed nothing")
	}
	p, err := s.seal(bare{}, []byte{1}, 7, 8)
	if err != nil {
		t.Fatal(err)
	}
	if _, nonce := opened(t, modeAES, [32]byte{}, p); nonce != 0 {
		t.Errorf("nonce is %d", nonce)
	}
}

func TestAKeyIsNotUsedForEver(t *testing.T) {
	s, err := newSealer(modeXChaCha, [32]byte{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.count = 1<<32 - 1
	if _, err := s.seal(bare{}, []byte{1}, 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.seal(bare{}, []byte{1}, 0, 0); !errors.Is(err, errSpent) {
		t.Errorf("error is %v", err)
	}
	out := newSender(&counters{})
	out.attach(&path{seal: s})
	if !out.spent() {
		t.Error("the sender does not know")
	}
}

// mute is a DAVE session's gateway.
type mute struct{}

func (mute) SendMLSKeyPackage([]byte) error        { return nil }
func (mute) SendMLSCommitWelcome([]byte) error     { return nil }
func (mute) SendReadyForTransition(uint16) error   { return nil }
func (mute) SendInvalidCommitWelcome(uint16) error { return nil }

// alone is a DAVE session of a sole member, which seals like any other.
func alone(tb testing.TB) godave.Session {
	tb.Helper()
	s := dave.New(nil, "11", mute{})
	s.SetChannelID(godave.ChannelID(lounge))
	s.OnSelectProtocolAck(1)
	// Opcode 25: an uncompressed P-256 point and a basic credential.
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	sender := append([]byte{0x40, 65}, key.PublicKey().Bytes()...)
	s.OnDaveMLSExternalSenderPackage(append(sender, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 1))
	if !s.Ready() {
		tb.Fatal("DAVE session of a sole member is not ready")
	}
	return s
}

const benchFrame = 160 // bytes: 64 kbit/s

func BenchmarkSealPacket(b *testing.B) {
	for _, mode := range []string{modeAES, modeXChaCha} {
		b.Run(mode, func(b *testing.B) {
			s, err := newSealer(mode, [32]byte{1}, 1)
			if err != nil {
				b.Fatal(err)
			}
			e2ee, frame := alone(b), make([]byte, benchFrame)
			b.SetBytes(benchFrame)
			b.ReportAllocs()
			for n := uint16(0); b.Loop(); n++ {
				if _, err := s.seal(e2ee, frame, n, uint32(n)*960); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSealPacketPerBareSeal gives the ratio of the two by their fastest
// batches, taken in turn: what else the machine does hardly touches it.
func BenchmarkSealPacketPerBareSeal(b *testing.B) {
	s, err := newSealer(modeAES, [32]byte{1}, 1)
	if err != nil {
		b.Fatal(err)
	}
	a, err := newSealer(modeAES, [32]byte{1}, 1)
	if err != nil {
		b.Fatal(err)
	}
	e2ee, frame, out := alone(b), make([]byte, benchFrame), make([]byte, 0, 2*benchFrame)
	const batch = 100
	least := func(best time.Duration, f func()) time.Duration {
		began := time.Now()
		for range batch {
			f()
		}
		return min(best, time.Since(began))
	}
	ours, bare := time.Hour, time.Hour
	for b.Loop() {
		ours = least(ours, func() { _, _ = s.seal(e2ee, frame, 1, 960) })
		bare = least(bare, func() { out = a.aead.Seal(out[:0], a.nonce[:12], frame, nil) })
	}
	b.ReportMetric(float64(ours)/batch, "ns/packet")
	b.ReportMetric(float64(bare)/batch, "ns/bare")
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
}

func BenchmarkBareAESGCM(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	frame, out, nonce := make([]byte, benchFrame), make([]byte, 0, 2*benchFrame), make([]byte, 12)
	b.SetBytes(benchFrame)
	b.ReportAllocs()
	for n := uint32(0); b.Loop(); n++ {
		binary.LittleEndian.PutUint32(nonce, n)
		out = a.Seal(out[:0], nonce, frame, nil)
	}
}

func TestSealAllocatesNothing(t *testing.T) {
	s, err := newSealer(modeAES, [32]byte{1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	e2ee, frame := alone(t), make([]byte, maxFrame)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.seal(e2ee, frame, 1, 2); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
