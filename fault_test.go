package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"segue/discordtest/listener"
)

// playing starts a long song and waits until it is heard.
func playing(t *testing.T) (*stage, *listener.Listener) {
	t.Helper()
	s := newStage(t)
	file, _ := loop(t, 6000, 9)
	s.put("long.opus", file)
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "long")
	s.hears(ears, 25)
	return s, ears
}

// heardAgain checks that alice, who joins the call anew as often as she is cut
// off, hears a second of music from now on, all of it sealed.
func (s *stage) heardAgain() {
	s.Helper()
	ctx := s.soon()
	for {
		ears, err := s.ears(ctx)
		if err != nil {
			s.Fatal(err)
		}
		before := ears.Counts(s.bot())
		err = ears.AwaitPackets(ctx, s.bot(), before.Packets+50)
		if now := ears.Counts(s.bot()); err == nil {
			if now.Plain > 0 || now.E2EE < before.E2EE+40 {
				s.Errorf("after the fault: %+v, before: %+v", now, before)
			}
			return
		}
		if ctx.Err() != nil {
			s.Fatalf("no music after the fault: %v", err)
		}
		_ = ears.Close()
	}
}

func TestMusicSurvives(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(s *stage) error{
		"a crashed voice server":               func(s *stage) error { return s.den.VoiceCloses(s.d.Bot(), 4015) },
		"a voice session declared invalid":     func(s *stage) error { return s.den.VoiceCloses(s.d.Bot(), 4006) },
		"a cut voice connection":               func(s *stage) error { s.den.Voice("Lounge").Call().Drop(s.bot()); return nil },
		"a moved voice server":                 func(s *stage) error { return s.den.MovesVoiceServer(true) },
		"a moved voice server that stays mute": func(s *stage) error { return s.den.MovesVoiceServer(false) },
		"a voice server that is gone for a while": func(s *stage) error {
			if err := s.den.LosesVoiceServer(); err != nil {
				return err
			}
			return s.den.FindsVoiceServer()
		},
		"being asked to reconnect":   func(s *stage) error { s.d.AsksReconnect(); return nil },
		"a cut gateway":              func(s *stage) error { s.d.DropsGateway(); return nil },
		"an expired gateway session": func(s *stage) error { s.d.Invalidates(false); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ears := playing(t)
			if err := fault(s); err != nil {
				t.Fatal(err)
			}
			if err := s.d.Bot().WaitOnline(s.soon()); err != nil {
				t.Fatal(err)
			}
			if err := s.d.Bot().WaitVoice(s.soon(), s.den, s.den.Voice("Lounge")); err != nil {
				t.Fatal(err)
			}
			_ = ears.Close() // she may be cut off as well, a moment later or earlier
			s.heardAgain()
		})
	}
}

func TestABotThatIsDraggedPlaysOnWhereItIs(t *testing.T) {
	t.Parallel()
	s, _ := playing(t)
	s.den.Voice("Garden")
	if err := s.den.Owner().Moves(s.d.Bot(), "Garden"); err != nil {
		t.Fatal(err)
	}
	if err := s.alice.Joins("Garden"); err != nil {
		t.Fatal(err)
	}
	s.heardAgain()
}

func TestABotThatIsThrownOutSaysSoAndComesBackWhenAsked(t *testing.T) {
	t.Parallel()
	s, _ := playing(t)
	if err := s.den.Owner().Disconnects(s.d.Bot()); err != nil {
		t.Fatal(err)
	}
	if err := s.d.Bot().WaitVoice(s.soon(), s.den, nil); err != nil {
		t.Fatal(err)
	}
	s.asks("/play", "query", "long")
	if err := s.d.Bot().WaitVoice(s.soon(), s.den, s.den.Voice("Lounge")); err != nil {
		t.Fatal(err)
	}
	s.heardAgain()
}

func TestAFullChannelIsSaidToBeFull(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, _ := song(t, 50, 1)
	s.put("one.opus", file)
	s.den.Voice("Lounge").Limit(1)
	s.starts()
	if err := s.alice.Joins("Lounge"); err != nil {
		t.Fatal(err)
	}
	if r := s.asks("/play", "query", "one"); !r.Ephemeral || !strings.Contains(r.Text(), "full") {
		t.Errorf("the answer is %q, ephemeral %v", r.Text(), r.Ephemeral)
	}
}

