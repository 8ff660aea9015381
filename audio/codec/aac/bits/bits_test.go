package bits_test

import (
	"math/rand/v2"
	"testing"

	"segue/audio/codec/aac/bits"
)

func TestBitsComeInTheirOrder(t *testing.T) {
	r := &bits.Reader{B: []byte{0xa5, 0x0f, 0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07}}
	if a, b, c := r.Read(1), r.Read(3), r.Read(12); a != 1 || b != 2 || c != 0x50f {
		t.Errorf("%d, %d, %x", a, b, c)
	}
	if !r.Flag() || r.Flag() || r.Pos != 18 || r.Read(0) != 0 {
		t.Errorf("flags, now at %d", r.Pos)
	}
	r.Align()
	if r.Pos != 24 || r.Look() != 0x01020304 || r.Left() != 56 {
		t.Errorf("at %d: %x, %d left", r.Pos, r.Look(), r.Left())
	}
	if v := r.Read(32); v != 0x01020304 {
		t.Errorf("%x", v)
	}
	if v := r.Read(32); v != 0x05060700 || !r.Over() {
		t.Errorf("%x at the end, over: %v", v, r.Over())
	}
	if r.Read(32) != 0 {
		t.Error("there are bits behind the end")
	}
}

// listing has codes of 1, 2, 3 and, looked up the long way, 12 bits.
var listing = func() bits.Listing {
	l := bits.Listing{Counts: make([]uint16, 12), Order: []uint16{7, 3, 9}}
	l.Counts[0], l.Counts[1], l.Counts[2], l.Counts[11] = 1, 1, 1, 512
	for i := range 512 {
		l.Order = append(l.Order, uint16(1000+i))
	}
	return l
}()

func TestCodesAreFound(t *testing.T) {
	b := bits.NewBook(listing)
	if b.Size() != 515 {
		t.Errorf("%d indices", b.Size())
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var bitString []byte
	var want []int
	n := 0
	write := func(v, width int) {
		for i := width - 1; i >= 0; i-- {
			if n%8 == 0 {
				bitString = append(bitString, 0)
			}
			bitString[n/8] |= byte(v>>i&1) << (7 - n%8)
			n++
		}
	}
	for range 500 {
		switch k := rng.IntN(515); k {
		case 0, 1, 2:
			write(1<<(k+1)-2, k+1)
			want = append(want, []int{7, 3, 9}[k])
		default:
			write(7<<9+k-3, 12)
			want = append(want, 1000+k-3)
		}
	}
	r := &bits.Reader{B: bitString}
	for i, w := range want {
		if got := b.Next(r); got != w {
			t.Fatalf("code %d is %d, want %d", i, got, w)
		}
	}
	if r.Pos != n {
		t.Errorf("%d bits read of %d", r.Pos, n)
	}
}

func TestABookWithHolesGoesOn(t *testing.T) {
	b := bits.NewBook(bits.Listing{Counts: []uint16{1}, Order: []uint16{5}})
	r := &bits.Reader{B: []byte{0xff, 0xff, 0xff, 0xff}}
	if b.Next(r) != 0 || r.Pos == 0 {
		t.Error("bits that are no code hold the reader up")
	}
}
