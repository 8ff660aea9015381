// Package main is Segue, a self-hosted Discord music bot in one binary: it reads
// the world once, builds everything in order, runs it, and stops it in reverse.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// Exit codes: part of the command line's contract.
const (
	exitOK            = 0
	exitFailed        = 1
	exitUsage         = 2
	exitNotConfigured = 78 // EX_CONFIG of sysexits.h
)

// world is everything the program takes from outside itself.
type world struct {
	args           []string // without the program's name
	env            map[string]string
	stdin          io.Reader
	stdout, stderr io.Writer
	terminal       bool                   // a person sits at stdin and can be asked
	columns        func() int             // how wide the terminal is that stderr is; 0, or nil, if it is none
	secret         func() (string, error) // reads one line from that person without showing it
	data           string                 // where state is kept if nobody says; empty: ./data
}

// exit is an error that has been told to the person already and only carries a code.
type exit struct{ code int }

func (e exit) Error() string { return fmt.Sprintf("exit %d", e.code) }

type commands struct {
	settings

	Run         runCommand         `cmd:"" default:"1" help:"Run the bot (the default)."`
	Demo        demoCommand        `cmd:"" help:"Play a song against Discord on loopback and judge what a listener hears."`
	Render      renderCommand      `cmd:"" help:"Run the audio engine alone: file in, .opus or .wav out."`
	Probe       probeCommand       `cmd:"" help:"Say what a file is."`
	Resolve     resolveCommand     `cmd:"" help:"Say what a query means, as /play would understand it."`
	Bench       benchCommand       `cmd:"" help:"Measure how many players this machine carries."`
	Doctor      doctorCommand      `cmd:"" help:"Check token, folders and voice, and say how to mend what is wrong."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit 0 if the bot that uses this data folder is ready."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

func main() {
	fd := int(os.Stdin.Fd())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	w := world{
		args: os.Args[1:], env: environment(os.Environ()),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		terminal: term.IsTerminal(fd),
		columns:  func() int { return columns(int(os.Stderr.Fd())) },
		secret:   func() (string, error) { return readSecret(ctx, fd) },
		data:     dataFolder(),
	}
	thrift(w.env)
	os.Exit(run(ctx, w))
}

// thrift has garbage collected earlier than Go's own measure, unless somebody has
// chosen. A thousand players take a quarter less memory with that, and at most a tenth
// more processor time, much of it such as nobody else wanted.
func thrift(env map[string]string) {
	if _, chosen := env["GOGC"]; !chosen {
		debug.SetGCPercent(20)
	}
}

// columns is how wide the terminal fd is, 0 if it is none.
func columns(fd int) int {
	if !term.IsTerminal(fd) {
		return 0
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return width
}

// readSecret reads one line from a terminal without showing it. Ctrl-C ends it
// and leaves the terminal as it was.
func readSecret(ctx context.Context, fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // a terminal cannot be unblocked: after Ctrl-C this ends with the process
		b, err := term.ReadPassword(fd)
		read <- line{b, err}
	}()
	select {
	case l := <-read:
		return string(l.text), l.err
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

// dataFolder is /data in a container that has such a folder, as its volume is
// mounted there, and else empty.
func dataFolder() string {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"} {
		if _, err := os.Stat(mark); err != nil {
			continue
		}
		if st, err := os.Stat("/data"); err == nil && st.IsDir() {
			return "/data"
		}
	}
	return ""
}

// environment turns NAME=value lines into a map.
func environment(lines []string) map[string]string {
	env := make(map[string]string, len(lines))
	for _, l := range lines {
		if name, value, ok := strings.Cut(l, "="); ok {
			env[name] = value
		}
	}
	return env
}

// run is the whole program: it parses the command line, runs one command and
// returns the exit code.
func run(ctx context.Context, w world) int {
	var c commands
	var helped bool
	parser, err := kong.New(&c,
		kong.Name("segue"),
		kong.Description("Segue is a self-hosted Discord music bot: one binary, its own audio engine, end-to-end encrypted."),
		kong.Vars{"api_url": defaultAPIURL},
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(w),
	)
	if err != nil {
		fmt.Fprintln(w.stderr, "segue:", err)
		return exitFailed
	}
	k, err := parser.Parse(w.args)
	switch {
	case helped:
		return exitOK
	case err != nil:
		fmt.Fprintf(w.stderr, "segue: %v\nsegue --help shows what there is.\n", err)
		return exitUsage
	}
	c.DefaultData = w.data
	err = k.Run(c.settings)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("stopped before it was done")
	}
	return code(w, err)
}

// code tells the person what went wrong, if nobody has yet, and picks the exit code.
func code(w world, err error) int {
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[exit](err); ok {
		return e.code
	}
	fmt.Fprintln(w.stderr, "segue:", err)
	return exitFailed
}

// configured loads the configuration for a command, or tells what is wrong with it.
func configured(w world, s settings) (Config, error) {
	cfg, err := loadConfig(s, w.env)
	if err == nil {
		return cfg, nil
	}
	fmt.Fprintln(w.stderr, "segue: the configuration has problems:")
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(w.stderr, "  -", line)
	}
	return cfg, exit{exitNotConfigured}
}
