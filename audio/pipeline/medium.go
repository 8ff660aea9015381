package pipeline

import (
	"context"
	"sync"

	"segue/audio"
)

// A medium is opened media that are read ahead for one Pump, until it lends them to a
// share.
type medium struct {
	*ahead
	stop  context.CancelFunc // ends reading
	close func() error
	tasks sync.WaitGroup

	mu   sync.Mutex
	over bool // the Pump has left
	lent bool // a share has them, and ends them
}

// readAhead reads the media of s ahead, until root ends at the latest.
func (p *Pump) readAhead(root context.Context, s *Stream) *medium {
	ctx, stop := context.WithCancel(root)
	m := &medium{ahead: newAhead(ctx, s.o.Governor), stop: stop, close: s.close}
	m.opening = p.begins != nil
	from := s.from
	s.from = m.ahead
	p.reads.Store(m.ahead)
	m.tasks.Add(1)
	context.AfterFunc(ctx, func() {
		defer m.tasks.Done()
		_ = guard(m.close)
	})
	m.tasks.Go(func() { m.read(from, func(q *seek) { p.move(q, s, from, m.ahead) }) })
	return m
}

// leave ends reading, unless others need it.
func (m *medium) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over = true; !m.lent {
		m.stop()
	}
}

// lend has reading go on for others; false if it is too late for that.
func (m *medium) lend() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lent = !m.over && m.ctx.Err() == nil
	return m.lent
}

// end closes the media, and waits for who reads.
func (m *medium) end() error {
	m.stop()
	m.tasks.Wait()
	return guard(m.close)
}

// A lender reads on for others what was read ahead for one.
type lender struct{ *ahead }

func (l lender) ReadPacket() (audio.Packet, error) {
	for {
		if p, ok, err := l.take(); ok || err != nil {
			return p, err
		}
		select {
		case <-l.some:
		case <-l.ctx.Done():
			return audio.Packet{}, context.Cause(l.ctx)
		}
	}
}
