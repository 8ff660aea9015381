package sbr_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"segue/audio/codec/aac/dct"
	"segue/audio/codec/aac/qmf"
)

// energies are those of one channel of pcm in the 64 bands of a filter bank at the
// rate of the output (as in ISO/IEC 23003-1, 6.4.3), for segments of so many slots.
func energies(pcm []float32, channel, channels, slots int) (e [][qmf.Bands]float64) {
	var c [640]float32
	for i := range c {
		c[i] = qmf.Coefficient(i)
	}
	d, room := dct.New(qmf.Bands), make([]complex64, qmf.Bands)
	var x [640]float32 // the newest first
	var re, im [qmf.Bands]float32
	n := len(pcm) / channels / qmf.Bands
	for slot := range n {
		copy(x[qmf.Bands:], x[:640-qmf.Bands])
		for i := range qmf.Bands {
			x[qmf.Bands-1-i] = pcm[(slot*qmf.Bands+i)*channels+channel]
		}
		clear(re[:])
		clear(im[:])
		for i := range 128 {
			u := float32(0)
			for j := range 5 {
				u += x[i+128*j] * c[i+128*j]
			}
			switch m := i - 1; {
			case m < 0:
				re[0] += u
				im[0] -= u
			case m < qmf.Bands:
				re[m] += u
				im[m] += u
			default:
				re[127-m] -= u
				im[127-m] += u
			}
		}
		for i := 1; i < qmf.Bands; i += 2 {
			im[i] = -im[i]
		}
		d.Transform(room, re[:], re[:])
		d.Transform(room, im[:], im[:])
		if slot%slots == 0 {
			e = append(e, [qmf.Bands]float64{})
		}
		sum := &e[len(e)-1]
		for k := range qmf.Bands {
			sum[k] += float64(re[k])*float64(re[k]) + float64(im[qmf.Bands-1-k])*float64(im[qmf.Bands-1-k])
		}
	}
	return e
}

func data(t testing.TB, name string) []byte {
	t.Helper()
	dir := os.Getenv("SEGUE_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	}
	b, err := os.ReadFile(filepath.Join(dir, "heaac", name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: test data missing: ", err)
	}
	return b
}

// faint is how far below the loudest band of any segment nothing is compared.
const faint = 1e-7

// sameBands holds the energies of a channel of got against those of want, by band and
// segment of so many slots. got are several takes: where they differ by more than 0.1
// dB among each other, it is chance how loud a decoder's noise is, and nothing is compared. It
// returns the share of the bands and segments not faint that were.
func sameBands(t *testing.T, name string, got [][]float32, want []float32, channel, channels, slots int) float64 {
	t.Helper()
	var takes [][][qmf.Bands]float64
	for _, pcm := range got {
		takes = append(takes, energies(pcm, channel, channels, slots))
	}
	w := energies(want, channel, channels, slots)
	loudest := 0.0
	for i := range w {
		loudest = max(loudest, slices.Max(w[i][:]))
	}
	all, held, worst := 0, 0, 0.0
	for i := range w {
		for k, energy := range w[i] {
			if energy < loudest*faint {
				continue
			}
			all++
			least, most := math.Inf(1), math.Inf(-1)
			for _, take := range takes {
				dB := 10 * math.Log10(take[i][k]/energy)
				least, most = min(least, dB), max(most, dB)
			}
			if most-least > 0.1 {
				continue
			}
			held++
			worst = max(worst, most, -least)
			if !(most <= 0.5 && least >= -0.5) {
				t.Errorf("%s: channel %d, segment %d, band %d is %.2f dB as loud as ffmpeg's", name, channel, i, k, most)
			}
		}
	}
	t.Logf("%s: channel %d: %d of %d bands and segments held, worst %.3f dB", name, channel, held, all, worst)
	return float64(held) / float64(max(all, 1))
}

// TestBandsAreAsLoudAsFFmpegs compares whole files of music. Their core has noise
// substitution, of which no two decoders make the same: so a file is decoded six times,
// each time with other noise, to find out where that matters. What is left out there is
// held over the whole file, where chance evens out.
func TestBandsAreAsLoudAsFFmpegs(t *testing.T) {
	for name, channels := range map[string]int{"he1_44s.aac": 2, "he1_48m.aac": 1, "he2_48ps.aac": 2} {
		b := data(t, name)
		config, frames := split(t, b)
		frames = frames[:300]
		want := floats(tool(t, join(config, frames), "-f", "aac", "-i", "-", "-f", "f32le", "-"))
		if channels == 1 {
			want = left(want)
		}
		var takes [][]float32
		for take := range 6 {
			before := frames[40 : 40+16*take] // after 16, the extension's own noise is where it was
			pcm, _, n := decode(t, config, append(slices.Clone(before), frames...))
			if n != channels || len(pcm) != len(want)+len(before)*2048*n {
				t.Fatalf("%s: %d channels, %d samples", name, n, len(pcm))
			}
			takes = append(takes, pcm[len(before)*2048*n:])
		}
		from := 3 * 2048 * channels // what came before is still heard
		want = want[from:]
		for i := range takes {
			takes[i] = takes[i][from:]
		}
		for ch := range channels {
			if held := sameBands(t, name, takes, want, ch, channels, 32); held < 0.7 {
				t.Errorf("%s: only %.2f of channel %d could be compared", name, held, ch)
			}
			sameBands(t, name+" as a whole", takes[:1], want, ch, channels, 1<<20)
		}
	}
}
