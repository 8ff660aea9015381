package resample

import "math"

// A mix gives the two coefficients, left and right, of each input channel.
type mix [][2]float32

// downmix is the way from n channels to stereo, after ITU-R BS.775: centre and
// surrounds at -3 dB, a single back channel at -3 dB more, the low-frequency
// effects left out, all scaled down so that full scale in every channel cannot
// clip. Channels are in WAVE order: 3 L R C; 4 L R BL BR; 5 L R C BL BR;
// 6 L R C LFE BL BR; 7 L R C LFE BC SL SR; 8 L R C LFE BL BR SL SR.
func downmix(n int) mix {
	const (
		k = math.Sqrt2 / 2
		b = k * k
	)
	var (
		left, right = [2]float64{1, 0}, [2]float64{0, 1}
		centre      = [2]float64{k, k}
		sl, sr      = [2]float64{k, 0}, [2]float64{0, k}
		back        = [2]float64{b, b}
		lfe         [2]float64
	)
	var m [][2]float64
	switch n {
	case 3:
		m = [][2]float64{left, right, centre}
	case 4:
		m = [][2]float64{left, right, sl, sr}
	case 5:
		m = [][2]float64{left, right, centre, sl, sr}
	case 6:
		m = [][2]float64{left, right, centre, lfe, sl, sr}
	case 7:
		m = [][2]float64{left, right, centre, lfe, back, sl, sr}
	case 8:
		m = [][2]float64{left, right, centre, lfe, sl, sr, sl, sr}
	}
	sum := 0.0
	for _, c := range m {
		sum += c[0]
	}
	out := make(mix, len(m))
	for i, c := range m {
		out[i] = [2]float32{float32(c[0] / sum), float32(c[1] / sum)}
	}
	return out
}

// split appends the stereo image of the interleaved src to l and r, which must
// have room. For one channel it leaves r alone.
func (m mix) split(l, r, src []float32, channels int) ([]float32, []float32) {
	switch channels {
	case 1:
		return append(l, src...), r
	case 2:
		for i := 0; i+1 < len(src); i += 2 {
			l, r = append(l, src[i]), append(r, src[i+1])
		}
		return l, r
	}
	for ; len(src) >= channels; src = src[channels:] {
		var a, b float32
		for i, c := range m {
			a += c[0] * src[i]
			b += c[1] * src[i]
		}
		l, r = append(l, a), append(r, b)
	}
	return l, r
}
