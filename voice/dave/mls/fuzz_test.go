package mls

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// FuzzBytes parses anything as each of the messages; what parses as a tree is
// written as it was read.
func FuzzBytes(f *testing.F) {
	p := newParty(f, 1, 2, 3)
	g := p.all[1]
	id := newID(f, 9)
	c, err := g.Commit(p.proposals(g, removeOf(2), addOf(id)))
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range [][]byte{c.Message, c.Welcome, id.KeyPackage(), p.by.message(g.epoch, addOf(id)), p.by.sender(), g.tree.marshal()} {
		f.Add(b)
	}
	b, err := os.ReadFile("testdata/tree-validation.json")
	if err != nil {
		f.Fatal(err)
	}
	var trees []struct{ Tree hexBytes }
	if err := json.Unmarshal(b, &trees); err != nil {
		f.Fatal(err)
	}
	for _, tr := range trees[:4] {
		f.Add([]byte(tr.Tree))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if tr, err := parseTree(b); err == nil {
			if !bytes.Equal(tr.marshal(), b) {
				t.Error("a tree is not written as it was read")
			}
			tr.treeHash()
			_ = tr.verify(groupID)
			_ = tr.checkUsers()
		}
		r := &reader{b: b}
		if k := readKeyPackage(r); r.end() == nil {
			_ = k.check()
		}
		var ps Proposals
		_ = g.Append(&ps, b, everybody)
		_ = ps.Revoke(b)
		_, _ = g.Handle(&ps, b)
		_, _ = Join(id, groupID, p.by.sender(), b)
		_, _ = NewGroup(id, groupID, b)
	})
}

// FuzzSigned gives the fuzzer everybody's keys: what it makes is signed and
// sealed before it is taken, so that it gets past the first gate. kind picks
// proposal, commit, group info or group secrets.
func FuzzSigned(f *testing.F) {
	p := newParty(f, 1, 2, 3, 4)
	g, o := p.all[1], p.all[2]
	id := newID(f, 9)
	remove := p.by.message(g.epoch, removeOf(3))
	var ps Proposals
	if err := g.Append(&ps, remove, everybody); err != nil {
		f.Fatal(err)
	}
	c, err := g.Commit(&ps)
	if err != nil {
		f.Fatal(err)
	}
	read, err := readCommit(c.Message)
	if err != nil {
		f.Fatal(err)
	}
	body := bytes.Index(read.content, ps.list[0].ref) - 3 // the vector of references
	f.Add(uint8(0), addOf(id))
	f.Add(uint8(0), removeOf(1))
	f.Add(uint8(1), read.content[body:])
	var info writer
	info.raw(c.Group.context)
	info.vec(append([]byte{0, extRatchetTree}, vector(c.Group.tree.marshal())...))
	info.vec(make([]byte, hashSize))
	info.u32(0)
	f.Add(uint8(2), info.b)
	f.Add(uint8(3), append(vector(make([]byte, hashSize)), 1, 1, 7, 0))
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		switch kind % 4 {
		case 0:
			var ps Proposals
			if g.Append(&ps, p.by.message(g.epoch, b), everybody) == nil {
				_, _ = g.Commit(&ps)
			}
		case 1:
			if n, err := o.Handle(&ps, signedBody(g, b)); err == nil {
				t.Errorf("epoch %d without a confirmation tag", n.Epoch())
			}
		case 2:
			info := bytes.Clone(b)
			info = append(info, vector(signWithLabel(g.id.sig, "GroupInfoTBS", b))...)
			if _, err := Join(id, groupID, p.by.sender(), sealWelcome(t, id, append(vector(make([]byte, hashSize)), 0, 0), info)); err == nil {
				t.Error("joined a group that is not there")
			}
		case 3:
			_, _ = Join(id, groupID, p.by.sender(), sealWelcome(t, id, b, nil))
		}
	})
}

// sealWelcome makes a Welcome of any group secrets and group info.
func sealWelcome(t *testing.T, id *Identity, secrets, info []byte) []byte {
	t.Helper()
	_, ws := epochSecrets(make([]byte, hashSize), noPSK, nil)
	aead, nonce := welcomeAEAD(ws)
	sealedInfo := aead.Seal(nil, nonce, info, nil)
	s, err := encryptWithLabel(id.initKey.PublicKey().Bytes(), "Welcome", sealedInfo, secrets)
	if err != nil {
		t.Fatal(err)
	}
	var one, w writer
	one.vec(id.ref)
	s.marshal(&one)
	w.u16(suiteP256)
	w.vec(one.b)
	w.vec(sealedInfo)
	return w.b
}
