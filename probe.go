package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/music"
)

type probeCommand struct {
	Input string `arg:"" help:"A file, an http(s) address, or - for standard input."`
	Check bool   `help:"Decode all of it and say what is damaged."`
	JSON  bool   `help:"Print one JSON object."`
}

// probed is what probe prints. The names in JSON stay as they are; what a file
// does not say is absent.
type probed struct {
	Container  string  `json:"container"`         // "ogg", "mp4", …
	Codec      string  `json:"codec"`             // "opus", "pcm_s16le", …
	SampleRate int     `json:"sample_rate"`       // Hz
	Channels   int     `json:"channels"`          // as coded
	Seconds    float64 `json:"seconds,omitempty"` // how long it is
	Bitrate    int64   `json:"bitrate,omitempty"` // bit/s of the whole file, pictures and all
	Size       int64   `json:"size,omitempty"`    // bytes
	Live       bool    `json:"live"`              // it goes on for as long as somebody sends
	Seekable   bool    `json:"seekable"`          // it can go back
	Title      string  `json:"title,omitempty"`
	Artist     string  `json:"artist,omitempty"`
	Album      string  `json:"album,omitempty"`
	Playing    string  `json:"now_playing,omitempty"` // what a live stream says is on

	Track    *probedGain     `json:"track_gain,omitempty"` // of the piece alone
	Whole    *probedGain     `json:"album_gain,omitempty"` // of the album
	Chapters []probedChapter `json:"chapters,omitempty"`   // in order of time
	Artwork  *probedArtwork  `json:"artwork,omitempty"`    // the front cover
	Checked  *checked        `json:"checked,omitempty"`    // what came of decoding all
}

// probedGain is how the file wants its loudness corrected.
type probedGain struct {
	DB   float64 `json:"db"`             // to reach -18 LUFS
	Peak float64 `json:"peak,omitempty"` // of the samples; 1 is full scale
}

type probedChapter struct {
	Start float64 `json:"start"` // seconds
	Title string  `json:"title"`
}

type probedArtwork struct {
	MIME  string `json:"mime"`
	Bytes int    `json:"bytes"`
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
	var done *checked
	if c.Check {
		if d.Info().Live {
			return fmt.Errorf("%s: it is live and has no end up to which it could be checked", c.Input)
		}
		result, err := check(ctx, d)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Input, err)
		}
		done = &result
	}
	p := describe(m, d)
	if p.Checked = done; c.JSON {
		err = json.NewEncoder(w.stdout).Encode(p)
	} else {
		p.print(w.stdout)
	}
	if err == nil && done != nil && !done.good() {
		return exit{exitFailed}
	}
	return err
}

// describe says what d, opened from m, is.
func describe(m *audio.Media, d audio.Demuxer) probed {
	info, codec := d.Info(), d.Codec()
	p := probed{
		Container: info.Container, Codec: codec.Name, SampleRate: codec.SampleRate, Channels: codec.Channels,
		Seconds: info.Duration.Seconds(), Size: max(m.Size, 0), Live: info.Live, Seekable: goesBack(d, info.Live),
		Title: info.Title, Artist: info.Artist, Album: info.Album, Track: gainOf(info.Track), Whole: gainOf(info.Whole),
	}
	if info.Container == "hls" {
		p.Size = 0 // which is that of the playlist
	}
	if p.Size > 0 && p.Seconds > 0 {
		p.Bitrate = int64(float64(p.Size)*8/p.Seconds + 0.5)
	}
	if m.Playing != nil {
		p.Playing = m.Playing()
	}
	for _, c := range info.Chapters {
		p.Chapters = append(p.Chapters, probedChapter{Start: c.Start.Seconds(), Title: c.Title})
	}
	if n := len(info.Artwork.Data); n > 0 {
		p.Artwork = &probedArtwork{MIME: info.Artwork.MIME, Bytes: n}
	}
	return p
}

// goesBack reports whether d can return to its beginning once it has left that.
func goesBack(d audio.Demuxer, live bool) bool {
	if live {
		return false
	}
	_, _ = d.ReadPacket() // wherever it is, not at the beginning any more
	_, err := d.Seek(0)
	return err == nil
}

func gainOf(g audio.Gain) *probedGain {
	if !g.Told {
		return nil
	}
	return &probedGain{DB: math.Round(float64(g.DB)*1000) / 1000, Peak: math.Round(float64(g.Peak)*1e6) / 1e6}
}

// print is for people.
func (p probed) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, %d Hz, %d channels", p.Container, p.Codec, p.SampleRate, p.Channels)
	if p.Seconds > 0 {
		fmt.Fprintf(w, ", %s", time.Duration(p.Seconds*float64(time.Second)).Round(time.Millisecond))
	}
	if p.Bitrate > 0 {
		fmt.Fprintf(w, ", %d kbit/s", (p.Bitrate+500)/1000)
	}
	switch {
	case p.Live:
		fmt.Fprint(w, ", live")
	case !p.Seekable:
		fmt.Fprint(w, ", not seekable")
	}
	fmt.Fprintln(w)
	for _, tag := range [][2]string{{"title", p.Title}, {"artist", p.Artist}, {"album", p.Album}, {"now playing", p.Playing}} {
		if tag[1] != "" {
			fmt.Fprintf(w, "%s: %s\n", tag[0], printable(tag[1]))
		}
	}
	p.Track.print(w, "gain")
	p.Whole.print(w, "album gain")
	if p.Artwork != nil {
		fmt.Fprintf(w, "artwork: %s, %d bytes\n", printable(p.Artwork.MIME), p.Artwork.Bytes)
	}
	for _, c := range p.Chapters {
		fmt.Fprintf(w, "chapter: %s %s\n", shortTime(time.Duration(c.Start*float64(time.Second))), printable(c.Title))
	}
	if p.Checked != nil {
		fmt.Fprintf(w, "checked: %s\n", p.Checked)
	}
}

// print says it after name, if the file does.
func (g *probedGain) print(w io.Writer, name string) {
	if g == nil {
		return
	}
	fmt.Fprintf(w, "%s: %+.2f dB", name, g.DB)
	if g.Peak > 0 {
		fmt.Fprintf(w, ", peak %.3f", g.Peak)
	}
	fmt.Fprintln(w)
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
	return openFile(ctx, cfg, input)
}

// readCloser is a Reader that somebody else closes.
type readCloser struct {
	r interface{ Read([]byte) (int, error) }
}

func (r readCloser) Read(b []byte) (int, error) { return r.r.Read(b) }
func (r readCloser) Close() error               { return nil }
