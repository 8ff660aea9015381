package flac_test

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"segue/audio/codec/flac"
)

// The other direction, for tests: frames made of given samples, in every way the
// format has, without a thought for their size.

type bitWriter struct {
	b []byte
	n int // bits
}

func (w *bitWriter) put(v int64, k int) {
	for i := k - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) unary(zeros int) {
	for range zeros {
		w.put(0, 1)
	}
	w.put(1, 1)
}

// coded says how one subframe is to be coded.
type coded struct {
	kind             string // "constant", "verbatim", "fixed", "linear"
	order            int
	wasted           int
	precision, shift int
	coefs            []int64
	method, parts    int // Rice 0 or 1; partition order
	param            int // of Rice; -1 escapes
}

// subframe writes samples of so many bits.
func (w *bitWriter) subframe(samples []int64, depth int, c coded) {
	code := map[string]int{"constant": 0, "verbatim": 1, "fixed": 8 + c.order, "linear": 31 + c.order}[c.kind]
	w.put(int64(code), 7)
	if c.wasted > 0 {
		w.put(1, 1)
		w.unary(c.wasted - 1)
	} else {
		w.put(0, 1)
	}
	depth -= c.wasted
	s := make([]int64, len(samples))
	for i, v := range samples {
		s[i] = v >> c.wasted
	}
	switch c.kind {
	case "constant":
		w.put(s[0], depth)
		return
	case "verbatim":
		c.order = len(s)
	}
	for _, v := range s[:c.order] {
		w.put(v, depth)
	}
	if c.kind == "verbatim" {
		return
	}
	coefs := c.coefs
	if c.kind == "fixed" {
		coefs = [][]int64{{}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}}[c.order]
	} else {
		w.put(int64(c.precision-1), 4)
		w.put(int64(c.shift), 5)
		for _, k := range coefs {
			w.put(k, c.precision)
		}
	}
	w.residual(residuals(s, coefs, c.shift), c)
}

func residuals(s, coefs []int64, shift int) []int64 {
	var out []int64
	for i := len(coefs); i < len(s); i++ {
		sum := int64(0)
		for j, k := range coefs {
			sum += k * s[i-1-j]
		}
		out = append(out, s[i]-sum>>shift)
	}
	return out
}

func (w *bitWriter) residual(res []int64, c coded) {
	w.put(int64(c.method), 2)
	w.put(int64(c.parts), 4)
	size := (len(res) + c.order) >> c.parts
	width := 4 + c.method
	for part := range 1 << c.parts {
		n := size
		if part == 0 {
			n -= c.order
		}
		if c.param < 0 {
			w.put(1<<width-1, width)
			k := 0
			for _, v := range res[:n] {
				if v != 0 {
					k = max(k, bits.Len64(uint64(v^v>>63))+1)
				}
			}
			w.put(int64(k), 5)
			for _, v := range res[:n] {
				w.put(v, k)
			}
		} else {
			w.put(int64(c.param), width)
			for _, v := range res[:n] {
				u := v<<1 ^ v>>63
				w.unary(int(u >> c.param))
				w.put(u, c.param)
			}
		}
		res = res[n:]
	}
}

// encode makes a frame of samples, one slice a channel. Its header leaves rate and
// depth to STREAMINFO.
func encode(channels [][]int64, bits int, stereo flac.Stereo, ways []coded) []byte {
	block := len(channels[0])
	assignment := len(channels) - 1
	if stereo != flac.Independent {
		assignment = 7 + int(stereo)
	}
	b := []byte{0xff, 0xf8, 0x70, byte(assignment << 4), 0, byte((block - 1) >> 8), byte(block - 1)}
	w := &bitWriter{b: append(b, crc8(b)), n: 64}
	for c, s := range channels {
		depth := bits
		if stereo != flac.Independent {
			coded := make([]int64, block)
			for i := range coded {
				l, r := channels[0][i], channels[1][i]
				switch {
				case stereo == flac.LeftSide && c == 0:
					coded[i] = l
				case stereo == flac.SideRight && c == 1:
					coded[i] = r
				case stereo == flac.MidSide && c == 0:
					coded[i] = (l + r) >> 1
				default:
					coded[i] = l - r
				}
			}
			if s = coded; (stereo == flac.SideRight) == (c == 0) && (stereo != flac.MidSide || c == 1) {
				depth++
			}
		}
		w.subframe(s, depth, ways[c])
	}
	return binary.BigEndian.AppendUint16(w.b, flac.CRC16(0, w.b))
}

// streamInfo is a STREAMINFO of a stream at 48 kHz.
func streamInfo(channels, bits int) []byte {
	b := make([]byte, flac.StreamInfoSize)
	b[0], b[2] = 16, 16
	binary.BigEndian.PutUint64(b[10:], 48000<<44|uint64(channels-1)<<41|uint64(bits-1)<<36)
	return b
}

// noise is block samples that wander through all of bits, in steps that get
// through the unary part of a code, and hold wasted zeros at their end.
func noise(rng *rand.Rand, block, bits, wasted int, loud bool) []int64 {
	top := int64(1)<<(bits-1) - 1
	s := make([]int64, block)
	v := int64(0)
	for i := range s {
		if loud {
			v = []int64{top, -top - 1, 0, -1, rng.Int64N(top + 1)}[rng.IntN(5)]
		} else {
			v = min(max(v+rng.Int64N(41)-20, -top-1), top)
		}
		s[i] = v >> wasted << wasted
	}
	return s
}
