// Package mls is the part of Messaging Layer Security (RFC 9420) that DAVE
// protocol version 1 uses, on the standard library alone: ciphersuite 2
// (MLS_128_DHKEMP256_AES128GCM_SHA256_P256), basic credentials, public
// messages, Add and Remove proposals of one external sender taken by
// reference, commits, welcomes with the ratchet tree inside, and the exporter.
//
// Not here, because no DAVE call has it: private messages, pre-shared keys,
// Update and GroupContextExtensions proposals, external commits, re-init. A
// message that carries one of them is refused.
//
// Section numbers in comments are those of RFC 9420. Nothing in this package
// blocks, starts a goroutine, or keeps a slice that it was given.
package mls
