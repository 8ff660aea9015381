package wav

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio/audiotest"
	"segue/audio/container/containertest"
)

// TestLayoutsAreTakenByTheirLoudspeakers has ffmpeg write a value of its own to
// each loudspeaker, and finds each where the downmix looks for it.
func TestLayoutsAreTakenByTheirLoudspeakers(t *testing.T) {
	audiotest.Tool(t, "ffmpeg")
	for layout, want := range map[string][]int{
		"stereo":    {1, 2},
		"2.1":       {1, 2},
		"3.0":       {1, 2, 3},
		"3.0(back)": {1, 2, 3, 3},
		"3.1":       {1, 2, 3},
		"4.0":       {1, 2, 3, 4, 4},
		"4.1":       {1, 2, 3, 5, 5},
		"quad":      {1, 2, 3, 4},
		"5.0":       {1, 2, 3, 4, 5},
		"5.1":       {1, 2, 3, 4, 5, 6},
		"6.1":       {1, 2, 3, 4, 5, 6, 7},
		"7.1":       {1, 2, 3, 4, 5, 6, 7, 8},
	} {
		channels := map[string]int{"stereo": 2, "2.1": 3, "3.0": 3, "3.0(back)": 3, "3.1": 4, "4.0": 4, "4.1": 5, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}[layout]
		var values []string
		for i := range channels {
			values = append(values, fmt.Sprintf("%d/100", i+1))
		}
		for _, kind := range []string{"pcm_s16le", "pcm_s24le"}[channels%2:] {
			b, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc="+strings.Join(values, "|")+":s=48000:d=0.1:c="+layout, "-c:a", kind, "-f", "wav", "-").Output()
			if err != nil {
				t.Fatalf("%s: %v", layout, err)
			}
			d, err := open(containertest.Media(b))
			if err != nil {
				t.Fatal(err)
			}
			if d.Codec().Channels != len(want) {
				t.Errorf("%s: %d channels, want %d", layout, d.Codec().Channels, len(want))
				continue
			}
			if _, err := d.Seek(50 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			p, err := d.ReadPacket()
			width := map[string]int{"pcm_s16le": 2, "pcm_s24le": 3}[kind]
			if err != nil || len(p.Data) != 960*width*len(want) || p.PTS != 1920 || p.Duration != 960 {
				t.Fatalf("%s: %d bytes at %d, %v", layout, len(p.Data), p.PTS, err)
			}
			var got []int
			for at := width * len(want) * 500; len(got) < len(want); at += width {
				got = append(got, (int(int16(binary.LittleEndian.Uint16(p.Data[at+width-2:])))+164)*100>>15)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: %v, want %v", layout, kind, got, want)
			}
		}
	}
}
