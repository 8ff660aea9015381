package ogg

import "golang.org/x/sys/cpu"

// quick is whether the processor shuffles bytes by a table in a register, as all
// do since 2006.
var quick = cpu.X86.HasSSSE3

// turn16 reverses the bits of each byte of n blocks of 16 bytes, n being positive.
// It is eight times as quick as turnPlain, without which half the time of reading
// Ogg would go into this.
//
//go:noescape
func turn16(dst, src *byte, n int)
