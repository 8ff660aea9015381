package render

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/pipeline"
)

var mutations = flag.Int("mutations", map[bool]int{false: 60, true: 20}[raced], "how many mutated files of each format are rendered")

// perStream is how many bytes rendering a short file may allocate in all: more
// than a stream may ever hold at once, so that it bounds that as well.
const perStream = 8 << 20

// TestMutatedFilesAreMusicOrASentence renders mutated copies of a file of every
// format, to the end: none may crash, hang, take memory, or end in an error
// nobody has words for.
func TestMutatedFilesAreMusicOrASentence(t *testing.T) {
	files, err := filepath.Glob("../container/testdata/sweep*")
	if err != nil || len(files) < 13 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h := fnv.New64()
			h.Write([]byte(filepath.Base(file)))
			rng := rand.New(rand.NewPCG(h.Sum64(), 3))
			if n, err := survive(t.Context(), b, true); n < 70 || err != nil {
				t.Fatalf("untouched: %d frames, %v", n, err)
			}
			music, most := 0, uint64(0)
			for i := range *mutations {
				from := i % 3 * len(b) * 2 / 5 // some beginnings stay whole
				bad := append(bytes.Clone(b[:from]), containertest.Damage(b[from:], rng)...)
				if i%2 == 1 {
					seal(bad)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				n, err := survive(t.Context(), bad, i%4 != 0)
				runtime.ReadMemStats(&after)
				most = max(most, after.TotalAlloc-before.TotalAlloc)
				if n > 0 {
					music++
				}
				if taken := after.TotalAlloc - before.TotalAlloc; err != nil || taken > perStream {
					path := filepath.Join(os.TempDir(), fmt.Sprintf("mutated-%d-%s", i, filepath.Base(file)))
					t.Errorf("mutation %d: %v, %d bytes taken; kept as %s: %v", i, err, taken, path, os.WriteFile(path, bad, 0o600))
				}
			}
			t.Logf("%d of %d gave music; at most %d KiB were allocated", music, *mutations, most>>10)
			if music == 0 {
				t.Error("none gave any music: nothing but the beginning was tested")
			}
		})
	}
}

// seal makes the checksums of Ogg pages right again, lest they hide all other
// damage.
func seal(b []byte) {
	for at := 0; ; {
		n := bytes.Index(b[at:], []byte("OggS"))
		if n < 0 {
			return
		}
		page := b[at+n:]
		at += n + 4
		if len(page) < 27 || len(page) < 27+int(page[26]) {
			continue
		}
		size := 27 + int(page[26])
		for _, lacing := range page[27:size] {
			size += int(lacing)
		}
		page = page[:min(size, len(page))]
		clear(page[22:26])
		crc := uint32(0)
		for _, x := range page { // RFC 3533, 6: bit by bit
			crc ^= uint32(x) << 24
			for range 8 {
				crc = crc<<1 ^ 0x04c11db7*(crc>>31)
			}
		}
		binary.LittleEndian.PutUint32(page[22:], crc)
	}
}

// survive renders b and reports how many frames came, and what is wrong about how
// that ended.
func survive(ctx context.Context, b []byte, seekable bool) (frames int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	m := media(b)
	if !seekable {
		m.Seeker, m.Size = nil, -1
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("it hangs"))
	defer cancel()
	var out counter
	_, err = Run(ctx, m, &out, Options{Pipeline: pipeline.Options{Encoder: func() (audio.Encoder, error) { return mute{}, nil }}})
	if ctx.Err() == nil && err != nil && !strings.Contains(err.Error(), "panic") && containertest.Sane(err) {
		err = nil
	}
	return out.frames, err
}

// counter is a sink that counts.
type counter struct{ frames int }

func (*counter) Start(int64, audio.Info) error { return nil }
func (c *counter) Write(audio.Frame) error     { c.frames++; return nil }
func (*counter) End(int64) error               { return nil }

// mute encodes everything as silence: here it is the decoders that matter.
type mute struct{}

func (mute) Encode(dst []byte, _ []float32) ([]byte, error) {
	return append(dst, 0xfc, 0xff, 0xfe), nil
}
func (mute) Lookahead() int { return 312 }
func (mute) Reset()         {}
