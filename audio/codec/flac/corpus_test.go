package flac_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"segue/audio"
	"segue/audio/codec/flac"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

// A sound is what became of a file.
type sound struct {
	info   flac.StreamInfo
	md5    [16]byte // of all samples
	ok     bool     // that is what STREAMINFO has
	frames int
	values int // per channel
	err    error
}

// verify decodes a file and makes the MD5 that its STREAMINFO should have.
func verify(t testing.TB, b []byte) (s sound) {
	t.Helper()
	d, err := container.Open(containertest.Media(b))
	if err != nil {
		return sound{err: err}
	}
	if s.info, s.err = flac.ParseStreamInfo(d.Codec().Private); s.err != nil {
		return s
	}
	sum, err := flac.NewSum(d.Codec().Private)
	if err != nil {
		t.Fatal(err)
	}
	for {
		n := 0
		p, err := d.ReadPacket()
		if err == nil {
			n, err = sum.Add(p)
		}
		if err != nil {
			s.ok, _ = sum.Matches()
			s.md5 = sum.MD5()
			if !errors.Is(err, io.EOF) {
				s.err = err
			}
			return s
		}
		s.frames++
		s.values += n
	}
}

func TestSamplesAreBitExact(t *testing.T) {
	if s := verify(t, containertest.File(t, "sweep.flac")); s.err != nil || !s.ok || s.md5 != s.info.MD5 {
		t.Errorf("MD5 is %x, want %x, %v", s.md5, s.info.MD5, s.err)
	}
	if _, err := flac.NewSum(nil); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("without STREAMINFO: %v", err)
	}
}

// corpus returns the files of the IETF's FLAC test bench, by group and number.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	dir := os.Getenv("SEGUE_TEST_DATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	names, _ := filepath.Glob(filepath.Join(dir, "flac", "*", "*.flac"))
	if len(names) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("test data missing")
		}
		t.Skip("SKIPPED: test data missing")
	}
	files := map[string]string{}
	for _, name := range names {
		files[filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name)[:2]] = name
	}
	return files
}

// odd lists what of the test bench has no MD5 that fits all of it, and what is
// refused. The sums given here are of what the flac tool makes of it; where the
// format changes, of what it makes of each stretch of one format.
var odd = map[string]struct {
	why string
	err error
	md5 string
}{
	"uncommon/01": {why: "its rate changes; no MD5 given", md5: "9b22d813477806210f0c456ecf2538df"},
	"uncommon/02": {why: "its channels change; no MD5 given", md5: "64ebcbc5320ffd24800de10d2d330906"},
	"uncommon/03": {why: "its channels change; no MD5 given", md5: "26bc7e1ea8c494aaa0df86757202d662"},
	"uncommon/04": {why: "its depth changes; no MD5 given", md5: "13a9f90b5a584c49b142e29f4b42193e"},
	"uncommon/10": {why: "no STREAMINFO", md5: "90edc1bf846f6e28e84f7ec4b63edec9"},
	"uncommon/11": {why: "no STREAMINFO, and a broken frame first", md5: "6c1357741fe9a0714d5c392dee60a43a"},
	"faulty/06":   {why: "no STREAMINFO", md5: "fc44f130c69219141bf2eb76fb79f96d"},
	"faulty/11":   {why: "metadata cannot be followed", err: audio.ErrMalformed},
}

// TestTheIETFsFiles decodes the FLAC test bench: each file must have the MD5 that
// it claims, but for the odd ones.
func TestTheIETFsFiles(t *testing.T) {
	files := corpus(t)
	for key := range odd {
		if files[key] == "" {
			t.Errorf("%s is missing", key)
		}
	}
	for key, name := range files {
		if testing.Short() && key > "subset/05" && odd[key].why == "" {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s, want := verify(t, b), odd[key]
		switch {
		case want.why == "" && (s.err != nil || !s.ok || s.frames == 0):
			t.Errorf("%s: %d frames, MD5 %x, want %x, %v", name, s.frames, s.md5, s.info.MD5, s.err)
		case want.why != "" && (!errors.Is(s.err, want.err) || want.err == nil && fmt.Sprintf("%x", s.md5) != want.md5):
			t.Errorf("%s: MD5 %x, want %s; %v, want %v", name, s.md5, want.md5, s.err, want.err)
		}
	}
}
