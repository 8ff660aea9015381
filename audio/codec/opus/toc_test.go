package opus

import (
	"bytes"
	"errors"
	"testing"

	"segue/audio"
)

func TestDurationOfEveryConfiguration(t *testing.T) {
	silk, hybrid, celt := []int{480, 960, 1920, 2880}, []int{480, 960}, []int{120, 240, 480, 960}
	for config := range 32 {
		want := 0
		switch {
		case config < 12:
			want = silk[config%4]
		case config < 16:
			want = hybrid[config%2]
		default:
			want = celt[config%4]
		}
		for _, c := range []struct{ code, frames int }{{0, 1}, {1, 2}} {
			packet := []byte{byte(config<<3 | c.code), 1, 2}
			n, err := Duration(packet)
			frames, _ := FrameCount(packet)
			if n != want*c.frames || frames != c.frames || err != nil {
				t.Errorf("config %d, code %d: %d samples in %d frames, %v", config, c.code, n, frames, err)
			}
		}
	}
	if Stereo([]byte{4}) != true || Stereo([]byte{0xfb}) || Stereo(nil) {
		t.Error("stereo is bit 2 of the first byte")
	}
}

func TestLayoutsOfRFC6716(t *testing.T) {
	const celt20 = 31 << 3
	long := func(n int, head ...byte) []byte { return append(head, make([]byte, n)...) }
	for name, c := range map[string]struct {
		packet []byte
		frames int // 0: malformed
	}{
		"R1 nothing":                  {nil, 0},
		"code 0 empty frame":          {[]byte{celt20}, 1},
		"R2 1275 bytes":               {long(1275, celt20), 1},
		"R2 1276 bytes":               {long(1276, celt20), 0},
		"R3 even":                     {long(4, celt20|1), 2},
		"R3 odd":                      {long(5, celt20|1), 0},
		"R2 two of 1276":              {long(2552, celt20|1), 0},
		"R4 fits":                     {long(5, celt20|2, 5), 2},
		"R4 too long":                 {long(4, celt20|2, 5), 0},
		"R4 no length":                {[]byte{celt20 | 2}, 0},
		"R4 two-byte length":          {long(252+4, celt20|2, 252, 1), 2},
		"R4 half a two-byte length":   {[]byte{celt20 | 2, 252}, 0},
		"R4 second too long":          {long(1277, celt20|2, 1), 0},
		"R5 no frames":                {[]byte{celt20 | 3, 0}, 0},
		"R5 120 ms":                   {long(6, celt20|3, 6), 6},
		"R5 140 ms":                   {long(7, celt20|3, 7), 0},
		"R5 48 of 2.5 ms":             {long(48, 16<<3|3, 48), 48},
		"R6 no count":                 {[]byte{celt20 | 3}, 0},
		"R6 does not divide":          {long(5, celt20|3, 2), 0},
		"R6 padding":                  {long(4+3, celt20|3, 0x42, 3), 2},
		"R6 long padding":             {long(4+254+1, celt20|3, 0x42, 255, 1), 2},
		"R6 padding too long":         {long(2, celt20|3, 0x42, 3), 0},
		"R6 padding cut off":          {[]byte{celt20 | 3, 0x42, 255}, 0},
		"R7 sizes":                    {long(9, celt20|3, 0x83, 2, 3), 3},
		"R7 too long":                 {long(4, celt20|3, 0x83, 2, 3), 0},
		"R7 size cut off":             {[]byte{celt20 | 3, 0x83, 2}, 0},
		"R7 last frame of 1276 bytes": {long(1276+2, celt20|3, 0x82, 2), 0},
	} {
		n, err := FrameCount(c.packet)
		if n != c.frames && c.frames > 0 || (err == nil) != (c.frames > 0) || err != nil && !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("%s: %d frames, %v", name, n, err)
		}
		if _, e := Duration(c.packet); (e == nil) != (err == nil) {
			t.Errorf("%s: FrameCount says %v, Duration %v", name, err, e)
		}
	}
}

func TestHeadGoesThereAndBack(t *testing.T) {
	for _, h := range []Head{
		{Channels: 2, PreSkip: 312, InputRate: 44100, Gain: -256},
		{Channels: 2, Family: 1, Mapping: []byte{1, 1, 0, 1}},
		{Channels: 6, Family: 1, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}},
		{Channels: 3, Family: 1, Mapping: []byte{1, 0, 0, 255, 0}},
	} {
		b := h.Append(nil)
		got, err := ParseHead(b)
		if err != nil || got.Channels != h.Channels || got.PreSkip != h.PreSkip || got.InputRate != h.InputRate || got.Gain != h.Gain || !bytes.Equal(got.Mapping, h.Mapping) {
			t.Errorf("%+v came back as %+v, %v", h, got, err)
		}
		was := bytes.Clone(got.Mapping)
		clear(b[19:])
		if !bytes.Equal(got.Mapping, was) {
			t.Error("the header is still in the caller's buffer")
		}
		b = h.Append(nil)
		for cut := range b {
			if _, err := ParseHead(b[:cut]); !errors.Is(err, audio.ErrMalformed) {
				t.Errorf("cut at %d: %v", cut, err)
			}
		}
	}
	for name, c := range map[string]struct {
		h    Head
		want error
	}{
		"no channels":            {Head{}, audio.ErrMalformed},
		"three unmapped":         {Head{Channels: 3}, audio.ErrMalformed},
		"nine":                   {Head{Channels: 9, Family: 1, Mapping: make([]byte, 11)}, audio.ErrMalformed},
		"no streams":             {Head{Channels: 3, Family: 1, Mapping: make([]byte, 5)}, audio.ErrMalformed},
		"more coupled than any":  {Head{Channels: 2, Family: 1, Mapping: []byte{1, 2, 0, 1}}, audio.ErrMalformed},
		"a channel from nowhere": {Head{Channels: 2, Family: 1, Mapping: []byte{1, 0, 0, 1}}, audio.ErrMalformed},
		"very many streams":      {Head{Channels: 2, Family: 1, Mapping: []byte{9, 0, 0, 1}}, audio.ErrLimit},
		"ambisonics":             {Head{Channels: 4, Family: 2, Mapping: []byte{4, 0, 0, 1, 2, 3}}, audio.ErrUnsupported},
		"projected ambisonics":   {Head{Channels: 4, Family: 3, Mapping: []byte{4, 0, 0, 1, 2, 3}}, audio.ErrUnsupported},
		"family 255":             {Head{Channels: 2, Family: 255, Mapping: []byte{1, 1, 0, 1}}, audio.ErrUnsupported},
	} {
		if _, err := ParseHead(c.h.Append(nil)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c := (Head{Channels: 1, PreSkip: 9, Gain: 512}).Info(nil); c.GainDB != 2 || c.PreSkip != 9 || c.Name != "opus" || c.SampleRate != 48000 {
		t.Errorf("%+v", c)
	}
}

func FuzzTOC(f *testing.F) {
	f.Add([]byte{31<<3 | 3, 0xc2, 1, 2, 3, 4, 5, 6})
	f.Add([]byte{31<<3 | 2, 252, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Duration(b)
		if err == nil && (n < 120 || n > MaxDuration) || err != nil && !errors.Is(err, audio.ErrMalformed) {
			t.Fatalf("%d samples, %v", n, err)
		}
	})
}
