#include "textflag.h"

// The 16 numbers of four bits turned round, in the upper half of a byte ...
DATA upper<>+0(SB)/8, $0xe060a020c0408000
DATA upper<>+8(SB)/8, $0xf070b030d0509010
GLOBL upper<>(SB), RODATA|NOPTR, $16

// ... and in the lower.
DATA lower<>+0(SB)/8, $0x0e060a020c040800
DATA lower<>+8(SB)/8, $0x0f070b030d050901
GLOBL lower<>(SB), RODATA|NOPTR, $16

DATA nibble<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA nibble<>+8(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL nibble<>(SB), RODATA|NOPTR, $16

// func turn16(dst, src *byte, n int)
TEXT ·turn16(SB), NOSPLIT, $0-24
	MOVQ  dst+0(FP), DI
	MOVQ  src+8(FP), SI
	MOVQ  n+16(FP), CX
	MOVOU upper<>(SB), X0
	MOVOU lower<>(SB), X1
	MOVOU nibble<>(SB), X2

block:
	MOVOU  (SI), X3
	MOVO   X3, X4
	PSRLW  $4, X4
	PAND   X2, X3
	PAND   X2, X4
	MOVO   X0, X5
	PSHUFB X3, X5
	MOVO   X1, X6
	PSHUFB X4, X6
	POR    X5, X6
	MOVOU  X6, (DI)
	ADDQ   $16, SI
	ADDQ   $16, DI
	DECQ   CX
	JNZ    block
	RET
