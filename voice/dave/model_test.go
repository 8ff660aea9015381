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
		for seed := range uint64(3) {
			c := newCall(t, p)
			rng := seeded(seed)
			for step := range 300 {
				churn(c, rng)
				if step%75 == 74 {
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

// TestFaultsAreOvercome is the same with corrupted commits and welcomes. If all
// leave who could take the damaged members back, those wait for ever: Waiting
// tells, and to join anew is the way out.
func TestFaultsAreOvercome(t *testing.T) {
	faults, rejoined := 0, 0
	for seed := range uint64(6) {
		c := newCall(t, delivery.Policy{})
		rng := seeded(seed)
		c.mangle = func(_ uint64, op int, body []byte) []byte {
			if (op != delivery.OpAnnounceCommit && op != delivery.OpWelcome) || rng.IntN(8) > 0 {
				return body
			}
			faults++
			body = slices.Clone(body)
			body[2+rng.IntN(len(body)-2)] ^= 1 << rng.IntN(8)
			return body
		}
		for range 300 {
			churn(c, rng)
		}
		c.mangle = nil
		c.settle()
		c.clock = c.clock.Add(keyExpiry)
		stuck := c.stuck()
		for _, u := range stuck {
			c.leave(u)
		}
		for _, u := range stuck {
			c.join(u, 1)
		}
		c.settle()
		c.talks()
		rejoined += len(stuck)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if faults < 10 || rejoined > faults {
		t.Errorf("%d faults, %d had to rejoin", faults, rejoined)
	}
}

// stuck are those whose handshake has no end.
func (c *call) stuck() []uint64 {
	var list []uint64
	for _, m := range c.sorted() {
		if !m.Ready() {
			list = append(list, m.user)
		}
	}
	return list
}
