package mp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

// hourOf is an hour of frames of 1024 samples at 44.1 kHz in fragments of 43, each
// frame of about 300 bytes that tell its number; times says whether fragments tell
// theirs.
func hourOf(frames int, times bool) (b []byte, starts []int) {
	const per = 43
	b = pieces(0, nil)
	for i := 0; i < frames; i += per {
		n := min(per, frames-i)
		var sizes, data []byte
		for k := range n {
			size := 200 + (i+k)*7%200
			sizes = binary.BigEndian.AppendUint32(sizes, uint32(size))
			frame := make([]byte, size)
			binary.BigEndian.PutUint32(frame, uint32(i+k))
			copy(frame[10:], "moof\x00\x00\x00\x10mfhd") // what only looks like a fragment
			data = append(data, frame...)
		}
		moof := func(offset int) []byte {
			time := box("tfdt", "\x01\x00\x00\x00", uint64(9000+i*1024))
			if !times {
				time = nil
			}
			return box("moof", box("mfhd", 0, i+1), box("traf", box("tfhd", 0x20008, 1, 1024), time, box("trun", 0x201, n, offset, sizes)))
		}
		starts = append(starts, len(b))
		b = append(append(b, moof(len(moof(0))+8)...), box("mdat", data)...)
	}
	return b, starts
}

func TestAnHourOfFragmentsIsSought(t *testing.T) {
	const frames = 3600 * 44100 / 1024
	plain, starts := hourOf(frames, true)
	t.Run("by halving", func(t *testing.T) {
		containertest.TestSeeks(t, open, plain, 150*time.Millisecond, 1<<20)
	})
	t.Run("by the index at the end", func(t *testing.T) {
		var entries []byte
		for i, at := range starts {
			entries = append(entries, join(9000+i*43*1024, at, "\x01\x01\x01")...)
		}
		tfra := box("tfra", 0, 1, 0, len(starts), entries)
		b := append(bytes.Clone(plain), box("mfra", tfra, box("mfro", 0, len(tfra)+8+16))...)
		containertest.TestSeeks(t, open, b, 150*time.Millisecond, 256<<10)
	})
	t.Run("by the index before", func(t *testing.T) {
		var refs []byte
		for i, at := range starts {
			end := len(plain)
			if i+1 < len(starts) {
				end = starts[i+1]
			}
			refs = append(refs, join(end-at, 43*1024, 1<<31)...)
		}
		sidx := box("sidx", 0, 1, 44100, 5000, 0, len(starts), refs)
		b := append(append(bytes.Clone(plain[:starts[0]]), sidx...), plain[starts[0]:]...)
		containertest.TestSeeks(t, open, b, 150*time.Millisecond, 256<<10)
		d := containertest.Open(t, open, containertest.Media(b))
		if d.Info().Duration != 500*time.Millisecond { // as the header of the file says
			t.Errorf("it lasts %v", d.Info().Duration)
		}
	})
}

func TestFragmentsWithoutTimesAreWalkedThrough(t *testing.T) {
	b, _ := hourOf(2000, false)
	containertest.TestSeeks(t, open, b, 150*time.Millisecond, 1<<20)
}

func TestAnIndexTellsTheLength(t *testing.T) {
	b, starts := hourOf(430, true)
	movie := bytes.Replace(b[:starts[0]], box("mehd", 0, 500), box("mehd", 0, 0), 1)
	for name, sidx := range map[string][]byte{
		"narrow": box("sidx", 0, 1, 1000, 77, 0, 1, len(b)-starts[0], 9985, 0),
		"wide":   box("sidx", "\x01\x00\x00\x00", 1, 1000, uint64(77), uint64(0), 1, len(b)-starts[0], 9985, 0),
	} {
		whole := bytes.Join([][]byte{movie, box("styp", "msdh"), sidx, b[starts[0]:]}, nil)
		d := containertest.Open(t, open, containertest.Stream(whole))
		if d.Info().Duration != 9985*time.Millisecond {
			t.Errorf("%s: it lasts %v", name, d.Info().Duration)
		}
		if packets, err := containertest.Drain(d); len(packets) != 430 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: %d packets, %v", name, len(packets), err)
		}
	}
	for name, sidx := range map[string][]byte{"cut": box("sidx", 0, 1, 1000, 0, 0, 9), "of what cannot be": box("sidx", "\x01\x00\x00\x00", 1, 1000, uint64(1<<63), uint64(0), 0)} {
		if _, err := open(containertest.Media(append(bytes.Clone(movie), sidx...))); !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("an index %s: %v", name, err)
		}
	}
}

