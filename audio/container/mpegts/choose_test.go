package mpegts_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func TestTablesThatChange(t *testing.T) {
	want := aacSound(t, 60)
	mp2 := bytes.Repeat(append([]byte{0xff, 0xfd, 0x44, 0xc0}, make([]byte, 188)...), 40) // 64 kbit/s, 48 kHz, mono
	m := &muxer{}
	m.tables(0, line(0x0f, soundPID))
	m.sound(0x0f, want, 4, 0)
	m.tables(1, line(0x1b, 0x99), line(0x03, 0x222))
	m.payload(0x222, pes(5000, true, mp2))
	d := containertest.Open(t, open, containertest.Media(m.out))
	got, err := containertest.Drain(d)
	if !errors.Is(err, io.EOF) || len(got) != 100 {
		t.Fatalf("%d packets, %v", len(got), err)
	}
	alike(t, "the first stream", got[:60], want)
	end := want[59].PTS + want[59].Duration
	for i, p := range got[60:] {
		if c := p.Codec; (c != nil) != (i == 0) || c != nil && (c.Name != "mp2" || c.SampleRate != 48000 || c.Channels != 1) {
			t.Errorf("packet %d of the second stream: %+v", i, c)
		}
		if p.PTS != end+int64(i)*1152 || len(p.Data) != 192 {
			t.Errorf("packet %d of the second stream: %d bytes at %d", i, len(p.Data), p.PTS)
		}
	}
	for _, c := range []struct {
		to   int64
		news string
	}{{want[30].PTS, "aac"}, {end + 30*1152, "mp2"}, {want[20].PTS, "aac"}, {want[40].PTS, ""}} {
		landed, err := d.Seek(input.Duration(c.to))
		p, perr := d.ReadPacket()
		if err != nil || perr != nil || landed > input.Duration(c.to) || input.Duration(p.PTS) != landed {
			t.Errorf("seek to %d: %v, %v, %v", c.to, landed, err, perr)
		}
		if news := p.Codec; (news == nil) != (c.news == "") || news != nil && news.Name != c.news {
			t.Errorf("seek to %d: %+v, want %q", c.to, news, c.news)
		}
	}
}

func TestProgrammes(t *testing.T) {
	want := aacSound(t, 20)
	for name, write := range map[string]func(*muxer){
		"the second has the sound": func(m *muxer) {
			m.section(0, 0, 1, 0, 0, 0, append(append(entry(0, 0x10), entry(7, 0x500)...), entry(8, 0x501)...))
			m.pmt(0x500, 7, 0, line(0x1b, 0x99))
			m.pmt(0x501, 8, 0, line(0x0f, soundPID))
		},
		"both on one PID": func(m *muxer) {
			m.section(0, 0, 1, 0, 0, 0, append(entry(7, 0x500), entry(8, 0x500)...))
			m.pmt(0x500, 7, 0, line(0x1b, 0x99))
			m.pmt(0x500, 8, 0, line(0x0f, soundPID))
		},
		"a table in two sections": func(m *muxer) {
			m.section(0, 0, 1, 0, 0, 1, entry(7, 0x500))
			m.section(0, 0, 1, 0, 1, 1, entry(8, 0x501))
			m.pmt(0x501, 8, 0, line(0x0f, soundPID))
		},
		"a table that is not in force yet": func(m *muxer) {
			m.tables(0, line(0x0f, soundPID))
			b := sectionOf(0, 1, 1, 0, 0, entry(1, 0x777))
			b[5] &^= 1
			m.payload(0, append([]byte{0}, b...))
		},
		"a table that is damaged": func(m *muxer) {
			m.section(0, 0, 1, 0, 0, 0, entry(1, 0x700))
			m.out[len(m.out)-100] ^= 1 // stuffing
			m.out[len(m.out)-6] ^= 1
			m.tables(0, line(0x0f, soundPID))
		},
		"a table over several packets": func(m *muxer) {
			lines := [][]byte{}
			for i := range 30 {
				lines = append(lines, line(0x1b, 0x300+i, bytes.Repeat([]byte{0x40, 0}, 8)...))
			}
			m.tables(0, append(lines, line(0x0f, soundPID))...)
		},
		"two tables in one packet, the second cut": func(m *muxer) {
			m.section(0, 0, 1, 0, 0, 0, entry(1, pmtPID))
			first := sectionOf(0x42, 1, 0, 0, 0, make([]byte, 20))
			body := append([]byte{0xe1, 0, 0xf0, 0}, line(0x0f, soundPID, make([]byte, 250)...)...)
			second := sectionOf(2, 1, 0, 0, 0, body)
			both := append(append([]byte{0}, first...), second...)
			rest := m.packet(pmtPID, true, both)
			third := append([]byte{byte(len(rest))}, append(rest, sectionOf(0x42, 1, 0, 0, 0, make([]byte, 3))...)...)
			m.payload(pmtPID, third)
		},
	} {
		m := &muxer{}
		write(m)
		m.sound(0x0f, want, 4, 0)
		got, err := open(containertest.Media(m.out))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		packets, _ := containertest.Drain(got)
		alike(t, name, packets, want)
	}
}

