package dave

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/disgoorg/godave"
)

// lone is a sender and a session that has its key, made at a given time.
func lone(at time.Time) (*sender, *Session) {
	secret := bytes.Repeat([]byte{7}, secretSize)
	s := NewSession(nil, "22", nil)
	s.now = func() time.Time { return at }
	s.rx.add("11", newReceiver(secret, sending{key: true, life: 1, epoch: 1}, at))
	s.tx.set(false, newSender(secret))
	return newSender(secret), s
}

func (k *sender) frame(payload string) []byte {
	out := make([]byte, len(payload)+maxTrailer)
	return out[:k.seal([]byte(payload), out)]
}

func TestFrameIsThePapers(t *testing.T) {
	k, s := lone(time.Unix(1e9, 0))
	f := k.frame("opus")
	sf, ok := parseFrame(f)
	if !ok || sf.nonce != 1 || len(sf.body) != 4 || len(sf.tag) != 8 || len(sf.ranges) != 0 {
		t.Fatalf("%+v %v", sf, ok)
	}
	if f[len(f)-3] != 12 || f[len(f)-2] != 0xfa || f[len(f)-1] != 0xfa {
		t.Errorf("trailer %x", f[4:])
	}
	// what AES-GCM itself makes of it, nonce little endian, tag cut
	block, _ := aes.NewCipher((&ratchet{secret: bytes.Repeat([]byte{7}, secretSize)}).key())
	gcm, _ := cipher.NewGCM(block)
	want := gcm.Seal(nil, []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, []byte("opus"), nil)
	if !bytes.Equal(f[:12], want[:12]) {
		t.Errorf("got %x, want %x", f[:12], want[:12])
	}
	if n, err := s.Decrypt("11", f, f); err != nil || string(f[:n]) != "opus" {
		t.Errorf("in place: %q, %v", f[:n], err)
	}
}

