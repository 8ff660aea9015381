package voice

import (
	"bytes"
	"testing"
	"time"

	"segue/discordtest/voiceserver"
)

func TestResumesWithoutLosingAFrameOrTheGroup(t *testing.T) {
	t.Parallel()
	faults := map[string]func(*stage){
		"4015":        func(s *stage) { s.room().Close(uint64(bot), 4015) },
		"4000":        func(s *stage) { s.room().Close(uint64(bot), 4000) },
		"1001":        func(s *stage) { s.room().Close(uint64(bot), 1001) },
		"dropped":     func(s *stage) { s.room().Drop(uint64(bot)) },
		"all crashed": func(s *stage) { s.srv.Crash() },
	}
	for name, strike := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, voiceserver.Options{})
			s.dial(alice)
			b := s.dial(bot)
			rec := s.record()
			b.Play(newTape(-1, 120))
			s.heard(bot, 10)
			epoch := s.room().State().Epoch
			strike(s)
			if err := s.room().AwaitEvents(s.limit(), 1, '<', uint64(bot), opResume); err != nil {
				t.Fatal(err)
			}
			s.heard(bot, 10)
			st := s.room().State()
			m := st.Member(uint64(bot))
			if st.Epoch != epoch || m.Plain != 0 || m.Dropped != 0 {
				t.Errorf("epoch %d, was %d; member %+v", st.Epoch, epoch, m)
			}
			if n := s.room().Count('<', uint64(bot), opIdentify); n != 1 {
				t.Errorf("identified %d times", n)
			}
			if n := s.room().Count('<', uint64(bot), opKeyPackage); n != 1 {
				t.Errorf("%d key packages: a message was handled twice", n)
			}
			for i, list := 1, rec.of(bot); i < len(list); i++ {
				if list[i].Seq != list[i-1].Seq+1 {
					t.Errorf("sequence number %d after %d", list[i].Seq, list[i-1].Seq)
				}
			}
			if got := b.Stats(); got.Resumes != 1 || got.Reconnects != 0 {
				t.Errorf("stats are %+v", got)
			}
		})
	}
}

// What the server said while we were away arrives with the resume, once.
func TestResumeCatchesUpWithTheGroup(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{false, true} {
		s := newStage(t, voiceserver.Options{ResumedFirst: first, TransitionTimeout: 5 * time.Second})
		s.dial(alice)
		b := s.dial(bot)
		b.Play(newTape(-1, 120))
		s.heard(bot, 5)
		s.room().Drop(uint64(bot))
		s.dial(33)
		s.until("a group of three", func(st voiceserver.State) bool {
			n := 0
			for _, u := range st.Leaves {
				if u != 0 {
					n++
				}
			}
			return n == 3 && st.Transitions == 0
		})
		s.heard(bot, 10)
		if m := s.room().State().Member(uint64(bot)); m.Plain != 0 {
			t.Errorf("plain frames: %+v", m)
		}
	}
}

func TestOneLostAcknowledgementIsNoReasonTwoAre(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{HeartbeatInterval: 200 * time.Millisecond, HeartbeatGrace: 3 * time.Second})
	b := s.dial(bot)
	s.until("heartbeats", func(st voiceserver.State) bool { return st.Member(uint64(bot)).Heartbeats >= 3 })
	if b.Stats().Latency <= 0 {
		t.Error("no latency")
	}
	s.srv.Inject(voiceserver.Faults{LoseAcks: -1})
	if err := s.room().AwaitEvents(s.limit(), 1, '<', uint64(bot), opResume); err != nil {
		t.Fatal(err)
	}
	s.srv.Inject(voiceserver.Faults{})
	n := s.room().State().Member(uint64(bot)).Heartbeats
	s.until("heartbeats again", func(st voiceserver.State) bool { return st.Member(uint64(bot)).Heartbeats >= n+3 })
	if got := s.room().Count('<', uint64(bot), opResume); got != 1 {
		t.Errorf("resumed %d times", got)
	}
}

func TestHeartbeatsAcknowledgeWhatWasHeard(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{HeartbeatInterval: 200 * time.Millisecond})
	s.dial(alice)
	s.dial(bot)
	s.until("an acknowledgement of the last message", func(st voiceserver.State) bool {
		m := st.Member(uint64(bot))
		return m.Seq > 3 && m.Acked == m.Seq
	})
}

