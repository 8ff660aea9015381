package player_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"segue/audio/effect"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
)

// place is which frame of a track a tick is; -1 if it is none.
func place(title string, frames int, tick playertest.Tick) int {
	for i := range frames {
		if tick.OK && bytes.Equal(tick.Frame.Opus, playertest.Frame(title, i)) {
			return i
		}
	}
	return -1
}

func TestGuildsThatHearTheSameStationShareIt(t *testing.T) {
	playReal(t, func(s *stage) {
		const n = 40 * 50
		station := s.lib.Add("station", playertest.Script{Frames: n, Live: true, Forward: true})
		song := s.lib.Add("song", frames(4*second))
		join := func(g music.GuildID) (*player.Player, *playertest.Conn) {
			p := s.reg.Player(g)
			if _, err := p.Enqueue(s.Context(), player.Request{By: 1, Voice: music.ChannelID(g)}, station); err != nil {
				s.Fatal(err)
			}
			s.after(time.Second)
			return p, s.voice.Conn()
		}
		_, first := join(1)
		two, second := join(2)
		newest := func(c *playertest.Conn) int {
			h := c.Heard()
			return place("station", n, h[len(h)-1])
		}
		near := func(what string) {
			s.Helper()
			if a, b := newest(first), newest(second); a < 0 || b < a-8 || b > a+8 {
				s.Errorf("%s: guild 1 hears frame %d, guild 2 frame %d", what, a, b)
			}
		}
		near("after joining")
		if err := two.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(6 * time.Second)
		if err := two.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(2 * time.Second)
		near("after a pause")
		volume := func(db float64) {
			if _, err := two.SetSound(s.Context(), func(o *player.Sound) error { o.Effects.Volume = db; return nil }); err != nil {
				s.Fatal(err)
			}
		}
		mode := func() string {
			st, err := two.Status(s.Context())
			if err != nil {
				s.Fatal(err)
			}
			return st.Mode
		}
		volume(effect.Percent(80))
		s.after(time.Second)
		if newest(second) >= 0 || newest(first) < 0 || mode() != "transcode" {
			s.Errorf("one guild's volume: guild 1 hears frame %d, guild 2 frame %d, %s", newest(first), newest(second), mode())
		}
		volume(0)
		s.after(3 * time.Second)
		near("as it is again")
		if mode() != "passthrough" {
			s.Error(mode())
		}
		if _, err := two.Seek(s.Context(), time.Second); err == nil {
			s.Error("a station could be sought in")
		}
		if _, err := two.Enqueue(s.Context(), player.Request{By: 1}, song); err != nil {
			s.Fatal(err)
		}
		s.after(5 * time.Second)
		if _, err := two.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(2 * time.Second)
		h := second.Heard()
		if place("song", 200, h[len(h)-1]) < 0 || newest(first) < 0 {
			s.Error("guild 2 does not hear the song, or guild 1 not the station")
		}
		if o := s.lib.Opened(); len(o) != 2 {
			s.Errorf("opened %q", o)
		}
		for g, p := range map[music.GuildID]*player.Player{1: s.reg.Player(1), 2: two} {
			st, err := p.Status(s.Context())
			if err != nil || st.Counters.Nulled > 0 || st.Counters.Failed > 0 {
				s.Errorf("guild %d: %+v, %v", g, st.Counters, err)
			}
		}
	})
}

func TestAStationThatCannotBeOpenedFailsEachGuild(t *testing.T) {
	playReal(t, func(s *stage) {
		broken := &music.Error{Kind: music.Unavailable, Code: "test.broken"}
		station := s.lib.Add("station", playertest.Script{Err: broken, Live: true})
		for g := range music.GuildID(2) {
			_, err := s.reg.Player(g+1).Enqueue(s.Context(), player.Request{By: 1, Voice: 1, Watch: true}, station)
			if !errors.Is(err, broken) {
				s.Errorf("guild %d: %v", g+1, err)
			}
		}
	})
}
