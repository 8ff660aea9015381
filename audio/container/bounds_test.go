package container_test

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

// forever gives what is first, then again and again what is rest.
type forever struct {
	first, rest string
	read        int
}

func (f *forever) Read(p []byte) (int, error) {
	n := copy(p, f.first)
	f.first = f.first[n:]
	for n < len(p) {
		n += copy(p[n:], f.rest)
	}
	f.read += n
	return n, nil
}

// TestEndlessNonsenseEndsSomewhere checks that neither time nor memory depends on
// what a stream claims, or on how long it goes on.
func TestEndlessNonsenseEndsSomewhere(t *testing.T) {
	sound := func(name string) string { return string(containertest.File(t, name)) }
	for name, f := range map[string]*forever{
		"zeros":                          {rest: "\x00"},
		"ones":                           {rest: "\xff"},
		"Ogg, then zeros":                {first: sound("sweep.opus"), rest: "\x00"},
		"Ogg, then capture patterns":     {first: sound("sweep.ogg"), rest: "OggS\x00\x00"},
		"Ogg of one page":                {rest: sound("sweep.opus")[:47]},
		"Ogg of false streams":           {rest: "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x00"},
		"WebM, then zeros":               {first: sound("sweep.webm"), rest: "\x00"},
		"EBML header of 2^50 bytes":      {first: "\x1A\x45\xDF\xA3\x02\x04\x00\x00\x00\x00\x00\x00", rest: "\x42\x82\x84webm"},
		"EBML codec header of a million": {first: sound("sweep.webm")[:40] + "\x16\x54\xAE\x6B\x08\xff\xff\xff\xff\xAE\x08\xff\xff\xf0\x00\x63\xA2\x08\xff\xff\x00\x00", rest: "\x00"},
		"WebM, then void upon void":      {first: sound("sweep.webm"), rest: "\xEC\x80"},
		"EBML void upon void":            {first: "\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\xff", rest: "\xEC\x80"},
		"MP3, then zeros":                {first: sound("sweep.mp3"), rest: "\x00"},
		"FLAC, then ones":                {first: sound("sweep.flac"), rest: "\xff"},
		"FLAC, blocks without end":       {first: "fLaC", rest: "\x04\x00\x00\x00"},
		"MP4, boxes without end":         {first: "\x00\x00\x00\x08ftyp", rest: "\x00\x00\x00\x08free"},
		"MP4, an index without end":      {first: "\x00\x00\x00\x01moov\x00\x7f\xff\xff\xff\xff\xff\xff", rest: "\x00\x00\x00\x08udta"},
		"MP4, a table of four billion":   {first: "\x00\x00\x00\x00moov\x00\x00\x00\x00trak\x00\x00\x00\x00mdia\x00\x00\x00\x00minf\x00\x00\x00\x00stbl\x00\x00\x00\x00stts\x00\x00\x00\x00\xff\xff\xff\xff", rest: "\x00\x00\x00\x01"},
		"MP4 of fragments, then zeros":   {first: sound("sweep-fragments.m4a"), rest: "\x00"},
		"MP4 of fragments again":         {first: sound("sweep-fragments.m4a"), rest: sound("sweep-fragments.m4a")},
		"AAC, then ones":                 {first: sound("sweep.aac"), rest: "\xff"},
		"LATM, then ones":                {first: sound("sweep.latm"), rest: "\xff"},
		"LATM, frames of one byte":       {first: sound("sweep.latm"), rest: "\x56\xe0\x01\x80"},
		"MPEG-TS, then zeros":            {first: sound("sweep.ts"), rest: "\x00"},
		"MPEG-TS, then empty packets":    {first: sound("sweep.ts"), rest: "\x47\x1f\xff\x10" + strings.Repeat("\xff", 184)},
		"MPEG-TS, then its own stream":   {first: sound("sweep.ts"), rest: "\x47\x01\x00\x10" + strings.Repeat("\xff", 184)},
		"MPEG-TS of nothing":             {rest: "\x47\x1f\xff\x10" + strings.Repeat("\xff", 184)},
		"WAV, chunks without end":        {first: "RIFF\x00\x00\x00\x00WAVE", rest: "junk\x00\x00\x00\x00"},
	} {
		start := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d, err := container.Open(&audio.Media{ReadCloser: io.NopCloser(f), Size: -1})
		packets := 0
		for err == nil && packets < 1000 {
			_, err = d.ReadPacket()
			packets++
		}
		runtime.ReadMemStats(&after)
		if !containertest.Sane(err) {
			t.Errorf("%s: %v", name, err)
		}
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 32 || f.read > 100<<20 {
			t.Errorf("%s: %d MiB taken, %d MiB read", name, mib, f.read>>20)
		}
		t.Logf("%s: %v, %d MiB, %v", name, err, f.read>>20, time.Since(start))
	}
}
