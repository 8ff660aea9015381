package voice

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/disgoorg/godave"

	"segue/audio"
	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
	"segue/music"
)

func TestJoinsAndIsHeardWithBothCiphers(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{voiceserver.ModeAES256GCM, voiceserver.ModeXChaCha20} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, voiceserver.Options{Modes: []string{mode, "xsalsa20_poly1305"}})
			s.dial(alice)
			b := s.dial(bot)
			b.Play(newTape(-1, 160))
			s.heard(bot, 20)
			m := s.room().State().Member(uint64(bot))
			if m.Mode != mode || m.Plain != 0 || !m.Sealed {
				t.Errorf("member is %+v", m)
			}
			if st := b.Stats(); st.Epoch == 0 || st.Sent < 19 || st.Bytes < 19*160 {
				t.Errorf("stats are %+v", st)
			}
		})
	}
}

func TestPrefersAES(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{Modes: []string{voiceserver.ModeXChaCha20, voiceserver.ModeAES256GCM}})
	s.dial(bot)
	if m := s.room().State().Member(uint64(bot)); m.Mode != voiceserver.ModeAES256GCM {
		t.Errorf("mode is %s", m.Mode)
	}
}

// A frame of any size arrives whole: disgo cuts them at 512 bytes.
func TestFramesArriveWholeUpToTheLargest(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	ear, err := listener.Dial(s.limit(), listener.Call{
		Endpoint: s.srv.Endpoint(), Token: s.call(alice).Token, SessionID: s.call(alice).SessionID,
		Guild: uint64(den), Channel: uint64(lounge), User: uint64(alice),
	}, listener.Options{TLS: s.srv.ClientTLS(), PacketsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ear.Close() }()
	b := s.dial(bot)
	if err := ear.AwaitEpoch(s.limit(), 1); err != nil {
		t.Fatal(err)
	}
	s.until("a settled group", func(st voiceserver.State) bool { return st.Established && st.Transitions == 0 })
	sizes := []int{513, 960, 1275, 1276, 200}
	for _, n := range sizes {
		tape := newTape(3, n)
		b.Play(tape)
		<-tape.empty
	}
	// Of each size all but one have to arrive: Play may let go of a frame that
	// waits.
	got, missing := map[int]int{}, true
	for n := 1; missing; n++ {
		if err := ear.AwaitPackets(s.limit(), uint64(bot), n); err != nil {
			t.Fatalf("heard %v frames by size: %v", got, err)
		}
		clear(got)
		for _, p := range ear.Heard(uint64(bot)).Packets {
			got[len(p.Opus)]++
		}
		missing = slices.ContainsFunc(sizes, func(size int) bool { return size <= maxFrame && got[size] < 2 })
	}
	if got[maxFrame+1] != 0 {
		t.Errorf("%d frames longer than Opus has them", got[maxFrame+1])
	}
	if st := b.Stats(); st.Refused != 3 {
		t.Errorf("%d frames refused, want 3", st.Refused)
	}
}

func TestFiveSilenceFramesThenQuietWhileTheClockRunsOn(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	rec := s.record()
	b := s.dial(bot)
	tape := newTape(10, 100)
	b.Play(tape)
	<-tape.empty
	// The gateway is told of the end only after the tail.
	if err := s.room().AwaitEvents(s.limit(), 2, '<', uint64(bot), opSpeaking); err != nil {
		t.Fatal(err)
	}
	if n := len(rec.of(bot)); n != 15 {
		t.Fatalf("%d packets, want 10 and 5 of silence", n)
	}
	tape.more(10)
	<-tape.empty
	if err := s.room().AwaitEvents(s.limit(), 3, '<', uint64(bot), opSpeaking); err != nil {
		t.Fatal(err)
	}
	b.Play(nil)
	s.until("all packets", func(voiceserver.State) bool { return len(rec.of(bot)) == 30 })
	list := rec.of(bot)
	for i := 1; i < len(list); i++ {
		if list[i].Seq != list[i-1].Seq+1 {
			t.Errorf("packet %d has sequence number %d after %d", i, list[i].Seq, list[i-1].Seq)
		}
	}
	gap, wall := list[15].Timestamp-list[14].Timestamp, list[15].At.Sub(list[14].At)
	ran := time.Duration(gap) * time.Second / audio.SampleRate
	if gap%audio.FrameSamples != 0 || ran < time.Second || (ran-wall).Abs() > 250*time.Millisecond {
		t.Errorf("the RTP clock ran %v over a pause of %v", ran, wall)
	}
	if err := b.Close(s.limit()); err != nil {
		t.Fatal(err)
	}
	if st := b.Stats(); st.Silence != 10 || st.Sent != 20 {
		t.Errorf("stats are %+v", st)
	}
}

func TestSaysNothingButSpeaksWhenItJoins(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.dial(bot)
	if err := s.room().AwaitEvents(s.limit(), 2, '<', uint64(bot), opSpeaking); err != nil {
		t.Fatal(err)
	}
	if n := s.room().State().Member(uint64(bot)).Packets; n != 0 {
		t.Errorf("%d packets of nothing", n)
	}
}

func TestStageChannelNeedsNoDAVE(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	call := s.call(bot)
	call.Token = s.srv.Admit(voiceserver.Ticket{Guild: uint64(den), Channel: uint64(attic), User: uint64(bot), Session: call.SessionID, Stage: true})
	call.Channel = attic
	c, err := Dial(s.limit(), call, s.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	c.Play(newTape(-1, 50))
	room := s.srv.Channel(uint64(den), uint64(attic))
	if err := room.Await(s.limit(), func(st voiceserver.State) bool { return st.Member(uint64(bot)).Plain >= 5 }); err != nil {
		t.Fatal(err)
	}
	if e := c.Stats().Epoch; e != 0 {
		t.Errorf("epoch %d on a stage", e)
	}
}

func TestDialFailsWithAReason(t *testing.T) {
	t.Parallel()
	type row struct {
		name    string
		opt     voiceserver.Options
		faults  voiceserver.Faults
		change  func(*Call, *Options)
		limit   time.Duration
		code    string
		forgive string
	}
	for _, r := range []row{
		{name: "token unknown", change: func(c *Call, _ *Options) { c.Token = "?" }, code: "voice.unreachable", forgive: "4004"},
		{name: "no E2EE on our side", change: func(_ *Call, o *Options) { o.newDAVE = godave.NewNoopSession }, code: "voice.e2ee_required", forgive: "4017"},
		{name: "only old ciphers", opt: voiceserver.Options{Modes: []string{"xsalsa20_poly1305"}}, code: "voice.unsupported"},
		{name: "certificate not trusted", change: func(_ *Call, o *Options) { o.TLS = nil }, code: "voice.unreachable"},
		{name: "nobody there", change: func(c *Call, _ *Options) { c.Endpoint = "127.0.0.1:1" }, code: "voice.unreachable"},
		{name: "endpoint with a path", change: func(c *Call, _ *Options) { c.Endpoint += "/x" }, code: "voice.unreachable"},
		{name: "endpoint with a user", change: func(c *Call, _ *Options) { c.Endpoint = "me@" + c.Endpoint }, code: "voice.unreachable"},
		{name: "endpoint empty", change: func(c *Call, _ *Options) { c.Endpoint = "" }, code: "voice.unreachable"},
		{name: "refused", faults: voiceserver.Faults{Refuse: http.StatusServiceUnavailable}, code: "voice.unreachable"},
		{name: "silent before hello", faults: voiceserver.Faults{NoHello: true}, limit: 300 * time.Millisecond, code: "voice.unreachable"},
		{name: "silent after hello", faults: voiceserver.Faults{Silent: true}, limit: 300 * time.Millisecond, code: "voice.unreachable"},
		{name: "deaf to discovery", faults: voiceserver.Faults{LoseDiscovery: -1}, limit: 300 * time.Millisecond, code: "voice.unreachable"},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, r.opt, r.forgive)
			s.srv.Inject(r.faults)
			call, o := s.call(bot), s.opts
			if r.change != nil {
				r.change(&call, &o)
			}
			if r.limit == 0 {
				r.limit = 20 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), r.limit)
			defer cancel()
			_, err := Dial(ctx, call, o)
			if e, ok := errors.AsType[*music.Error](err); !ok || e.Code != r.code {
				t.Errorf("error is %v, want %s", err, r.code)
			}
		})
	}
}

