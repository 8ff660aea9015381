package ps

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"segue/audio"
	"segue/audio/codec/aac/bits"
	"segue/audio/codec/aac/qmf"
)

var books = map[string]struct {
	*book
	values int
	least  int
}{
	"intensity in time":   {intensityTime, 29, -14},
	"intensity in freq":   {intensityFreq, 29, -14},
	"fine in time":        {fineTime, 61, -30},
	"fine in freq":        {fineFreq, 61, -30},
	"coherence in time":   {coherenceTime, 15, -7},
	"coherence in freq":   {coherenceFreq, 15, -7},
	"phase in time":       {phaseTime, 8, 0},
	"phase in freq":       {phaseFreq, 8, 0},
	"both phases in time": {overallTime, 8, 0},
	"both phases in freq": {overallFreq, 8, 0},
}

func TestBooksAreComplete(t *testing.T) {
	for name, b := range books {
		sum := uint64(0)
		met := map[int8]bool{}
		for _, l := range b.leaves {
			sum += 1 << (32 - l.length)
			met[l.value] = true
		}
		if sum != 1<<32 {
			t.Errorf("%s: codes fill %d of %d", name, sum, uint64(1)<<32)
		}
		if len(b.leaves) != b.values || len(met) != b.values {
			t.Errorf("%s: %d codes for %d values, want %d", name, len(b.leaves), len(met), b.values)
		}
		for v := b.least; v < b.least+b.values; v++ {
			if !met[int8(v)] {
				t.Errorf("%s: no code for %d", name, v)
			}
		}
	}
}

func TestCodesReadAsWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, b := range books {
		var w writer
		var values []int
		for range 1000 {
			v := b.least + rng.IntN(b.values)
			values = append(values, v)
			w.code(b.book, v)
		}
		r := bits.Reader{B: w.b}
		for i, want := range values {
			if got := b.next(&r); got != want {
				t.Fatalf("%s: value %d is %d, want %d", name, i, got, want)
			}
		}
		if r.Pos != w.n {
			t.Errorf("%s: %d bits read of %d", name, r.Pos, w.n)
		}
	}
}

// wanted is what s should read as: rows of a kind, with what fills the frame.
func wanted(s *scene, rows [][]int, e int) (want row) {
	if len(rows) == 0 {
		return want
	}
	v := rows[min(e, len(rows)-1)]
	if s.envelopes() == 0 {
		v = rows[len(rows)-1]
	}
	for b, x := range v {
		if len(v) <= 10 {
			want[2*b], want[2*b+1] = int8(x), int8(x)
		} else {
			want[b] = int8(x)
		}
	}
	return want
}

func TestItReadsWhatEncodersWrite(t *testing.T) {
	for iidMode := -1; iidMode < 6; iidMode++ {
		for iccMode := -1; iccMode < 6; iccMode++ {
			for _, more := range []bool{false, true} {
				t.Run(fmt.Sprint(iidMode, iccMode, more), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(uint64(iidMode+1), uint64(iccMode+1)))
					d, before := new(Decoder), &scene{iidMode: -2}
					for i := range 40 {
						s := imagine(rng, before, i%7 == 0, iidMode, iccMode, more)
						b := s.bytes(before)
						read(t, d, b)
						compare(t, s, &d.said)
						before = s
					}
				})
			}
		}
	}
}

func compare(t *testing.T, s *scene, p *parameters) {
	t.Helper()
	end := 0
	for e := range p.envelopes {
		if p.iid[e] != wanted(s, s.iid, e) || p.icc[e] != wanted(s, s.icc, e) {
			t.Fatalf("envelope %d of %d: %v, %v\nwant %v, %v", e, s.envelopes(), p.iid[e], p.icc[e], wanted(s, s.iid, e), wanted(s, s.icc, e))
		}
		if p.ipd[e] != wanted(s, s.ipd, e) || p.opd[e] != wanted(s, s.opd, e) {
			t.Fatalf("envelope %d of %d: phases %v, %v\nwant %v, %v", e, s.envelopes(), p.ipd[e], p.opd[e], s.ipd, s.opd)
		}
		want := 32
		switch n := s.envelopes(); {
		case e < n && s.class == 1:
			want = s.borders[e]
		case e < n:
			want = (e + 1) * 32 / n
		}
		if p.ends[e] != want || p.ends[e] <= end {
			t.Fatalf("envelope %d ends at %d, want %d", e, p.ends[e], want)
		}
		end = p.ends[e]
	}
	if end != 32 {
		t.Fatalf("the last envelope ends at %d", end)
	}
}

