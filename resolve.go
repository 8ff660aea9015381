package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"segue/bot/text"
	"segue/music"
)

// sentence puts an error that has words into them, without the markup that only
// Discord shows as such; others stay as they are.
func sentence(err error) error {
	if e, ok := errors.AsType[*music.Error](err); ok {
		return fmt.Errorf("%s [%w]", unmarked(text.Sentence("en-US", e.Code, e.Args...)), err)
	}
	return err
}

// unmarked takes Discord's markup out of a sentence of ours: bold, and the
// backslashes before what is none.
func unmarked(s string) string {
	s = strings.ReplaceAll(s, "**", "")
	var b strings.Builder
	escaped := false
	for _, r := range s {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

type resolveCommand struct {
	Query []string `arg:"" help:"What somebody would type after /play."`
	JSON  bool     `help:"Print one JSON object."`
}

// Run says what a query resolves to, best first, as /play would see it.
func (c resolveCommand) Run(ctx context.Context, w world, s settings) error {
	cfg, err := configured(w, s)
	if err != nil {
		return err
	}
	lib, err := library(cfg, newLogger(w, cfg))
	if err != nil {
		return err
	}
	q := ""
	for i, word := range c.Query {
		if i > 0 {
			q += " "
		}
		q += word
	}
	start := time.Now()
	res, err := lib.Resolve(ctx, music.Query{Text: q})
	if err != nil {
		return sentence(err)
	}
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(res)
	}
	if len(res.Tracks) == 0 {
		return fmt.Errorf("nothing was found for %q", q)
	}
	for i, t := range res.Tracks {
		fmt.Fprintf(w.stdout, "%2d. %s  [%s]\n", i+1, printable(t.Title), printable(string(t.ID)))
	}
	fmt.Fprintf(w.stdout, "%d found in %s\n", len(res.Tracks), time.Since(start).Round(time.Millisecond))
	return nil
}
