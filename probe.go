package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/music"
)

type probeCommand struct {
	Input string `arg:"" help:"A file, an http(s) address, or - for standard input."`
	JSON  bool   `help:"Print one JSON object."`
}

// probed is what probe prints.
type probed struct {
	Container  string  `json:"container"`
	Codec      string  `json:"codec"`
	SampleRate int     `json:"sample_rate"`
	Channels   int     `json:"channels"`
	Seconds    float64 `json:"seconds,omitempty"` // absent if the file does not say
	Title      string  `json:"title,omitempty"`
	Artist     string  `json:"artist,omitempty"`
	Album      string  `json:"album,omitempty"`
}

// Run says what a file or stream is, judged by its content.
func (c probeCommand) Run(ctx context.Context, w world, s settings) error {
	cfg, err := configured(w, s)
	if err != nil {
		return err
	}
	m, err := openInput(ctx, w, cfg, c.Input)
	if err != nil {
		return err
	}
	defer m.Close()
	d, err := container.Open(m)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Input, err)
	}
	info, codec := d.Info(), d.Codec()
	p := probed{
		Container: info.Container, Codec: codec.Name, SampleRate: codec.SampleRate, Channels: codec.Channels,
		Seconds: info.Duration.Seconds(), Title: info.Title, Artist: info.Artist, Album: info.Album,
	}
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(p)
	}
	fmt.Fprintf(w.stdout, "%s, %s, %d Hz, %d channels", p.Container, p.Codec, p.SampleRate, p.Channels)
	if info.Duration > 0 {
		fmt.Fprintf(w.stdout, ", %s", info.Duration.Round(time.Millisecond))
	}
	fmt.Fprintln(w.stdout)
	for _, tag := range [][2]string{{"title", p.Title}, {"artist", p.Artist}, {"album", p.Album}} {
		if tag[1] != "" {
			fmt.Fprintf(w.stdout, "%s: %s\n", tag[0], printable(tag[1]))
		}
	}
	return nil
}

// printable keeps a stranger's text from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// openInput opens what a command line names: an address through the guarded
// source that /play uses, standard input, or a file.
func openInput(ctx context.Context, w world, cfg Config, input string) (*audio.Media, error) {
	switch {
	case input == "-":
		return &audio.Media{ReadCloser: readCloser{w.stdin}, Size: -1}, nil
	case strings.HasPrefix(input, "http://"), strings.HasPrefix(input, "https://"):
		cfg.MusicDir = "" // an address is never a file of the folder
		lib, err := library(cfg, newLogger(w, cfg))
		if err != nil {
			return nil, err
		}
		res, err := lib.Resolve(ctx, music.Query{Text: input})
		if err != nil {
			return nil, sentence(err)
		}
		if len(res.Tracks) == 0 {
			return nil, fmt.Errorf("nothing was found at %s", input)
		}
		m, err := lib.Open(ctx, res.Tracks[0])
		return m, sentence(err)
	}
	f, err := os.Open(input)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = errors.New("is a folder")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", input, err), f.Close())
	}
	m := &audio.Media{ReadCloser: f, Ext: filepath.Ext(input), Size: -1}
	if st.Mode().IsRegular() {
		m.Seeker, m.Size = f, st.Size()
	}
	return m, nil
}

// readCloser is a Reader that somebody else closes.
type readCloser struct {
	r interface{ Read([]byte) (int, error) }
}

func (r readCloser) Read(b []byte) (int, error) { return r.r.Read(b) }
func (r readCloser) Close() error               { return nil }
