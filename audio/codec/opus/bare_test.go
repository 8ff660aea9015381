//go:build libopus && bare

package opus

import (
	"slices"
	"syscall"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// cpu is the CPU time this process has taken, in nanoseconds.
func cpu(t testing.TB) float64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

const (
	rounds = 100 // bare and ours in turn
	each   = 50  // frames a round: a second of music
)

// compare gives the CPU time in nanoseconds that a frame takes each way: the mean
// of the better half of the rounds, for something else may come in between.
func compare(b *testing.B, ways ...func()) (mean []float64) {
	took := make([][]float64, len(ways))
	for range rounds {
		for i, way := range ways {
			began := cpu(b)
			way()
			took[i] = append(took[i], (cpu(b)-began)/each)
		}
	}
	for i := range ways {
		slices.Sort(took[i])
		sum := 0.0
		for _, t := range took[i][:rounds/2] {
			sum += t
		}
		mean = append(mean, sum/(rounds/2))
	}
	return mean
}

func report(b *testing.B, mean []float64) {
	ratio := mean[0] / mean[1]
	b.ReportMetric(mean[0]/1000, "bare-µs/frame")
	b.ReportMetric(mean[1]/1000, "ours-µs/frame")
	b.ReportMetric(ratio, "of-bare")
	b.ReportMetric(0, "ns/op") // says nothing here
	b.Logf("%.1f µs bare, %.1f µs ours, %.3f of bare", mean[0]/1000, mean[1]/1000, ratio)
}

// The library through our interface should keep 0.95 of what it does by itself, in
// CPU time, measured in turn. That is for people to read: a slow day is no fault.
func BenchmarkEncodeAgainstBare(b *testing.B) {
	pcm := audiotest.Music(50 * audio.FrameSamples)
	dst := make([]byte, 0, MaxPacket)
	for b.Loop() {
		own, other := mustEncoder(b, EncoderOptions{}), mustEncoder(b, EncoderOptions{})
		report(b, compare(b,
			func() {
				if bareEncode(own.(*Encoder), pcm, each) < each {
					b.Fatal("bare libopus does not encode")
				}
			},
			func() {
				for i := range each {
					k := i % 50
					if _, err := other.Encode(dst, pcm[k*1920:(k+1)*1920]); err != nil {
						b.Fatal(err)
					}
				}
			}))
	}
}

func BenchmarkDecodeAgainstBare(b *testing.B) {
	enc, pcm := mustEncoder(b, EncoderOptions{}), audiotest.Music(50*audio.FrameSamples)
	var list []audio.Packet
	for i := range 50 {
		p, err := enc.Encode(nil, pcm[i*1920:(i+1)*1920])
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, audio.Packet{Data: p})
	}
	var data []byte
	var sizes []int32
	for _, p := range list {
		data, sizes = append(data, p.Data...), append(sizes, int32(len(p.Data)))
	}
	dst := make([]float32, 0, MaxDuration*audio.Channels)
	for b.Loop() {
		own, other := mustDecoder(b), mustDecoder(b)
		report(b, compare(b,
			func() {
				if bareDecode(own.(*decoder), data, sizes, each) != each*audio.FrameSamples {
					b.Fatal("bare libopus does not decode")
				}
			},
			func() {
				for i := range each {
					if _, err := other.Decode(dst, list[i%len(list)]); err != nil {
						b.Fatal(err)
					}
				}
			}))
	}
}
