package ps_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/aac"
	"segue/audio/codec/aac/ps"
)

// ffmpeg runs it with input, or skips the test if there is none.
func ffmpeg(t testing.TB, input []byte, args ...string) []byte {
	t.Helper()
	audiotest.Tool(t, "ffmpeg")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, stderr.String())
	}
	return out
}

// core is ADTS of AAC-LC, mono, of noise and clicks: something in all bands, and
// something to duck.
func core(t testing.TB, rate, frames int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, uint64(rate)))
	var in []byte
	for i := range 1024 * frames {
		x := 0.05 * rng.NormFloat64()
		if i%7919 < 200 {
			x *= 8
		}
		in = binary.LittleEndian.AppendUint32(in, math.Float32bits(float32(x)))
	}
	return ffmpeg(t, in, "-f", "f32le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", "-",
		"-c:a", "aac", "-aac_pns", "0", "-b:a", "64k", "-cutoff", strconv.Itoa(rate/2), "-f", "adts", "-")
}

// A writer writes bits.
type writer struct {
	b []byte
	n int
}

func (w *writer) put(v, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// replicate is the fill_element with spectral band replication as plain as it can
// be, with one envelope of one level, and data as its extension.
func replicate(level int, data []byte) []byte {
	var w writer
	w.put(13, 4)
	w.put(1, 1) // a header: 12 bands from the 5th start on, no extras
	w.put(0, 1)
	w.put(5, 4)
	w.put(5, 4)
	w.put(0, 3+2+2)
	w.put(0, 1)   // sbr_single_channel_element without extra data
	w.put(0, 2+2) // one envelope,
	w.put(1, 1)   // of high resolution
	w.put(0, 1+1) // differences are in frequency
	const noises = 3
	for range noises {
		w.put(1, 2) // inverse filtering
	}
	w.put(level, 7)
	w.put(0, 2*11) // no differences
	w.put(20, 5)
	w.put(0, noises-1)
	w.put(0, 1) // no sines
	w.put(1, 1)
	size := len(data) + 1
	if size < 15 {
		w.put(size, 4)
	} else {
		w.put(15, 4)
		w.put(size-15, 8)
	}
	w.put(2, 2)
	for _, b := range data {
		w.put(int(b), 8)
	}
	w.put(0, 6)
	var fill writer
	fill.put(6, 3)
	if n := len(w.b); n < 15 {
		fill.put(n, 4)
	} else {
		fill.put(15, 4)
		fill.put(n-14, 8)
	}
	for _, b := range w.b {
		fill.put(int(b), 8)
	}
	fill.put(7, 3) // that is the end
	return append(fill.b, byte(fill.n))
}

// extend puts an extension before the end of each frame of ADTS.
func extend(adts []byte, data [][]byte) (out []byte, frames [][]byte) {
	for i := 0; len(adts) > 7; i++ {
		size := int(adts[3]&3)<<11 | int(adts[4])<<3 | int(adts[5])>>5
		header := 9 - int(adts[1]&1)*2
		block := adts[header:size]
		// The end is the last three bits that are set.
		end := 8 * len(block)
		for block[(end-1)/8]>>(7-(end-1)%8)&1 == 0 {
			end--
		}
		var w writer
		for k := range end - 3 {
			w.put(int(block[k/8]>>(7-k%8)&1), 1)
		}
		fill := replicate(20+i%17, data[i])
		bits := 8*(len(fill)-2) + (int(fill[len(fill)-1])+7)%8 + 1
		for k := range bits {
			w.put(int(fill[k/8]>>(7-k%8)&1), 1)
		}
		frames = append(frames, w.b)
		n := 7 + len(w.b)
		out = append(out, adts[0], adts[1]|1, adts[2], adts[3]&^3|byte(n>>11), byte(n>>3), byte(n<<5)|31, 0xfc)
		out = append(out, w.b...)
		adts = adts[size:]
	}
	return out, frames
}

// A picture is the energies of 64 bands, left and right, and what they have in
// common, with its phase.
type picture [64]struct {
	left, right float64
	common      complex128
}

const size = 512 // of a transform

var roots = func() (r [size]complex128) {
	for i := range r {
		r[i] = cmplx.Exp(complex(0, -2*math.Pi*float64(i)/size))
	}
	return r
}()

// look takes a picture of interleaved stereo.
func look(pcm []float32) (p picture) {
	var x, room [size]complex128
	for at := 0; at+2*size <= len(pcm); at += size {
		for i := range x {
			hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/size)
			x[i] = complex(hann*float64(pcm[at+2*i]), hann*float64(pcm[at+2*i+1]))
		}
		transform(x[:], room[:])
		for i := range size / 2 {
			mirror := cmplx.Conj(x[(size-i)%size])
			left, right := (x[i]+mirror)/2, (x[i]-mirror)/2i
			b := &p[i*64/(size/2)]
			b.left += real(left * cmplx.Conj(left))
			b.right += real(right * cmplx.Conj(right))
			b.common += left * cmplx.Conj(right)
		}
	}
	return p
}

