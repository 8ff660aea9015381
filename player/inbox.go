package player

import "context"

// ask runs f on the player's goroutine and waits for its answer. An error of ctx
// means that f was not run.
func ask[T any](ctx context.Context, p *Player, f func(*state) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	reply := make(chan answer, 1)
	run := func(s *state) {
		v, err := f(s)
		reply <- answer{v, err}
	}
	for {
		select {
		case p.inbox <- run:
			a := <-reply // the loop never waits, so neither do we
			return a.value, a.err
		case <-ctx.Done():
			return none, context.Cause(ctx)
		case <-p.gone:
		}
		// The guild went idle, or everything ends.
		next := p.reg.Player(p.guild)
		if next == p || next.inbox == nil {
			return none, ErrClosed
		}
		p = next
	}
}

// tell is ask without a value.
func tell(ctx context.Context, p *Player, f func(*state) error) error {
	_, err := ask(ctx, p, func(s *state) (struct{}, error) { return struct{}{}, f(s) })
	return err
}
