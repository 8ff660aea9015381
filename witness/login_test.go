package witness_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/container/ogg"
	"segue/discordtest"
)

// segue runs the real program with a music folder that holds one song, until the
// test ends.
func segue(t *testing.T, d *discordtest.Discord, frames [][]byte) {
	t.Helper()
	dir := t.TempDir()
	program, ca, shelf := filepath.Join(dir, "segue"), filepath.Join(dir, "ca.pem"), filepath.Join(dir, "music")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "segue").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := d.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(shelf, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shelf, "chord.opus"), song(t, frames), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(program)
	cmd.Env = []string{
		"DISCORD_TOKEN=" + d.Token(), "SEGUE_DISCORD_API_URL=" + d.APIURL(), "SSL_CERT_FILE=" + ca,
		"SEGUE_DATA=" + filepath.Join(dir, "data"), "SEGUE_MUSIC_DIR=" + shelf,
	}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("segue: %v\n%s", err, log.String())
		}
	})
	if err := d.Bot().WaitCommands(limit(t), "play"); err != nil {
		t.Fatal(err)
	}
}

// song is Ogg Opus of these frames.
func song(t *testing.T, frames [][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := ogg.NewWriter(&out, ogg.Head{Channels: audio.Channels}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		if err := w.WritePacket(f, int64(i+1)*audio.FrameSamples); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(int64(len(frames)) * audio.FrameSamples); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestDiscordJSInACallWithSegue logs a discord.js bot in over REST and gateway,
// brings it into a call with a person who asks the real program for a song, and
// has everybody hear everybody.
func TestDiscordJSInACallWithSegue(t *testing.T) {
	node(t)
	frames := chord(t)
	d := discordtest.New(t)
	other := d.AddBot("Witness", 0)
	den := d.Guild("den")
	lounge := den.Voice("Lounge")
	alice := den.Member("alice")
	segue(t, d, frames)
	if err := alice.Joins("Lounge"); err != nil {
		t.Fatal(err)
	}
	person, err := alice.Listener(limit(t))
	if err != nil {
		t.Fatal(err)
	}
	text := func(id discordtest.ID) string { return strconv.FormatUint(uint64(id), 10) }
	b := start(t, d.CAPEM(), map[string]any{
		"api": strings.TrimSuffix(d.APIURL(), "/v10"), "token": other.Token(),
		"guild": text(den.ID()), "channel": text(lounge.ID()), "listen": text(d.Bot().ID()),
	})
	if got := b.await("ready", 1)[0]; got.User != text(other.ID()) || got.Name != "Witness" || got.Guild != "den" {
		t.Errorf("logged in as %+v", got)
	}
	b.await("dave", 1)
	if _, err := alice.Types("/play", "query", "chord").Reply(limit(t)); err != nil {
		t.Fatal(err)
	}
	botHears(t, b, frames)
	personHears(t, person, uint64(d.Bot().ID()), frames)
	b.says(frames)
	personHears(t, person, uint64(other.ID()), frames)
}
