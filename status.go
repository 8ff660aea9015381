package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	beat      = 10 * time.Second // how often a running bot says that it is well
	staleness = 3 * beat         // older than this, nobody believes it
)

// status is what a running bot leaves in its data folder for healthcheck.
type status struct {
	PID     int       `json:"pid"`
	Version string    `json:"version"`
	Ready   bool      `json:"ready"`
	At      time.Time `json:"at"`
}

func statusFile(data string) string { return filepath.Join(data, "status.json") }

// write replaces the status file as a whole, so that a reader never sees half.
func (s status) write(data string) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	temp := statusFile(data) + ".new"
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, statusFile(data))
}

// keepStatus writes the status file until ctx ends, then removes it. What well
// says is written at every beat, and at once when poke fires. A status that cannot
// be written (the disk is full) is no reason to stop the music: it is logged.
func keepStatus(ctx context.Context, data string, well func() bool, poke <-chan struct{}, log *slog.Logger) {
	t := time.NewTicker(beat)
	defer t.Stop()
	defer os.Remove(statusFile(data))
	failing := false
	for {
		s := status{PID: os.Getpid(), Version: version, Ready: well(), At: time.Now()}
		err := s.write(data)
		if err != nil && !failing {
			log.Warn("the status cannot be written: healthcheck will call this bot dead", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-poke:
			poke = nil
		}
	}
}

type healthcheckCommand struct{}

// Run succeeds if the bot that uses this data folder was ready within the last half minute.
func (healthcheckCommand) Run(w world, s settings) error {
	cfg, err := configured(w, s)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(statusFile(cfg.Data))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no bot is running on %s", cfg.Data)
	} else if err != nil {
		return err
	}
	var st status
	if err := json.Unmarshal(b, &st); err != nil {
		return fmt.Errorf("%s: %w", statusFile(cfg.Data), err)
	}
	switch age := time.Since(st.At); {
	case age > staleness:
		return fmt.Errorf("the bot last gave a sign of life %s ago", age.Round(time.Second))
	case !st.Ready:
		return errors.New("the bot is running but not connected to Discord")
	}
	fmt.Fprintln(w.stdout, "ready")
	return nil
}
