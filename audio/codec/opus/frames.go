package opus

// maxFrames is the number of frames in the fullest packet: 120 ms of 2.5 ms ones.
const maxFrames = 48

// frames is a packet taken apart. The slices are the packet's own bytes.
type frames struct {
	toc  byte
	n    int
	data [maxFrames][]byte
}

func (f *frames) all() [][]byte { return f.data[:f.n] }

// parse takes packet apart, under the same checks and with the same errors as
// FrameCount. If it delimits itself (RFC 6716, appendix B), what follows it is
// returned.
func (f *frames) parse(packet []byte, delimited bool) (rest []byte, err error) {
	f.n = 0
	if len(packet) == 0 {
		return nil, malformed("packet without a byte")
	}
	f.toc = packet[0]
	if f.toc&3 == 0 && !delimited {
		f.n, f.data[0] = 1, packet[1:len(packet):len(packet)]
		return nil, frameFits(len(packet) - 1)
	}
	count, padding, same, b := 1, 0, false, packet[1:]
	switch f.toc & 3 {
	case 1:
		count, same = 2, true
	case 2:
		count = 2
	case 3:
		if len(b) == 0 {
			return nil, malformed("no frame count")
		}
		head := b[0]
		count, same, b = int(head&0x3f), head&0x80 == 0, b[1:]
		if count == 0 || count*frameSamples(f.toc) > MaxDuration {
			return nil, malformed("impossible frame count")
		}
		if head&0x40 != 0 {
			if padding, b, err = paddingLength(b); err != nil {
				return nil, err
			}
		}
	}
	sizes, b, err := frameSizes(b, count, padding, same, delimited)
	if err != nil {
		return nil, err
	}
	for i := range count {
		size := int(sizes[i])
		if size > len(b) {
			return nil, malformed("frames longer than the packet")
		}
		if err := frameFits(size); err != nil {
			return nil, err
		}
		f.data[i], b = b[:size:size], b[size:]
	}
	if padding > len(b) {
		return nil, malformed("more padding than packet")
	}
	f.n = count
	return b[padding:], nil
}

// frameSizes reads the lengths of count frames, of which all have the same or
// each its own. Where the packet does not delimit itself, the last length is what
// is left of b but for the padding.
func frameSizes(b []byte, count, padding int, same, delimited bool) (sizes [maxFrames]int32, rest []byte, err error) {
	told := count // lengths there are
	if same {
		told = 1
	}
	if !delimited {
		told--
	}
	total := 0
	for i := range told {
		size, n, err := frameLength(b)
		if err != nil {
			return sizes, nil, err
		}
		sizes[i], b, total = int32(size), b[n:], total+size
	}
	left := len(b) - padding - total
	switch {
	case delimited && same:
		for i := range count {
			sizes[i] = sizes[0]
		}
	case delimited:
	case left < 0:
		return sizes, nil, malformed("frames longer than the packet")
	case same:
		if left%count != 0 {
			return sizes, nil, malformed("equal frames do not divide the packet")
		}
		for i := range count {
			sizes[i] = int32(left / count)
		}
	default:
		sizes[count-1] = int32(left)
	}
	return sizes, b, nil
}

// appendPacket appends the shortest packet of these frames (RFC 6716, 3.2), at
// least one and no more than last 120 ms. The two low bits of toc mean nothing.
func appendPacket(dst []byte, toc byte, data [][]byte) []byte {
	same := true
	for _, d := range data[1:] {
		same = same && len(d) == len(data[0])
	}
	toc &^= 3
	switch {
	case len(data) == 1:
		dst = append(dst, toc)
	case len(data) == 2 && same:
		dst = append(dst, toc|1)
	case len(data) == 2:
		dst = appendLength(append(dst, toc|2), len(data[0]))
	case same:
		dst = append(dst, toc|3, byte(len(data)))
	default:
		dst = append(dst, toc|3, 0x80|byte(len(data)))
		for _, d := range data[:len(data)-1] {
			dst = appendLength(dst, len(d))
		}
	}
	for _, d := range data {
		dst = append(dst, d...)
	}
	return dst
}

func appendLength(dst []byte, size int) []byte {
	if size < 252 {
		return append(dst, byte(size))
	}
	low := 252 + size&3
	return append(dst, byte(low), byte((size-low)>>2))
}
