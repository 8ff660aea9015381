package flac_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio/codec/flac"
	"segue/audio/container/containertest"
)

// sealed is a frame with a header for so many samples, channels and bits, body for
// its subframes, and right checksums.
func sealed(block uint16, assignment, depth byte, body []byte) []byte {
	b := []byte{0xff, 0xf8, 0x70, assignment<<4 | depth<<1, 0}
	b = binary.BigEndian.AppendUint16(b, block)
	b = append(append(b, crc8(b)), body...)
	return binary.BigEndian.AppendUint16(b, flac.CRC16(0, b))
}

// try decodes b in both ways and says what a decoder must not do.
func try(t *testing.T, d *flac.Decoder, b []byte) {
	t.Helper()
	if len(b) == 0 {
		return // that asks for silence
	}
	pcm, err := d.Decode(nil, packet(b))
	ints, bits, errInt := d.DecodeInt(nil, packet(b))
	if (err == nil) != (errInt == nil) || len(pcm) != len(ints) {
		t.Fatalf("%d values, %v; %d, %v", len(pcm), err, len(ints), errInt)
	}
	if err != nil {
		if !containertest.Sane(err) || len(pcm) > 0 {
			t.Fatalf("%d values, %v", len(pcm), err)
		}
		return
	}
	h, ok := flac.ParseFrameHeader(b)
	if !ok || len(ints) != h.Block*h.Channels {
		t.Fatalf("%d values of %+v", len(ints), h)
	}
	for i, v := range ints {
		if int64(v) >= 1<<(bits-1) || int64(v) < -1<<(bits-1) || pcm[i] > 1 || pcm[i] < -1 {
			t.Fatalf("value %d is %d, %v, of %d bits", i, v, pcm[i], bits)
		}
	}
}

// body takes frame and CRC-16 off what encode made.
func body(frame []byte) []byte { return frame[8 : len(frame)-2] }

// frames is one of each kind, of 64 samples of 16 bits in one channel.
func frames() (all [][]byte) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, way := range []coded{
		{kind: "constant"},
		{kind: "verbatim"},
		{kind: "fixed", order: 2, param: 5, parts: 2},
		{kind: "fixed", order: 4, param: -1, method: 1, wasted: 2},
		{kind: "linear", order: 3, precision: 5, shift: 3, coefs: []int64{9, -3, 1}, param: 5},
		{kind: "linear", order: 32, precision: 2, shift: 1, coefs: make([]int64, 32), param: 5},
	} {
		all = append(all, encode([][]int64{noise(rng, 64, 16, way.wasted, false)}, 16, flac.Independent, []coded{way}))
	}
	return all
}

func TestDamageBehindRightChecksumsIsSurvived(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	d := decoder(t, streamInfo(2, 16))
	all := frames()
	_, packets := sweep(t)
	for i := range 4000 {
		b := containertest.Damage(body(all[i%len(all)]), rng)
		try(t, d, sealed(63, byte(rng.IntN(11)), []byte{0, 1, 2, 4, 5, 6, 7}[rng.IntN(7)], append(b, b...)))
		if p := bytes.Clone(packets[i%len(packets)].Data); i < 1000 {
			p[12+rng.IntN(len(p)-14)] ^= 1 << rng.IntN(8)
			binary.BigEndian.PutUint16(p[len(p)-2:], flac.CRC16(0, p[:len(p)-2]))
			try(t, d, p)
		}
	}
}

func TestDamagedFilesDecodeOrSayWhy(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	head := slices.Concat([]byte("fLaC\x80\x00\x00\x22"), streamInfo(1, 16))
	var music []byte
	const count = 120
	for i := range count {
		music = append(music, frames()[i%6]...)
	}
	whole := verify(t, slices.Concat(head, music))
	if whole.err != nil || whole.frames != count {
		t.Fatalf("%d frames, %v", whole.frames, whole.err)
	}
	least := whole.frames
	for i := range 1000 {
		damaged := containertest.Damage(slices.Concat(head, music), rng)
		if i%2 == 0 { // spare what can be hit only once
			damaged = slices.Concat(head, containertest.Damage(music, rng))
		}
		s := verify(t, damaged)
		if s.err != nil && !containertest.Sane(s.err) || s.values > 3*whole.values {
			t.Fatalf("%d values, %v", s.values, s.err)
		}
		if i%2 == 0 {
			least = min(least, s.frames)
		}
	}
	if least < count-20 { // up to eight places, of a frame or two each
		t.Errorf("damage left only %d of %d frames", least, count)
	}
}

// TestADecoderStaysSmall has frames of the largest kind claim all they can.
func TestADecoderStaysSmall(t *testing.T) {
	d := decoder(t, streamInfo(8, 32))
	still := make([]byte, 8*6) // constants of 32 bits
	var pcm []float32
	for range 3 {
		var err error
		if pcm, err = d.Decode(pcm[:0], packet(sealed(65535, 7, 0, still[:8*5]))); err != nil || len(pcm) != 8*65536 {
			t.Fatalf("%d values, %v", len(pcm), err)
		}
	}
	if n := d.Held(); n > 3<<20 {
		t.Errorf("the decoder holds %d bytes", n)
	}
}

func FuzzFrame(f *testing.F) {
	private, packets := sweep(f)
	for _, p := range packets[:2] {
		f.Add(p.Data)
	}
	dec := decoder(f, private)
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := flac.ParseFrameHeader(b); ok && len(b) > h.Size+2 { // let the checksums be right
			b = bytes.Clone(b)
			n := len(b) - 2
			binary.BigEndian.PutUint16(b[n:], flac.CRC16(0, b[:n]))
		}
		try(t, dec, b)
	})
}

func FuzzSubframes(f *testing.F) {
	for _, b := range frames() {
		f.Add(uint16(63), byte(0), byte(0), body(b))
		f.Add(uint16(63), byte(10), byte(7), append(body(b), body(b)...))
	}
	dec := decoder(f, streamInfo(1, 16))
	f.Fuzz(func(t *testing.T, block uint16, assignment, depth byte, b []byte) {
		try(t, dec, sealed(block, assignment&15, depth&7, b))
	})
}
