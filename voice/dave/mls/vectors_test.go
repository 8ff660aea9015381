package mls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// hexBytes is how the vectors write binary data.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	v, err := hex.DecodeString(*s)
	*h = v
	return err
}

func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var v []T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v) == 0 {
		t.Fatalf("%s: no vectors", name)
	}
	return v
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %x, want %x", what, got, want)
	}
}

func hpkeKey(t *testing.T, b []byte) hpke.PrivateKey {
	t.Helper()
	k, err := kem.NewPrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sigKey(t *testing.T, b []byte) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestVectorLengths(t *testing.T) {
	for _, v := range vectors[struct {
		Header hexBytes `json:"vlbytes_header"`
		Length int      `json:"length"`
	}](t, "deserialization") {
		r := &reader{b: v.Header}
		if n := r.length(); n != v.Length || r.end() != nil {
			t.Errorf("%x: got %d, %v, want %d", v.Header, n, r.err, v.Length)
		}
		if v.Length > 1<<20 {
			continue // not worth the memory
		}
		var w writer
		w.vec(make([]byte, v.Length))
		same(t, "header", w.b[:len(v.Header)], v.Header)
	}
}

func TestTreeMath(t *testing.T) {
	for _, v := range vectors[struct {
		Leaves  int    `json:"n_leaves"`
		Nodes   int    `json:"n_nodes"`
		Root    int    `json:"root"`
		Left    []*int `json:"left"`
		Right   []*int `json:"right"`
		Parent  []*int `json:"parent"`
		Sibling []*int `json:"sibling"`
	}](t, "tree-math") {
		tr := &tree{}
		tr.resize(v.Leaves)
		if tr.nodes() != v.Nodes || tr.root() != v.Root {
			t.Errorf("%d leaves: %d nodes, root %d", v.Leaves, tr.nodes(), tr.root())
		}
		for x := range v.Nodes {
			for name, c := range map[string]struct {
				want *int
				f    func(int) int
			}{"left": {v.Left[x], left}, "right": {v.Right[x], right}, "parent": {v.Parent[x], parent}, "sibling": {v.Sibling[x], sibling}} {
				if c.want != nil && c.f(x) != *c.want {
					t.Errorf("%d leaves: %s of %d is %d, want %d", v.Leaves, name, x, c.f(x), *c.want)
				}
			}
		}
	}
}

func TestCryptoBasics(t *testing.T) {
	type labelled struct {
		Secret, Value, Context, Out hexBytes
		Label                       string
		Length                      int
		Generation                  uint32
	}
	for _, v := range vectors[struct {
		Ref    labelled `json:"ref_hash"`
		Expand labelled `json:"expand_with_label"`
		Derive labelled `json:"derive_secret"`
		Tree   labelled `json:"derive_tree_secret"`
		Sign   struct {
			Priv, Pub, Content, Signature hexBytes
			Label                         string
		} `json:"sign_with_label"`
		Encrypt struct {
			Priv, Pub, Context, Plaintext, Ciphertext hexBytes
			Label                                     string
			KEM                                       hexBytes `json:"kem_output"`
		} `json:"encrypt_with_label"`
	}](t, "crypto-basics") {
		same(t, "RefHash", refHash(v.Ref.Label, v.Ref.Value), v.Ref.Out)
		same(t, "ExpandWithLabel", expandWithLabel(v.Expand.Secret, v.Expand.Label, v.Expand.Context, v.Expand.Length), v.Expand.Out)
		same(t, "DeriveSecret", deriveSecret(v.Derive.Secret, v.Derive.Label), v.Derive.Out)
		same(t, "DeriveTreeSecret", DeriveTreeSecret(v.Tree.Secret, v.Tree.Label, v.Tree.Generation, v.Tree.Length), v.Tree.Out)

		s := v.Sign
		if !verifyWithLabel(s.Pub, s.Label, s.Content, s.Signature) {
			t.Error("VerifyWithLabel refuses the vector")
		}
		if !verifyWithLabel(s.Pub, s.Label, s.Content, signWithLabel(sigKey(t, s.Priv), s.Label, s.Content)) {
			t.Error("VerifyWithLabel refuses our signature")
		}
		if verifyWithLabel(s.Pub, s.Label, append(s.Content, 0), s.Signature) || verifyWithLabel(s.Pub[1:], s.Label, s.Content, s.Signature) {
			t.Error("VerifyWithLabel takes other content or a broken key")
		}

		e := v.Encrypt
		k := hpkeKey(t, e.Priv)
		pt, err := decryptWithLabel(k, e.Label, e.Context, sealed{e.KEM, e.Ciphertext})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "DecryptWithLabel", pt, e.Plaintext)
		ours, err := encryptWithLabel(e.Pub, e.Label, e.Context, e.Plaintext)
		if err != nil {
			t.Fatal(err)
		}
		pt, err = decryptWithLabel(k, e.Label, e.Context, ours)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "EncryptWithLabel", pt, e.Plaintext)
	}
}

