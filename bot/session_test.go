package bot

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/gateway"
	"github.com/gorilla/websocket"
)

func TestASessionIdentifiesAndIsReady(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	c := l.pick()
	if !strings.Contains(c.path, "v=10") || !strings.Contains(c.path, "encoding=json") || !strings.Contains(c.path, "compress=zlib-stream") {
		t.Errorf("dialled %s", c.path)
	}
	c.says(hello, 3) // a message may come in pieces
	id := c.hears(gateway.OpcodeIdentify)
	if id["token"] != "tok" || id["intents"] != float64(intents) || id["properties"] == nil {
		t.Errorf("identified with %v", id)
	}
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if s.Status() != gateway.StatusReady || *s.SessionID() != "s1" || *s.LastSequenceReceived() != 1 || *s.ResumeURL() != l.url() {
		t.Errorf("got %v, session %v, seq %v", s.Status(), s.SessionID(), s.LastSequenceReceived())
	}
	if got := d.waited(); len(got) != 0 {
		t.Errorf("waited %v before the first attempt", got)
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Close(ctx)
	}()
	if code := c.ended(); code != websocket.CloseNormalClosure {
		t.Errorf("closed with %d, want 1000: any other would leave the bot in voice", code)
	}
	c.hangUp()
	<-s.Done()
	if s.Err() != nil {
		t.Errorf("a session we closed has error %v", s.Err())
	}
	if err := s.Open(t.Context()); !errors.Is(err, discord.ErrGatewayAlreadyConnected) {
		t.Errorf("opening twice: %v", err)
	}
}

func TestASessionResumes(t *testing.T) {
	for name, end := range map[string]func(c *call){
		"asked to":           func(c *call) { c.say(`{"op":7,"d":null}`) },
		"closed, may resume": func(c *call) { c.close(4000) },
		"without a word":     func(c *call) { c.hangUp() },
		"op 9 true":          func(c *call) { c.say(`{"op":9,"d":true}`) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			s, d, c := online(t, l)
			c.say(`{"op":0,"s":41,"t":"GUILD_DELETE","d":{"id":"9"}}`)
			c.say(`{"op":0,"s":42,"t":"SOMETHING_NEW","d":{"x":1}}`)
			c.say(`{"op":1,"d":null}`)
			if got := c.hears(gateway.OpcodeHeartbeat)["d"]; got != 42.0 {
				t.Errorf("heartbeat with %v, want the last sequence number 42", got)
			}
			end(c)
			again := l.pick()
			if !strings.HasPrefix(again.path, "/resume?") {
				t.Errorf("resumed at %s, want where READY said", again.path)
			}
			again.say(hello)
			r := again.hears(gateway.OpcodeResume)
			if r["session_id"] != "s1" || r["seq"] != 42.0 || r["token"] != "tok" {
				t.Errorf("resumed with %v", r)
			}
			again.say(strings.Replace(typed, "%s", "43", 1))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := s.Send(ctx, gateway.OpcodeVoiceStateUpdate, gateway.MessageDataVoiceStateUpdate{GuildID: 7}); err != nil {
				t.Fatal(err)
			}
			again.hears(gateway.OpcodeVoiceStateUpdate)
			for _, w := range d.waited() {
				if name != "op 9 true" && w != 0 {
					t.Errorf("waited %v before resuming", w)
				}
			}
		})
	}
}

func TestASessionStartsAfreshWhenItMust(t *testing.T) {
	for name, end := range map[string]func(c *call){
		"op 9 false":      func(c *call) { c.say(`{"op":9,"d":false}`) },
		"invalid seq":     func(c *call) { c.close(4007) },
		"session expired": func(c *call) { c.close(4009) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			_, d, c := online(t, l)
			end(c)
			again := l.pick()
			if strings.HasPrefix(again.path, "/resume") {
				t.Errorf("a new session was asked for at %s", again.path)
			}
			again.say(hello)
			again.hears(gateway.OpcodeIdentify)
			w := d.waited()
			if len(w) != 1 || w[0] < 3*time.Second || w[0] > identifySpace {
				t.Errorf("waited %v, want what is left of %s between identifies", w, identifySpace)
			}
		})
	}
}

func TestASessionEndsWhereDiscordForbids(t *testing.T) {
	for _, code := range []int{4004, 4010, 4011, 4012, 4013, 4014} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			l := newLine(t)
			s, _, opened := dialled(t, l)
			c := l.pick()
			c.say(hello)
			c.hears(gateway.OpcodeIdentify)
			c.close(code)
			err := <-opened
			if closed, ok := errors.AsType[*websocket.CloseError](err); !ok || closed.Code != code {
				t.Errorf("Open gave %v", err)
			}
			<-s.Done()
			if err := s.Send(t.Context(), gateway.OpcodeVoiceStateUpdate, nil); !errors.Is(err, discord.ErrShardNotConnected) {
				t.Errorf("Send after the end gave %v", err)
			}
		})
	}
}

func TestASilentGatewayIsLeft(t *testing.T) {
	l := newLine(t)
	_, _, opened := dialled(t, l)
	c := l.pick()
	c.say(`{"op":10,"d":{"heartbeat_interval":30}}`)
	// The heartbeats are read by nobody: no answer comes.
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if code := c.ended(); code == 1000 || code == 1001 {
		t.Errorf("closed with %d: the session cannot be resumed", code)
	}
	again := l.pick()
	again.say(hello)
	again.hears(gateway.OpcodeResume)
}

