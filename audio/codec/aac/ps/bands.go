package ps

const (
	maxBands     = 34 // of parameters
	maxSubbands  = 91 // of the hybrid filter bank
	maxAllpasses = 50 // subbands the decorrelator filters
	maxSplit     = 5  // bands of the matrix that are split
)

// A layout is how frequencies are divided: into subbands, for which there are two
// hybrid filter banks, and those into the bands that parameters are for.
type layout struct {
	bands    int // of parameters
	phased   int // of those, how many may have phases
	subbands int
	splits   []split
	low      int // subbands made by splits; the others are bands of the matrix as they are
	allpass  int // subbands the decorrelator filters; those above it delays
	long     int // of those, where the delay of one slot begins
	groups   []group
	links    []allpass
}

// A group is adjacent subbands with the same parameters.
type group struct {
	from, to, band int
	mirrored       bool // of negative frequencies, where phases turn the other way
}

// layout20 and layout34 have 20 and 34 bands.
var (
	layout20 = newLayout(layout{bands: 20, phased: 11, subbands: 71, splits: splits20, low: 10, allpass: 30, long: 42},
		bands20, centers20, 8, 10, func(k int) bool { return k <= 1 })
	layout34 = newLayout(layout{bands: 34, phased: 17, subbands: 91, splits: splits34, low: 32, allpass: 50, long: 62},
		bands34, centers34, 24, 32, func(k int) bool { return k >= 9 && k <= 11 })
)

// centers20 and centers34 are the middles of the split bands' subbands, in 8ths and
// 24ths of a band.
var (
	centers20 = []int8{-3, -1, 1, 3, 5, 7, 10, 14, 18, 22}
	centers34 = []int8{
		2, 6, 10, 14, 18, 22, 26, 30, 34, -10, -6, -2, 51, 57, 15, 21,
		27, 33, 39, 45, 54, 66, 78, 42, 102, 66, 78, 90, 102, 114, 126, 90,
	}
)

// bands20 and bands34 are the bands of the subbands (Tables 8.48 and 8.49).
var (
	bands20 = []uint8{
		1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 15, 15, 15, 16, 16, 16, 16, 17, 17, 17, 17, 17,
		18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
		19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
	}
	bands34 = []uint8{
		0, 1, 2, 3, 4, 5, 6, 6, 7, 2, 1, 0, 10, 10, 4, 5, 6, 7, 8, 9, 10, 11, 12, 9, 14, 11, 12, 13, 14, 15, 16, 13,
		16, 17, 18, 19, 20, 21, 22, 22, 23, 23, 24, 24, 25, 25, 26, 26, 27, 27, 27, 28, 28, 28, 29, 29, 29, 30, 30, 30,
		31, 31, 31, 31, 32, 32, 32, 32, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33,
		33, 33, 33,
	}
)

// newLayout completes l. Centers are the middles of its low subbands, of the matrix's
// bands in parts; from subband cutoff on, the decorrelator's filters fade out.
func newLayout(l layout, bands []uint8, centers []int8, parts float64, cutoff int, mirrored func(k int) bool) *layout {
	for k := 0; k < l.subbands; {
		g := group{from: k, to: k + 1, band: int(bands[k]), mirrored: mirrored(k)}
		for k >= l.low && g.to < l.subbands && bands[g.to] == bands[k] {
			g.to++
		}
		l.groups = append(l.groups, g)
		k = g.to
	}
	for k := range l.allpass {
		center := float64(k-l.low+len(l.splits)) + 0.5
		if k < l.low {
			center = float64(centers[k]) / parts
		}
		l.links = append(l.links, newAllpass(center, 1-slope*float64(k-cutoff)))
	}
	return &l
}

// widening says of which of 20 bands each of 34 is the mean, narrowing the other way
// round.
var (
	widening = [][]uint8{
		{0},
		{0, 1},
		{1},
		{2},
		{2, 3},
		{3},
		{4},
		{4},
		{5},
		{5},
		{6},
		{7},
		{8},
		{8},
		{9},
		{9},
		{10},
		{11},
		{12},
		{13},
		{14},
		{14},
		{15},
		{15},
		{16},
		{16},
		{17},
		{17},
		{18},
		{18},
		{18},
		{18},
		{19},
		{19},
	}
	narrowing = [][]uint8{
		{0, 0, 1},
		{1, 2, 2},
		{3, 3, 4},
		{4, 5, 5},
		{6, 7},
		{8, 9},
		{10},
		{11},
		{12, 13},
		{14, 15},
		{16},
		{17},
		{18},
		{19},
		{20, 21},
		{22, 23},
		{24, 25},
		{26, 27},
		{28, 29, 30, 31},
		{32, 33},
	}
)

// A row is the values of one kind of parameter, by band.
type row [maxBands]int8

// along is r in other bands. Means are rounded towards zero.
func (r *row) along(means [][]uint8) (out row) {
	for i, mean := range means {
		sum := 0
		for _, b := range mean {
			sum += int(r[b])
		}
		out[i] = int8(sum / len(mean))
	}
	return out
}
