package loudness

import (
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

func BenchmarkFrame(b *testing.B) {
	music := audiotest.Music(10 * audio.SampleRate)
	const frame = audio.FrameSamples * audio.Channels
	b.Run("all", func(b *testing.B) {
		m := New()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			at := i % (len(music) / frame) * frame
			m.Add(music[at : at+frame])
		}
	})
	b.Run("loudness", func(b *testing.B) {
		m := New()
		for i := 0; b.Loop(); i++ {
			at := i % (len(music) / frame) * frame
			squares(&m.left, &m.right, music[at:at+frame])
		}
	})
	b.Run("peak", func(b *testing.B) {
		m := New()
		for i := 0; b.Loop(); i++ {
			at := i % (len(music) / frame) * frame
			m.peak.max = 0 // so that nothing is passed over
			m.peak.add(music[at : at+frame])
		}
	})
}
