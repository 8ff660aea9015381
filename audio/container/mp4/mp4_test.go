package mp4_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/aac"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/mp4"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := mp4.NewDemuxer(input.New(m))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func TestFilesWholeAndInFragments(t *testing.T) {
	for _, name := range []string{"sweep.m4a", "sweep-fragments.m4a", "sweep-opus.mp4"} {
		b := containertest.File(t, name)
		audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(b)) })
		containertest.TestStream(t, open, b)
		containertest.TestTruncated(t, open, b)
	}
}

func TestFragmentsHoldTheSameMusic(t *testing.T) {
	whole := containertest.File(t, "sweep.m4a")
	pieces := containertest.File(t, "sweep-fragments.m4a")
	want, got := containertest.Packets(t, open, whole), containertest.Packets(t, open, pieces)
	a, b := containertest.Open(t, open, containertest.Media(whole)).Codec(), containertest.Open(t, open, containertest.Media(pieces)).Codec()
	if len(got) != len(want) || a.PreSkip != b.PreSkip || !bytes.Equal(a.Private, b.Private) {
		t.Fatalf("%d packets of %d, %+v, %+v", len(got), len(want), a, b)
	}
	for i := range want {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].PTS != want[i].PTS || got[i].TrimEnd != want[i].TrimEnd || got[i].Duration != want[i].Duration {
			t.Errorf("packet %d: %d+%d-%d, want %d+%d-%d", i, got[i].PTS, got[i].Duration, got[i].TrimEnd, want[i].PTS, want[i].Duration, want[i].TrimEnd)
		}
	}
}

func TestSamplesAreFoundByTheirTables(t *testing.T) {
	for name, f := range map[string]file{
		"as usual":         {},
		"index last":       {last: true},
		"something before": {first: join(box("free", "xyz"), box("wide"))},
	} {
		b := f.bytes()
		packets := containertest.Packets(t, open, b)
		if len(packets) != 4 {
			t.Fatalf("%s: %d packets", name, len(packets))
		}
		for i, p := range packets {
			if string(p.Data) != sounds4[i] || p.PTS != input.Scale(int64(i)*1024, 44100) {
				t.Errorf("%s: packet %d is %q at %d", name, i, p.Data, p.PTS)
			}
		}
		if end := packets[3].TrimEnd; end != input.Scale(24, 44100) {
			t.Errorf("%s: %d samples trimmed", name, end)
		}
	}
}

func TestWideBoxesAndOffsets(t *testing.T) {
	head := join(box("ftyp", "qt  \x00\x00\x00\x00"), 1, "mdat", uint64(16+5), "sound")
	table := join(box("stts", 0, 1, 1, 1024), box("stsc", 0, 1, 1, 1, 1), box("stsz", 0, 5, 1), box("co64", 0, 1, uint64(len(head)-5)))
	index := box("moov", box("trak", box("tkhd", "\x01\x00\x00\x00", zeros(16), 7, zeros(60)), box("edts", box("elst", "\x01\x00\x00\x00", 1, uint64(0), uint64(100), 1<<16)),
		box("mdia", box("mdhd", "\x01\x00\x00\x00", zeros(16), 44100, uint64(1024), 0), box("hdlr", 0, "mhlr", "soun"), box("minf", box("hdlr", 0, "dhlr", "alis"),
			box("stbl", box("stsd", 0, 1, entry("mp4a", 1, box("wave", box("frma", "mp4a"), esds(0x40, "\x12\x10")))), table)))))
	packets := containertest.Packets(t, open, join(head, index))
	if len(packets) != 1 || string(packets[0].Data) != "sound" {
		t.Fatalf("%d packets", len(packets))
	}
	if d := containertest.Open(t, open, containertest.Media(join(head, index))); d.Codec().PreSkip != input.Scale(100, 44100) {
		t.Errorf("%d samples skipped", d.Codec().PreSkip)
	}
}

