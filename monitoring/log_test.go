package monitoring

import (
	"bytes"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

func TestSecretsNeverReachTheLog(t *testing.T) {
	const (
		token  = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz-0123456789AB"
		other  = "OTg3NjU0MzIxMDk4NzY1NDMy.Gfedcb.zyxwvutsrqponmlkjihgfedcba-9876543210BA"
		hook   = "https://discord.com/api/v10/webhooks/123/aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEy/messages/@original"
		signed = "https://cdn.example/a.mp3?ex=66aa&is=66bb&hm=deadbeef&plain=keepme"
	)
	var out bytes.Buffer
	log := slog.New(Redact(slog.NewTextHandler(&out, nil), "hunter2", ""))
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	log.With("pre", token).WithGroup("g").Info("told "+other,
		"err", errors.New("POST "+hook+": hunter2"), "url", u, slog.Group("in", "side", token), "n", 7, "any", struct{ A int }{1})
	got := out.String()
	for _, s := range []string{token, other, "aW50ZXJhY3Rpb246", "deadbeef", "hunter2"} {
		if strings.Contains(got, s) {
			t.Errorf("the log holds %q:\n%s", s, got)
		}
	}
	for _, s := range []string{"g.n=7", "plain=keepme", "[secret]", "told"} {
		if !strings.Contains(got, s) {
			t.Errorf("the log lost %q:\n%s", s, got)
		}
	}
}