// transform is Fourier's, in place.
func transform(x, room []complex128) {
	if len(x) == 1 {
		return
	}
	half := len(x) / 2
	for i := range half {
		room[i], room[half+i] = x[2*i], x[2*i+1]
	}
	transform(room[:half], x[:half])
	transform(room[half:], x[half:])
	for i := range half {
		a, b := room[i], room[half+i]*roots[i*(size/len(x))]
		x[i], x[half+i] = a+b, a-b
	}
}

// compare asks that two pictures are alike from band from on, where there is
// something to see: energies within dB, and what is common within the same ratio.
func compare(t *testing.T, got, want *picture, from int, dB float64) {
	t.Helper()
	most := 0.0
	for _, b := range want {
		most = max(most, b.left+b.right)
	}
	for i := from; i < len(want); i++ {
		a, b := got[i], want[i]
		if b.left+b.right < most*1e-7 {
			continue
		}
		left, right := 10*math.Log10(a.left/b.left), 10*math.Log10(a.right/b.right)
		if !(math.Abs(left) <= dB && math.Abs(right) <= dB) {
			t.Errorf("band %d is %.3f dB louder left, %.3f dB right", i, left, right)
		}
		common, other := a.common/complex(math.Sqrt(a.left*a.right), 0), b.common/complex(math.Sqrt(b.left*b.right), 0)
		if !(cmplx.Abs(common-other) <= math.Pow(10, dB/20)-1) {
			t.Errorf("band %d: correlation %.4f, ffmpeg has %.4f", i, common, other)
		}
	}
}

// decode is all frames of ADTS, decoded here and by ffmpeg.
func decode(t testing.TB, adts []byte, frames [][]byte) (got, want []float32) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.aac")
	if err := os.WriteFile(file, adts, 0o600); err != nil {
		t.Fatal(err)
	}
	out := ffmpeg(t, nil, "-i", file, "-f", "f32le", "-")
	want = make([]float32, len(out)/4)
	for i := range want {
		want[i] = math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:]))
	}
	rate := adts[2] >> 2 & 15
	d, err := aac.NewDecoder([]byte{2<<3 | rate>>1, rate<<7 | 1<<3})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		if got, err = d.Decode(got, audio.Packet{Data: f}); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	if _, channels := d.Format(); channels != 2 || len(got) != len(want) {
		t.Fatalf("%d channels, %d samples; ffmpeg has %d", channels, len(got), len(want))
	}
	return got, want
}

// likeness is how far below want the difference of got is, in dB.
func likeness(got, want []float32) float64 {
	var signal, noise float64
	for i, x := range want {
		signal += float64(x) * float64(x)
		noise += float64(got[i]-x) * float64(got[i]-x)
	}
	return 10 * math.Log10(signal/(noise+1e-30))
}

const settled = 3 * 2 * 2048 // samples until what was before is over: ffmpeg fades in from silence, we from mono

