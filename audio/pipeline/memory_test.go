package pipeline

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/testdata"
)

// TestPassingTrackCostsItsPacketsAndLittleMore looks at what a track costs that
// plays, and one that is only made ready. Packets count with their places in the
// ring. Beside them are the reader's buffer, grown to a page of 21 KB, and two or
// three pages of which some packets are still, or already, elsewhere.
func TestPassingTrackCostsItsPacketsAndLittleMore(t *testing.T) {
	data, err := testdata.Sounds.ReadFile(testdata.Lantern)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		taken, packets, beside int
	}{
		"made ready": {0, 56 << 10, 64 << 10},
		"playing":    {100, 200 << 10, 136 << 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			const n = 20
			before := heap()
			pumps := make([]*Pump, n)
			for i := range pumps {
				s, err := Open(&audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(data)), Size: -1}, Options{})
				if err != nil {
					t.Fatal(err)
				}
				pumps[i] = Start(t.Context(), s)
				defer pumps[i].Close()
				for range c.taken {
					synctest.Wait()
					if _, ok := pumps[i].Take(); !ok {
						t.Fatal("no frame")
					}
				}
			}
			time.Sleep(time.Second)
			held, each := pumps[0].Stats().Bytes, int(heap()-before)/n
			if held > c.packets || each-held > c.beside {
				t.Errorf("%s: %d bytes of packets, %d beside them; at most %d and %d", name, held, each-held, c.packets, c.beside)
			}
			t.Logf("%s: %d bytes of packets, %d beside them", name, held, each-held)
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