func TestWhereTheMusicIs(t *testing.T) {
	edit := func(entries ...any) []byte { return box("edts", box("elst", 0, len(entries)/3, join(entries...))) }
	smooth := func(s string) []byte {
		return box("udta", box("meta", 0, box("hdlr", zeros(25)), box("ilst", box("\xa9nam", box("data", 1, 0, "A song")), box("covr", box("data", 13, 0, "no")),
			box("----", box("mean", 0, "com.apple.iTunes"), box("name", 0, "iTunSMPB"), box("data", 1, 0, s)))))
	}
	for name, c := range map[string]struct {
		f         file
		skip, end int64 // at the track's rate
	}{
		"no word of it":         {file{}, 0, 4072},
		"an edit":               {file{edits: edit(0, 1024, 1<<16)}, 1024, 4072},
		"a pause, then an edit": {file{edits: edit(50, -1, 1<<16, 0, 1024, 1<<16)}, 1024, 4072},
		"a length as exact":     {file{edits: edit(69, 1024, 1<<16)}, 1024, 4072},
		"an earlier end":        {file{edits: edit(60, 1024, 1<<16)}, 1024, 1024 + 2646},
		"as iTunes writes":      {file{movie: smooth(" 00000000 00000840 000001CA 00000000000005DC 0")}, 0x840, 0x840 + 0x5dc},
		"nonsense of iTunes":    {file{movie: smooth(" 00000000 zzz 000001CA 00000000000005DC")}, 0, 4072},
		"too much of iTunes":    {file{movie: smooth(" 0 840 0 FFFFFF")}, 0, 4072},
	} {
		d := containertest.Open(t, open, containertest.Stream(c.f.bytes()))
		packets, _ := containertest.Drain(d)
		end := int64(4096)
		for _, p := range packets {
			end -= input.Unscale(p.TrimEnd, 44100)
		}
		if got := input.Unscale(d.Codec().PreSkip, 44100); got != c.skip || end < c.end-1 || end > c.end+1 {
			t.Errorf("%s: from %d to %d, want %d to %d", name, got, end, c.skip, c.end)
		}
		if want := input.Duration(input.Scale(c.end-c.skip, 44100)); d.Info().Duration != want {
			t.Errorf("%s: it lasts %v, want %v", name, d.Info().Duration, want)
		}
		if len(c.f.movie) > 0 && d.Info().Title != "A song" {
			t.Errorf("%s: the title is %q", name, d.Info().Title)
		}
	}
}

func TestTagsOfQuickTime(t *testing.T) {
	tag := func(kind, text string) []byte { return box(kind, box("data", 1, 0, text)) }
	d := containertest.Open(t, open, containertest.Media(file{movie: box("meta", box("hdlr", zeros(25)), box("ilst", tag("\xa9nam", "T"), tag("\xa9ART", "A"), tag("\xa9alb", "B")))}.bytes()))
	if in := d.Info(); in.Title != "T" || in.Artist != "A" || in.Album != "B" {
		t.Errorf("%+v", in)
	}
}