func TestDialCancelledIsSilence(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.srv.Inject(voiceserver.Faults{Silent: true})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := Dial(ctx, s.call(bot), s.opts); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestDiscoveryIsAskedAgainWhenLost(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.srv.Inject(voiceserver.Faults{LoseDiscovery: 2})
	s.dial(bot)
}

func TestKeepAliveIsSentAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.dial(bot)
	s.until("a keep-alive", func(st voiceserver.State) bool { return st.Member(uint64(bot)).KeepAlives > 0 })
}

func TestCloseTwiceAndAfterwards(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	b := s.dial(bot)
	if b.Channel() != lounge {
		t.Errorf("channel is %v", b.Channel())
	}
	for range 2 {
		if err := b.Close(s.limit()); err != nil {
			t.Error(err)
		}
	}
	<-b.Done()
	b.Play(newTape(1, 10))
	if b.Err() != nil {
		t.Errorf("closed with %v", b.Err())
	}
	s.until("the bot gone", func(st voiceserver.State) bool { return st.Member(uint64(bot)).User == 0 })
}

func TestHundredCallsLeaveNothingBehind(t *testing.T) {
	nothingLeft(t)
	s := newStage(t, voiceserver.Options{})
	pacer := NewPacer()
	defer pacer.Close()
	s.opts.Pacer = pacer
	for i := range 10 {
		var calls []*Conn
		for j := range 10 {
			u := music.UserID(1000 + 10*i + j)
			call := s.call(u)
			room := music.ChannelID(9000 + j)
			call.Token = s.srv.Admit(voiceserver.Ticket{Guild: uint64(den), Channel: uint64(room), User: uint64(u), Session: call.SessionID})
			call.Channel = room
			c, err := Dial(s.limit(), call, s.opts)
			if err != nil {
				t.Fatal(err)
			}
			c.Play(newTape(-1, 60))
			calls = append(calls, c)
		}
		for _, c := range calls {
			if err := c.Close(s.limit()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := pacer.Stats().Seats; n != 0 {
		t.Errorf("%d seats left", n)
	}
}

// Whatever is played before there is a call, and however often, waits for it.
func TestPlayBeforeTheCallIsUpAndManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	c := newConn(s.opts, nil, nil)
	c.Play(newTape(-1, 40))
	c.orders.put(order{kind: orderCall, call: s.call(bot)})
	c.start()
	defer c.abandon()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				c.Play(newTape(-1, 40))
				_, _, _ = c.Stats(), c.Channel(), c.Err()
			}
		})
	}
	wg.Wait()
	s.until("frames", func(st voiceserver.State) bool { return st.Member(uint64(bot)).Packets > 5 })
}