func TestItSoundsAsFFmpegDecodesIt(t *testing.T) {
	const frames = 24
	worst := math.Inf(1)
	cores := map[int][]byte{}
	for _, rate := range []int{16000, 22050, 24000} {
		cores[rate] = core(t, rate, frames)
	}
	for _, c := range []struct {
		rate   int
		phased bool
		modes  [][2]int // of intensity and coherence
	}{
		{24000, false, [][2]int{{0, 0}}},
		{24000, false, [][2]int{{1, 1}}},
		{24000, false, [][2]int{{2, 2}}},
		{24000, false, [][2]int{{3, 3}}},
		{24000, false, [][2]int{{4, 4}}},
		{24000, false, [][2]int{{5, 5}}},
		{22050, false, [][2]int{{1, -1}}},
		{22050, false, [][2]int{{-1, 5}}},
		{16000, false, [][2]int{{0, 5}}},
		{16000, false, [][2]int{{2, 1}, {5, 0}}},
		{24000, false, [][2]int{{1, 1}, {2, 2}, {4, 0}, {3, 5}, {-1, -1}, {0, 3}}},
		{24000, true, [][2]int{{0, 0}}},
		{24000, true, [][2]int{{1, 1}}},
		{24000, true, [][2]int{{2, 2}}},
		{22050, true, [][2]int{{3, 3}}},
		{22050, true, [][2]int{{4, 4}}},
		{22050, true, [][2]int{{5, 5}}},
		{16000, true, [][2]int{{4, 5}}},
		{24000, true, [][2]int{{1, 1}, {4, 0}, {3, 4}}},
	} {
		t.Run(fmt.Sprint(c.rate, c.phased, c.modes), func(t *testing.T) {
			data := ps.Scenes(rand.New(rand.NewPCG(uint64(c.rate), 12)), frames+4, c.phased, c.modes...)
			adts, blocks := extend(cores[c.rate], data)
			got, want := decode(t, adts, blocks)
			got, want = got[settled:], want[settled:]
			a, b := look(got), look(want)
			if !c.phased {
				dB := likeness(got, want)
				if worst = min(worst, dB); !(dB >= 110) {
					t.Errorf("it is %.1f dB like ffmpeg's", dB)
				}
				compare(t, &a, &b, 0, 0.01)
				return
			}
			// While its matrices glide, ffmpeg turns negative frequencies from
			// the phase that mirrors the last to the one that does not mirror the
			// next; with 34 bands it does so also just above band 1. The
			// standard mirrors both, and only what is negative.
			compare(t, &a, &b, 4, 0.01)
			compare(t, &a, &b, 0, 2)
		})
	}
	t.Logf("without phases, the worst is %.1f dB", worst)
}

// made is the beginning of the stream of HE-AAC v2 among the test data, with and without its headers.
func made(t testing.TB) (adts []byte, blocks [][]byte) {
	t.Helper()
	dir := os.Getenv("SEGUE_TEST_DATA")
	if dir == "" {
		dir = "../../../../../shared/data"
	}
	adts, err := os.ReadFile(filepath.Join(dir, "heaac", "he2_48ps.aac"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED:", err)
	}
	end := 0
	for b := adts; len(b) > 7 && len(blocks) < 400; {
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		blocks = append(blocks, b[9-int(b[1]&1)*2:size])
		b = b[size:]
		end += size
	}
	return adts[:end], blocks
}

// TestMadeStreamSoundsAsFFmpegDecodesIt has music with noise substitution in it, of
// which no two decoders make the same.
func TestMadeStreamSoundsAsFFmpegDecodesIt(t *testing.T) {
	adts, blocks := made(t)
	got, want := decode(t, adts, blocks)
	got, want = got[settled:], want[settled:]
	a, b := look(got), look(want)
	compare(t, &a, &b, 0, 0.5)
	t.Logf("%d frames; it is %.1f dB like ffmpeg's", len(blocks), likeness(got, want))
}

// BenchmarkStream decodes HE-AAC v2 at 48 kHz: all of it, of which this package is a
// part. An operation is a frame of 2048 samples, of which 20 ms have 960.
func BenchmarkStream(b *testing.B) {
	_, blocks := made(b)
	d, err := aac.NewDecoder([]byte{2<<3 | 6>>1, 6&1<<7 | 1<<3})
	if err != nil {
		b.Fatal(err)
	}
	pcm := make([]float32, 0, 4096)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := d.Decode(pcm, audio.Packet{Data: blocks[i%len(blocks)]}); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(b.N)*960/2048, "µs/20ms")
}
