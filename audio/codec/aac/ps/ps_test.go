package ps

import (
	"math"
	"math/rand/v2"
	"testing"

	"segue/audio/codec/aac/bits"
	"segue/audio/codec/aac/qmf"
)

// run sends frames of noise through d, with seed's scenes of so many bands.
func run(t testing.TB, d *Decoder, frames int, mode int, seed uint64) (left, right []qmf.Matrix) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	before, x, was := &scene{iidMode: -2}, new(qmf.Matrix), new(qmf.Matrix)
	for range frames {
		s := imagine(rng, before, true, mode, mode, true)
		read(t, d, s.bytes(before))
		before = s
		follow(rng, x, was)
		*was = *x
		var l, r qmf.Matrix
		l = *x
		d.Apply(&l, &r)
		left, right = append(left, l), append(right, r)
	}
	return left, right
}

func same(a, b *qmf.Matrix) bool {
	for n := range qmf.Slots {
		if a[n] != b[n] {
			return false
		}
	}
	return true
}

func TestBeforeTheFirstHeaderBothSidesAreMono(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	d := new(Decoder)
	var x, right qmf.Matrix
	for _, bytes := range [][]byte{nil, {0b0_0_00_0000}} { // the latter refers to a header
		if bytes != nil {
			read(t, d, bytes)
		}
		noise(rng, &x)
		want := x
		if d.Apply(&x, &right); x != want || right != want {
			t.Error("not mono")
		}
	}
}

// TestStereoBeginsWithoutAStep: mono has been on both sides, and glides from there.
func TestStereoBeginsWithoutAStep(t *testing.T) {
	d := new(Decoder)
	s := &scene{header: true, iidMode: 1, iccMode: -1, count: 1, iid: [][]int{make([]int, 20)}, inTime: make([]bool, 1)}
	for b := range s.iid[0] {
		s.iid[0][b] = 7
	}
	read(t, d, s.bytes(&scene{}))
	var x, right qmf.Matrix
	for n := range x {
		for k := range x[n] {
			x[n][k] = 1
		}
	}
	d.window.advance(&x) // so that nothing begins but stereo
	d.Apply(&x, &right)
	c1 := math.Sqrt(2 / (1 + math.Pow(10, 2.5)))
	for n := range qmf.Slots {
		for _, k := range []int{0, 1, 2, 5, 40, 63} {
			want := 1 + (c1-1)*float64(n+1)/32
			if got := float64(real(right[n][k])); math.Abs(got-want) > 1e-3 {
				t.Fatalf("slot %d, band %d is %v, want %v", n, k, got, want)
			}
		}
	}
}

func TestWhatWasSaidLastHoldsOn(t *testing.T) {
	for name, again := range map[string]func(d *Decoder){
		"silence": func(*Decoder) {},
		"damage":  func(d *Decoder) { _ = d.Read(&bits.Reader{B: []byte{0xff}}) },
	} {
		// Two decoders hear the same; one is told again what it knows.
		a, b := new(Decoder), new(Decoder)
		s := &scene{
			header: true, iidMode: 1, iccMode: 1, count: 1, inTime: make([]bool, 2),
			iid: [][]int{make([]int, 20)}, icc: [][]int{make([]int, 20)},
		}
		s.iid[0][2], s.icc[0][10] = 5, 4
		bytes := s.bytes(&scene{})
		read(t, a, bytes)
		read(t, b, bytes)
		rng := rand.New(rand.NewPCG(7, 7))
		for i := range 4 {
			var x, y, p, q qmf.Matrix
			noise(rng, &x)
			y = x
			a.Apply(&x, &p)
			b.Apply(&y, &q)
			if !same(&x, &y) || !same(&p, &q) {
				t.Fatalf("%s: frame %d is another", name, i)
			}
			again(a)
			read(t, b, bytes)
		}
	}
}

// TestStereoIsAsLoudAsMono: whatever is said, power is kept, as far as levels are
// steady.
func TestStereoIsAsLoudAsMono(t *testing.T) {
	for mode := range 6 {
		d, rng := new(Decoder), rand.New(rand.NewPCG(uint64(mode), 3))
		s := imagine(rng, &scene{iidMode: -2}, true, mode, mode, true)
		for s.envelopes() == 0 {
			s = imagine(rng, &scene{iidMode: -2}, true, mode, mode, true)
		}
		read(t, d, s.bytes(&scene{}))
		var x, was, right qmf.Matrix
		var in, out float64
		for i := range 100 {
			follow(rng, &x, &was)
			was = x
			d.Apply(&x, &right)
			for n := range qmf.Slots {
				for k := range qmf.Bands {
					if i > 4 {
						in += 2 * power(was[n][k])
						out += power(x[n][k]) + power(right[n][k])
					}
				}
			}
		}
		if dB := 10 * math.Log10(out/in); math.Abs(dB) > 0.3 {
			t.Errorf("mode %d: %.2f dB louder than mono", mode, dB)
		}
	}
}

