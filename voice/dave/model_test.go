package dave

import (
	"math/rand/v2"
	"slices"
	"testing"

	"segue/discordtest/delivery"
)

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 42)) }

// TestAnyOrderOfEvents lets users come and go at random, while messages arrive
// in any order that keeps each connection's own. Whenever the call comes to rest,
// everybody must hear everybody, and nobody may ever have needed op 31.
func TestAnyOrderOfEvents(t *testing.T) {
	policies(t, func(t *testing.T, p delivery.Policy) {
		for seed := range uint64(5) {
			c := newCall(t, p)
			rng := seeded(seed)
			for step := range 400 {
				churn(c, rng)
				if step%80 == 79 {
					c.settle()
					c.talks()
					c.sound()
				}
			}
			c.settle()
			c.talks()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
}

// churn makes one thing happen: mostly a message arrives.
func churn(c *call, rng *rand.Rand) {
	user := uint64(11 + rng.IntN(8))
	switch n := rng.IntN(40); {
	case n == 0 && len(c.members) > 1 && c.members[user] != nil:
		c.leave(user)
	case n <= 2 && c.members[user] == nil && len(c.members) < 7:
		c.join(user, 1)
	default:
		if q := c.queues(); len(q) > 0 {
			c.pass(q[rng.IntN(len(q))])
		}
	}
	for _, m := range c.sorted() { // whatever the state, nothing in the clear
		frame := []byte("not to be seen")
		out := make([]byte, 64)
		if k, err := m.Encrypt(1, frame, out); err == nil && slices.Equal(out[:min(k, len(frame))], frame) {
			c.t.Fatalf("user %d sends in the clear", m.user)
		}
	}
}

// TestFaultsAreOvercome is the same with corrupted commits and welcomes.
func TestFaultsAreOvercome(t *testing.T) {
	for seed := range uint64(12) {
		c := newCall(t, delivery.Policy{})
		rng := seeded(seed)
		faults := 0
		c.mangle = func(_ uint64, op int, body []byte) []byte {
			if (op != delivery.OpAnnounceCommit && op != delivery.OpWelcome) || rng.IntN(12) > 0 {
				return body
			}
			faults++
			body = slices.Clone(body)
			body[2+rng.IntN(len(body)-2)] ^= 1 << rng.IntN(8)
			return body
		}
		for range 400 {
			churn(c, rng)
		}
		c.mangle = nil
		c.settle()
		c.talks()
		if faults == 0 {
			t.Errorf("seed %d: no faults", seed)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
