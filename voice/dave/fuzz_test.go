package dave

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"segue/discordtest/delivery"
)

// FuzzGateway feeds a session what the gateway could send, in an established
// call: whatever it is, nothing panics, nothing goes out in the clear, and the
// other member's frames still open.
func FuzzGateway(f *testing.F) {
	seeds := newCall(f, delivery.Policy{})
	seeds.mangle = func(_ uint64, op int, body []byte) []byte {
		f.Add(uint8(op), body)
		return body
	}
	seeds.join(11, 1)
	seeds.join(22, 1)
	seeds.settle()
	seeds.join(33, 1)
	seeds.leave(22)
	seeds.settle()
	f.Add(uint8(delivery.OpPrepareTransition), []byte{0, 1, 1})
	f.Add(uint8(delivery.OpExecuteTransition), []byte{0, 1})
	f.Add(uint8(delivery.OpPrepareEpoch), []byte{1})

	f.Fuzz(func(t *testing.T, op uint8, body []byte) {
		c := newCall(t, delivery.Policy{ZeroFirst: true})
		a, b := c.join(11, 1), c.join(22, 1)
		c.settle()
		b.AddUser("33")
		msg := delivery.Message{To: 22, Op: int(op), Body: body, JSON: map[string]any{"transition_id": 1, "protocol_version": 1, "epoch": 1}}
		switch op {
		case delivery.OpPrepareTransition, delivery.OpExecuteTransition, delivery.OpPrepareEpoch, delivery.OpExternalSender, delivery.OpProposals:
		case delivery.OpAnnounceCommit, delivery.OpWelcome:
			if len(body) < 2 {
				return
			}
		default:
			return
		}
		c.deliver(b, msg)
		b.out = nil
		frame, out := []byte("not to be seen"), make([]byte, 64)
		if n, err := b.Encrypt(1, frame, out); err == nil && bytes.Contains(out[:n], frame) {
			t.Fatal("sends in the clear")
		}
		if err := hear(a, b); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFramesAndHandshakesAtOnce is for the race detector: the audio path of a
// session while its group changes.
func TestFramesAndHandshakesAtOnce(t *testing.T) {
	c, a, b := newPair(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, m := range []*member{a, b} {
		for range 2 {
			wg.Go(func() {
				frame, out := []byte("opus"), make([]byte, 64)
				for {
					select {
					case <-stop:
						return
					default:
					}
					if n, err := m.Encrypt(1, frame, out); err == nil {
						if slices.Equal(out[:min(n, len(frame))], frame) {
							t.Error("in the clear")
							return
						}
						_, _ = b.Decrypt("11", out[:n], out)
					}
					m.Ready()
					m.Waiting()
					m.Epoch()
				}
			})
		}
	}
	for range 10 {
		c.join(33, 1)
		c.settle()
		c.leave(33)
		c.settle()
	}
	_ = a.Close()
	close(stop)
	wg.Wait()
	if a.Ready() || a.Encrypted() {
		t.Error("ready after Close")
	}
}
