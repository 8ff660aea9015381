package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/render"
)

type renderCommand struct {
	Inputs    []string `arg:"" name:"input" help:"A file, an http(s) address, or - for standard input. Several follow each other without a gap."`
	Out       string   `short:"o" required:"" placeholder:"FILE" help:"Where it goes: .opus, .wav, or - for standard output, which gets Ogg Opus unless --wav is given."`
	Wav       string   `enum:",16,float" default:"" placeholder:"KIND" help:"Write WAV, with 16-bit samples (16, as .wav files have if nobody asks) or 32-bit floating point (float)."`
	Effects   string   `placeholder:"JSON" help:"What to do to the sound, as Lavalink has it, for example {\"timescale\":{\"rate\":1.2}}; @FILE with such JSON; or a name such as nightcore."`
	Volume    int      `default:"100" help:"Percent, 0 to 200."`
	Level     string   `enum:"off,auto,on" default:"off" help:"Bring pieces to -14 LUFS: off, auto (those more than 3 dB from it) or on. A file is measured first."`
	Crossfade string   `placeholder:"TIME" help:"By how much several inputs overlap, up to 12 s."`
	From      string   `placeholder:"TIME" help:"Begin here: 90s, 1:30 or 1:02:03.5."`
	To        string   `placeholder:"TIME" help:"End here."`
	Stats     bool     `help:"Print one JSON object on standard error."`
}

// Run renders the input as a listener would hear it.
func (c renderCommand) Run(ctx context.Context, w world, s settings) (err error) {
	cfg, err := configured(w, s)
	if err != nil {
		return err
	}
	o, err := c.options(cfg)
	if err != nil {
		fmt.Fprintln(w.stderr, "segue:", err)
		return exit{exitUsage}
	}
	if err := c.checkName(); err != nil {
		fmt.Fprintln(w.stderr, "segue:", err)
		return exit{exitUsage}
	}
	if c.Out != "-" {
		if err := writable(c.Out, c.Inputs...); err != nil {
			return fmt.Errorf("-o %s: %w", c.Out, err)
		}
	}
	next, err := c.open(ctx, w, cfg)
	if err != nil {
		return err
	}
	m, err := next()
	if err != nil {
		return err
	}
	out, err := openOutput(c.Out, w.stdout)
	if err != nil {
		return errors.Join(fmt.Errorf("-o %s: cannot be written: %w", c.Out, reason(err)), m.Close())
	}
	sink, err := c.sink(out.writer())
	if err != nil {
		return errors.Join(err, m.Close(), out.close(false))
	}
	bar := newBar(w)
	o.Measure, o.Progress = c.Stats, bar.update
	var stats render.Stats
	if len(c.Inputs) == 1 {
		stats, err = render.Run(ctx, m, sink, o)
	} else {
		stats, err = render.Album(ctx, m, next, sink, o)
	}
	bar.clear()
	// Of music that is damaged or cut short, what is good is kept.
	good := err == nil || stats.Seconds > 0 && ctx.Err() == nil && (errors.Is(err, audio.ErrTruncated) || errors.Is(err, audio.ErrMalformed))
	if err = errors.Join(err, out.close(good)); err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(c.Inputs, ", "), err)
	}
	if c.Stats && stats.Container != "" {
		err = errors.Join(err, json.NewEncoder(w.stderr).Encode(stats))
	}
	return err
}

// checkName says what speaks against the name of the output.
func (c renderCommand) checkName() error {
	ext := strings.ToLower(filepath.Ext(c.Out))
	switch {
	case c.Wav != "" && (ext == ".opus" || ext == ".ogg"):
		return fmt.Errorf("-o %s: --wav writes another kind of file than its name says", c.Out)
	case c.Out == "-", c.Wav != "", ext == ".opus", ext == ".ogg", ext == ".wav":
		return nil
	}
	return fmt.Errorf("-o %s: it must end in .opus or .wav, or be -", c.Out)
}

