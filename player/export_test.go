package player

import (
	"context"

	"segue/audio"
)

// Pump and Tape let tests bring an engine of their own.
type Pump = pump

// Open replaces how media become frames.
func (r *Registry) Open(f func(ctx, life context.Context, m *audio.Media) (Pump, audio.Info, error)) {
	r.share = nil
	r.open = func(ctx, life context.Context, m *audio.Media, w wish) (tape, error) {
		p, info, err := f(ctx, life, m)
		if err == nil {
			p.Want(w.sound.Effects)
			p.Level(w.level(info))
			p.Fade(w.sound.Fade)
			if !w.park {
				p.Go()
			}
		}
		return tape{pump: p, info: info, mode: func() string { return "passthrough" }}, err
	}
}

// Layer lets tests bring sounds of their own.
type Layer = layer

// Sounds replaces how media become sounds to be laid over the music.
func (r *Registry) Sounds(f func(ctx context.Context, m *audio.Media, level func(audio.Info) float64) (Layer, error)) {
	r.layer = f
}

// Deck is for tests of what the sender sees.
type Deck = deck

// NewDeck makes a deck that plays these pumps one after the other.
func NewDeck(now, next Pump) *Deck {
	d := newDeck()
	a, b := newReel(tape{pump: now}, 0, 0), newReel(tape{pump: next}, 0, 0)
	d.play(a)
	d.follow(a, b, true)
	return d
}

// Nulled is how many holes were heard.
func (d *Deck) Nulled() uint64 { return d.nulled.Load() }

// TrackError is trackError.
var TrackError = trackError

// Bitrate is what p's tracks are encoded with, in bit/s.
func (p *Player) Bitrate() int { return p.bitrate() }
