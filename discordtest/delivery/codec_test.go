package delivery_test

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"

	"segue/discordtest/delivery"
	"segue/voice/dave"
)

// samples are real messages: a key package, an adding commit with its welcome,
// a removing commit.
func samples(t *testing.T) (keyPackage, adding, removing []byte) {
	c := newCall(t, delivery.Policy{})
	c.join(ann)
	c.join(ben)
	c.lag = true
	c.join(cleo)
	adding = c.kept[0].body
	c.lag = false
	c.commitKept()
	c.lag, c.kept = true, nil
	c.leave(cleo)
	return c.clients[ann].last, adding, c.kept[0].body
}

type sink struct{ keyPackage []byte }

func (s *sink) SendMLSKeyPackage(b []byte) error      { s.keyPackage = bytes.Clone(b); return nil }
func (s *sink) SendMLSCommitWelcome([]byte) error     { return nil }
func (s *sink) SendReadyForTransition(uint16) error   { return nil }
func (s *sink) SendInvalidCommitWelcome(uint16) error { return nil }
func newKeyPackage(t interface{ Helper() }) []byte {
	t.Helper()
	s := &sink{}
	session := dave.New(slog.New(slog.DiscardHandler), "11", s)
	session.SetChannelID(channel)
	session.OnSelectProtocolAck(1)
	return s.keyPackage
}

