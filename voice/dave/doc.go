// Package dave is Discord's end-to-end encryption of voice, DAVE protocol
// version 1, as one member of a call: a [Session] takes what the voice gateway
// says (op 4, 11, 13, 21 to 30), answers through callbacks (op 23, 26, 28, 31),
// and seals and opens Opus frames. It knows no sockets, starts no goroutine and
// never waits.
//
// The group is that of package mls; what goes over the wire beside it is in
// discord/dave-protocol, protocol.md ("the paper" in comments here).
//
// Three rules shape it. Every epoch is an immutable value, so commits that lose
// cost nothing. Receive keys are taken when a commit or welcome arrives, the
// send key when its transition is executed, and never an older one after a
// newer. And a frame leaves in the clear only in a call that the gateway has
// declared free of DAVE: until there is a key, Encrypt refuses.
package dave
