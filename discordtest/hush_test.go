package discordtest

import (
	"testing"

	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
)

// A person who listens, and a bot's voice in the same call.
func speaking(t *testing.T, where func(*Guild) *Channel) (d *Discord, alice *Member, ears, mouth *listener.Listener, muted func(n int)) {
	t.Helper()
	d, den, w, join := joining(t)
	c := where(den)
	alice = den.Member("alice")
	if err := alice.Joins(c.Name()); err != nil {
		t.Fatal(err)
	}
	w.until(0, "VOICE_STATE_UPDATE")
	ears, err := alice.Listener(soon(t), listener.Options{PacketsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	join(c)
	state := w.until(0, "VOICE_STATE_UPDATE").obj(t)
	mouth = call(t, d, den, state, w.until(0, "VOICE_SERVER_UPDATE").obj(t))
	if c.kind == kindVoice {
		if err := ears.AwaitEpoch(soon(t), 1); err != nil {
			t.Fatal(err)
		}
	}
	return d, alice, ears, mouth, func(n int) {
		t.Helper()
		if err := c.Call().Await(soon(t), func(s voiceserver.State) bool { return s.Member(uint64(d.Bot().ID())).Muted >= n }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAServerMuteSilences(t *testing.T) {
	d, alice, ears, mouth, muted := speaking(t, func(g *Guild) *Channel { return g.Voice("Lounge") })
	bot := uint64(d.Bot().ID())
	_ = alice.Mutes(d.Bot(), true)
	if err := mouth.Speak(soon(t), frames(5)); err != nil {
		t.Fatal(err)
	}
	muted(10) // with the five frames of silence behind them
	if n := ears.Counts(bot).Packets; n != 0 {
		t.Errorf("%d packets of somebody muted were heard", n)
	}
	_ = alice.Mutes(d.Bot(), false)
	if err := mouth.Speak(soon(t), frames(5)); err != nil {
		t.Fatal(err)
	}
	if err := ears.AwaitPackets(soon(t), bot, 5); err != nil {
		t.Error(err)
	}
}

func TestTheAudienceOfAStageIsNotHeard(t *testing.T) {
	d, alice, ears, mouth, muted := speaking(t, func(g *Guild) *Channel { return g.Stage("Hall") })
	bot := uint64(d.Bot().ID())
	if err := mouth.Speak(soon(t), frames(5)); err != nil {
		t.Fatal(err)
	}
	muted(10) // with the five frames of silence behind them
	if n := ears.Counts(bot).Packets; n != 0 {
		t.Errorf("%d packets out of the audience were heard", n)
	}
	_ = alice.LetsSpeak(d.Bot())
	if err := mouth.Speak(soon(t), frames(5)); err != nil {
		t.Fatal(err)
	}
	if err := ears.AwaitPackets(soon(t), bot, 5); err != nil {
		t.Error(err)
	}
}
