package mls

const (
	version10 = 1 // ProtocolVersion mls10 (section 6)
	suiteP256 = 2 // MLS_128_DHKEMP256_AES128GCM_SHA256_P256 (section 17.1)
)

// noPSK is psk_secret without pre-shared keys (section 8.4), and the commit
// secret of a commit without a path (section 12.4.1). It is only read.
var noPSK = make([]byte, hashSize)

// secrets are those of an epoch (section 8) that a DAVE member uses.
type secrets struct{ exporter, confirm, membership, init, authenticator []byte }

// joinerSecret is the joiner_secret of the epoch after one with this init
// secret (section 8).
func joinerSecret(initSecret, commitSecret, context []byte) []byte {
	return expandWithLabel(extract(initSecret, commitSecret), "joiner", context, hashSize)
}

// epochSecrets derives an epoch, and the welcome secret on the way to it.
func epochSecrets(joiner, psk, context []byte) (s secrets, welcome []byte) {
	member := extract(joiner, psk)
	return secretsOf(expandWithLabel(member, "epoch", context, hashSize)), deriveSecret(member, "welcome")
}

func secretsOf(epochSecret []byte) secrets {
	return secrets{
		exporter:      deriveSecret(epochSecret, "exporter"),
		confirm:       deriveSecret(epochSecret, "confirm"),
		membership:    deriveSecret(epochSecret, "membership"),
		init:          deriveSecret(epochSecret, "init"),
		authenticator: deriveSecret(epochSecret, "authentication"),
	}
}

// export is MLS-Exporter (section 8.5).
func (s secrets) export(label string, context []byte, n int) []byte {
	return expandWithLabel(deriveSecret(s.exporter, label), "exported", hash(context), n)
}

// groupContext is the encoded GroupContext (section 8.1).
func groupContext(groupID []byte, epoch uint64, treeHash, confirmed, exts []byte) []byte {
	var w writer
	w.u16(version10)
	w.u16(suiteP256)
	w.vec(groupID)
	w.u64(epoch)
	w.vec(treeHash)
	w.vec(confirmed)
	w.vec(exts)
	return w.b
}

// confirmedHash is the confirmed transcript hash after a commit (section 8.2).
func confirmedHash(interim, content, sig []byte) []byte {
	var w writer
	w.raw(interim)
	w.u16(wirePublic)
	w.raw(content)
	w.vec(sig)
	return hash(w.b)
}

// interimHash is the interim transcript hash after it (section 8.2).
func interimHash(confirmed, confirmationTag []byte) []byte {
	var w writer
	w.raw(confirmed)
	w.vec(confirmationTag)
	return hash(w.b)
}
