package playertest

import (
	"context"
	"slices"
	"sync"
	"time"

	"segue/audio"
	"segue/music"
	"segue/player"
)

// A Voice joins channels where nobody listens but the test. Set its fields
// before it is used, or through Set.
type Voice struct {
	Joins  time.Duration // how long Join takes
	Closes time.Duration // how long leaving takes
	Refuse error         // what Join gives
	Quiet  bool          // do not record what is heard

	mu    sync.Mutex
	conns []*Conn
	live  int
	most  int
}

// Set changes the voice while it is in use.
func (v *Voice) Set(f func(*Voice)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f(v)
}

// Join joins after its time, or refuses.
func (v *Voice) Join(ctx context.Context, g music.GuildID, c music.ChannelID) (player.Conn, error) {
	v.mu.Lock()
	takes, closes, refuse, quiet := v.Joins, v.Closes, v.Refuse, v.Quiet
	v.mu.Unlock()
	if err := wait(ctx, takes); err != nil {
		return nil, err
	}
	if refuse != nil {
		return nil, refuse
	}
	conn := &Conn{
		Guild: g, voice: v, closes: closes, quiet: quiet, channel: c,
		done: make(chan struct{}), quit: make(chan struct{}), gone: make(chan struct{}),
	}
	v.mu.Lock()
	v.conns = append(v.conns, conn)
	v.live++
	v.most = max(v.most, v.live)
	v.mu.Unlock()
	go conn.send()
	return conn, nil
}

// Conn is the last connection that was made, or nil.
func (v *Voice) Conn() *Conn {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.conns) == 0 {
		return nil
	}
	return v.conns[len(v.conns)-1]
}

// Count is how many connections were made, how many there are, and how many
// there were at once.
func (v *Voice) Count() (made, live, most int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.conns), v.live, v.most
}

// A Tick is what one 20 ms sounded like.
type Tick struct {
	At    time.Time
	Frame audio.Frame
	OK    bool // there was a frame
}

// A Conn takes a frame every 20 ms until it is closed or dropped.
type Conn struct {
	Guild  music.GuildID
	voice  *Voice
	closes time.Duration
	quiet  bool
	quit   chan struct{} // asks send to end
	gone   chan struct{} // send has ended
	done   chan struct{}

	mu      sync.Mutex
	frames  audio.Frames
	channel music.ChannelID
	err     error
	ended   bool
	closed  bool
	heard   []Tick
}

func (c *Conn) send() {
	defer close(c.gone)
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-c.quit:
			return
		case now := <-t.C:
			c.tick(now)
		}
	}
}

func (c *Conn) tick(now time.Time) {
	c.mu.Lock()
	frames := c.frames
	c.mu.Unlock()
	tick := Tick{At: now}
	if frames != nil {
		tick.Frame, tick.OK = frames.Take()
	}
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, tick)
}

// Play makes f what is heard.
func (c *Conn) Play(f audio.Frames) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = f
}

// Channel is where we are now.
func (c *Conn) Channel() music.ChannelID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.channel
}

// Done is closed by Drop and Close.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is what Drop was told.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close leaves after its time, or when ctx ends.
func (c *Conn) Close(ctx context.Context) error {
	err := wait(ctx, c.closes)
	c.end(nil)
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		c.voice.Set(func(v *Voice) { v.live-- })
	}
	return err
}

// Drop loses the connection for good, as a kick does.
func (c *Conn) Drop(err error) { c.end(err) }

func (c *Conn) end(err error) {
	c.mu.Lock()
	first := !c.ended
	if first {
		c.ended, c.err = true, err
		close(c.quit)
	}
	c.mu.Unlock()
	<-c.gone
	if first {
		close(c.done)
	}
}

// Drag moves us to another channel, as a moderator does.
func (c *Conn) Drag(to music.ChannelID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.channel = to
}

// Heard is every tick so far.
func (c *Conn) Heard() []Tick {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard)
}

// Names is what was heard so far as "title number", ticks without a frame left
// out.
func (c *Conn) Names() []string {
	var names []string
	for _, t := range c.Heard() {
		if t.OK {
			names = append(names, Name(t.Frame.Opus))
		}
	}
	return names
}