func TestSessionDescriptionsMayComeAgain(t *testing.T) {
	t.Parallel()
	s := quietSession(t)
	defer func() { _ = s.dave.Close() }()
	describe := func(key byte) error {
		k := make([]int, 32)
		k[0] = int(key)
		b, err := json.Marshal(map[string]any{"mode": modeAES, "secret_key": k, "dave_protocol_version": 1})
		if err != nil {
			t.Fatal(err)
		}
		return s.handle(t.Context(), nil, &pulse{}, message{op: opDescription, seq: -1, data: b})
	}
	for range 3 {
		if err := describe(1); err != nil {
			t.Fatal(err)
		}
		if s.path.seal.count != 0 {
			t.Fatal("another sealer for the same key: it would use its nonces twice")
		}
	}
	s.path.seal.count = 77
	if err := describe(1); err != nil || s.path.seal.count != 77 {
		t.Errorf("the same key began anew: count %d, %v", s.path.seal.count, err)
	}
	if err := describe(2); err != nil || s.path.seal.count != 0 || s.path.seal.key[0] != 2 {
		t.Errorf("a new key: %+v, %v", s.path.seal.count, err)
	}
	for _, bad := range []string{
		`{"mode":"aead_xchacha20_poly1305_rtpsize","secret_key":[],"dave_protocol_version":1}`,
		`{"mode":"aead_aes256_gcm_rtpsize","secret_key":[1,2],"dave_protocol_version":1}`, `[]`, ``,
	} {
		err := s.handle(t.Context(), nil, &pulse{}, message{op: opDescription, seq: -1, data: []byte(bad)})
		if !errors.Is(err, errProtocol) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := s.handle(t.Context(), nil, &pulse{}, message{op: opReady, seq: -1, data: []byte(`{"modes":["` + modeAES + `"]}`)}); !errors.Is(err, errProtocol) {
		t.Errorf("a second ready: %v", err)
	}
}