func TestKeySchedule(t *testing.T) {
	for _, v := range vectors[struct {
		GroupID hexBytes `json:"group_id"`
		Init    hexBytes `json:"initial_init_secret"`
		Epochs  []struct {
			TreeHash      hexBytes `json:"tree_hash"`
			Commit        hexBytes `json:"commit_secret"`
			PSK           hexBytes `json:"psk_secret"`
			Confirmed     hexBytes `json:"confirmed_transcript_hash"`
			Context       hexBytes `json:"group_context"`
			Joiner        hexBytes `json:"joiner_secret"`
			Welcome       hexBytes `json:"welcome_secret"`
			Init          hexBytes `json:"init_secret"`
			Exporter      hexBytes `json:"exporter_secret"`
			Authenticator hexBytes `json:"epoch_authenticator"`
			Confirm       hexBytes `json:"confirmation_key"`
			Membership    hexBytes `json:"membership_key"`
			Export        struct {
				Label           string
				Context, Secret hexBytes
				Length          int
			} `json:"exporter"`
		} `json:"epochs"`
	}](t, "key-schedule") {
		init := []byte(v.Init)
		for i, e := range v.Epochs {
			ctx := groupContext(v.GroupID, uint64(i), e.TreeHash, e.Confirmed, nil)
			same(t, "group context", ctx, e.Context)
			joiner := joinerSecret(init, e.Commit, ctx)
			same(t, "joiner secret", joiner, e.Joiner)
			s, welcome := epochSecrets(joiner, e.PSK, ctx)
			same(t, "welcome secret", welcome, e.Welcome)
			same(t, "init secret", s.init, e.Init)
			same(t, "exporter secret", s.exporter, e.Exporter)
			same(t, "epoch authenticator", s.authenticator, e.Authenticator)
			same(t, "confirmation key", s.confirm, e.Confirm)
			same(t, "membership key", s.membership, e.Membership)
			same(t, "export", s.export(e.Export.Label, e.Export.Context, e.Export.Length), e.Export.Secret)
			init = s.init
		}
	}
}

func TestPublicMessageProtection(t *testing.T) {
	for _, v := range vectors[struct {
		GroupID    hexBytes `json:"group_id"`
		Epoch      uint64   `json:"epoch"`
		TreeHash   hexBytes `json:"tree_hash"`
		Confirmed  hexBytes `json:"confirmed_transcript_hash"`
		Priv       hexBytes `json:"signature_priv"`
		Pub        hexBytes `json:"signature_pub"`
		Membership hexBytes `json:"membership_key"`
		Proposal   hexBytes `json:"proposal"`
		ProposalM  hexBytes `json:"proposal_pub"`
		Commit     hexBytes `json:"commit"`
		CommitM    hexBytes `json:"commit_pub"`
	}](t, "message-protection") {
		ctx := groupContext(v.GroupID, v.Epoch, v.TreeHash, v.Confirmed, nil)
		read := func(kind uint8, message, body []byte) *frame {
			r := &reader{b: message}
			f := readFrame(r)
			same(t, "body", r.take(len(body)), body)
			f.finish(r)
			if err := r.end(); err != nil || f.kind != kind || f.sender != 1 || f.senderType != senderMember || f.epoch != v.Epoch {
				t.Fatalf("frame %+v, %v", f, err)
			}
			if err := f.verify(v.Pub, v.Membership, ctx); err != nil {
				t.Error(err)
			}
			return f
		}
		for kind, m := range map[uint8][2]hexBytes{contentProposal: {v.ProposalM, v.Proposal}, contentCommit: {v.CommitM, v.Commit}} {
			theirs := read(kind, m[0], m[1])
			f := newFrame(v.GroupID, v.Epoch, 1, kind, m[1], ctx, sigKey(t, v.Priv))
			f.tag = theirs.tag
			read(kind, f.message(v.Membership, ctx), m[1])

			if theirs.verify(v.Pub, append(v.Membership[:31:31], v.Membership[31]^1), ctx) == nil {
				t.Error("a message of an outsider is taken")
			}
			theirs.sig[len(theirs.sig)-1] ^= 1
			theirs.member = theirs.membershipTag(v.Membership, ctx)
			if theirs.verify(v.Pub, v.Membership, ctx) == nil {
				t.Error("a message of another member is taken")
			}
		}
	}
}

func TestTranscriptHashes(t *testing.T) {
	for _, v := range vectors[struct {
		Key       hexBytes `json:"confirmation_key"`
		Content   hexBytes `json:"authenticated_content"`
		Before    hexBytes `json:"interim_transcript_hash_before"`
		Confirmed hexBytes `json:"confirmed_transcript_hash_after"`
		After     hexBytes `json:"interim_transcript_hash_after"`
	}](t, "transcript-hashes") {
		// an AuthenticatedContent is an MLSMessage without version and membership tag
		r := &reader{b: append([]byte{0, version10}, v.Content...)}
		f := readFrame(r)
		r.vec()
		if r.optional() {
			readPath(r)
		}
		f.content = r.since(f.start)
		f.sig, f.tag = r.vec(), r.vec()
		if err := r.end(); err != nil || f.kind != contentCommit {
			t.Fatalf("content type %d, %v", f.kind, err)
		}
		confirmed := confirmedHash(v.Before, f.content, f.sig)
		same(t, "confirmed", confirmed, v.Confirmed)
		same(t, "confirmation tag", mac(v.Key, confirmed), f.tag)
		same(t, "interim", interimHash(confirmed, f.tag), v.After)
	}
}
