package aac_test

import (
	"bytes"
	"os"
	"testing"

	"segue/audio/codec/aac"
)

func TestFramesWithoutABoundaryAreFound(t *testing.T) {
	file, err := os.ReadFile("testdata/six.aac")
	if err != nil {
		t.Fatal(err)
	}
	config, want := frames(t, file)
	s, err := aac.NewSplitter(config)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		for i := 0; i+n <= len(want); i += n {
			all := bytes.Join(want[i:i+n], nil)
			got, ok := s.Split(nil, all, n)
			if !ok || len(got) != n {
				t.Fatalf("%d from %d on: %d frames, %v", n, i, len(got), ok)
			}
			for k := range got {
				if !bytes.Equal(got[k], want[i+k]) {
					t.Fatalf("%d from %d on: frame %d differs", n, i, k)
				}
			}
			if got, ok := s.Split(nil, all[:len(all)-9], n); ok || len(got) >= n {
				t.Fatalf("%d from %d on, cut off: %d frames, %v", n, i, len(got), ok)
			}
			if _, ok := s.Split(nil, append(all, 0, 0), n); ok {
				t.Fatalf("%d from %d on, and more: they fit", n, i)
			}
		}
	}
	if _, err := aac.NewSplitter(nil); err == nil {
		t.Error("a splitter of nothing")
	}
}
