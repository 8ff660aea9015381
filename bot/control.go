package bot

import (
	"context"

	"segue/music"
	"segue/player"
)

// controlled finds the guild's player for somebody who wants to change what
// plays, if they may.
func (b *Bot) controlled(ctx context.Context, v *visit) (*player.Player, scene, error) {
	p, ok := b.o.Players.Find(v.guild)
	if !ok {
		return nil, scene{}, &music.Error{Kind: music.Invalid, Code: "player.nothing_playing"}
	}
	s, err := b.scene(ctx, v.guild, v.user)
	if err != nil {
		return nil, s, err
	}
	return p, s, s.mayControl()
}

func (b *Bot) pause(v *visit) (answer, error) {
	ctx, cancel := v.local()
	defer cancel()
	p, s, err := b.controlled(ctx, v)
	if err != nil {
		return "", err
	}
	if err := p.Pause(ctx); err != nil {
		return "", err
	}
	if s.status.Paused {
		return answer(v.tell("answer.paused_already")), nil
	}
	return answer(v.tell("answer.paused", track(s.status.Current.Track))), nil
}

func (b *Bot) resume(v *visit) (answer, error) {
	ctx, cancel := v.local()
	defer cancel()
	p, s, err := b.controlled(ctx, v)
	if err != nil {
		return "", err
	}
	if err := p.Resume(ctx); err != nil {
		return "", err
	}
	if !s.status.Paused {
		return answer(v.tell("answer.resumed_already")), nil
	}
	return answer(v.tell("answer.resumed", track(s.status.Current.Track))), nil
}

func (b *Bot) skip(v *visit) (answer, error) {
	ctx, cancel := v.local()
	defer cancel()
	p, s, err := b.controlled(ctx, v)
	if err != nil {
		return "", err
	}
	n, ok := v.data.OptInt("count")
	if !ok {
		n = 1
	}
	next, err := p.Skip(ctx, n)
	if err != nil {
		return "", err
	}
	skipped := min(n, 1+len(s.status.Next))
	if next.ID == 0 {
		return answer(v.tell("answer.skipped_last", skipped)), nil
	}
	return answer(v.tell("answer.skipped", skipped, track(next.Track))), nil
}

func (b *Bot) stop(v *visit) (answer, error) {
	ctx, cancel := v.local()
	defer cancel()
	p, s, err := b.controlled(ctx, v)
	if err != nil {
		return "", err
	}
	if s.status.Current.ID == 0 && len(s.status.Next) == 0 {
		return "", &music.Error{Kind: music.Invalid, Code: "player.nothing_playing"}
	}
	if err := p.Stop(ctx); err != nil {
		return "", err
	}
	if len(s.status.Next) == 0 {
		return answer(v.tell("answer.stopped")), nil
	}
	return answer(v.tell("answer.stopped_all", len(s.status.Next))), nil
}

// goAway leaves the voice channel.
func (b *Bot) goAway(v *visit) (answer, error) {
	local, cancel := v.local()
	defer cancel()
	p, ok := b.o.Players.Find(v.guild)
	if !ok {
		return "", &music.Error{Kind: music.Invalid, Code: "voice.not_joined"}
	}
	s, err := b.scene(local, v.guild, v.user)
	if err != nil {
		return "", err
	}
	if s.bot == 0 {
		return "", &music.Error{Kind: music.Invalid, Code: "voice.not_joined"}
	}
	if err := s.mayControl(); err != nil {
		return "", err
	}
	if err := v.think(); err != nil {
		return "", err
	}
	if err := p.Leave(v.ctx); err != nil {
		return "", err
	}
	return answer(v.tell("answer.left", s.bot)), nil
}
