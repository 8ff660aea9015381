package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/bot"
	"segue/store/sqlite"
)

type doctorCommand struct {
	JSON bool `help:"Print one JSON object a check."`
}

// finding is the result of one check: what was seen, and if it is not well, how
// to mend it.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

// Run checks everything that can be checked without joining a channel.
func (c doctorCommand) Run(ctx context.Context, w world, s settings) error {
	var all []finding
	cfg, err := loadConfig(s, w.env)
	if err != nil {
		all = append(all, finding{"settings", false, err.Error(), "correct what is named; README.md lists the settings"})
	} else {
		all = append(all, finding{Check: "settings", OK: true, Detail: "understood"})
		all = append(all, checkData(ctx, w, cfg), checkFrames(w, cfg), checkMusic(cfg), checkToken(ctx, cfg), checkEngine(cfg))
	}
	sick := 0
	for _, f := range all {
		if !f.OK {
			sick++
		}
		if c.JSON {
			if err := json.NewEncoder(w.stdout).Encode(f); err != nil {
				return err
			}
			continue
		}
		mark := "ok  "
		if !f.OK {
			mark = "BAD "
		}
		fmt.Fprintf(w.stdout, "%s %-9s %s\n", mark, f.Check, f.Detail)
		if f.Mend != "" {
			fmt.Fprintf(w.stdout, "               mend: %s\n", f.Mend)
		}
	}
	if sick > 0 {
		return exit{exitFailed}
	}
	return nil
}

func checkData(ctx context.Context, w world, cfg Config) finding {
	f := finding{Check: "data", Detail: cfg.Data}
	if err := prepareData(cfg.Data); err != nil {
		return finding{"data", false, err.Error(), "make the folder writable for this user, or choose another with --data DIR"}
	}
	st, err := sqlite.Open(ctx, filepath.Join(cfg.Data, "segue.db"), newLogger(w, cfg))
	if err != nil {
		return finding{"data", false, err.Error(), "move the named file away to start afresh, or put back the copy beside it"}
	}
	if err := st.Close(); err != nil {
		return finding{"data", false, err.Error(), "check the disk"}
	}
	f.OK = true
	return f
}

// checkFrames looks at the frames that are kept. Music plays without them.
func checkFrames(w world, cfg Config) finding {
	f := finding{Check: "frames", OK: true, Detail: "not kept (cache.frames is off)"}
	if cfg.CacheFrames == 0 {
		return f
	}
	use, err := frames(cfg, newLogger(w, cfg)).Look()
	if err != nil {
		f.Detail = fmt.Sprintf("not kept, so what has to be encoded is encoded each time: %v", err)
		f.Mend = "make room on the disk, or make the folder writable for this user, or set cache.frames to off"
		return f
	}
	f.Detail = fmt.Sprintf("%d pieces kept, %d of at most %d MiB", use.Files, use.Bytes>>20, cfg.CacheFrames>>20)
	return f
}

func checkMusic(cfg Config) finding {
	if cfg.MusicDir == "" {
		return finding{Check: "music", OK: true, Detail: "no folder set (SEGUE_MUSIC_DIR); attachments and addresses play"}
	}
	inside, err := os.ReadDir(cfg.MusicDir)
	if err != nil {
		return finding{"music", false, err.Error(), "make the folder readable for this user"}
	}
	return finding{Check: "music", OK: true, Detail: fmt.Sprintf("%s, with %d files and folders in it", cfg.MusicDir, len(inside))}
}

func checkToken(ctx context.Context, cfg Config) finding {
	token, err := storedToken(cfg)
	if err == nil && token == "" {
		err = errors.New("none set")
	}
	if err != nil {
		return finding{"token", false, err.Error(), "set DISCORD_TOKEN, or run segue at a terminal once"}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	who, err := bot.CheckToken(ctx, cfg.APIURL, token)
	if err != nil {
		return finding{"token", false, err.Error(), "take a fresh token from the developer portal (Bot, Reset Token), and check the network"}
	}
	return finding{Check: "token", OK: true, Detail: fmt.Sprintf("belongs to %q; invite: %s", who.Name, bot.InviteURL(who.App))}
}

// checkEngine encodes and decodes a second of silence and says how fast that was.
func checkEngine(cfg Config) finding {
	enc, err := engine(cfg).Encoder()
	if err != nil {
		return finding{"engine", false, err.Error(), "set opus.bitrate to auto"}
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		return finding{"engine", false, err.Error(), "this build is broken; please report it"}
	}
	pcm := make([]float32, audio.FrameSamples*audio.Channels)
	var out []float32
	start := time.Now()
	for range 50 {
		packet, err := enc.Encode(nil, pcm)
		if err == nil {
			out, err = dec.Decode(out[:0], audio.Packet{Data: packet})
		}
		if err != nil {
			return finding{"engine", false, err.Error(), "this build is broken; please report it"}
		}
	}
	speed := time.Second.Seconds() / time.Since(start).Seconds()
	return finding{Check: "engine", OK: true, Detail: fmt.Sprintf("opus works, transcoding at about %.0f times real time; built with %s", speed, opus.Build())}
}
