package flac_test

import (
	"os"
	"testing"
	"time"

	"segue/audio/container"
	"segue/audio/container/containertest"
)

// BenchmarkDecode tells what 20 ms of stereo music of 16 bits at 44.1 kHz cost,
// where the test bench is there, else of the test sound.
func BenchmarkDecode(b *testing.B) {
	file := containertest.File(b, "sweep.flac")
	if name := corpus(b)["subset/18"]; name != "" {
		if read, err := os.ReadFile(name); err == nil {
			file = read
		}
	}
	packets := containertest.Packets(b, container.Open, file)
	d := decoder(b, containertest.Open(b, container.Open, containertest.Media(file)).Codec().Private)
	pcm, err := d.Decode(nil, packets[0])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	samples, start := 0, time.Now()
	for i := 0; b.Loop(); i++ {
		if pcm, err = d.Decode(pcm[:0], packets[i%len(packets)]); err != nil {
			b.Fatal(err)
		}
		samples += len(pcm)
	}
	rate, channels := d.Format()
	frames := float64(samples) / float64(rate*channels/50)
	b.ReportMetric(float64(time.Since(start).Microseconds())/frames, "µs/20ms")
}
