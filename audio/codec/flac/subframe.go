package flac

// What a subframe is (RFC 9639, 9.2.1).
type kind int

const (
	constant kind = iota
	verbatim
	fixed
	linear
)

const (
	maxOrder = 32
	// margin is how many zeros stand before the samples of a channel, so that a
	// predictor can be filled up with zeros to an order there is a fast loop for.
	margin = maxOrder
)

// A subframe is one channel of a frame, but for its residual.
type subframe struct {
	kind   kind
	order  int
	bits   uint // per sample, without wasted ones
	wasted uint
	warmup [maxOrder]int64 // the first samples; for a constant the only one
	coefs  [maxOrder]int64 // the last order of them, for the oldest sample first
	shift  uint
}

// readHead reads all of a subframe of block samples of so many bits that stands
// before the residual, or before the samples if they are verbatim.
func (s *subframe) readHead(r *bitReader, bits uint, block int) error {
	head := int(r.uint(8))
	s.wasted = 0
	if head&1 == 1 {
		s.wasted = r.unary() + 1
	}
	switch code := head >> 1; {
	case code == 0:
		s.kind, s.order = constant, 1
	case code == 1:
		s.kind, s.order = verbatim, 0
	case code >= 8 && code <= 12:
		s.kind, s.order = fixed, code-8
	case code >= 32 && code < 64:
		s.kind, s.order = linear, code-31
	default:
		return malformed("reserved kind of subframe")
	}
	if s.wasted >= bits || s.order > block {
		return malformed("impossible subframe")
	}
	s.bits = bits - s.wasted
	for i := range s.order {
		s.warmup[i] = r.int(s.bits)
	}
	if s.kind == linear {
		return s.readPredictor(r)
	}
	return nil
}

// readPredictor reads the coefficients of a linear predictor.
func (s *subframe) readPredictor(r *bitReader) error {
	precision := uint(r.uint(4)) + 1
	shift := r.int(5)
	if precision == 16 || shift < 0 {
		return malformed("impossible predictor")
	}
	s.shift = uint(shift)
	clear(s.coefs[:maxOrder-s.order])
	for i := range s.order {
		s.coefs[maxOrder-1-i] = r.int(precision)
	}
	return nil
}

// readResidual reads what the predictor is wrong by, for all samples of the block
// but the first ones.
func readResidual(r *bitReader, dst []int32, order int) error {
	block := len(dst) + order
	method, parts := uint(r.uint(2)), 1<<r.uint(4)
	size := block / parts
	if method > 1 || size*parts != block || size < order {
		return malformed("impossible partitions")
	}
	width := 4 + method
	escape := uint(1)<<width - 1
	for part := range parts {
		n := size
		if part == 0 {
			n -= order
		}
		k := uint(r.uint(width))
		ok := true
		if k == escape {
			plain(r, dst[:n], uint(r.uint(5)))
		} else {
			ok = r.rice(dst[:n], k)
		}
		if r.short || !ok {
			return malformed("residual does not fit")
		}
		dst = dst[n:]
	}
	return nil
}

// plain reads numbers of k bits; of 0 bits they are all 0.
func plain[T sample](r *bitReader, dst []T, k uint) {
	if k == 0 {
		clear(dst)
		return
	}
	for i := range dst {
		dst[i] = T(r.int(k))
	}
}

// render makes the samples in buf, after the margin: those the residual is for by
// predict, if the predictor is a linear one. residual is room for it.
func render[T sample](s *subframe, r *bitReader, buf []T, residual []int32, predict func([]T, []int32, *subframe)) error {
	out := buf[margin:]
	switch s.kind {
	case verbatim:
		plain(r, out, s.bits)
	case constant:
		for i := range out {
			out[i] = T(s.warmup[0])
		}
	default:
		residual = residual[:len(out)-s.order]
		if err := readResidual(r, residual, s.order); err != nil {
			return err
		}
		for i, v := range s.warmup[:s.order] {
			out[i] = T(v)
		}
		if s.kind == fixed {
			sumUp(out, residual, s.order)
		} else {
			predict(buf, residual, s)
		}
	}
	if s.wasted > 0 {
		for i := range out {
			out[i] <<= s.wasted
		}
	}
	if r.short {
		return malformed("subframe cut off")
	}
	return nil
}
