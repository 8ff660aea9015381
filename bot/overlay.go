package bot

import "segue/music"

// overlay finds what was asked for and lays it over the music.
func (b *Bot) overlay(v *visit) (answer, error) {
	q, err := v.query()
	if err != nil {
		return "", err
	}
	local, cancel := v.local()
	defer cancel()
	s, err := b.scene(local, v.guild, v.user)
	if err != nil {
		return "", err
	}
	p, ok := b.o.Players.Find(v.guild)
	if !ok || s.status.Current.ID == 0 {
		return "", &music.Error{Kind: music.Invalid, Code: "player.nothing_playing"}
	}
	move, err := b.mayPlay(v.guild, s)
	switch {
	case err != nil:
		return "", err
	case move: // nobody listens where the music is: nor would to the sound
		return "", &music.Error{Kind: music.Forbidden, Code: "voice.join_mine", Args: []any{s.bot}}
	}
	_, tracks, err := b.find(v, q)
	if err != nil {
		return "", err
	}
	if err := p.Overlay(v.ctx, tracks[0]); err != nil {
		return "", err
	}
	return answer(v.tell("answer.sound", track(tracks[0])) + b.audible(v, s.user)), nil
}
