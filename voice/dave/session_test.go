package dave

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/disgoorg/godave"

	"segue/discordtest/delivery"
)

type sink struct {
	mu             sync.Mutex
	kp, cw         []byte
	ready, invalid []uint16
}

func (s *sink) SendMLSKeyPackage(b []byte) error {
	s.mu.Lock()
	s.kp = bytes.Clone(b)
	s.mu.Unlock()
	return nil
}

func (s *sink) SendMLSCommitWelcome(b []byte) error {
	s.mu.Lock()
	s.cw = bytes.Clone(b)
	s.mu.Unlock()
	return nil
}

func (s *sink) SendReadyForTransition(id uint16) error {
	s.mu.Lock()
	s.ready = append(s.ready, id)
	s.mu.Unlock()
	return nil
}

func (s *sink) SendInvalidCommitWelcome(id uint16) error {
	s.mu.Lock()
	s.invalid = append(s.invalid, id)
	s.mu.Unlock()
	return nil
}

const ch = 500000000000000001

var gid = binary.BigEndian.AppendUint64(nil, ch)

func pair(t testing.TB) (a, b godave.Session, sa, sb *sink, ext *delivery.ExternalSender) {
	sa, sb = &sink{}, &sink{}
	ext = delivery.NewExternalSender([]byte{1})
	a, b = New(slog.Default(), "11", sa), New(slog.Default(), "22", sb)
	for _, s := range []godave.Session{a, b} {
		s.SetChannelID(ch)
		s.AddUser("11")
		s.AddUser("22")
		s.OnSelectProtocolAck(1)
		s.OnDaveMLSExternalSenderPackage(ext.Package())
	}
	kp, err := delivery.ParseKeyPackage(sb.kp)
	if err != nil {
		t.Fatal(err)
	}
	a.OnDaveMLSProposals(delivery.AppendPayload(ext.ProposeAdd(gid, 0, kp.Raw)))
	c, rest, err := delivery.ParseCommit(sa.cw)
	if err != nil {
		t.Fatal(err)
	}
	a.OnDaveMLSPrepareCommitTransition(0, c.Raw)
	b.OnDaveMLSWelcome(0, rest)
	if !a.Ready() || !b.Ready() {
		t.Fatal("not ready")
	}
	return
}

func TestHostileGateway(t *testing.T) {
	a, _, sa, _, ext := pair(t)
	// an add for a user never announced
	var ks sink
	x := New(slog.Default(), "33", &ks)
	x.SetChannelID(ch)
	x.OnSelectProtocolAck(1)
	kp, _ := delivery.ParseKeyPackage(ks.kp)
	sa.cw = nil
	a.OnDaveMLSProposals(delivery.AppendPayload(ext.ProposeAdd(gid, 1, kp.Raw)))
	if sa.cw != nil {
		t.Error("committed an add for a user that is not in the call")
	}
	a.AddUser("33")
	// signed by somebody else
	a.OnDaveMLSProposals(delivery.AppendPayload(delivery.NewExternalSender([]byte{1}).ProposeAdd(gid, 1, kp.Raw)))
	if sa.cw != nil {
		t.Error("accepted a proposal of another signer")
	}
	// another epoch, another group
	a.OnDaveMLSProposals(delivery.AppendPayload(ext.ProposeAdd(gid, 2, kp.Raw)))
	a.OnDaveMLSProposals(delivery.AppendPayload(ext.ProposeAdd(binary.BigEndian.AppendUint64(nil, 9), 1, kp.Raw)))
	if sa.cw != nil {
		t.Error("accepted a proposal of another epoch or group")
	}
	// a second copy of a member
	a.OnDaveMLSProposals(delivery.AppendPayload(ext.ProposeAdd(gid, 1, kp.Raw)))
	if sa.cw == nil {
		t.Fatal("good add not committed")
	}
}

func TestGarbageDoesNotPanic(t *testing.T) {
	a, b, _, _, _ := pair(t)
	for range 20000 {
		g := make([]byte, rand.IntN(300))
		for i := range g {
			g[i] = byte(rand.Uint32())
		}
		if len(g) > 0 {
			g[0] &= 1
		}
		a.OnDaveMLSProposals(g)
	}
	out := make([]byte, 512)
	for range 1000 {
		g := make([]byte, rand.IntN(300))
		for i := range g {
			g[i] = byte(rand.Uint32())
		}
		_, _ = b.Decrypt("11", g, out)
	}
	// still alive
	e := make([]byte, 256)
	n, err := a.Encrypt(1, []byte("some opus frame"), e)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := b.Decrypt("11", e[:n], out); err != nil || string(out[:k]) != "some opus frame" {
		t.Fatal(err)
	}
}

func FuzzMessages(f *testing.F) {
	a, _, sa, sb, _ := pair(f)
	_ = a
	f.Add(uint8(0), sa.cw)
	f.Add(uint8(1), sb.kp)
	f.Fuzz(func(t *testing.T, k uint8, m []byte) {
		s := New(slog.New(slog.DiscardHandler), "11", &sink{})
		s.SetChannelID(ch)
		s.AddUser("22")
		s.OnSelectProtocolAck(1)
		switch k % 5 {
		case 0:
			s.OnDaveMLSPrepareCommitTransition(3, m)
		case 1:
			s.OnDaveMLSWelcome(3, m)
		case 2:
			s.OnDaveMLSExternalSenderPackage(m)
		case 3:
			s.OnDaveMLSProposals(m)
		case 4:
			_, _ = s.Decrypt("22", m, make([]byte, len(m)))
		}
	})
}

func TestConcurrent(t *testing.T) {
	a, b, _, _, _ := pair(t)
	stop := time.Now().Add(500 * time.Millisecond)
	var wg sync.WaitGroup
	wg.Add(3)
	go func() {
		defer wg.Done()
		out, d := make([]byte, 256), make([]byte, 256)
		for time.Now().Before(stop) {
			if n, err := a.Encrypt(1, []byte("abc def ghi"), out); err == nil {
				_, _ = b.Decrypt("11", out[:n], d)
			}
		}
	}()
	go func() {
		defer wg.Done()
		for time.Now().Before(stop) {
			a.AddUser("44")
			a.RemoveUser("44")
			a.Ready()
		}
	}()
	go func() {
		defer wg.Done()
		for i := uint16(1); time.Now().Before(stop); i++ {
			a.OnDavePrepareTransition(i, i%2)
			a.OnDaveExecuteTransition(i)
		}
	}()
	wg.Wait()
}
