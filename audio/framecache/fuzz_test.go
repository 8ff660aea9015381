package framecache

import (
	"bytes"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"segue/audio"
	"segue/audio/container"
)

// FuzzRead reads files of any bytes, as they are and with a foot that fits them:
// what is wrong is said, and what is right can be opened and kept again.
func FuzzRead(f *testing.F) {
	o := settings(f)
	keep(f, o, "one", music(3, 40))
	whole, err := os.ReadFile(filepath.Join(o.Dir, list(f, o.Dir)[0]))
	if err != nil {
		f.Fatal(err)
	}
	k := New(o).key("one", 0)
	body := whole[:len(whole)-int(footSize)]
	cut := int64(bytes.LastIndex(body, []byte(`{"Level"`)))
	picture := int64(len(about.Artwork.Data))
	f.Add(whole, false, int64(0), int64(0))
	f.Add(body, true, int64(len(body))-cut-picture, picture)
	f.Add([]byte("OggS{}"), true, int64(2), int64(0))
	f.Add([]byte(`{"Chapters":[{"Start":-1}]}`), true, int64(27), int64(0))
	f.Add([]byte(nil), true, int64(1)<<62, int64(1)<<62)
	f.Add([]byte(nil), true, int64(-1), int64(1))
	f.Fuzz(func(t *testing.T, b []byte, fits bool, text, picture int64) {
		if fits {
			foot := foot{Ogg: int64(len(b)) - text - picture, Told: text, Picture: picture, Key: k}
			var err error
			if b, err = appendFoot(bytes.Clone(b), foot, crc32.Checksum(b, castagnoli)); err != nil {
				t.Fatal(err)
			}
		}
		p, err := read(bytes.NewReader(b), int64(len(b)), k)
		if err != nil {
			if !errors.Is(err, audio.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if _, _, err := told(p.Level, p.Info); err != nil && !errors.Is(err, audio.ErrLimit) {
			t.Fatalf("what was told cannot be told: %v", err)
		}
		d, err := container.Open(p.Media)
		if err != nil {
			return
		}
		for range 100 {
			if _, err := d.ReadPacket(); err != nil {
				break
			}
		}
	})
}