// table is the index of n frames of AAC at 48 kHz, four to a chunk.
func tables(n int, wide bool) []byte {
	var sizes, chunks []byte
	at := uint64(1000)
	for i := range n {
		if i%4 == 0 && wide {
			chunks = binary.BigEndian.AppendUint64(chunks, at)
		} else if i%4 == 0 {
			chunks = binary.BigEndian.AppendUint32(chunks, uint32(at))
		}
		size := 300 + i*31%300
		sizes = binary.BigEndian.AppendUint32(sizes, uint32(size))
		at += uint64(size)
	}
	offsets := box("stco", 0, n/4, chunks)
	if wide {
		offsets = box("co64", 0, n/4, chunks)
	}
	return join(box("stts", 0, 1, n, 1024), box("stsc", 0, 1, 1, 4, 1), box("stsz", 0, 0, n, sizes), offsets)
}

// empty is a file of zeros behind an index.
type empty struct {
	index []byte
	at    int64
}

func (e *empty) Read(p []byte) (int, error) {
	n := 0
	if e.at < int64(len(e.index)) {
		n = copy(p, e.index[e.at:])
	}
	clear(p[n:])
	e.at += int64(len(p))
	return len(p), nil
}

func (e *empty) Seek(to int64, whence int) (int64, error) {
	if whence != io.SeekStart {
		return 0, errors.ErrUnsupported
	}
	e.at = to
	return to, nil
}

func TestTwelveHoursFitAndAreSought(t *testing.T) {
	const frames = 12 * 3600 * 48000 / 1024 / 4 * 4
	for _, wide := range []bool{false, true} {
		index := file{scale: 48000, table: tables(frames, wide)}.bytes()
		src := &empty{index: index}
		m := &audio.Media{ReadCloser: io.NopCloser(src), Seeker: src, Size: 2 << 30}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := containertest.Open(t, open, m)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if took := int64(after.HeapAlloc) - int64(before.HeapAlloc); took > 8<<20 {
			t.Errorf("the index takes %d KiB", took>>10)
		}
		start := time.Now()
		for _, to := range []time.Duration{11 * time.Hour, 0, 6*time.Hour + 1234*time.Millisecond} {
			landed, err := d.Seek(to)
			if err != nil || landed > to || to-landed > 200*time.Millisecond {
				t.Fatalf("seek to %v: %v, %v", to, landed, err)
			}
			p, err := d.ReadPacket()
			if frame := input.Unscale(p.PTS, 48000) / 1024; err != nil || len(p.Data) != int(300+frame*31%300) {
				t.Fatalf("seek to %v: frame %d has %d bytes, %v", to, frame, len(p.Data), err)
			}
		}
		t.Logf("three seeks took %v", time.Since(start))
		runtime.KeepAlive(d)
	}
}

func TestTablesThatTakeTooMuchAreRefused(t *testing.T) {
	var runs []byte
	for i := range 1 << 20 {
		runs = append(runs, join(1, i)...)
	}
	b := file{table: join(box("stts", 0, 1<<20, runs))}.bytes()
	if _, err := open(containertest.Media(b)); !errors.Is(err, audio.ErrLimit) {
		t.Error(err)
	}
	var sizes []byte
	for i := range 2 << 20 {
		sizes = binary.BigEndian.AppendUint32(sizes, uint32(70_000+i))
	}
	b = file{table: box("stsz", 0, 0, 2<<20, sizes)}.bytes()
	if _, err := open(containertest.Media(b)); !errors.Is(err, audio.ErrLimit) {
		t.Error(err)
	}
}