func TestOtherCodecs(t *testing.T) {
	info := join(uint16(4096), uint16(4096), zeros(6), "\x0a\xc4\x42\xf0", zeros(20))
	for name, e := range map[string][]byte{
		"opus": entry("Opus", 0, box("dOps", "\x00\x02", uint16(312), 48000, uint16(0), "\x00")),
		"flac": entry("fLaC", 0, box("dfLa", 0, "\x80\x00\x00\x22", info)),
		"mp3":  entry("mp4a", 0, esds(0x6b, "")),
		"aac":  entry("mp4a", 2, esds(0x67, "\x12\x10")),
	} {
		c := containertest.Open(t, open, containertest.Media(file{description: e}.bytes())).Codec()
		if c.Name != name || c.Channels != 2 || c.SampleRate < 44100 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestWhatCannotBePlayedIsNamed(t *testing.T) {
	stream := file{last: true}.bytes()
	if _, err := open(containertest.Stream(stream)); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "index comes last") {
		t.Errorf("a stream with its index at the end: %v", err)
	}
	for text, b := range map[string][]byte{
		"Apple Lossless":      file{description: entry("alac", 0, box("alac", zeros(24)))}.bytes(),
		"protected":           file{description: entry("enca", 0, esds(0x40, "\x12\x10"))}.bytes()[:0:0],
		"Dolby Digital":       file{description: entry("ac-3", 0, box("dac3", "abc"))}.bytes(),
		`called "zzzz"`:       file{description: entry("zzzz", 0)}.bytes(),
		"AAC Main":            file{description: entry("mp4a", 0, esds(0x40, "\x0a\x10"))}.bytes(),
		"type 0xdd":           file{description: entry("mp4a", 0, esds(0xdd, ""))}.bytes(),
		"without sound":       file{handler: "vide"}.bytes(),
		"6 channels":          file{description: entry("Opus", 0, box("dOps", "\x00\x06", uint16(312), 48000, uint16(0), "\xff\x04\x02\x00\x04\x01\x02\x03\x05"))}.bytes(),
		"a piece of a stream": box("moof", zeros(8)),
	} {
		if len(b) == 0 {
			b = file{description: entry("enca", 0, box("sinf"))}.bytes()
		}
		if _, err := open(containertest.Media(b)); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for name, b := range map[string][]byte{
		"no index":               box("ftyp", "M4A "),
		"a box of seven bytes":   join(7, "moov", zeros(20)),
		"a wide box too short":   join(1, "moov", uint64(15), zeros(20)),
		"a box beyond its own":   box("moov", 100, "trak", zeros(20)),
		"deep boxes":             deep(),
		"no description":         file{description: []byte{}}.bytes(),
		"no configuration":       file{description: entry("mp4a", 0, esds(0x40, "")[:30])}.bytes(),
		"short Opus":             file{description: entry("Opus", 0, box("dOps", "\x00\x02"))}.bytes(),
		"short FLAC":             file{description: entry("fLaC", 0, box("dfLa", 0))}.bytes(),
		"a long description":     file{description: entry("fLaC", 0, box("dfLa", zeros(5000)))}.bytes(),
		"a table cut off":        file{table: box("stsz", 0, 0, 100, 4)}.bytes(),
		"too many samples":       file{table: box("stsz", 0, 7, 1<<30)}.bytes(),
		"tables that differ":     file{table: join(box("stsz", 0, 0, 2, 4, 4), box("stsc", 0, 1, 1, 1, 1), box("stco", 0, 1, 8))}.bytes(),
		"a sample too large":     file{table: join(box("stsz", 0, 0, 1, 1<<30), box("stsc", 0, 1, 1, 1, 1), box("stco", 0, 1, 8))}.bytes(),
		"a sample behind it all": file{table: join(box("stsz", 0, 0, 1, 10), box("stsc", 0, 1, 1, 1, 1), box("stco", 0, 1, 1<<20))}.bytes(),
	} {
		d, err := open(containertest.Media(b))
		if err == nil {
			_, err = containertest.Drain(d)
		}
		if !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func deep() []byte {
	b := box("wave")
	for range 20 {
		b = box("wave", b)
	}
	return file{description: entry("mp4a", 0, b)}.bytes()
}

func TestSeekingInAnHourIsQuickAndRight(t *testing.T) {
	const n = 44100 * 3600 / 1024
	f := file{table: join(box("stts", 0, 1, n, 1024), box("stsc", 0, 1, 1, 10, 1), box("stsz", 0, 1, n))}
	var chunks []byte
	for range (n + 9) / 10 {
		chunks = append(chunks, join(8)...)
	}
	f.table = join(f.table, box("stco", 0, (n+9)/10, chunks))
	d := containertest.Open(t, open, containertest.Media(f.bytes()))
	for _, to := range []time.Duration{30 * time.Minute, time.Minute, 59 * time.Minute, 0} {
		start := time.Now()
		landed, err := d.Seek(to)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("a seek took %v", took)
		}
		p, err2 := d.ReadPacket()
		if err != nil || err2 != nil || landed > to || to-landed > 200*time.Millisecond || p.PTS != input.Samples(landed) && to > 0 {
			t.Errorf("seek to %v: %v, packet at %d, %v, %v", to, landed, p.PTS, err, err2)
		}
	}
}

func TestDamage(t *testing.T) {
	containertest.TestDamaged(t, open, 1000, containertest.File(t, "sweep.m4a"), containertest.File(t, "sweep-fragments.m4a"), containertest.File(t, "sweep-opus.mp4"), file{last: true}.bytes())
}

func FuzzMP4(f *testing.F) {
	whole := containertest.File(f, "sweep.m4a")
	containertest.Fuzz(f, open, whole, containertest.File(f, "sweep-fragments.m4a"), containertest.File(f, "sweep-opus.mp4")[:3000], file{}.bytes(), file{last: true}.bytes())
}

func TestAFrameIsWhatTheDecoderSays(t *testing.T) {
	d := containertest.Open(t, open, containertest.Media(file{}.bytes()))
	p, err := d.ReadPacket()
	if err != nil || p.Duration != input.Scale(aac.FrameSamples, 44100) {
		t.Errorf("%d, %v", p.Duration, err)
	}
	if _, err := containertest.Drain(d); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