func TestNonsenseFromTheGatewayIsPassedOver(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{}, "acknowledged", "opcode 31", "31")
	s.dial(alice)
	b := s.dial(bot)
	b.Play(newTape(-1, 80))
	s.heard(bot, 3)
	for _, raw := range []string{
		`{`, `[]`, `null`, `{"op":null}`, `{"op":"x"}`, `{"op":99,"d":{}}`, `{"op":12,"d":{"video_ssrc":0}}`,
		`{"op":15,"d":{"any":100}}`, `{"op":16,"d":{}}`, `{"op":18,"d":{"flags":1}}`, `{"op":20,"d":{"platform":null}}`,
		`{"op":6,"d":{"t":12345}}`, `{"op":6,"d":"x"}`, `{"op":11,"d":{"user_ids":[1]}}`, `{"op":11,"d":{"user_ids":["x"]}}`,
		`{"op":13}`, `{"op":13,"d":{"user_id":"-1"}}`, `{"op":21,"d":{"protocol_version":9,"transition_id":3}}`,
		`{"op":21,"d":{"protocol_version":-1}}`, `{"op":22,"d":{"transition_id":65536}}`, `{"op":22,"d":{"transition_id":999}}`,
		`{"op":24,"d":{"protocol_version":7,"epoch":1}}`, `{"op":9,"d":null}`,
	} {
		s.room().SendRaw(uint64(bot), raw)
	}
	for _, body := range [][]byte{nil, {0}, {1, 2, 3}, bytes.Repeat([]byte{0xff}, 300)} {
		for _, op := range []int{0, 25, 27, 99, 255} {
			s.room().SendBinary(uint64(bot), op, body)
		}
	}
	s.room().SendBinary(uint64(bot), opAnnounceCommit, []byte{0})
	s.room().SendBinary(uint64(bot), opWelcome, nil)
	s.heard(bot, 10)
	if st := b.Stats(); st.Resumes != 0 || st.Reconnects != 0 {
		t.Errorf("stats are %+v", st)
	}
}

func TestWhatComesInOverUDPNeverMatters(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	a := s.dial(alice)
	b := s.dial(bot)
	a.Play(newTape(-1, 1275)) // all of it lands in b's socket
	b.Play(newTape(-1, 80))
	s.heard(bot, 20)
	if b.Stats().Received < 10*1275 {
		t.Errorf("received %d bytes", b.Stats().Received)
	}
}

func TestLostSlowAndReorderedDatagramsAreNotOurs(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.srv.Inject(voiceserver.Faults{
		Up: voiceserver.Lose(3), Down: voiceserver.Swap(4, 45*time.Millisecond), LoseDiscovery: 1,
	})
	s.dial(alice)
	b := s.dial(bot)
	b.Play(newTape(-1, 100))
	s.heard(bot, 20)
	if st := b.Stats(); st.SendErrors != 0 || st.Reconnects != 0 {
		t.Errorf("stats are %+v", st)
	}
}

func TestFramesAreHeldWhileTheGroupChanges(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{ExecuteDelay: 300 * time.Millisecond})
	b := s.dial(bot)
	tape := newTape(-1, 100)
	b.Play(tape)
	s.until("frames", func(st voiceserver.State) bool { return st.Member(uint64(bot)).Packets > 5 })
	s.dial(alice)
	s.until("a group of two", func(st voiceserver.State) bool { return st.Established && st.Transitions == 0 })
	s.heard(bot, 10)
	if b.Stats().Held == 0 {
		t.Error("nothing was held")
	}
	st := b.Stats()
	if taken := int64(tape.count()); taken > b.Stats().Sent+1 || taken < st.Sent {
		t.Errorf("%d frames taken, %d sent", taken, b.Stats().Sent)
	}
	if m := s.room().State().Member(uint64(bot)); m.Plain != 0 {
		t.Errorf("plain frames: %+v", m)
	}
}

func TestDowngradeAndUpgradeAreFollowed(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{}, "plaintext") // what was under way at the upgrade
	s.dial(alice)
	b := s.dial(bot)
	b.Play(newTape(-1, 100))
	s.heard(bot, 5)
	s.room().Downgrade()
	s.until("plain frames", func(st voiceserver.State) bool { return st.Member(uint64(bot)).Plain > 5 })
	s.room().Upgrade()
	s.until("a group again", func(st voiceserver.State) bool { return st.Established && st.Transitions == 0 })
	s.heard(bot, 10)
}
