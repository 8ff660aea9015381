// Package voice keeps the promise of one frame per 20 ms: it joins calls, stays
// in them through everything a voice server does short of throwing us out, and
// sends frames sealed twice, for the people (DAVE) and for the server.
//
// A [Conn] is one guild's call. Its supervisor goroutine owns where it is; a
// session goroutine owns one identify with its UDP socket, keys and DAVE group,
// and survives resumes; one reader per websocket and one per UDP socket feed
// it. A [Pacer] ticks the senders of many calls. [Dial] opens a call from its
// parts alone; a [Manager] gets those parts from the main gateway.
package voice