func TestAnsweredHeartbeatsKeepTheConnection(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	c := l.pick()
	c.say(`{"op":10,"d":{"heartbeat_interval":20}}`)
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	for range 5 {
		c.hears(gateway.OpcodeHeartbeat)
		c.say(`{"op":11}`)
	}
	if len(d.waited()) != 0 || s.Status() != gateway.StatusReady {
		t.Error("a healthy connection was dropped")
	}
	if s.Latency() <= 0 || s.Latency() > 5*time.Second {
		t.Errorf("latency %v", s.Latency())
	}
}

func TestWhatCannotBeReadCostsNothing(t *testing.T) {
	l := newLine(t)
	s, d, c := online(t, l)
	c.say(`{"op":0,"s":2,"t":"GUILD_DELETE","d":[1,2]}` + `{"op":99,"d":{}}` + `{"op":0,"s":2,"t":"GUILD_BAN_ADD","d":{}}` + `{"op":0,"s":3,"t":"GUILD_DELETE","d":{"id":"9"}}`)
	for range 3 { // READY, the one that panics, the last
		<-d.news
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.events) != 3 || d.events[2] != gateway.EventTypeGuildDelete {
		t.Errorf("got events %v", d.events)
	}
	if seq := s.LastSequenceReceived(); seq == nil || *seq != 3 {
		t.Errorf("sequence %v, want 3", seq)
	}
}

func TestNonsenseIsNotAGateway(t *testing.T) {
	for name, say := range map[string]string{
		"no interval":  `{"op":10,"d":{}}`,
		"second hello": hello + hello,
		"not JSON":     `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			_, d, opened := dialled(t, l)
			l.pick().say(say)
			again := l.pick()
			again.say(hello)
			again.ready(l.url())
			if err := <-opened; err != nil {
				t.Fatal(err)
			}
			if len(d.waited()) == 0 {
				t.Error("no pause before the next attempt")
			}
		})
	}
}

func TestAttemptsSlowDown(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	for range 9 {
		l.pick().hangUp()
	}
	c := l.pick()
	c.say(hello)
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	w := d.waited()
	if w[0] != 0 {
		t.Errorf("first retry after %v, want at once", w[0])
	}
	for i, x := range w[1:] {
		if full := min(time.Second<<i, longestPause); x < full/2 || x > full {
			t.Errorf("retry %d after %v, want %v to %v", i+2, x, full/2, full)
		}
	}
	_ = s
}

func TestABeatDiscordAsksForIsNotWaitedFor(t *testing.T) {
	l := newLine(t)
	s, _, c := online(t, l)
	c.say(`{"op":1,"d":null}`)
	c.hears(gateway.OpcodeHeartbeat)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.acked {
		t.Error("a regular beat that falls due now would take the connection for dead")
	}
}

func TestConnectionsThatDoNotLastAreMadeMoreSlowly(t *testing.T) {
	l := newLine(t)
	_, d, c := online(t, l)
	for i := range 6 {
		c.hangUp()
		c = l.pick()
		c.say(hello)
		c.hears(gateway.OpcodeResume)
		c.say(strings.Replace(typed, "%s", strconv.Itoa(i+2), 1))
	}
	for i, w := range d.waited() {
		if i == 0 && w != 0 {
			t.Errorf("waited %v before the first resume", w)
		}
		if i > 0 && w < time.Second<<(i-1)/2 {
			t.Errorf("attempt %d after %v: as fast as they are dropped", i+1, w)
		}
	}
}

func TestRefusedIdentifiesSlowDown(t *testing.T) {
	l := newLine(t)
	_, d, _ := dialled(t, l)
	for range 8 {
		c := l.pick()
		c.say(hello)
		c.hears(gateway.OpcodeIdentify)
		c.say(`{"op":9,"d":false}`)
	}
	l.pick()
	if w := d.waited(); w[len(w)-1] < 20*time.Second {
		t.Errorf("refused eight times, then waited %v: a thousand identifies a day are all there are", w)
	}
}

func TestSendWaitsForItsTurn(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Send(short, gateway.OpcodeVoiceStateUpdate, nil); !errors.Is(err, discord.ErrShardNotReady) {
		t.Fatalf("before READY: got %v", err)
	}
	c := l.pick()
	c.say(hello)
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	for range sendLimit {
		if err := s.Send(t.Context(), gateway.OpcodeVoiceStateUpdate, gateway.MessageDataVoiceStateUpdate{GuildID: 1}); err != nil {
			t.Fatal(err)
		}
		c.hears(gateway.OpcodeVoiceStateUpdate)
	}
	if len(d.waited()) != 0 {
		t.Fatalf("waited %v within the limit", d.waited())
	}
	over, stop := context.WithCancel(t.Context())
	d.mu.Lock()
	d.on = func(time.Duration) { stop() }
	d.mu.Unlock()
	if err := s.Send(over, gateway.OpcodeVoiceStateUpdate, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("beyond the limit: got %v", err)
	}
	if w := d.waited(); len(w) != 1 || w[0] <= 0 || w[0] > sendWindow {
		t.Errorf("waited %v for a place, want up to %v", w, sendWindow)
	}
}

func TestASessionDescribesItself(t *testing.T) {
	s := newSession(sessionOptions{intents: intents, log: quiet})
	if s.ShardID() != 0 || s.ShardCount() != 1 || s.Intents() != intents || s.Presence() != nil ||
		s.SessionID() != nil || s.LastSequenceReceived() != nil || s.ResumeURL() != nil || s.Latency() != 0 {
		t.Error("a session that was never opened claims something")
	}
	s.Close(t.Context()) // never opened: nothing to wait for
}