func TestSealsInPlaceWithoutAllocating(t *testing.T) {
	at := time.Unix(1e9, 0)
	_, s := lone(at)
	payload := bytes.Repeat([]byte{0x55}, 160)
	buf := make([]byte, len(payload), s.MaxEncryptedFrameSize(len(payload)))
	var n int
	if a := testing.AllocsPerRun(1000, func() {
		copy(buf, payload)
		var err error
		if n, err = s.Encrypt(1, buf, buf); err != nil {
			t.Fatal(err)
		}
		if _, err = s.Decrypt("11", buf[:n], buf); err != nil {
			t.Fatal(err)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
	if !bytes.Equal(buf, payload) {
		t.Error("not what went in")
	}
	if _, err := s.Encrypt(1, payload, make([]byte, len(payload)+maxTrailer-1)); !errors.Is(err, ErrBuffer) {
		t.Error(err)
	}
	if _, err := s.Decrypt("11", payload, make([]byte, 1)); !errors.Is(err, ErrBuffer) {
		t.Error(err)
	}
}

func TestSealedFrameFitsWhatItSays(t *testing.T) {
	_, s := lone(time.Unix(1e9, 0))
	s.tx.key.count = 1<<32 - 2 // the longest nonce
	out := make([]byte, s.MaxEncryptedFrameSize(0))
	if n, err := s.Encrypt(1, nil, out); err != nil || n != len(out) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestSilenceIsInTheClear(t *testing.T) {
	_, s := lone(time.Unix(1e9, 0))
	silence := []byte{0xf8, 0xff, 0xfe}
	out := make([]byte, 3)
	if n, err := s.Encrypt(1, silence, out); err != nil || !bytes.Equal(out[:n], silence) {
		t.Errorf("sealed: %x, %v", out[:n], err)
	}
	if n, err := s.Decrypt("33", silence, out); err != nil || !bytes.Equal(out[:n], silence) {
		t.Errorf("opened: %x, %v", out[:n], err)
	}
	if _, err := s.Encrypt(1, silence, nil); !errors.Is(err, ErrBuffer) {
		t.Error(err)
	}
}

func TestReplayIsRefused(t *testing.T) {
	k, s := lone(time.Unix(1e9, 0))
	out := make([]byte, 64)
	var frames [][]byte
	for range windowSize + 10 {
		frames = append(frames, k.frame("opus"))
	}
	order := append([]int{5, 3, 4, 0}, len(frames)-1, len(frames)-2)
	for _, i := range order {
		if _, err := s.Decrypt("11", frames[i], out); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	for _, i := range append(order, 1) { // 1 has fallen out of the window
		if _, err := s.Decrypt("11", frames[i], out); !errors.Is(err, ErrReplay) {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	if _, err := s.Decrypt("11", frames[len(frames)/2], out); err != nil {
		t.Errorf("a frame within the window: %v", err)
	}
}

func TestForgedFramesAreRefused(t *testing.T) {
	k, s := lone(time.Unix(1e9, 0))
	f := k.frame("opus")
	out := make([]byte, 64)
	for i := range 13 { // ciphertext, tag, nonce
		bad := bytes.Clone(f)
		bad[i] ^= 2
		if _, err := s.Decrypt("11", bad, out); !errors.Is(err, ErrForged) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	if _, err := s.Decrypt("12", f, out); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if _, err := s.Decrypt("11", f, out); err != nil {
		t.Error(err)
	}
}

// TestNewKeyEvery2To24Frames is the paper's ratchet: the top byte of the nonce
// is the generation of the key.
func TestNewKeyEvery2To24Frames(t *testing.T) {
	start := time.Unix(1e9, 0)
	k, s := lone(start)
	late := k.frame("from the first key")
	k.count = 1<<generationAt - 3
	var frames [][]byte
	for range 5 {
		frames = append(frames, k.frame("opus"))
	}
	if k.ratchet.generation != 1 {
		t.Fatalf("generation %d", k.ratchet.generation)
	}
	out := make([]byte, 64)
	if _, err := s.Decrypt("11", frames[4], out); !errors.Is(err, ErrReplay) {
		t.Errorf("a key that cannot be reached at %d frames a second yet: %v", maxRate, err)
	}
	s.now = func() time.Time { return start.Add(28 * time.Hour) }
	for i, f := range frames {
		if n, err := s.Decrypt("11", f, out); err != nil || string(out[:n]) != "opus" {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	if _, err := s.Decrypt("11", late, out); !errors.Is(err, ErrReplay) {
		t.Errorf("long out of the window: %v", err)
	}
	// the key of generation 1 is one step of RFC 9420's ratchet away
	one := ratchet{secret: bytes.Repeat([]byte{7}, secretSize)}
	one.step()
	block, _ := aes.NewCipher(one.key())
	gcm, _ := cipher.NewGCM(block)
	nonce := binary.LittleEndian.AppendUint32(make([]byte, 8), 1<<generationAt)
	if want := gcm.Seal(nil, nonce, []byte("opus"), nil)[:12]; !bytes.Equal(frames[2][:12], want) {
		t.Errorf("got %x, want %x", frames[2][:12], want)
	}
	// a jump to the last generation, and past 32 bits of nonce
	s.now = func() time.Time { return start.Add(2 * 365 * 24 * time.Hour) }
	for _, count := range []uint64{200 << generationAt, 255<<generationAt + 1<<23, 1<<32 - 1, 1<<32 + 5, 257 << generationAt} {
		k.count = count - 1
		if _, err := s.Decrypt("11", k.frame("opus"), out); err != nil {
			t.Errorf("count %x: %v", count, err)
		}
	}
	if n := len(s.rx.keys["11"][0].keys); n > keptGenerations+1 {
		t.Errorf("%d keys are kept", n)
	}
	k, _ = lone(start)
	k.count = 1 << 31
	if _, err := s.Decrypt("11", k.frame("opus"), out); err == nil {
		t.Error("a nonce of years ago is taken")
	}
}

// TestClearRangesAreAuthenticated opens what a video sender could make: parts of
// the frame in the clear.
func TestClearRangesAreAuthenticated(t *testing.T) {
	k, s := lone(time.Unix(1e9, 0))
	// "AAopusBB", the capitals in the clear
	ct := k.gcm.Seal(nil, []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, []byte("opus"), []byte("AABB"))
	f := slices.Concat([]byte("AA"), ct[:4], []byte("BB"), ct[4:12], []byte{1, 0, 2, 6, 2, 16, marker, marker})
	out := make([]byte, 64)
	forged := bytes.Clone(f)
	forged[0] = 'C'
	if _, err := s.Decrypt("11", forged, out); !errors.Is(err, ErrForged) {
		t.Error(err)
	}
	if n, err := s.Decrypt("11", f, out); err != nil || string(out[:n]) != "AAopusBB" {
		t.Errorf("%q, %v", out[:n], err)
	}
}

func TestMalformedTrailers(t *testing.T) {
	tag := "tagtagta"
	for name, f := range map[string]string{
		"empty":                  "",
		"marker alone":           "\xfa\xfa",
		"no marker":              "body" + tag + "\x01\x0c\xfa\xfb",
		"too small":              "body" + tag + "\x01\x0b\xfa\xfa",
		"larger than the frame":  "body" + tag + "\x01\x20\xfa\xfa",
		"nonce without an end":   "body" + tag + "\x80\x0c\xfa\xfa",
		"nonce over 32 bits":     "body" + tag + "\xff\xff\xff\xff\x1f\x10\xfa\xfa",
		"half a range":           "body" + tag + "\x01\x00\x0d\xfa\xfa",
		"range outside the body": "body" + tag + "\x01\x03\x02\x0e\xfa\xfa",
		"ranges out of order":    "body" + tag + "\x01\x02\x01\x00\x01\x10\xfa\xfa",
	} {
		if _, ok := parseFrame([]byte(f)); ok {
			t.Errorf("%s: taken for a sealed frame", name)
		}
	}
	if _, ok := parseFrame([]byte("body" + tag + "\x01\x0c\xfa\xfa")); !ok {
		t.Error("a good one is refused")
	}
}

func TestReceiversAreBounded(t *testing.T) {
	_, s := lone(time.Unix(1e9, 0))
	for i := range uint64(100) {
		s.rx.add("11", newReceiver(make([]byte, secretSize), sending{life: 1, epoch: i + 2}, s.now()))
	}
	if n := len(s.rx.keys["11"]); n != maxEpochs {
		t.Errorf("%d receivers", n)
	}
	if n := s.MaxDecryptedFrameSize(godave.UserID("11"), 100); n != 100 {
		t.Error(n)
	}
}

func FuzzDecrypt(f *testing.F) {
	k, _ := lone(time.Unix(1e9, 0))
	f.Add(k.frame("opus"))
	f.Add([]byte("bodytagtagta\x01\x00\x02\x10\xfa\xfa"))
	f.Add([]byte{0xf8, 0xff, 0xfe})
	ct := k.gcm.Seal(nil, []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, []byte("opus"), []byte("AABB"))
	f.Add(slices.Concat([]byte("AA"), ct[:4], []byte("BB"), ct[4:12], []byte{1, 0, 2, 6, 2, 16, marker, marker}))
	f.Fuzz(func(t *testing.T, frame []byte) {
		k, s := lone(time.Unix(1e9, 0))
		out := make([]byte, len(frame))
		n, err := s.Decrypt("11", frame, out)
		if n > len(frame) || err != nil && n != 0 {
			t.Fatalf("%d bytes, %v", n, err)
		}
		// whatever came, the next good frame opens
		k.count = 1000
		good := k.frame("opus")
		if n, err := s.Decrypt("11", good, good); err != nil || string(good[:n]) != "opus" {
			t.Fatal(err)
		}
	})
}
