package pipeline

import (
	"fmt"
	"path/filepath"
	"testing"

	"segue/audio/framecache"
)

// BenchmarkPlay is a play of ten seconds without a cache, the first with one,
// whose frames are written down, and the second, which finds them.
func BenchmarkPlay(b *testing.B) {
	plays := 0
	for _, kind := range []string{"mp3", "flac", "m4a"} {
		path := soundFile(b, kind, 10)
		each := func(name string, cache func() *framecache.Cache) {
			b.Run(kind+"/"+name, func(b *testing.B) {
				frames := 0
				for b.Loop() {
					c := cache()
					h := playWith(b, opened(b, path), keeping(c), nil)
					if name != "second" {
						if err := c.Close(b.Context()); err != nil {
							b.Fatal(err)
						}
					}
					if passes := h.stats.Transcoded == 0; h.err != nil || passes != (name == "second") {
						b.Fatalf("%+v, %v", h.stats, h.err)
					}
					frames += len(h.frames)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
			})
		}
		o := framecache.Options{Dir: filepath.Join(b.TempDir(), "frames"), Max: 64 << 20}
		each("without", func() *framecache.Cache { return nil })
		each("first", func() *framecache.Cache {
			plays++
			p := o
			p.Build = fmt.Sprint(plays)
			return framecache.New(p)
		})
		kept := framecache.New(o)
		playWith(b, opened(b, path), keeping(kept), nil)
		kept = restarted(b, kept, o)
		each("second", func() *framecache.Cache { return kept })
	}
}
