package bot

import (
	"strings"
	"time"

	"segue/audio/effect"
	"segue/bot/text"
	"segue/music"
	"segue/player"
)

const (
	pageRows = 10
	barWidth = 20 // characters
	rowTitle = 60 // runes of a title in a list
)

// queue shows one page of what comes next.
func (b *Bot) queue(v *visit) (answer, error) {
	s, err := v.status()
	if err != nil {
		return "", err
	}
	if s.Current.ID == 0 && len(s.Next) == 0 {
		return "", &music.Error{Kind: music.NotFound, Code: "queue.empty"}
	}
	page, ok := v.data.OptInt("page")
	if !ok {
		page = 1
	}
	pages := max(1, (len(s.Next)+pageRows-1)/pageRows)
	if page > pages {
		return "", &music.Error{Kind: music.NotFound, Code: "queue.no_page", Args: []any{page, pages}}
	}
	return answer(v.page(s, page, pages)), nil
}

// page writes page out of pages.
func (v *visit) page(s player.Status, page, pages int) string {
	var lines []string
	if s.Current.ID != 0 {
		code := "queue.now"
		if s.Paused {
			code = "queue.now_paused"
		}
		lines = append(lines, v.tell(code, track(s.Current.Track)))
	}
	from := (page - 1) * pageRows
	for i, e := range s.Next[from:min(from+pageRows, len(s.Next))] {
		d := length(e.Track)
		if d == "" {
			d = "?"
		}
		lines = append(lines, v.tell("queue.row", from+i+1, text.Safe(text.Escape(e.Track.Title, rowTitle)), text.Safe(d), e.By))
	}
	if len(s.Next) == 0 {
		lines = append(lines, v.tell("queue.nothing_next"))
		return strings.Join(lines, "\n")
	}
	unknown := 0
	for _, e := range s.Next {
		if e.Track.Duration == 0 || e.Track.Live {
			unknown++
		}
	}
	code := "queue.total"
	if unknown > 0 {
		code = "queue.total_unknown"
	}
	lines = append(lines, v.tell(code, len(s.Next), total(s.Next), unknown))
	if pages > 1 {
		lines = append(lines, v.tell("queue.page", page, pages))
	}
	return strings.Join(lines, "\n")
}

// nowPlaying shows the current track and how far it is.
func (b *Bot) nowPlaying(v *visit) (answer, error) {
	s, err := v.status()
	if err != nil {
		return "", err
	}
	if s.Current.ID == 0 {
		return "", &music.Error{Kind: music.Invalid, Code: "player.nothing_playing"}
	}
	lines := []string{string(track(bare(s.Current.Track)))}
	d := s.Duration
	if d == 0 {
		d = s.Current.Track.Duration
	}
	switch {
	case s.Loading:
		lines = append(lines, v.tell("now.loading"))
	case s.Current.Track.Live || s.Info.Live:
		lines = append(lines, v.tell("now.live", s.Played))
	case d == 0:
		lines = append(lines, v.tell("now.position", s.Position))
	default:
		lines = append(lines, v.tell("now.bar", text.Safe(bar(s.Position, d)), min(s.Position, d), d))
	}
	if s.OnAir != "" {
		lines = append(lines, v.tell("now.on_air", s.OnAir))
	}
	if s.Sound.Effects != (effect.Settings{}) {
		lines = append(lines, v.changed(s.Sound)...)
	}
	code := "now.by"
	if s.Paused {
		code = "now.by_paused"
	}
	lines = append(lines, v.tell(code, s.Current.By, s.Current.Track.Source))
	return answer(strings.Join(lines, "\n")), nil
}

// changed tells what is done to the music.
func (v *visit) changed(s player.Sound) (lines []string) {
	if s.Effects.Volume != 0 {
		lines = append(lines, v.volume(s))
	}
	if len(on(s.Effects)) > 0 {
		lines = append(lines, v.effects(s))
	}
	return lines
}

// bare is t without its length, which is shown elsewhere.
func bare(t music.Track) music.Track {
	t.Duration, t.Live = 0, false
	return t
}

// bar draws how far at is in d.
func bar(at, d time.Duration) string {
	i := int(int64(barWidth) * int64(max(0, min(at, d))) / int64(max(d, 1)))
	i = min(i, barWidth-1)
	return strings.Repeat("━", i) + "●" + strings.Repeat("─", barWidth-1-i)
}

// status is how the guild's music stands; a guild without a player has none.
func (v *visit) status() (player.Status, error) {
	p, ok := v.b.o.Players.Find(v.guild)
	if !ok {
		return player.Status{Guild: v.guild}, nil
	}
	ctx, cancel := v.local()
	defer cancel()
	return p.Status(ctx)
}
