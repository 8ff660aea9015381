package mpegts_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/container/containertest"
)

// opusLine is a stream of Opus in the table of a programme.
func opusLine(channels byte) []byte {
	return line(0x06, soundPID, append([]byte{5, 4}, "Opus\x7f\x02\x80"+string(channels)...)...)
}

// unit is an Opus packet with its control header.
func unit(data []byte, start, end int, extension []byte) []byte {
	b := framed(0x06, audio.Packet{Data: data})
	head, body := b[:len(b)-len(data)], b[len(b)-len(data):]
	out := bytes.Clone(head)
	if start > 0 {
		out[1] |= 0x10
		out = binary.BigEndian.AppendUint16(out, uint16(start))
	}
	if end > 0 {
		out[1] |= 0x08
		out = binary.BigEndian.AppendUint16(out, uint16(end))
	}
	if extension != nil {
		out[1] |= 0x04
		out = append(append(out, byte(len(extension))), extension...)
	}
	return append(out, body...)
}

// short is an Opus packet of 2.5 ms, stereo, that differs from others.
func short(i int) []byte { return []byte{0x84, byte(i), byte(i >> 8), 7} }

func TestTrimsOfOpus(t *testing.T) {
	m := &muxer{}
	m.tables(0, opusLine(2))
	var b []byte
	trims := [][2]int{{120, 0}, {120, 0}, {72, 0}, {0, 0}, {0, 0}, {0, 48}}
	for i, trim := range trims {
		b = append(b, unit(short(i), trim[0], trim[1], [][]byte{nil, {1, 2, 3}, {}}[i%3])...)
	}
	m.payload(soundPID, pes(3000, true, b))
	d := containertest.Open(t, open, containertest.Media(m.out))
	if c := d.Codec(); c.PreSkip != 312 || c.Channels != 2 || c.SampleRate != 48000 || !strings.HasPrefix(string(c.Private), "OpusHead") {
		t.Errorf("%+v", c)
	}
	if ms := d.Info().Duration.Microseconds(); ms != (720-312-48)*1e6/48000 {
		t.Errorf("it lasts %d µs", ms)
	}
	packets, _ := containertest.Drain(d)
	if len(packets) != len(trims) {
		t.Fatalf("%d packets", len(packets))
	}
	for i, p := range packets {
		if !bytes.Equal(p.Data, short(i)) || p.PTS != int64(i)*120 || p.Duration != 120 || p.TrimEnd != int64(trims[i][1]) || p.Codec != nil {
			t.Errorf("packet %d: %+v", i, p)
		}
	}
}

func TestOpusJoinedToOpus(t *testing.T) {
	m := &muxer{}
	m.tables(0, opusLine(2))
	for part := range 2 {
		var b []byte
		for i := range 400 {
			b = append(b, unit(short(i), map[bool]int{true: 100}[i == 0], map[bool]int{true: 20}[i == 399], nil)...)
		}
		m.payload(soundPID, pes(int64(90000+part*90000), true, b))
	}
	packets := containertest.Packets(t, open, m.out)
	if len(packets) != 800 || packets[399].TrimEnd != 20 {
		t.Fatalf("%d packets", len(packets))
	}
	for i, p := range packets {
		if c := p.Codec; (c != nil) != (i == 400) || c != nil && (c.PreSkip != 100 || c.Name != "opus") {
			t.Errorf("packet %d: %+v", i, c)
		}
		if p.PTS != int64(i)*120 {
			t.Fatalf("packet %d is at %d", i, p.PTS)
		}
	}
}

func TestOpusThatBeginsDamaged(t *testing.T) {
	m := &muxer{}
	m.tables(0, opusLine(1))
	b := unit([]byte{0x83, 0xff, 1, 2}, 0, 0, nil) // 63 frames are too many
	for i := range 10 {
		b = append(b, unit(short(i), 0, 0, nil)...)
	}
	m.payload(soundPID, pes(0, true, b))
	d := containertest.Open(t, open, containertest.Media(m.out))
	packets, _ := containertest.Drain(d)
	if c := d.Codec(); len(packets) != 10 || c.Name != "opus" || c.Channels != 1 {
		t.Errorf("%d packets, %+v", len(packets), c)
	}
}

func TestOpusInManyChannels(t *testing.T) {
	for channels := range byte(9) {
		m := &muxer{}
		m.tables(0, opusLine(channels))
		var b []byte
		for i := range 10 {
			b = append(b, unit(short(i), 0, 0, nil)...)
		}
		m.payload(soundPID, pes(0, true, b))
		d, err := open(containertest.Media(m.out))
		if err != nil {
			if channels == 1 || channels == 2 || !strings.Contains(err.Error(), "channels") && !strings.Contains(err.Error(), "family") {
				t.Errorf("%d channels: %v", channels, err)
			}
			continue
		}
		c := d.Codec()
		if want := int(max(channels, 1)); c.Channels != want && channels != 0 || len(c.Private) < 19 || channels > 2 && len(c.Private) != 21+want {
			t.Errorf("%d channels: %+v", channels, c)
		}
	}
}
