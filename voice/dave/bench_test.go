package dave

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"testing"
	"time"

	"segue/discordtest/delivery"
)

const benchFrame = 160 // bytes: 64 kbit/s

// BenchmarkEncrypt is what DAVE costs a frame; BenchmarkBareAESGCM is the floor.
func BenchmarkEncrypt(b *testing.B) {
	_, s := lone(time.Unix(1e9, 0))
	buf := make([]byte, benchFrame, s.MaxEncryptedFrameSize(benchFrame))
	b.ReportAllocs()
	b.SetBytes(benchFrame)
	for b.Loop() {
		if _, err := s.Encrypt(1, buf, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareAESGCM(b *testing.B) {
	block, _ := aes.NewCipher(make([]byte, 16))
	gcm, _ := cipher.NewGCM(block)
	nonce, buf := make([]byte, nonceSize), make([]byte, benchFrame, benchFrame+fullTagSize)
	b.ReportAllocs()
	b.SetBytes(benchFrame)
	for i := uint64(0); b.Loop(); i++ {
		binary.LittleEndian.PutUint64(nonce, i)
		gcm.Seal(buf[:0], nonce, buf, nil)
	}
}

func BenchmarkDecrypt(b *testing.B) {
	k, s := lone(time.Unix(1e9, 0))
	payload := string(bytes.Repeat([]byte{1}, benchFrame))
	frames := make([][]byte, 4096)
	for i := range frames {
		frames[i] = k.frame(payload)
	}
	out := make([]byte, 2*benchFrame)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(frames) { // all seen: forget that
			i, s.rx.keys["11"][0].seen = 0, window{}
		}
		if _, err := s.Decrypt("11", frames[i], out); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkHandshake brings two users, then eight, from nothing to a call; the
// delivery service's share is in it.
func BenchmarkHandshake(b *testing.B) {
	for name, users := range map[string]uint64{"2": 2, "8": 8} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := newCall(b, delivery.Policy{})
				for u := range users {
					c.join(u+1, 1)
				}
				c.settle()
				if c.service.Epoch() == 0 {
					b.Fatal("no call")
				}
			}
		})
	}
}
