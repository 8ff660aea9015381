package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/meter"
	"segue/discordtest/listener"
)

// file writes content to a file of that name.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheDemoHandsOverWhatWasHeard(t *testing.T) {
	t.Parallel()
	whole, packets := song(t, 40, 1)
	out := filepath.Join(t.TempDir(), "heard.opus")
	got := runs(t, nil, "demo", "--out", out, file(t, "short.opus", whole))
	if got.code != exitOK || strings.Contains(got.out, "BAD") || !strings.Contains(got.out, "passthrough: 40 of 40 packets") ||
		!strings.Contains(got.out, "is end-to-end encrypted") {
		t.Fatalf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dm, err := container.Open(&audio.Media{ReadCloser: f, Seeker: f, Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range packets {
		p, err := dm.ReadPacket()
		for err == nil && bytes.Equal(p.Data, []byte{0xf8, 0xff, 0xfe}) { // silence, where the machine was too busy
			p, err = dm.ReadPacket()
		}
		if err != nil || string(p.Data) != string(want) {
			t.Fatalf("packet %d of what was heard differs, or %v", i, err)
		}
	}
}

// demoPage is a demo that stays up, and what it has printed so far.
type demoPage struct {
	url   string
	out   *safeBuffer
	stop  context.CancelFunc
	ended chan int
}

// staysUp starts a demo of a file and waits for its page.
func staysUp(t *testing.T, args ...string) *demoPage {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	p := &demoPage{out: &safeBuffer{}, stop: stop, ended: make(chan int, 1)}
	w := world{
		args: append([]string{"demo", "--listen", "127.0.0.1:0"}, args...), env: map[string]string{},
		stdin: strings.NewReader(""), stdout: p.out, stderr: p.out,
	}
	go func() { p.ended <- run(ctx, w) }()
	s := &stage{TB: t}
	s.until("the page", func() bool {
		m := regexp.MustCompile(`listen at (\S+)`).FindStringSubmatch(p.out.String())
		if m != nil {
			p.url = m[1]
		}
		return m != nil || ctx.Err() != nil
	})
	return p
}

// get asks the page for something within the test's time.
func (p *demoPage) get(t *testing.T, path string, form url.Values) *http.Response {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	q, err := http.NewRequestWithContext(t.Context(), method, p.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.out.String())
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return r
}

// types sends a line to the page and gives the answer.
func (p *demoPage) types(t *testing.T, line string) string {
	t.Helper()
	b, err := io.ReadAll(p.get(t, "/type", url.Values{"line": {line}}).Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheDemosPagePlaysLiveWhatIsHeard(t *testing.T) {
	t.Parallel()
	p := staysUp(t, "--out", filepath.Join(t.TempDir(), "heard.wav"), file(t, "short.wav", wave(t, melody(40, 2))))
	for _, want := range []string{"ok  length:", "ok  alignment: 0 samples off", "ok  likeness:", "ok  encryption:"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("nothing said of %q in\n%s", want, p.out.String())
		}
	}
	if b, err := io.ReadAll(p.get(t, "/", nil).Body); err != nil || !strings.Contains(string(b), "/live.wav") {
		t.Errorf("the page is %q, %v", b, err)
	}
	live := p.get(t, "/live.wav", nil)
	header := make([]byte, 12)
	if _, err := io.ReadFull(live.Body, header); err != nil || string(header[:4]) != "RIFF" {
		t.Fatalf("live is %q, %v", header, err)
	}
	if got := p.types(t, "/play short"); !strings.Contains(got, "short") {
		t.Errorf("the answer is %q", got)
	}
	if !loud(live.Body) {
		t.Error("only silence came")
	}
	for line, want := range map[string]string{
		"/pause now": "takes nothing", "/skip x": "wants a number", "/skip 1": "", "/queue": "", "/dance": "dance",
	} {
		if got := p.types(t, line); !strings.Contains(got, want) || got == "" {
			t.Errorf("%s: the answer is %q", line, got)
		}
	}
	p.stop()
	if c := <-p.ended; c != exitOK {
		t.Errorf("exit code %d:\n%s", c, p.out.String())
	}
}

// loud reads 16-bit or float samples until one is clearly no silence, 30 s at most.
func loud(r io.Reader) bool {
	buf := make([]byte, 4*audio.FrameSamples*audio.Channels)
	for range 1500 {
		if _, err := io.ReadFull(r, buf); err != nil {
			return false
		}
		for i := 0; i+4 <= len(buf); i += 4 {
			if binary.LittleEndian.Uint32(buf[i:]) != 0 {
				return true
			}
		}
	}
	return false
}

func TestAPageThatCannotBeServedIsNamed(t *testing.T) {
	t.Parallel()
	whole, _ := song(t, 10, 1)
	got := runs(t, nil, "demo", "--listen", "127.0.0.1:nowhere", "--out", filepath.Join(t.TempDir(), "x.wav"), file(t, "short.opus", whole))
	if got.code != exitFailed || !strings.Contains(got.errors, "nowhere") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
}

// A judge that always says yes is none.
func TestTheJudgeBites(t *testing.T) {
	passed := verdict{packets: 10, sealed: 10, passed: true, same: 10, want: 10}
	coded := verdict{packets: 10, sealed: 10, errorDB: -20, seconds: 0.2, wantSeconds: 0.2}
	if !passed.good() || !coded.good() {
		t.Fatal("the music is not taken for the music")
	}
	for name, spoil := range map[string]func(*verdict){
		"lost":           func(v *verdict) { v.lost++ },
		"in the clear":   func(v *verdict) { v.sealed-- },
		"undecipherable": func(v *verdict) { v.undecipherable++ },
		"nothing":        func(v *verdict) { *v = verdict{passed: v.passed} },
		"other packets":  func(v *verdict) { v.same--; v.shift = 1 },
		"too many":       func(v *verdict) { v.packets++; v.sealed++; v.seconds++ },
		"other music":    func(v *verdict) { v.want++; v.errorDB = 0 },
		"broken":         func(v *verdict) { v.want++; v.breaks = make([]meter.Break, 1) },
	} {
		for _, v := range []verdict{passed, coded} {
			spoil(&v)
			if v.good() {
				t.Errorf("%s: %+v is called good", name, v)
			}
			var out safeBuffer
			v.print(&demo{w: world{stdout: &out}})
			if !strings.Contains(out.String(), "BAD") {
				t.Errorf("%s: nothing is marked in\n%s", name, out.String())
			}
		}
	}
}

func TestABotThatCannotStartEndsTheDemo(t *testing.T) {
	t.Parallel()
	whole, _ := song(t, 10, 1)
	env := map[string]string{"SEGUE_VOLUME_OF_THE_SEA": "11"}
	got := runs(t, env, "demo", "--out", filepath.Join(t.TempDir(), "x.wav"), file(t, "short.opus", whole))
	if got.code != exitNotConfigured || !strings.Contains(got.errors, "SEGUE_VOLUME_OF_THE_SEA") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
}

func TestAGuestWhoCannotKeepUpHoldsNobody(t *testing.T) {
	b := newBroadcast()
	slow, quick := b.enter(), b.enter()
	for i := range 2 * cap(slow) {
		b.hear(1, []float32{float32(i)})
		if got := <-quick; got[0] != float32(i) {
			t.Fatalf("piece %d arrived as %v", i, got)
		}
	}
	if len(slow) != cap(slow) {
		t.Errorf("%d pieces wait for the slow guest", len(slow))
	}
	b.leave(slow)
	b.leave(quick)
	b.hear(1, []float32{1})
	if len(quick) != 0 {
		t.Error("somebody who left is still played to")
	}
}

func TestWhatCannotBeWrittenIsSaid(t *testing.T) {
	if err := writeHeard(filepath.Join(t.TempDir(), "none", "x.wav"), &listener.Heard{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
