package mpegts_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

// aacSound are frames of AAC, mono, 22050 Hz; n of them.
func aacSound(t testing.TB, n int) (packets []audio.Packet) {
	t.Helper()
	one := containertest.Packets(t, openADTS, containertest.File(t, "sweep.aac"))
	for i := range n {
		p := one[i%len(one)]
		p.PTS = input.Scale(int64(i)*1024, 22050)
		p.Duration = input.Scale(int64(i+1)*1024, 22050) - p.PTS
		packets = append(packets, p)
	}
	return packets
}

// aacFile is a file of them.
func aacFile(packets []audio.Packet, pts int64) []byte {
	m := &muxer{}
	m.tables(0, line(0x0f, soundPID))
	m.sound(0x0f, packets, 4, pts)
	return m.out
}

// noise is n bytes that mean nothing.
func noise(n int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestWaysToWriteTheSame(t *testing.T) {
	want := aacSound(t, 60)
	for name, write := range map[string]func(*muxer){
		"as usual":           func(m *muxer) { m.tables(0, line(0x0f, soundPID)); m.sound(0x0f, want, 4, 900000) },
		"one frame to a PES": func(m *muxer) { m.tables(0, line(0x0f, soundPID)); m.sound(0x0f, want, 1, 900000) },
		"all in one":         func(m *muxer) { m.tables(0, line(0x0f, soundPID)); m.sound(0x0f, want, 100, 900000) },
		"M2TS": func(m *muxer) {
			m.lead = []byte{1, 2, 3, 4}
			m.tables(0, line(0x0f, soundPID))
			m.sound(0x0f, want, 4, 0)
		},
		"with check bytes": func(m *muxer) {
			m.tail = make([]byte, 16)
			m.tables(0, line(0x0f, soundPID))
			m.sound(0x0f, want, 4, 0)
		},
		"PTS that wrap": func(m *muxer) { m.tables(0, line(0x0f, soundPID)); m.sound(0x0f, want, 4, 1<<33-45000) },
		"garbage before": func(m *muxer) {
			m.out = noise(2000)
			m.tables(0, line(0x0f, soundPID))
			m.sound(0x0f, want, 4, 0)
		},
		"an announced break": func(m *muxer) { m.tables(0, line(0x0f, soundPID)); m.flags = 0x80; m.sound(0x0f, want, 4, 0) },
		"beside other streams": func(m *muxer) {
			m.tables(0, line(0x1b, 0x99), line(0x81, 0x98), line(0x0f, soundPID, 0x0a, 4, 'd', 'e', 'u', 0), line(0x03, 0x97))
			for i := range 20 {
				m.payload(0x99, pes(0, false, make([]byte, 1000)))
				m.sound(0x0f, want[3*i:3*i+3], 3, input.MulDiv(want[3*i].PTS, 90000, 48000))
			}
		},
		"tables that come again": func(m *muxer) {
			for i := range 20 {
				m.tables(0, line(0x0f, soundPID))
				m.sound(0x0f, want[3*i:3*i+3], 3, input.MulDiv(want[3*i].PTS, 90000, 48000))
			}
		},
		"segments with counters of their own": func(m *muxer) {
			for i := range 20 {
				m.cc = nil
				m.tables(i, line(0x0f, soundPID))
				m.sound(0x0f, want[3*i:3*i+3], 3, input.MulDiv(want[3*i].PTS, 90000, 48000))
			}
		},
		"segments in which the PID changes back and forth": func(m *muxer) {
			m.tables(0, line(0x0f, soundPID))
			m.sound(0x0f, want[:30], 3, 0)
			m.tables(1, line(0x0f, soundPID), line(0x0f, 0x55))
			m.sound(0x0f, want[30:], 3, input.MulDiv(want[30].PTS, 90000, 48000))
		},
		"PES packets without a length, cut anywhere": func(m *muxer) {
			m.tables(0, line(0x0f, soundPID))
			var all []byte
			at := []int{}
			for _, p := range want {
				at = append(at, len(all))
				all = append(all, framed(0x0f, p)...)
			}
			for from := 0; from < len(all); from += 1000 {
				pts := int64(-1)
				for i, a := range at {
					if a >= from && a < from+1000 {
						pts = input.MulDiv(want[i].PTS, 90000, 48000)
						break
					}
				}
				m.payload(soundPID, pes(pts, false, all[from:min(from+1000, len(all))]))
			}
		},
		"packets sent twice": func(m *muxer) {
			m.tables(0, line(0x0f, soundPID))
			head := len(m.out)
			m.sound(0x0f, want, 4, 0)
			var twice []byte
			for b := m.out[head:]; len(b) > 0; b = b[188:] {
				twice = append(append(twice, b[:188]...), b[:188]...)
			}
			m.out = append(m.out[:head], twice...)
		},
		"headers cut by the packet": func(m *muxer) {
			m.tables(0, line(0x0f, soundPID))
			for i, p := range want {
				b := pes(input.MulDiv(p.PTS, 90000, 48000), true, framed(0x0f, p))
				cut := 1 + i%13 // a packet of which little is payload
				q := []byte{0x47, 0x41, 0x00, m.cc[soundPID]&15 | 0x30, byte(183 - cut), 0}
				for len(q) < 188-cut {
					q = append(q, 0xff)
				}
				m.cc[soundPID]++
				m.out = append(append(m.out, q...), b[:cut]...)
				for b = b[cut:]; len(b) > 0; {
					b = m.packet(soundPID, false, b)
				}
			}
		},
		"jitter": func(m *muxer) {
			m.tables(0, line(0x0f, soundPID))
			rng := rand.New(rand.NewPCG(1, 1))
			for i := range 60 {
				m.sound(0x0f, want[i:i+1], 1, 90000+input.MulDiv(want[i].PTS, 90000, 48000)+rng.Int64N(1800))
			}
		},
	} {
		m := &muxer{}
		write(m)
		d, err := open(containertest.Media(m.out))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := containertest.Drain(d)
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		alike(t, name, got, want)
		for i, p := range got {
			if p.Codec != nil {
				t.Errorf("%s: packet %d says it follows nothing", name, i)
			}
		}
		if diff := d.Info().Duration - input.Duration(want[59].PTS+want[59].Duration); diff < -30*time.Millisecond || diff > 30*time.Millisecond {
			t.Errorf("%s: the duration is off by %v", name, diff)
		}
	}
}

// TestJumpsAreTold checks where packets go on when time stamps do not.
func TestJumpsAreTold(t *testing.T) {
	all := aacSound(t, 80)
	frames := func(n int64) int64 { return input.Scale(n*1024, 22050) }
	for name, c := range map[string]struct {
		pts   int64 // of the second half, whose first frame is number 40
		flags byte
		at    int64 // of it
		jump  bool
	}{
		"none":                     {input.MulDiv(frames(40), 90000, 48000), 0, frames(40), false},
		"a second missing":         {input.MulDiv(frames(62), 90000, 48000) + 3, 0, frames(62), true},
		"back to the beginning":    {0, 0, frames(40), true},
		"hours ahead":              {5 * 3600 * 90000, 0, frames(40), true},
		"a new base, announced":    {90000 * 10, 0x80, frames(40), true},
		"nothing new, announced":   {input.MulDiv(frames(40), 90000, 48000), 0x80, frames(40), false},
		"a little late, just once": {input.MulDiv(frames(40), 90000, 48000) + 4000, 0, frames(40), false},
	} {
		m := &muxer{}
		m.tables(0, line(0x0f, soundPID))
		m.sound(0x0f, all[:40], 4, 0)
		m.flags = c.flags
		m.sound(0x0f, all[40:], 4, c.pts)
		got := containertest.Packets(t, open, m.out)
		if len(got) != 80 {
			t.Errorf("%s: %d packets", name, len(got))
			continue
		}
		for i, p := range got {
			want := all[i].PTS
			if i >= 40 {
				want = c.at + all[i].PTS - all[40].PTS
			}
			if d := p.PTS - want; d < -1 || d > 1 || (p.Codec != nil) != (i == 40 && c.jump) {
				t.Errorf("%s: packet %d is at %d, want %d; %+v", name, i, p.PTS, want, p.Codec)
				break
			}
			if p.Codec != nil && (p.Codec.Name != "aac" || p.Codec.SampleRate != 22050) {
				t.Errorf("%s: %+v", name, p.Codec)
			}
		}
		d := containertest.Open(t, open, containertest.Media(m.out))
		to := input.Duration(got[70].PTS)
		landed, err := d.Seek(to)
		if err != nil || landed > to || to-landed > 400*time.Millisecond {
			t.Errorf("%s: seek to %v landed at %v, %v", name, to, landed, err)
		}
		if p, err := d.ReadPacket(); err != nil || input.Duration(p.PTS) != landed || p.Codec != nil {
			t.Errorf("%s: after the seek: %+v, %v", name, p.PTS, err)
		}
	}
}

func TestWhatIsMissingIsMissingAndNoMore(t *testing.T) {
	want := aacSound(t, 200)
	file := aacFile(want, 0)
	rng := rand.New(rand.NewPCG(5, 6))
	for name, damage := range map[string]func(b []byte, at int) []byte{
		"a packet is missing":     func(b []byte, at int) []byte { return append(b[:at:at], b[at+188:]...) },
		"seven are missing":       func(b []byte, at int) []byte { return append(b[:at:at], b[at+7*188:]...) },
		"sixteen are missing":     func(b []byte, at int) []byte { return append(b[:at:at], b[at+16*188:]...) },
		"bytes are missing":       func(b []byte, at int) []byte { return append(b[:at:at], b[at+77:]...) },
		"bytes are too many":      func(b []byte, at int) []byte { return append(append(b[:at:at], "garbage"...), b[at:]...) },
		"one says it is damaged":  func(b []byte, at int) []byte { b[at+1] |= 0x80; return b },
		"bytes within are wrong":  func(b []byte, at int) []byte { copy(b[at+50:], "\xff\xf1\x5c\x40\x00\x00\x00\xff\xf1"); return b },
		"an adaptation too long":  func(b []byte, at int) []byte { b[at+3] |= 0x20; b[at+4] = 255; return b },
		"one of another counter":  func(b []byte, at int) []byte { b[at+3] ^= 5; return b },
		"the sync byte is wrong":  func(b []byte, at int) []byte { b[at] = 0; return b },
		"one is scrambled":        func(b []byte, at int) []byte { b[at+3] |= 0x80; return b },
		"a packet of another PID": func(b []byte, at int) []byte { b[at+2] ^= 1; return b },
	} {
		for range 20 {
			at := (5 + rng.IntN(len(file)/188-60)) * 188
			d := containertest.Open(t, open, containertest.Stream(damage(bytes.Clone(file), at)))
			got, err := containertest.Drain(d)
			if !errors.Is(err, io.EOF) || len(got) < len(want)-24 || len(got) > len(want) {
				t.Fatalf("%s at %d: %d packets of %d, %v", name, at, len(got), len(want), err)
			}
			right := 0
			for _, p := range got {
				i := int((input.Unscale(p.PTS, 22050) + 512) / 1024)
				if p.PTS == want[i].PTS && bytes.Equal(p.Data, want[i].Data) {
					right++
				}
			}
			if right < len(got)-4 { // what comes before the next time stamp is where it was
				t.Errorf("%s at %d: %d of %d packets are in their places", name, at, right, len(got))
			}
		}
	}
}

func TestNoiseInsteadOfFramesEnds(t *testing.T) {
	m := &muxer{}
	m.tables(0, line(0x0f, soundPID))
	for range 300 {
		m.payload(soundPID, pes(-1, false, bytes.Repeat([]byte("\xff\xf0 "), 2000)))
	}
	if _, err := open(containertest.Stream(m.out)); !errors.Is(err, audio.ErrMalformed) || !strings.Contains(err.Error(), "without a frame") {
		t.Errorf("%v", err)
	}
}

func TestSeekingInAnHourIsExact(t *testing.T) {
	const n = 3600 * 22050 / 1024
	want := aacSound(t, n)
	file := aacFile(want, 1<<33-90000) // wraps after a second
	d := containertest.Open(t, open, containertest.Media(file))
	if got := d.Info().Duration; got != input.Duration(want[n-1].PTS+want[n-1].Duration) {
		t.Errorf("it lasts %v", got)
	}
	rng := rand.New(rand.NewPCG(8, 9))
	kept := map[int][]byte{}
	for i := range 60 {
		to := time.Duration(rng.Int64N(int64(time.Hour)))
		if i == 0 {
			to = 0
		}
		landed, err := d.Seek(to)
		if err != nil || landed > to || to-landed > 300*time.Millisecond {
			t.Fatalf("seek to %v landed at %v, %v", to, landed, err)
		}
		for range 3 {
			p, err := d.ReadPacket()
			k := int((input.Unscale(p.PTS, 22050) + 512) / 1024)
			if err != nil || p.PTS != want[k].PTS || !bytes.Equal(p.Data, want[k].Data) {
				t.Fatalf("seek to %v: packet at %d, %v", to, p.PTS, err)
			}
			kept[k] = p.Data
		}
	}
	for k, b := range kept {
		if !bytes.Equal(b, want[k].Data) {
			t.Errorf("packet %d did not stay as it was", k)
		}
	}
	if landed, err := d.Seek(2 * time.Hour); err != nil || landed > 2*time.Hour {
		t.Errorf("behind the end: %v, %v", landed, err)
	}
	if _, err := d.ReadPacket(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
	if _, err := d.Seek(0); err != nil {
		t.Fatal(err)
	}
	if p, err := d.ReadPacket(); err != nil || p.PTS != 0 || !bytes.Equal(p.Data, want[0].Data) {
		t.Errorf("back at the beginning: %d, %v", p.PTS, err)
	}
}