func TestWhatCannotBePlayedIsNamed(t *testing.T) {
	want := aacSound(t, 400)
	registration := func(s string) []byte { return append([]byte{5, 4}, s...) }
	file := func(lines ...[]byte) []byte {
		m := &muxer{}
		m.tables(0, lines...)
		m.sound(0x0f, want, 4, 0)
		return m.out
	}
	scrambled := &muxer{}
	scrambled.tables(0, line(0x0f, soundPID))
	scrambled.hidden = 0x80
	scrambled.sound(0x0f, want, 4, 0)
	hidden := &muxer{}
	hidden.tables(0, line(0x0f, soundPID))
	for range 300 {
		b := pes(0, true, make([]byte, 100))
		b[6] |= 0x20
		hidden.payload(soundPID, b)
	}
	noSound := &muxer{}
	noSound.tables(0, line(0x06, soundPID))
	for range 100 {
		noSound.payload(soundPID, pes(0, true, []byte("subtitles, or whatever else")))
	}
	empty := &muxer{}
	for range 5 {
		empty.packet(0x1fff, false, make([]byte, 184))
	}
	for name, c := range map[string]struct {
		file []byte
		want error
		text string
	}{
		"AC-3":              {file(line(0x81, soundPID)), audio.ErrUnsupported, "AC-3"},
		"AC-3 of DVB":       {file(line(0x06, soundPID, 0x6a, 1, 0)), audio.ErrUnsupported, "AC-3"},
		"E-AC-3 of DVB":     {file(line(0x06, soundPID, 0x7a, 1, 0)), audio.ErrUnsupported, "E-AC-3"},
		"DTS of DVB":        {file(line(0x06, soundPID, 0x7b, 1, 0)), audio.ErrUnsupported, "DTS"},
		"registered":        {file(line(0x06, soundPID, registration("BSSD")...)), audio.ErrUnsupported, "SMPTE 302M"},
		"private":           {noSound.out, audio.ErrUnsupported, "private data"},
		"video alone":       {file(line(0x1b, soundPID), line(0x99, soundPID)), audio.ErrUnsupported, "H.264 video, a stream of type 0x99"},
		"SAMPLE-AES":        {file(line(0xcf, soundPID)), audio.ErrUnsupported, "SAMPLE-AES"},
		"Opus in 255":       {file(line(0x06, soundPID, append(registration("Opus"), 0x7f, 2, 0x80, 0x81)...)), audio.ErrUnsupported, "Opus audio with channel configuration 0x81"},
		"nothing listed":    {file(), audio.ErrUnsupported, "no sound"},
		"scrambled packets": {scrambled.out, audio.ErrUnsupported, "scrambled"},
		"scrambled payload": {hidden.out, audio.ErrUnsupported, "scrambled"},
		"no tables":         {empty.out, audio.ErrTruncated, "no sound"},
		"not a packet":      {[]byte("GGG no packets"), audio.ErrUnsupported, "no packets"},
		"nothing":           {nil, audio.ErrUnsupported, "no packets"},
		"a lot of nothing":  {make([]byte, 2<<20), audio.ErrMalformed, "without a packet"},
	} {
		if _, err := open(containertest.Stream(c.file)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