// web serves what a stranger's server might.
func web(t *testing.T, good []byte) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/good.opus", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "good.opus", time.Time{}, bytes.NewReader(good))
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><title>No music</title>") })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:8099/x.mp3", http.StatusFound)
	})
	mux.HandleFunc("/huge.mp3", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(10<<30))
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("/half.opus", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good[:len(good)/2]) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func TestBadInputGetsASentenceAndTheQueueGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	good, packets := song(t, 50, 2)
	srv := web(t, good)
	s.cfg.HTTPAllow = []string{srv.Listener.Addr().String()}
	s.put("notes.mp3", []byte("these are only words, and not a song at all"))
	s.put("picture.opus", []byte("\x89PNG\r\n\x1a\n and so on, for a while, until it is long enough"))
	s.put("empty.flac", nil)
	s.put("good.opus", good)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	s.starts()
	ears := s.listens()
	for _, c := range []struct{ query, says string }{
		{"notes.mp3", ""},
		{"picture.opus", "image"},
		{"empty.flac", "empty"},
		{"no such song anywhere", "no such song anywhere"},
		{srv.URL + "/page", "web page"},
		{srv.URL + "/loop", "forwards"},
		{srv.URL + "/inside", "private"},
		{srv.URL + "/huge.mp3", "large"},
		{srv.URL + "/gone.mp3", "404"},
		{"http://127.0.0.1:9/x.mp3", "port 9"},
		{"http://127.0.0.1:8099/x.mp3", "private"},
		{"http://[::1]/x.mp3", "private"},
		{"http://169.254.169.254/latest", "private"},
		{"ftp://example.org/x.mp3", "http"},
	} {
		r := s.asks("/play", "query", c.query)
		text := r.Text()
		for _, m := range s.den.Text("general").Messages() { // what fails after it was queued is told there
			text += "\n" + m.Text()
		}
		if !strings.Contains(strings.ToLower(text), strings.ToLower(c.says)) || len(text) < 15 {
			t.Errorf("%s: the answer %q does not say %q", c.query, text, c.says)
		}
	}
	s.asks("/play", "query", srv.URL+"/half.opus")
	s.asks("/play", "query", "good.opus")
	s.until("the good song, whole, at the end", func() bool {
		got := withoutSilence(ears.Heard(s.bot()).Packets)
		return len(got) >= 50 && bytes.Equal(bytes.Join(payloads(got[len(got)-50:]), nil), bytes.Join(packets, nil))
	})
}

func TestAnAttachmentPlays(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, packets := song(t, 50, 3)
	a := s.d.Attach("mine.ogg", file)
	host := strings.TrimPrefix(a.URL, "http://")
	s.cfg.HTTPAllow = []string{host[:strings.IndexByte(host, '/')]}
	s.starts()
	ears := s.listens()
	if r := s.asks("/play", "file", a); !strings.Contains(r.Text(), "mine") {
		t.Errorf("the answer is %q", r.Text())
	}
	s.hears(ears, 50)
	if got := withoutSilence(ears.Heard(s.bot()).Packets)[:50]; !bytes.Equal(bytes.Join(payloads(got), nil), bytes.Join(packets, nil)) {
		t.Error("what was heard is not what was attached")
	}
}

func TestASecondStartRegistersNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.starts()
	first := s.d.Bot().Commands()
	if len(first) != 19 {
		t.Errorf("%d commands are registered", len(first))
	}
	s.ends()
	s.d.Passes(10 * time.Second) // one identify in five seconds
	s.starts()
	for i, c := range s.d.Bot().Commands() {
		if c.Version != first[i].Version {
			t.Errorf("%s was registered again", c.Name)
		}
	}
}

func TestTheProgramLeavesBeforeItEnds(t *testing.T) {
	t.Parallel()
	s, _ := playing(t)
	start := time.Now()
	s.ends()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := s.d.Bot().WaitVoice(ctx, s.den, nil); err != nil {
		t.Error("the bot is still in the voice channel")
	}
	if err := s.d.Bot().WaitOffline(ctx); err != nil {
		t.Error("the bot is still online")
	}
	if _, err := filepath.Glob(filepath.Join(s.cfg.Data, "*.new")); err != nil {
		t.Error(err)
	}
}

func TestWhatDiscordRefusesIsExplained(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.d.ClosesGateway(4014) // nobody is connected: nothing happens
	for _, c := range []struct {
		token, says string
		code        int
	}{
		{"MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz-0123456789AB", "Reset Token", exitNotConfigured},
		{"abcdefghijklmnopqrstuvwxyz012345", "secret", exitNotConfigured},
		{"Bot " + s.d.Token(), "Bot", exitNotConfigured},
	} {
		out := &safeBuffer{}
		w := world{
			args: []string{"run"}, stdin: strings.NewReader(""), stdout: out, stderr: out,
			env: map[string]string{"DISCORD_TOKEN": c.token, "SEGUE_DISCORD_API_URL": s.d.APIURL(), "SEGUE_DATA": t.TempDir()},
		}
		if got := run(s.soon(), w); got != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit code %d, output %q", c.token, got, out.String())
		}
	}
	_ = s.d.TakeViolations()
}

func TestClose4014SaysWhatToChange(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.starts()
	s.d.ClosesGateway(4014)
	select {
	case err := <-s.ended:
		if e, ok := err.(exit); !ok || e.code != exitNotConfigured {
			t.Errorf("the program ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the program goes on")
	}
	s.stop()
	s.stop = nil
	if !strings.Contains(s.log.String(), "intent") {
		t.Error("the person is not told about intents")
	}
}