func TestOffsetsOfEveryWidth(t *testing.T) {
	table := join(box("stts", 0, 1, 4, 1024), box("stsc", 0, 1, 1, 1, 1), box("stsz", 0, 4, 4),
		box("co64", 0, 4, uint64(5<<32), uint64(5<<32+100), uint64(6<<32+1), uint64(1<<20)))
	src := &sparse{index: file{table: table}.bytes()}
	m := &audio.Media{ReadCloser: io.NopCloser(src), Seeker: src, Size: 9 << 32}
	packets, err := containertest.Drain(containertest.Open(t, open, m))
	if !errors.Is(err, io.EOF) || len(packets) != 4 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	for i, want := range []int64{5 << 32, 5<<32 + 100, 6<<32 + 1, 1 << 20} {
		if got := int64(binary.BigEndian.Uint32(packets[i].Data)); got != want>>8 {
			t.Errorf("packet %d is from %#x, want %#x", i, got<<8, want)
		}
	}
}

// sparse has behind its index at every place what the place is, without its last
// eight bits.
type sparse struct {
	index []byte
	at    int64
}

func (s *sparse) Read(p []byte) (int, error) {
	if s.at < int64(len(s.index)) {
		n := copy(p, s.index[s.at:])
		s.at += int64(n)
		return n, nil
	}
	n := copy(p, binary.BigEndian.AppendUint32(nil, uint32(s.at>>8)))
	s.at += int64(n)
	return n, nil
}

func (s *sparse) Seek(to int64, _ int) (int64, error) {
	s.at = to
	return to, nil
}

// TestFragmentsOfFFmpegAreSought has ffmpeg write fragments with either index.
func TestFragmentsOfFFmpegAreSought(t *testing.T) {
	audiotest.Tool(t, "ffmpeg")
	run := func(args ...string) {
		t.Helper()
		if msg, err := exec.Command("ffmpeg", append([]string{"-v", "error"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, msg)
		}
	}
	in := filepath.Join(t.TempDir(), "in.m4a")
	run("-f", "lavfi", "-i", "anoisesrc=d=60:r=44100:a=0.1", "-c:a", "aac", "-aac_coder", "fast", "-b:a", "128k", in)
	for name, flags := range map[string]string{"mfra": "+frag_keyframe+empty_moov", "sidx": "+dash+global_sidx", "neither": "+frag_keyframe+empty_moov+skip_trailer"} {
		out := filepath.Join(t.TempDir(), name+".mp4")
		run("-i", in, "-c", "copy", "-frag_duration", "1000000", "-movflags", flags, out)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { containertest.TestSeeks(t, open, b, 250*time.Millisecond, 300<<10) })
	}
}

func FuzzFragments(f *testing.F) {
	b, starts := hourOf(43*4, true)
	untimed, _ := hourOf(43*2, false)
	sidx := box("sidx", 0, 1, 44100, 5000, 0, 2, starts[1]-starts[0], 43*1024, 0, starts[2]-starts[1], 43*1024, 0)
	tfra := box("tfra", 0, 1, 0, 2, 9000, starts[0], "\x01\x01\x01", 9000+43*1024, starts[1], "\x01\x01\x01")
	containertest.Fuzz(f, open, untimed, append(append(bytes.Clone(b[:starts[0]]), sidx...), b[starts[0]:]...),
		append(bytes.Clone(b), box("mfra", tfra, box("mfro", 0, len(tfra)+8+16))...))
}

func BenchmarkIndex(b *testing.B) { // of five minutes
	index := file{scale: 48000, table: tables(300*48000/1024/4*4, false)}.bytes()
	b.ReportAllocs()
	for b.Loop() {
		containertest.Open(b, open, containertest.Media(index))
	}
}

func BenchmarkReadPacket(b *testing.B) {
	const frames = 300 * 48000 / 1024 / 4 * 4
	whole := append(file{scale: 48000, table: tables(frames, false)}.bytes(), make([]byte, 460*frames)...)
	b.ReportAllocs()
	d := containertest.Open(b, open, containertest.Media(whole))
	for b.Loop() {
		if _, err := d.ReadPacket(); errors.Is(err, io.EOF) {
			d = containertest.Open(b, open, containertest.Media(whole))
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeekTwelveHours(b *testing.B) {
	index := file{scale: 48000, table: tables(12*3600*48000/1024/4*4, false)}.bytes()
	src := &empty{index: index}
	d := containertest.Open(b, open, &audio.Media{ReadCloser: io.NopCloser(src), Seeker: src, Size: 2 << 30})
	for b.Loop() {
		if _, err := d.Seek(12*time.Hour - time.Second); err != nil {
			b.Fatal(err)
		}
	}
}
