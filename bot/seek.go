package bot

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"segue/music"
)

// seek goes to another place in what plays.
func (b *Bot) seek(v *visit) (answer, error) {
	text := strings.TrimSpace(v.data.String("to"))
	to, relative, ok := parseSeek(text)
	if !ok {
		return "", &music.Error{Kind: music.Invalid, Code: "seek.nonsense", Args: []any{text}}
	}
	local, cancel := v.local()
	defer cancel()
	p, s, err := b.controlled(local, v)
	if err != nil {
		return "", err
	}
	if relative {
		to += s.status.Position
	}
	if err := v.think(); err != nil { // the file may be far away
		return "", err
	}
	landed, err := p.Seek(v.ctx, to)
	if err != nil {
		return "", err
	}
	return answer(v.tell("answer.sought", landed, track(bare(s.status.Current.Track)))), nil
}

// longestSeek is further than any piece is long.
const longestSeek = 1000 * time.Hour

// parseSeek reads a place ("1:23", "1:02:03", "90", "90s", "1m30s", "1h") or, with a
// sign before it, by how much to go on or back.
func parseSeek(s string) (d time.Duration, relative, ok bool) {
	sign := time.Duration(0)
	switch {
	case strings.HasPrefix(s, "+"):
		sign = 1
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "−"):
		sign = -1
	}
	if sign == 0 {
		d, ok = parseTime(s)
		return d, false, ok
	}
	_, n := utf8.DecodeRuneInString(s)
	d, ok = parseTime(strings.TrimSpace(s[n:]))
	return sign * d, true, ok
}

// parseTime reads a time as people write it.
func parseTime(s string) (time.Duration, bool) {
	if strings.Contains(s, ":") {
		return parseClock(s)
	}
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		return 0, false
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return ofSeconds(n)
	}
	d, err := time.ParseDuration(strings.ToLower(strings.ReplaceAll(s, " ", "")))
	if err != nil || d < 0 || d > longestSeek {
		return 0, false
	}
	return d, true
}

// parseClock reads minutes and seconds, with hours before them or not.
func parseClock(s string) (time.Duration, bool) {
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, false
	}
	sum := 0.0
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || n < 0 || i > 0 && n >= 60 || i < len(parts)-1 && n != math.Trunc(n) {
			return 0, false
		}
		sum = sum*60 + n
	}
	return ofSeconds(sum)
}

func ofSeconds(n float64) (time.Duration, bool) {
	if !(n >= 0 && n <= longestSeek.Seconds()) {
		return 0, false
	}
	return time.Duration(n * float64(time.Second)), true
}