func TestKeyPackage(t *testing.T) {
	good := newKeyPackage(t)
	kp, err := delivery.ParseKeyPackage(good)
	if err != nil || kp.UserID() != ann || !bytes.Equal(kp.Raw, good) {
		t.Fatalf("%+v, %v", kp, err)
	}
	wrapped := append([]byte{0, 1, 0, 5}, good...)
	lifetime := bytes.Index(good, append(make([]byte, 8), bytes.Repeat([]byte{0xff}, 8)...))
	flip := func(i int) []byte { b := bytes.Clone(good); b[i] ^= 1; return b }
	for _, test := range []struct {
		name string
		b    []byte
		says string
	}{
		{"wrapped in an MLSMessage", wrapped, "bare"},
		{"empty", nil, "version 0"},
		{"version 2", flip(1), "version 0"},
		{"another suite", flip(3), "ciphersuite 3"},
		{"init key not on the curve", flip(20), "init key"},
		{"lifetime that begins", flip(lifetime + 7), "lifetime"},
		{"lifetime that ends", flip(lifetime + 15), "lifetime"},
		{"cut short", good[:len(good)-1], "too early"},
		{"too long", append(bytes.Clone(good), 0), "follow the structure"},
		{"signature", flip(len(good) - 1), "signature"},
		{"credential of nine bytes", bytes.Replace(good, append([]byte{0, 1, 8}, binary.BigEndian.AppendUint64(nil, ann)...), append([]byte{0, 1, 9, 0}, binary.BigEndian.AppendUint64(nil, ann)...), 1), "basic with 8"},
		{"another user", flip(bytes.Index(good, binary.BigEndian.AppendUint64(nil, ann)) + 7), "signature"},
	} {
		if _, err := delivery.ParseKeyPackage(test.b); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestNothingButWholeMessages(t *testing.T) {
	keyPackage, adding, removing := samples(t)
	for i := range keyPackage {
		if _, err := delivery.ParseKeyPackage(keyPackage[:i]); err == nil {
			t.Errorf("key package cut at %d of %d", i, len(keyPackage))
		}
	}
	for _, b := range [][]byte{adding, removing} {
		c, rest, err := delivery.ParseCommit(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Raw {
			if _, _, err := delivery.ParseCommit(b[:i]); err == nil {
				t.Errorf("commit cut at %d of %d", i, len(c.Raw))
			}
		}
		for i := range rest {
			if _, err := delivery.ParseWelcome(rest[:i]); err == nil {
				t.Errorf("welcome cut at %d of %d", i, len(rest))
			}
		}
	}
}

func TestCommitsWithForbiddenContents(t *testing.T) {
	// version, wire format, group id, epoch, sender, authenticated data, type
	head := "\x00\x01\x00\x01\x08\x00\x00\x00\x00\x00\x00\x00\x01" + strings.Repeat("\x00", 8) + "\x01\x00\x00\x00\x00\x00\x03"
	for name, b := range map[string]string{
		"by value":            head + "\x02\x01\x00",
		"bad ProposalOrRef":   head + "\x01\x03",
		"bad presence":        head + "\x00\x02\x00\x00\x00",
		"reference too long":  head + "\x02\x02\x3f",
		"external sender":     strings.Replace(head, "\x01\x00\x00\x00\x00\x00\x03", "\x02\x00\x00\x00\x00\x00\x03", 1),
		"proposal":            head[:len(head)-1] + "\x02",
		"private message":     "\x00\x01\x00\x02",
		"length not shortest": "\x00\x01\x00\x01\x40\x08",
		"length not allowed":  "\x00\x01\x00\x01\xc0",
		"length of 1 GiB":     "\x00\x01\x00\x01\xbf\xff\xff\xff",
	} {
		if _, _, err := delivery.ParseCommit([]byte(b)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := delivery.ParseCommit([]byte(head + "\x00\x00\x00\x00\x00")); err != nil {
		t.Errorf("the plain one: %v", err)
	}
	if _, err := delivery.ParseWelcome([]byte("\x00\x01\x00\x00")); err == nil {
		t.Error("welcome of another suite accepted")
	}
	if _, err := delivery.ParseWelcome([]byte("\x00\x02\x01\x05\x00")); err == nil {
		t.Error("welcome with half a secret accepted")
	}
}

func TestWelcomeIsCutToOneJoiner(t *testing.T) {
	_, adding, _ := samples(t)
	_, rest, err := delivery.ParseCommit(adding)
	if err != nil {
		t.Fatal(err)
	}
	w, err := delivery.ParseWelcome(rest)
	if err != nil || w.Len() != 1 {
		t.Fatalf("%d secrets, %v", w.Len(), err)
	}
	if _, ok := w.For([]byte("nobody")); ok {
		t.Error("a welcome for nobody")
	}
}

func TestPayloadsOfProposals(t *testing.T) {
	e := delivery.NewExternalSender([]byte{1})
	p := e.ProposeRemove(groupID, 3, 1)
	q := e.ProposeRemove(groupID, 3, 2)
	both := delivery.AppendPayload(p, q)
	if both[0] != 0 || !bytes.Contains(both, append(bytes.Clone(p.Msg), q.Msg...)) {
		t.Errorf("append %x", both)
	}
	if got := delivery.RevokePayload(p); got[0] != 1 || !bytes.HasSuffix(got, p.Ref) || len(p.Ref) != 32 {
		t.Errorf("revoke %x", got)
	}
	if pkg := e.Package(); len(pkg) < 70 || pkg[1] != 65 && pkg[2] != 4 {
		t.Errorf("external sender %x", pkg)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(newKeyPackage(f))
	f.Add([]byte("\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x03\x02\x02\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x02\x04\x01a\x01b\x01c\x02gi"))
	f.Add([]byte{0, 1, 0, 5, 0, 1, 0, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		if kp, err := delivery.ParseKeyPackage(b); err == nil && !bytes.Equal(kp.Raw, b) {
			t.Error("a key package that is not all of it")
		}
		if c, rest, err := delivery.ParseCommit(b); err == nil && len(c.Raw)+len(rest) != len(b) {
			t.Error("a commit that loses bytes")
		}
		if w, err := delivery.ParseWelcome(b); err == nil && w.Len() > len(b) {
			t.Error("more secrets than bytes")
		}
		if !bytes.Equal(b, before) {
			t.Error("parsing changed its input")
		}
	})
}

func FuzzGroup(f *testing.F) {
	f.Add([]byte{26, 1, 2, 3}, uint16(0))
	f.Add([]byte{opCommitWelcome, 0, 1, 0, 1, 8}, uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, id uint16) {
		g := delivery.NewGroup(channel, delivery.NewExternalSender([]byte{1}), delivery.Policy{})
		g.Join(ann, 1)
		g.External(ann)
		kp := newKeyPackage(t)
		if err := g.KeyPackage(ann, kp); err != nil {
			t.Fatal(err)
		}
		g.Join(ben, 1)
		_ = g.KeyPackage(ben, b)
		_ = g.Commit(ann, b)
		_ = g.Commit(ben, b)
		_ = g.Ready(ben, id)
		g.Execute(id)
		g.Invalid(ben)
		g.Leave(ann)
		if g.Established() {
			t.Error("noise made a group")
		}
	})
}