func TestResetForgets(t *testing.T) {
	d := new(Decoder)
	run(t, d, 3, 5, 1)
	d.Reset()
	gotLeft, gotRight := run(t, d, 5, 1, 2)
	wantLeft, wantRight := run(t, new(Decoder), 5, 1, 2)
	for i := range gotLeft {
		if !same(&gotLeft[i], &wantLeft[i]) || !same(&gotRight[i], &wantRight[i]) {
			t.Fatalf("frame %d remembers", i)
		}
	}
}

// TestOtherBandsGoOnWithoutAStep goes from 20 bands to 34 and back, with the same
// level everywhere.
func TestOtherBandsGoOnWithoutAStep(t *testing.T) {
	d := new(Decoder)
	before := &scene{}
	var x, right qmf.Matrix
	for i, mode := range []int{1, 2, 1, 0, 2} {
		bands := []int{10, 20, 34}[mode]
		s := &scene{header: true, iidMode: mode, iccMode: -1, count: 1, iid: [][]int{make([]int, bands)}, inTime: make([]bool, 1)}
		for b := range s.iid[0] {
			s.iid[0][b] = 3
		}
		read(t, d, s.bytes(before))
		before = s
		for n := range x {
			for k := range x[n] {
				x[n][k] = complex(0, 1)
			}
		}
		d.Apply(&x, &right)
		c2 := math.Sqrt(2 / (1 + math.Pow(10, -0.7)))
		for n := range qmf.Slots {
			for _, k := range []int{0, 1, 2, 3, 4, 5, 30, 63} {
				if got := float64(imag(x[n][k])); i > 0 && math.Abs(got-c2) > 1e-3 {
					t.Fatalf("frame %d, slot %d, band %d: %v, want %v", i, n, k, got, c2)
				}
			}
		}
	}
}

// TestMeansOfBands: each band comes of one, and all come of some.
func TestMeansOfBands(t *testing.T) {
	for name, means := range map[string][][]uint8{"wide": widening, "narrow": narrowing} {
		met := map[uint8]bool{}
		for i, mean := range means {
			for _, b := range mean {
				met[b] = true
				if i > 0 && b < means[i-1][0] {
					t.Errorf("%s: band %d comes of %v, the one before of %v", name, i, mean, means[i-1])
				}
			}
		}
		if want := len(widening) + len(narrowing) - len(means); len(met) != want {
			t.Errorf("%s: of %d bands, want %d", name, len(met), want)
		}
	}
	r := row{3, -5, 7, -7, 0, 1, -1, 2, 4, 6}
	if got, want := r.along(widening), (row{3, -1, -5, 7, 0, -7, 0, 0, 1, 1, -1, 2, 4, 4, 6, 6}); got != want {
		t.Errorf("%v widens to %v, want %v", r, got, want)
	}
	if got, want := r.along(narrowing), (row{0, 3, -4, 0, 0, 5}); got != want {
		t.Errorf("%v narrows to %v, want %v", r, got, want)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	d, before := new(Decoder), &scene{iidMode: -2}
	s := imagine(rng, before, true, 2, 5, true)
	b := s.bytes(before)
	var x, right qmf.Matrix
	if n := testing.AllocsPerRun(20, func() {
		r := bits.Reader{B: b}
		if err := d.Read(&r); err != nil {
			t.Fatal(err)
		}
		d.Apply(&x, &right)
	}); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// BenchmarkApply is stereo of a frame of 2048 samples; 20 ms of 48 kHz are 960.
func BenchmarkApply(b *testing.B) {
	for name, c := range map[string]struct {
		mode   int
		phases bool
	}{"20": {1, false}, "20 with phases": {1, true}, "34": {2, false}, "34 with phases": {2, true}} {
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(8, 8))
			before := &scene{iidMode: -2}
			var scenes [][]byte
			for range 16 {
				s := imagine(rng, before, true, c.mode, c.mode, c.phases)
				scenes = append(scenes, s.bytes(before))
				before = s
			}
			d := new(Decoder)
			var x, y, right qmf.Matrix
			noise(rng, &x)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := d.Read(&bits.Reader{B: scenes[i%len(scenes)]}); err != nil && i < len(scenes) {
					b.Fatal(err)
				}
				y = x
				d.Apply(&y, &right)
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(b.N)*960/2048, "µs/20ms")
		})
	}
}
