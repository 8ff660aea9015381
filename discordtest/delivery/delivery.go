// Package delivery is the part of Discord's voice gateway that the DAVE paper
// calls the delivery service: it signs external proposals, collects key
// packages, judges commits, cuts welcomes to size and counts transitions. It
// holds no group secret. Its RFC 9420 codec is written from the RFC on the
// standard library and shares no code with package segue/voice/dave/mls, so
// that neither can hide a mistake of the other.
package delivery

// Values of RFC 9420 and of the DAVE paper that this service accepts.
const (
	versionMLS10 = 1
	suiteP256    = 2 // MLS_128_DHKEMP256_AES128GCM_SHA256_P256

	wirePublic     = 1
	wireKeyPackage = 5

	senderMember   = 1
	senderExternal = 2

	contentProposal = 2
	contentCommit   = 3

	proposalAdd    = 1
	proposalRemove = 3

	credentialBasic = 1

	leafFromKeyPackage = 1
	leafFromUpdate     = 2
	leafFromCommit     = 3
)

// Opcodes of the voice gateway that belong to DAVE.
const (
	OpPrepareTransition    = 21
	OpExecuteTransition    = 22
	OpReadyForTransition   = 23
	OpPrepareEpoch         = 24
	OpExternalSender       = 25
	OpKeyPackage           = 26
	OpProposals            = 27
	OpCommitWelcome        = 28
	OpAnnounceCommit       = 29
	OpWelcome              = 30
	OpInvalidCommitWelcome = 31
)
