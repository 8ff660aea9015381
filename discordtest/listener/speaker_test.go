package listener_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
)

// tone is real Opus: n frames of 440 Hz.
func tone(t *testing.T, n int) [][]byte {
	t.Helper()
	enc, err := opus.NewEncoder(opus.EncoderOptions{Bitrate: opus.DefaultBitrate})
	if err != nil {
		t.Fatal(err)
	}
	frames := make([][]byte, n)
	pcm := make([]float32, audio.FrameSamples*audio.Channels)
	for i := range frames {
		for j := range audio.FrameSamples {
			v := float32(0.5 * math.Sin(2*math.Pi*440*float64(i*audio.FrameSamples+j)/audio.SampleRate))
			pcm[2*j], pcm[2*j+1] = v, v
		}
		if frames[i], err = enc.Encode(nil, pcm); err != nil {
			t.Fatal(err)
		}
	}
	return frames
}

// decoded is what a decoder of one's own makes of frames.
func decoded(t *testing.T, frames [][]byte) (pcm []float32) {
	t.Helper()
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if pcm, err = dec.Decode(pcm, audio.Packet{Data: f, Duration: audio.FrameSamples}); err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// pair brings two people into one encrypted call.
func (s *stage) pair(opt listener.Options) (a, b *listener.Listener) {
	s.Helper()
	a, b = s.joins(alice, listener.Options{PacketsOnly: true}), s.joins(bob, opt)
	for _, l := range []*listener.Listener{a, b} {
		if err := l.AwaitEpoch(s.limit(), 1); err != nil {
			s.Fatal(err)
		}
	}
	return a, b
}

// says speaks, waits for n packets to be heard and returns what was.
func (s *stage) says(a, b *listener.Listener, frames [][]byte, n int) listener.Heard {
	s.Helper()
	if err := a.Speak(s.limit(), frames); err != nil {
		s.Fatal(err)
	}
	if err := b.AwaitPackets(s.limit(), alice, n); err != nil {
		s.Fatalf("%v: %+v", err, b.Counts(alice))
	}
	return b.Heard(alice)
}

func TestDecodesLiveWithOneDecoder(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	var decoders, live atomic.Int64
	a, b := s.pair(listener.Options{
		NewDecoder: func() (audio.Decoder, error) { decoders.Add(1); return opus.NewDecoder() },
		OnPCM: func(user uint64, pcm []float32) {
			if user == alice {
				live.Add(int64(len(pcm)))
			}
		},
	})
	frames := tone(t, 20)
	s.says(a, b, frames, 25)
	h := s.says(a, b, frames, 50) // after the silence, still the same decoder
	tail := [][]byte{{0xf8, 0xff, 0xfe}, {0xf8, 0xff, 0xfe}, {0xf8, 0xff, 0xfe}, {0xf8, 0xff, 0xfe}, {0xf8, 0xff, 0xfe}}
	once := append(slices.Clone(frames), tail...)
	want := decoded(t, append(slices.Clone(once), once...))
	if !slices.Equal(h.PCM, want) || decoders.Load() != 1 || live.Load() != int64(len(want)) {
		t.Errorf("%d decoders, %d samples live, %d kept, want %d, all equal: %v",
			decoders.Load(), live.Load(), len(h.PCM), len(want), slices.Equal(h.PCM, want))
	}
	if h.Epochs != 1 || !h.AllE2EE() || h.Samples != 50*audio.FrameSamples {
		t.Errorf("%+v, %d epochs", h.Counts, h.Epochs)
	}
	for i, p := range h.Packets {
		if p.Start != int64(i*audio.FrameSamples) || i > 0 && (p.At.Before(h.Packets[i-1].At) || p.Seq != h.Packets[i-1].Seq+1) {
			t.Errorf("packet %d: %+v", i, p)
		}
	}
	s.noViolation()
}

func TestLossKeepsTime(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	a, b := s.pair(listener.Options{})
	s.srv.Inject(voiceserver.Faults{Down: voiceserver.LoseSpan(5, 7)})
	h := s.says(a, b, tone(t, 30), 28)
	if want := []listener.Gap{{Start: 5 * audio.FrameSamples, Samples: 7 * audio.FrameSamples, Lost: 7}}; !slices.Equal(h.Gaps, want) {
		t.Errorf("gaps %+v", h.Gaps)
	}
	if h.Lost != 7 || len(h.PCM) != 35*audio.FrameSamples*audio.Channels {
		t.Errorf("%+v, %d samples kept", h.Counts, len(h.PCM))
	}
	if got := h.Packets[5]; got.Seq != h.Packets[4].Seq+8 || got.Start != 12*audio.FrameSamples {
		t.Errorf("after the gap %+v", got)
	}
	energy := func(frame int) (e float64) {
		for _, v := range h.PCM[frame*audio.FrameSamples*2 : (frame+1)*audio.FrameSamples*2] {
			e += float64(v) * float64(v)
		}
		return e
	}
	if energy(5) == 0 || energy(11) != 0 {
		t.Errorf("energy %g at the gap's start, %g at its end: first made up, then silent", energy(5), energy(11))
	}
}

func TestReorderedPacketsAreSorted(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	a, b := s.pair(listener.Options{PacketsOnly: true})
	s.srv.Inject(voiceserver.Faults{Down: voiceserver.Swap(5, 30*time.Millisecond)})
	frames := numbered(30)
	h := s.says(a, b, frames, 35)
	s.heardAll(h, frames)
	if h.Lost != 0 || h.Late != 0 || h.Samples != 35*audio.FrameSamples {
		t.Errorf("heard %+v", h.Counts)
	}
}

func TestWhoComesTooLateIsNotHeard(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	a, b := s.pair(listener.Options{PacketsOnly: true})
	s.srv.Inject(voiceserver.Faults{Down: voiceserver.Swap(10, 250*time.Millisecond)})
	h := s.says(a, b, numbered(25), 28)
	if h.Late+h.Lost == 0 || h.Lost > 3 {
		t.Errorf("heard %+v", h.Counts)
	}
}

func TestForgettingKeepsCounts(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	a, b := s.pair(listener.Options{Forget: true})
	h := s.says(a, b, tone(t, 10), 15)
	if len(h.Packets)+len(h.PCM) != 0 || h.Counts.Packets != 15 || h.Samples != 15*audio.FrameSamples {
		t.Errorf("%d packets, %d samples kept, %+v", len(h.Packets), len(h.PCM), h.Counts)
	}
	if got := b.Heard(99); got.User != 99 || got.AllE2EE() || b.Counts(99) != (listener.Counts{}) {
		t.Errorf("of a stranger: %+v", got)
	}
}

func TestNoiseIsCountedAndReplacedBySilence(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	a, b := s.pair(listener.Options{})
	frames := tone(t, 5)
	frames[2] = []byte{0xff, 0xff, 0xff} // a code 3 packet that lies about its frames
	h := s.says(a, b, frames, 10)
	if h.Undecodable != 1 || len(h.PCM) != 10*audio.FrameSamples*audio.Channels {
		t.Errorf("%+v, %d samples", h.Counts, len(h.PCM))
	}
	broken := s.joins(carol, listener.Options{NewDecoder: func() (audio.Decoder, error) { return nil, errors.New("none left") }})
	if err := broken.AwaitEpoch(s.limit(), 1); err != nil {
		t.Fatal(err)
	}
	if err := a.Speak(s.limit(), frames); err != nil {
		t.Fatal(err)
	}
	if err := broken.AwaitPackets(s.limit(), alice, 10); err != nil {
		t.Fatal(err)
	}
	if got := broken.Counts(alice); got.Undecodable != 10 || got.Samples != 10*audio.FrameSamples {
		t.Errorf("without a decoder %+v", got)
	}
}

func TestDialSaysWhyNot(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	opt := listener.Options{TLS: s.srv.ClientTLS()}
	for name, test := range map[string]struct {
		spoil func(*listener.Call, *listener.Options)
		fault voiceserver.Faults
		code  int // 0: any other error
	}{
		"wrong token":   {func(c *listener.Call, _ *listener.Options) { c.Token = "no" }, voiceserver.Faults{}, 4004},
		"wrong session": {func(c *listener.Call, _ *listener.Options) { c.SessionID = "no" }, voiceserver.Faults{}, 4006},
		"no DAVE":       {func(_ *listener.Call, o *listener.Options) { o.Plain = true }, voiceserver.Faults{}, 4017},
		"old mode":      {func(_ *listener.Call, o *listener.Options) { o.Mode = "xsalsa20_poly1305" }, voiceserver.Faults{}, 4016},
		"refused":       {nil, voiceserver.Faults{Refuse: 503}, 0},
		"unknown CA":    {func(_ *listener.Call, o *listener.Options) { o.TLS = nil }, voiceserver.Faults{}, 0},
		"discovery":     {nil, voiceserver.Faults{LoseDiscovery: -1}, 0},
	} {
		s.srv.Inject(test.fault)
		call, o := s.call(alice), opt
		if test.spoil != nil {
			test.spoil(&call, &o)
		}
		l, err := listener.Dial(s.limit(), call, o)
		if err == nil {
			_ = l.Close()
		}
		ce, closed := errors.AsType[*websocket.CloseError](err)
		if err == nil || test.code != 0 && (!closed || ce.Code != test.code) {
			t.Errorf("%s: %v, want code %d", name, err, test.code)
		}
	}
	s.srv.Inject(voiceserver.Faults{Silent: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := listener.Dial(ctx, s.call(alice), opt); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent server: %v", err)
	}
}

func TestLostDiscoveryIsAskedAgain(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	s.srv.Inject(voiceserver.Faults{LoseDiscovery: 1})
	if l := s.joins(alice, listener.Options{}); l.SSRC() == 0 || l.Err() != nil {
		t.Errorf("ssrc %d, %v", l.SSRC(), l.Err())
	}
}

func TestEndsWithTheCall(t *testing.T) {
	s := newStage(t, voiceserver.Options{})
	l := s.joins(alice, listener.Options{})
	speech := make(chan error)
	go func() { speech <- l.Speak(s.limit(), numbered(1000)) }()
	if err := s.srv.Channel(guild, channel).Await(s.limit(), func(st voiceserver.State) bool { return st.Member(alice).Packets > 3 }); err != nil {
		t.Fatal(err)
	}
	s.srv.Channel(guild, channel).Close(alice, 4014)
	<-l.Done()
	if err := <-speech; err == nil {
		t.Error("went on speaking")
	}
	ce, ok := errors.AsType[*websocket.CloseError](l.Err())
	if !ok || ce.Code != 4014 {
		t.Errorf("ended with %v", l.Err())
	}
	if err := l.AwaitPackets(s.limit(), bob, 1); err == nil {
		t.Error("waits for packets in a call that is over")
	}
	_, _ = l.Close(), l.Close()
}

func TestMuteServerIsLeft(t *testing.T) {
	s := newStage(t, voiceserver.Options{HeartbeatInterval: 20 * time.Millisecond, HeartbeatGrace: time.Minute})
	s.srv.Inject(voiceserver.Faults{LoseAcks: -1})
	l := s.joins(alice, listener.Options{})
	select {
	case <-l.Done():
	case <-s.limit().Done():
		t.Fatal("still there")
	}
	if l.Err() == nil {
		t.Error("ended without a reason")
	}
}

func TestHeartbeatsKeepTheCall(t *testing.T) {
	s := newStage(t, voiceserver.Options{HeartbeatInterval: 20 * time.Millisecond, HeartbeatGrace: time.Minute})
	l := s.joins(alice, listener.Options{})
	if err := s.srv.Channel(guild, channel).Await(s.limit(), func(st voiceserver.State) bool {
		m := st.Member(alice)
		return m.Heartbeats > 5 && m.Acked == m.Seq
	}); err != nil {
		t.Fatal(err)
	}
	if l.Err() != nil {
		t.Error(l.Err())
	}
	s.noViolation()
}

func TestMalformedMessagesEndTheCall(t *testing.T) {
	for name, send := range map[string]func(*voiceserver.Channel){
		"not JSON":      func(c *voiceserver.Channel) { c.SendRaw(alice, "{") },
		"no interval":   func(c *voiceserver.Channel) { c.Send(alice, 8, map[string]any{"heartbeat_interval": 0}) },
		"nobody speaks": func(c *voiceserver.Channel) { c.Send(alice, 5, map[string]any{"user_id": "x"}) },
		"short commit":  func(c *voiceserver.Channel) { c.SendBinary(alice, 29, []byte{1}) },
		"unknown mode": func(c *voiceserver.Channel) {
			c.Send(alice, 4, map[string]any{"mode": "rot13", "secret_key": make([]int, 32)})
		},
		"key of three bytes": func(c *voiceserver.Channel) { c.Send(alice, 4, map[string]any{"secret_key": []int{1, 2, 3}}) },
		"media server is off": func(c *voiceserver.Channel) {
			c.Send(alice, 2, map[string]any{"ip": "127.0.0.1", "port": 1, "ssrc": 1})
		},
	} {
		s := newStage(t, voiceserver.Options{})
		l := s.joins(alice, listener.Options{})
		send(s.srv.Channel(guild, channel))
		select {
		case <-l.Done():
		case <-s.limit().Done():
			t.Errorf("%s: went on", name)
		}
	}
	s := newStage(t, voiceserver.Options{})
	l := s.joins(alice, listener.Options{})
	s.srv.Channel(guild, channel).Send(alice, 18, map[string]any{"flags": 1}) // unknown ones are ignored
	b := s.joins(bob, listener.Options{})
	if err := l.AwaitEpoch(s.limit(), 1); err != nil {
		t.Error(err)
	}
	_ = b.Close()
}
