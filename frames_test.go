package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What had to be encoded is encoded once, for as long as the disk remembers it.
func TestTheSecondTimeWhatWasEncodedPasses(t *testing.T) {
	t.Parallel()
	first := newStage(t)
	first.put("second.wav", wave(t, melody(100, 2)))
	again := newStage(t) // another process, later
	again.cfg.Data, again.cfg.MusicDir = first.cfg.Data, first.cfg.MusicDir
	var heard [][]byte
	for i, s := range []*stage{first, again} {
		s.cfg.CacheFree = 1
		s.starts()
		ears := s.listens()
		for play := range 2 {
			s.asks("/play", "query", "second")
			s.hears(ears, (play+1)*100)
			if s == first && play == 0 {
				s.until("the frames are kept", func() bool { return s.app.frames.Stats().Kept == 1 })
			}
		}
		heard = append(heard, payloads(withoutSilence(ears.Heard(s.bot()).Packets))...)
		if st := s.app.frames.Stats(); st.Hits != int64(1+i) || st.Misses != int64(1-i) || st.Failed+st.GivenUp > 0 {
			t.Errorf("%+v", st)
		}
		s.ends()
	}
	if len(heard) != 400 {
		t.Fatalf("%d packets were heard of 400", len(heard))
	}
	for i := 100; i < len(heard); i += 100 {
		if !slices.EqualFunc(heard[i:i+100], heard[:100], bytes.Equal) {
			t.Errorf("other packets were heard the %d. time", i/100+1)
		}
	}
	st, err := os.Stat(filepath.Join(first.cfg.Data, "frames"))
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
}

func TestWithoutRoomOnTheDiskMusicPlaysAndNothingIsKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cfg.CacheFree = 1 << 62
	s.put("second.wav", wave(t, melody(100, 2)))
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "second")
	s.hears(ears, 100)
	if !strings.Contains(s.log.String(), "what is encoded cannot be kept") {
		t.Error("nothing is said of it at the start")
	}
	s.until("it is said again", func() bool { return strings.Contains(s.log.String(), "frames not kept") })
	s.ends()
	if inside, err := os.ReadDir(filepath.Join(s.cfg.Data, "frames")); err != nil || len(inside) > 0 {
		t.Errorf("%v, %v", inside, err)
	}
}

func TestDoctorSaysWhatIsKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	data := t.TempDir()
	env := map[string]string{"DISCORD_TOKEN": s.d.Token(), "SEGUE_DISCORD_API_URL": s.d.APIURL(), "SEGUE_DATA": data, "SEGUE_CACHE_FREE": "1B"}
	if got := runs(t, env, "doctor"); got.code != exitOK || !strings.Contains(got.out, "frames    0 pieces kept, 0 of at most 1024 MiB") {
		t.Errorf("exit code %d:\n%s", got.code, got.out)
	}
	env["SEGUE_CACHE_FREE"] = "1000000GiB"
	if got := runs(t, env, "doctor"); got.code != exitOK || !strings.Contains(got.out, "frames    not kept, so ") || !strings.Contains(got.out, "make room") {
		t.Errorf("exit code %d:\n%s", got.code, got.out)
	}
	env["SEGUE_CACHE_FRAMES"] = "off"
	if got := runs(t, env, "doctor"); got.code != exitOK || !strings.Contains(got.out, "frames    not kept (cache.frames is off)") {
		t.Errorf("exit code %d:\n%s", got.code, got.out)
	}
}
