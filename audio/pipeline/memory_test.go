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
// ring. Beside them are the reader's buffer, grown to a page of 21 KB, and the page
// being taken apart; one that is made ready keeps the pages themselves.
func TestPassingTrackCostsItsPacketsAndLittleMore(t *testing.T) {
	data, err := testdata.Sounds.ReadFile(testdata.Lantern)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		taken, packets, beside int
	}{
		"made ready": {0, 56 << 10, 64 << 10},
		"playing":    {200, 80 << 10, 116 << 10},
	} {
		// What else the process does can only add to the heap: the least of a few
		// looks is the tracks' own.
		held, beside := cost(t, data, c.taken)
		for range 4 {
			if held > c.packets || beside <= c.beside {
				break
			}
			held, beside = cost(t, data, c.taken)
		}
		if held > c.packets || beside > c.beside {
			t.Errorf("%s: %d bytes of packets, %d beside them; at most %d and %d", name, held, beside, c.packets, c.beside)
		}
		t.Logf("%s: %d bytes of packets, %d beside them", name, held, beside)
	}
}

// cost is what one of 20 tracks takes from which so many frames were taken: bytes
// of packets, and beside them.
func cost(t *testing.T, data []byte, taken int) (held, beside int) {
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
			for range taken {
				synctest.Wait()
				if _, ok := pumps[i].Take(); !ok {
					t.Fatal("no frame")
				}
			}
		}
		time.Sleep(time.Second)
		held = pumps[0].Stats().Bytes
		beside = int(heap()-before)/n - held
	})
	return held, beside
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools held for one more round
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
