package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyTheTokenIsNeeded(t *testing.T) {
	c, err := loadConfig(settings{}, map[string]string{"DISCORD_TOKEN": " a.b.c\n", "PATH": "/bin"})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Token: "a.b.c", APIURL: defaultAPIURL, Data: "data", HTTPMaxSize: 512 << 20, QueueLimit: 1000, PlayerIdle: 5 * time.Minute, CacheFrames: 1 << 30, CacheFree: 1 << 30, LogLevel: slog.LevelInfo}
	if got := c; !equalConfig(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func equalConfig(a, b Config) bool {
	return strings.Join(a.HTTPAllow, ",") == strings.Join(b.HTTPAllow, ",") && func() bool {
		a.HTTPAllow, b.HTTPAllow = nil, nil
		return a.Token == b.Token && a.APIURL == b.APIURL && a.Data == b.Data && a.MusicDir == b.MusicDir && a.HTTPMaxSize == b.HTTPMaxSize &&
			a.QueueLimit == b.QueueLimit && a.PlayerIdle == b.PlayerIdle && a.OpusBitrate == b.OpusBitrate && a.CacheFrames == b.CacheFrames && a.CacheFree == b.CacheFree && a.LogLevel == b.LogLevel && a.LogJSON == b.LogJSON
	}()
}

func TestLaterPlacesWin(t *testing.T) {
	file := write(t, "segue.toml", `
data = "/from/file"
[queue]
limit = 7
[http]
allow = ["127.0.0.1:8000", "nas.lan:80"]
[player]
idle = "90s"
[log]
level = "debug"
format = "json"
`)
	env := map[string]string{"SEGUE_CONFIG": file, "SEGUE_QUEUE_LIMIT": "8", "SEGUE_DATA": "/from/env"}
	c, err := loadConfig(settings{Data: "/from/flag"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "/from/flag" || c.QueueLimit != 8 || c.PlayerIdle != 90*time.Second || c.LogLevel != slog.LevelDebug || !c.LogJSON {
		t.Errorf("got %+v", c)
	}
	if got := strings.Join(c.HTTPAllow, " "); got != "127.0.0.1:8000 nas.lan:80" {
		t.Errorf("http.allow is %q", got)
	}
}

func TestAContainerKeepsItsStateInItsVolume(t *testing.T) {
	c, err := loadConfig(settings{DefaultData: "/data"}, nil)
	if err != nil || c.Data != "/data" {
		t.Errorf("got %q, %v", c.Data, err)
	}
	c, err = loadConfig(settings{DefaultData: "/data"}, map[string]string{"SEGUE_DATA": "/elsewhere"})
	if err != nil || c.Data != "/elsewhere" {
		t.Errorf("got %q, %v", c.Data, err)
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	file := write(t, "token", "x.y.z\n")
	c, err := loadConfig(settings{}, map[string]string{"DISCORD_TOKEN_FILE": file})
	if err != nil || c.Token != "x.y.z" {
		t.Errorf("got %q, %v", c.Token, err)
	}
	if _, err := loadConfig(settings{}, map[string]string{"DISCORD_TOKEN_FILE": file + ".gone"}); err == nil || !strings.Contains(err.Error(), "DISCORD_TOKEN_FILE") {
		t.Errorf("a missing secret file gives %v", err)
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	file := write(t, "segue.toml", "musik.dir = \"x\"\n[queue]\nlimit = 0\n[log]\nlevel = [{}]\n")
	_, err := loadConfig(settings{Config: file, PlayerIdle: "soon"}, map[string]string{
		"SEGUE_MUSIC_DIRR": "/x", "SEGUE_MUSIC_DIR": "/does/not/exist", "SEGUE_HTTP_ALLOW": "nothost", "SEGUE_HTTP_MAX_SIZE": "big",
		"SEGUE_LOG_FORMAT": "xml", "SEGUE_DISCORD_API_URL": "ftp://x", "SEGUE_OPUS_BITRATE": "1", "SEGUE_CACHE_FRAMES": "1MiB", "SEGUE_CACHE_FREE": "off", "SEGUE_LOG_LEVEL": "loud",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`unknown setting "musik.dir"; did you mean "music.dir"?`,
		`unknown environment variable SEGUE_MUSIC_DIRR; did you mean "SEGUE_MUSIC_DIR"?`,
		`queue.limit is "0"; it must be a whole number`,
		`--player-idle is "soon"; it must be a time`,
		`SEGUE_MUSIC_DIR is "/does/not/exist"; it must be a folder that exists`,
		`SEGUE_HTTP_ALLOW is "nothost"`,
		`SEGUE_HTTP_MAX_SIZE is "big"`,
		`SEGUE_LOG_FORMAT is "xml"; it must be text or json`,
		`SEGUE_LOG_LEVEL is "loud"`,
		`SEGUE_DISCORD_API_URL is "ftp://x"`,
		`SEGUE_OPUS_BITRATE is "1"`,
		`SEGUE_CACHE_FRAMES is "1MiB"; it must be off, or a size of at least 16MiB`,
		`SEGUE_CACHE_FREE is "off"; it must be a size`,
		`log.level: a map[string]interface {} cannot be a setting`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestBrokenSettingsFile(t *testing.T) {
	if _, err := loadConfig(settings{Config: write(t, "x.toml", "a = \n")}, nil); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a syntax error gives %v", err)
	}
	if _, err := loadConfig(settings{Config: "/no/such.toml"}, nil); err == nil || !strings.Contains(err.Error(), "/no/such.toml") {
		t.Errorf("a missing file gives %v", err)
	}
}

func TestSizesOfFiles(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "512MiB": 512 << 20, "2GB": 2e9, "3 KiB": 3 << 10, "10KB": 1e4, "5B": 5} {
		if got, ok := parseSize(in); !ok || got != want {
			t.Errorf("%q is %d, %v; want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "MiB", "-1", "0", "1XB", "1.5GB", "9999999999GiB"} {
		if got, ok := parseSize(in); ok {
			t.Errorf("%q passes as %d", in, got)
		}
	}
}
