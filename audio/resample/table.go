package resample

import (
	"math"
	"sync"

	"segue/audio"
)

const (
	taps        = 64     // per phase, at or above 48 kHz out of the lower rate
	passband    = 0.925  // of the lower Nyquist frequency
	attenuation = 110.0  // dB, of the Kaiser window
	maxPhases   = 1024   // more than that are interpolated between neighbours: -118 dB
	maxTables   = 16     // ratios remembered by one Tables
	minRate     = 8_000  // Hz
	maxRate     = 384000 // Hz
)

// A table is the filter for one input rate. It never changes.
type table struct {
	up, down int // output and input rate without their common factor
	taps     int // per phase
	phases   int // up, or maxPhases if that is fewer
	rows     []float32
}

// row is the filter for phase i of t.phases.
func (t *table) row(i int) []float32 { return t.rows[i*t.taps : (i+1)*t.taps : (i+1)*t.taps] }

// Tables remembers the filters of the most recently used input rates, so that
// streams share them. The zero value remembers nothing yet. It may be used from any goroutine; do not copy it.
type Tables struct {
	mu     sync.Mutex
	recent []entry // guarded by mu; oldest first
}

type entry struct {
	rate int
	make func() *table // computes once, whoever asks first
}

// table returns the filter for rate, computing it if it is not remembered. The
// lock is not held meanwhile.
func (c *Tables) table(rate int) *table {
	c.mu.Lock()
	at := -1
	for i := range c.recent {
		if c.recent[i].rate == rate {
			at = i
		}
	}
	var e entry
	if at >= 0 {
		e = c.recent[at]
		c.recent = append(c.recent[:at], c.recent[at+1:]...)
	} else {
		e = entry{rate: rate, make: sync.OnceValue(func() *table { return design(rate) })}
	}
	if len(c.recent) == maxTables {
		c.recent = append(c.recent[:0], c.recent[1:]...)
	}
	c.recent = append(c.recent, e)
	c.mu.Unlock()
	return e.make()
}

// design computes the filter from rate to the engine's rate (Kaiser 1974; see
// Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3).
func design(rate int) *table {
	g := gcd(rate, audio.SampleRate)
	t := &table{up: audio.SampleRate / g, down: rate / g, taps: taps}
	lower := 1.0 // the lower rate, relative to the input's
	if t.down > t.up {
		lower = float64(t.up) / float64(t.down)
		t.taps = (int(math.Ceil(taps/lower)) + 7) / 8 * 8
	}
	t.phases = min(t.up, maxPhases)
	beta := 0.1102 * (attenuation - 8.7)
	cutoff := lower * (1 + passband) / 2 // middle of the transition band
	half := float64(t.taps) / 2
	row := make([]float64, t.taps)
	// One row more than there are phases: interpolation looks at the next.
	t.rows = make([]float32, 0, (t.phases+1)*t.taps)
	for phase := range t.phases + 1 {
		sum := 0.0
		for k := range row {
			x := float64(k) - half + 1 - float64(phase)/float64(t.phases)
			row[k] = sinc(cutoff, x) * kaiser(beta, x/half)
			sum += row[k]
		}
		for _, v := range row {
			t.rows = append(t.rows, float32(v/sum))
		}
	}
	return t
}

func sinc(cutoff, x float64) float64 {
	if x == 0 {
		return cutoff
	}
	return math.Sin(math.Pi*cutoff*x) / (math.Pi * x)
}

// kaiser is the window at x, where -1 and 1 are its ends.
func kaiser(beta, x float64) float64 {
	if math.Abs(x) >= 1 {
		return 0
	}
	return besselI0(beta*math.Sqrt(1-x*x)) / besselI0(beta)
}

// besselI0 is the modified Bessel function of the first kind and order zero.
func besselI0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
