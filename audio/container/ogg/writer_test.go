package ogg

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
)

func TestWriterSaysWhatIsTooMuch(t *testing.T) {
	if _, err := NewWriter(io.Discard, Head{Channels: 2}, []string{strings.Repeat("x", 70_000)}); !errors.Is(err, audio.ErrLimit) {
		t.Errorf("comments: %v", err)
	}
	w, _ := NewWriter(io.Discard, Head{Channels: 2}, nil)
	if err := w.WritePacket(make([]byte, 70_000), 960); !errors.Is(err, audio.ErrLimit) {
		t.Errorf("packet: %v", err)
	}
	_ = w.Close(0)
	if err := w.Close(0); err == nil {
		t.Error("closed twice")
	}
}

func TestOthersAcceptWhatIsWritten(t *testing.T) {
	enc, err := opus.NewEncoder(opus.EncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x.opus")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWriter(f, Head{Channels: 2, PreSkip: enc.Lookahead(), InputRate: 48000}, []string{"TITLE=Song"})
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]float32, 1920)
	for i := range 150 {
		b, err := enc.Encode(nil, pcm)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WritePacket(b, int64(i+1)*960); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(150*960 - 400); err != nil {
		t.Fatal(err)
	}
	out := tool(t, "opusinfo", name)
	if strings.Contains(strings.ToLower(out), "warning") || !strings.Contains(out, "TITLE=Song") || !strings.Contains(out, "Playback length: 0m:02.985s") {
		t.Errorf("opusinfo says:\n%s", out)
	}
	if out := tool(t, "ffprobe", "-v", "warning", "-show_entries", "stream=codec_name,duration_ts", "-of", "csv=p=0", name); !strings.HasPrefix(out, "opus,143600") {
		t.Errorf("ffprobe says:\n%s", out)
	}
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	audiotest.Tool(t, name)
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
