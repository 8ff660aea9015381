package resample

import (
	"fmt"

	"github.com/tphakala/simd/f32"

	"segue/audio"
)

// block is how many samples per channel are filtered at a time: what bounds the
// working memory, whatever comes in at once.
const block = 2048

// A Resampler turns one stream of PCM into the engine's format. It belongs to
// one goroutine.
type Resampler struct {
	rate, channels int
	table          *table
	mix            mix
	dot            func(a, b []float32) float32

	hist  [2][]float32 // input not yet done with, left and right; only left if mono
	phase int          // of the next output sample, in 1/up of an input sample
	in    int64        // samples per channel taken so far
	out   int64        // samples per channel given so far
}

// New returns a Resampler from rate (8 to 384 kHz) and channels (1 to 8,
// interleaved in WAVE order) to stereo at 48 kHz, with its filter from tables.
// What lies outside gives audio.ErrUnsupported.
func New(tables *Tables, rate, channels int) (*Resampler, error) {
	if rate < minRate || rate > maxRate {
		return nil, fmt.Errorf("resample: rate %d Hz: %w", rate, audio.ErrUnsupported)
	}
	if channels < 1 || channels > 8 {
		return nil, fmt.Errorf("resample: %d channels: %w", channels, audio.ErrUnsupported)
	}
	r := &Resampler{rate: rate, channels: channels, mix: downmix(channels), dot: f32.DotProduct}
	room := block
	if rate != audio.SampleRate {
		r.table = tables.table(rate)
		room += r.table.taps
	}
	if r.table == nil && channels == audio.Channels {
		return r, nil // which gives what it gets
	}
	for c := range r.hist[:min(channels, 2)] {
		r.hist[c] = make([]float32, 0, room)
	}
	r.Reset()
	return r, nil
}

// Format is the rate and channel count this Resampler takes.
func (r *Resampler) Format() (rate, channels int) { return r.rate, r.channels }

// Latency is how many samples at 48 kHz the output may be short of the input
// until Flush: the input the filter still has to look at.
func (r *Resampler) Latency() int {
	if r.table == nil {
		return 0
	}
	return (r.table.taps/2*r.table.up + r.table.down - 1) / r.table.down
}

// Reset forgets all input; the next sample is the first.
func (r *Resampler) Reset() {
	r.phase, r.in, r.out = 0, 0, 0
	for c := range r.hist {
		r.hist[c] = r.hist[c][:0]
		if r.table != nil && cap(r.hist[c]) > 0 {
			// Silence before the first sample puts that in the middle of the filter.
			n := r.table.taps/2 - 1
			r.hist[c] = r.hist[c][:n]
			clear(r.hist[c])
		}
	}
}

// Join forgets all input and goes on in the middle of a stream, whose first
// sample was number 0 in and gave number 0 out: the next sample given will be
// number out. It returns the number of the sample the filter wants first, which
// is a little before that place, so that what is given is what Process gives of
// the whole stream, to the bit.
func (r *Resampler) Join(out int64) (in int64) {
	r.Reset()
	if r.table == nil {
		r.in, r.out = out, out
		return out
	}
	up, down, before := int64(r.table.up), int64(r.table.down), int64(r.table.taps/2-1)
	at := out/up*down + out%up*down/up
	in = max(at-before, 0)
	for c := range r.hist {
		r.hist[c] = r.hist[c][:min(int64(len(r.hist[c])), max(before-at, 0))]
	}
	r.phase, r.in, r.out = int((out%up*(down%up))%up), in, out
	return in
}

// Process appends to dst what can be said of the output after src, interleaved
// stereo at 48 kHz. src holds whole samples of all channels; what does not fill
// one is dropped. It allocates only if dst lacks room.
func (r *Resampler) Process(dst, src []float32) []float32 {
	src = src[:len(src)/r.channels*r.channels]
	r.in += int64(len(src) / r.channels)
	if r.table == nil && r.channels == audio.Channels {
		r.out += int64(len(src) / r.channels)
		return append(dst, src...)
	}
	for len(src) > 0 {
		n := min(len(src), block*r.channels)
		r.hist[0], r.hist[1] = r.mix.split(r.hist[0], r.hist[1], src[:n], r.channels)
		src = src[n:]
		dst = r.filter(dst, -1)
	}
	return dst
}

// Flush appends the rest: with it, n input samples per channel have given
// round(n*48000/rate) in all. Only Reset may follow.
func (r *Resampler) Flush(dst []float32) []float32 {
	if r.table == nil {
		return dst
	}
	up, down := int64(r.table.up), int64(r.table.down)
	want := (2*r.in*up + down) / (2 * down)
	for r.out < want {
		for c := range r.hist {
			if n := len(r.hist[c]); cap(r.hist[c]) > 0 {
				r.hist[c] = r.hist[c][:n+r.table.taps/2+1]
				clear(r.hist[c][n:])
			}
		}
		dst = r.filter(dst, want)
	}
	return dst
}

// filter appends all output the history allows, at most until limit samples
// have been given (if not negative), and lets go of history no longer needed.
func (r *Resampler) filter(dst []float32, limit int64) []float32 {
	l, right := r.hist[0], r.hist[1]
	mono := r.channels == 1
	if mono {
		right = l
	}
	t := r.table
	if t == nil {
		for i := range l {
			dst = append(dst, l[i], right[i])
		}
		r.out += int64(len(l))
		r.hist[0], r.hist[1] = r.hist[0][:0], r.hist[1][:0]
		return dst
	}
	pos := 0
	for ; pos+t.taps <= len(l) && r.out != limit; r.out++ {
		a := r.at(l[pos : pos+t.taps])
		b := a
		if !mono {
			b = r.at(right[pos : pos+t.taps])
		}
		dst = append(dst, a, b)
		r.phase += t.down
		pos += r.phase / t.up
		r.phase %= t.up
	}
	for c := range r.hist {
		if cap(r.hist[c]) > 0 {
			r.hist[c] = r.hist[c][:copy(r.hist[c], r.hist[c][pos:])]
		}
	}
	return dst
}

// at is the value of the filtered h at the current phase.
func (r *Resampler) at(h []float32) float32 {
	t := r.table
	if t.phases == t.up {
		return r.dot(t.row(r.phase), h)
	}
	scaled := r.phase * t.phases
	i, rest := scaled/t.up, scaled%t.up
	w := float32(rest) / float32(t.up)
	a, b := r.dot(t.row(i), h), r.dot(t.row(i+1), h)
	return a + w*(b-a)
}