func TestDamageLeavesWhatWasSaid(t *testing.T) {
	good := &scene{header: true, iidMode: 1, iccMode: 1, count: 1, iid: [][]int{make([]int, 20)}, icc: [][]int{make([]int, 20)}, inTime: make([]bool, 9)}
	good.iid[0][3], good.icc[0][5] = 7, 6
	loud := *good
	loud.iid = [][]int{make([]int, 20)}
	for b := range loud.iid[0] {
		loud.iid[0][b] = 14 // its book has no more, but there are 7 steps
	}
	negative := *good
	negative.icc = [][]int{make([]int, 20)}
	negative.icc[0][0] = -1
	fine := *good
	fine.iidMode = 4
	fine.iid = [][]int{make([]int, 20)}
	fine.iid[0][0] = 12
	whole := good.bytes(&scene{})
	for name, bytes := range map[string][]byte{
		"nothing":                {},
		"cut off":                whole[:len(whole)-3],
		"reserved intensity":     {0b1_1_110_0_00},
		"reserved coherence":     {0b1_0_1_111_00},
		"intensity out of range": loud.bytes(&scene{}),
		"coherence out of range": negative.bytes(&scene{}),
		"borders that go back":   {0b1_0_0_0_1_01_0, 0b1000_0011, 0b1000_0000, 0},
		"a long extension":       {0b1_0_0_1_0_01_0, 0b001_00_1_0_0, 0, 0, 0, 0, 0},
	} {
		d := new(Decoder)
		read(t, d, whole)
		said := d.said
		if err := d.Read(&bits.Reader{B: bytes}); !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if d.said != said {
			t.Errorf("%s: something is left of it", name)
		}
	}
	// Fine steps may not be taken for coarse ones, of which there are fewer.
	d := new(Decoder)
	read(t, d, fine.bytes(&scene{}))
	if err := d.Read(&bits.Reader{B: []byte{0b1_1_001_0_0_0, 0b00_000000}}); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("fine steps held on as coarse ones: %v", err)
	}
}

// TestUnknownExtensionsArePassedOver also has extensions after that for phases.
func TestUnknownExtensionsArePassedOver(t *testing.T) {
	for name, first := range map[string]byte{"unknown": 0b11_111111, "phases without values": 0b00_0_0_1111} {
		var w writer
		w.put(0b1_1_001_0_1, 7) // 20 intensities and extensions
		w.put(0b0_01, 3)
		w.put(0, 1)
		for range 20 {
			w.code(intensityFreq, 0)
		}
		w.put(15, 4)
		w.put(1, 8)
		w.put(int(first), 8)
		for range 15 {
			w.put(0xff, 8)
		}
		d, r := new(Decoder), bits.Reader{B: w.b}
		if err := d.Read(&r); err != nil || r.Pos != w.n {
			t.Errorf("%s: %v; read %d bits of %d", name, err, r.Pos, w.n)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 5))
	for mode := range 6 {
		before := &scene{iidMode: -2}
		var all []byte
		for range 4 {
			s := imagine(rng, before, true, mode, 5-mode, true)
			b := s.bytes(before)
			all = append(append(all, byte(len(b))), b...)
			before = s
		}
		f.Add(all)
	}
	var x, right qmf.Matrix
	f.Fuzz(func(t *testing.T, b []byte) {
		d := new(Decoder)
		for i := 0; len(b) > 0 && i < 64; i++ {
			n := min(int(b[0])+1, len(b))
			r := bits.Reader{B: b[1:n]}
			err := d.Read(&r)
			if err != nil && !errors.Is(err, audio.ErrMalformed) {
				t.Fatal(err)
			}
			if err == nil && r.Over() {
				t.Fatal("what is not there was read")
			}
			b = b[n:]
			noise(rng, &x)
			d.Apply(&x, &right)
			for n := range qmf.Slots {
				for k := range qmf.Bands {
					if a, b := power(x[n][k]), power(right[n][k]); !(a < 100 && b < 100) {
						t.Fatalf("slot %d, band %d: energies %g, %g", n, k, a, b)
					}
				}
			}
		}
	})
}