// options checks what the command line wants of the sound.
func (c renderCommand) options(cfg Config) (o render.Options, err error) {
	o.Pipeline = engine(cfg)
	factor := float64(c.Volume) / 100
	if c.Volume < 0 || c.Volume > 200 {
		return o, fmt.Errorf("--volume %d: it must be from 0 to 200", c.Volume)
	}
	if c.Effects != "" {
		if o.Settings, err = settingsOf(c.Effects); err != nil {
			return o, fmt.Errorf("--effects: %w", err)
		}
		factor *= o.Settings.Gain()
	}
	o.Settings.Volume = effect.Percent(100 * factor)
	if c.Level != "off" {
		rules := levelling.Defaults()
		if err := rules.Mode.UnmarshalText([]byte(c.Level)); err != nil {
			return o, fmt.Errorf("--level: %w", err)
		}
		o.Level = &rules
	}
	if o.Crossfade, err = parseTime(c.Crossfade); err != nil {
		return o, fmt.Errorf("--crossfade: %w", err)
	}
	if o.Crossfade > 12*time.Second {
		return o, fmt.Errorf("--crossfade %s: it must be from 0 to 12 s", c.Crossfade)
	}
	if len(c.Inputs) > 1 && c.From+c.To != "" {
		return o, errors.New("--from and --to are for a single input")
	}
	if o.From, err = parseTime(c.From); err != nil {
		return o, fmt.Errorf("--from: %w", err)
	}
	if o.To, err = parseTime(c.To); err != nil {
		return o, fmt.Errorf("--to: %w", err)
	}
	if o.To > 0 && o.To <= o.From {
		return o, errors.New("--to must lie after --from")
	}
	return o, nil
}

// settingsOf reads what --effects says.
func settingsOf(text string) (s effect.Settings, err error) {
	b := []byte(text)
	if path, ok := strings.CutPrefix(text, "@"); ok {
		if b, err = os.ReadFile(path); err != nil {
			return s, fmt.Errorf("%s: %w", path, reason(err))
		}
	} else if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return preset(text)
	}
	err = json.Unmarshal(b, &s)
	return s, err
}

// preset is the settings with that name.
func preset(name string) (effect.Settings, error) {
	var names []string
	for _, p := range effect.Presets() {
		if p.Name == name {
			return p.Settings, nil
		}
		names = append(names, p.Name)
	}
	return effect.Settings{}, fmt.Errorf("%.40q is neither JSON, @FILE nor one of %s", name, strings.Join(names, ", "))
}

// open gives the inputs, one after the other. Files that are not there are found out
// at once.
func (c renderCommand) open(ctx context.Context, w world, cfg Config) (func() (*audio.Media, error), error) {
	rest := c.Inputs
	for _, in := range rest[1:] {
		if in == "-" || strings.Contains(in, "://") {
			continue
		}
		if _, err := os.Stat(in); err != nil {
			return nil, fmt.Errorf("%s: %w", in, reason(err))
		}
	}
	return func() (*audio.Media, error) {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		in := rest[0]
		rest = rest[1:]
		return openInput(ctx, w, cfg, in)
	}, nil
}

// writable says what speaks against writing to path, which must be none of the
// files inputs (which may be something else than files). Nothing of path is changed.
func writable(path string, inputs ...string) error {
	had, err := os.Stat(path)
	for _, input := range inputs {
		if in, e := os.Stat(input); err == nil && e == nil && os.SameFile(had, in) {
			return errors.New("that is the file to be read; choose another name")
		}
	}
	if err == nil && !had.Mode().IsRegular() {
		return nil // opening a pipe for a moment would end it
	}
	f, e := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if e != nil {
		return fmt.Errorf("cannot be written: %w", reason(e))
	}
	e = f.Close()
	if errors.Is(err, os.ErrNotExist) {
		e = errors.Join(e, os.Remove(path))
	}
	return e
}

// reason is what the system said, without the path that a sentence names already.
func reason(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}

// sink writes to out what the name of the output and --wav ask for.
func (c renderCommand) sink(out io.Writer) (render.Sink, error) {
	switch {
	case c.Wav == "float":
		return render.WAVFloat(out)
	case c.Wav != "", strings.ToLower(filepath.Ext(c.Out)) == ".wav":
		return render.WAV(out)
	}
	return render.OggOpus(out), nil
}

// parseTime reads 90s, 1m30s, 1:30, 1:02:03.5 or plain seconds; empty is 0.
func parseTime(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return d, nil
	}
	var total float64
	parts := strings.Split(s, ":")
	for i, p := range parts {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || n < 0 || len(parts) > 3 || i > 0 && n >= 60 || n > 1e6 {
			return 0, fmt.Errorf("%q is not a time such as 90s, 1:30 or 1:02:03.5", s)
		}
		total = total*60 + n
	}
	return time.Duration(total * float64(time.Second)), nil
}
