package aac_test

import (
	"os"
	"path/filepath"
	"testing"

	"segue/audio"
	"segue/audio/codec/aac"
)

// BenchmarkDecode decodes stereo at 44.1 kHz and 128 kbit/s. A frame of 20 ms is
// 882 samples of the 1024 of one operation.
func BenchmarkDecode(b *testing.B) {
	file := filepath.Join(b.TempDir(), "x.aac")
	tool(b, music(44100, 2, 2), "-f", "f32le", "-ar", "44100", "-ac", "2", "-i", "-", "-c:a", "aac", "-b:a", "128k", file)
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	config, frames := frames(b, data)
	d, err := aac.NewDecoder(config)
	if err != nil {
		b.Fatal(err)
	}
	pcm := make([]float32, 0, 2048)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := d.Decode(pcm, audio.Packet{Data: frames[i%len(frames)]}); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)*882/1024, "µs/20ms")
}

// BenchmarkDecodeHE decodes frames of both versions of HE-AAC at 44.1 kHz. A frame of
// 20 ms is 882 samples of the 2048 of one operation.
func BenchmarkDecodeHE(b *testing.B) {
	for name, file := range map[string]string{"v1": "he1.aac", "v2": "he2.aac"} {
		b.Run(name, func(b *testing.B) {
			config, frames := fixture(b, file)
			d, err := aac.NewDecoder(config)
			if err != nil {
				b.Fatal(err)
			}
			pcm := make([]float32, 0, 4096)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := d.Decode(pcm, audio.Packet{Data: frames[i%len(frames)]}); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)*882/2048, "µs/20ms")
		})
	}
}
