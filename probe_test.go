package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// tagged is 80 ms of silence that says all there is to say.
func tagged() []byte {
	frame := func(name, body string) string {
		return name + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + "\x00\x00" + body
	}
	frames := frame("TIT2", "\x00A \x9b31mPiece") + frame("TPE1", "\x00Us") + frame("TALB", "\x00All") +
		frame("TXXX", "\x00REPLAYGAIN_TRACK_GAIN\x00-6.54 dB") + frame("TXXX", "\x00REPLAYGAIN_TRACK_PEAK\x000.5") + frame("TXXX", "\x00REPLAYGAIN_ALBUM_GAIN\x001 dB") +
		frame("APIC", "\x00image/png\x00\x03\x00\x89PNG\r\n\x1a\n...") +
		frame("CHAP", "c\x00\x00\x00\x00\x28\x00\x00\x00\x50\xff\xff\xff\xff\xff\xff\xff\xff"+frame("TIT2", "\x00Part"))
	b := append([]byte("ID3\x03\x00\x00\x00\x00"), byte(len(frames)>>7), byte(len(frames)&127))
	b = append(b, frames...)
	for range 4 {
		b = append(append(b, 0xff, 0xfb, 0x90, 0xc4), make([]byte, 413)...) // 128 kbit/s, 44.1 kHz, mono
	}
	return b
}

func TestProbeTellsAllThatAFileSays(t *testing.T) {
	t.Parallel()
	b := tagged()
	path := file(t, "x.mp3", b)
	got := runs(t, nil, "probe", "--json", path)
	var p map[string]any
	if err := json.Unmarshal([]byte(got.out), &p); err != nil || got.code != exitOK {
		t.Fatalf("exit code %d, %v: %s%s", got.code, err, got.out, got.errors)
	}
	for name, want := range map[string]any{
		"container": "mp3", "codec": "mp3", "sample_rate": 44100.0, "channels": 1.0, "size": float64(len(b)), "live": false, "seekable": true,
		"artist": "Us", "album": "All", "track_gain": map[string]any{"db": -6.54, "peak": 0.5}, "album_gain": map[string]any{"db": 1.0},
		"chapters": []any{map[string]any{"start": 0.04, "title": "Part"}}, "artwork": map[string]any{"mime": "image/png", "bytes": 11.0},
	} {
		if !reflect.DeepEqual(p[name], want) {
			t.Errorf("%s is %v, want %v", name, p[name], want)
		}
	}
	if rate, _ := p["bitrate"].(float64); rate < 120_000 || rate > 200_000 {
		t.Errorf("bitrate %v", p["bitrate"])
	}
	text := runs(t, nil, "probe", path).out
	for _, line := range []string{"title: A 31mPiece\n", "artist: Us\n", "gain: -6.54 dB, peak 0.500\n", "album gain: +1.00 dB\n", "artwork: image/png, 11 bytes\n", "chapter: 0:00 Part\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in:\n%s", line, text)
		}
	}
}

func TestProbeDoesNotTakeAPlaylistForItsSound(t *testing.T) {
	t.Parallel()
	in := beside(t, map[string][]byte{
		"list.m3u8": []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.104,\na.mp3\n#EXT-X-ENDLIST\n"), "a.mp3": tagged(),
	}, "list.m3u8")
	if got := runs(t, nil, "probe", in); got.code != exitOK || !strings.HasPrefix(got.out, "hls, mp3, 44100 Hz, 1 channels, 104ms\n") {
		t.Errorf("exit code %d: %s%s", got.code, got.out, got.errors)
	}
	var p map[string]any
	if err := json.Unmarshal([]byte(runs(t, nil, "probe", "--json", in).out), &p); err != nil || p["size"] != nil || p["bitrate"] != nil {
		t.Errorf("%v, %v", p, err)
	}
}

func TestProbeSaysWhatCannotGoBack(t *testing.T) {
	var out, errs bytes.Buffer
	w := world{args: []string{"probe", "-"}, env: map[string]string{}, stdin: bytes.NewReader(tagged()), stdout: &out, stderr: &errs}
	if code := run(t.Context(), w); code != exitOK || !strings.Contains(out.String(), ", not seekable\n") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
}
