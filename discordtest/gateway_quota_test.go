package discordtest

import (
	"testing"
	"time"
)

// quota is what GET /gateway/bot says of identifies left, and until when.
func quota(t *testing.T, d *Discord) (remaining, total any, resets time.Duration) {
	t.Helper()
	a := restOf(t, d).ok("GET", "/gateway/bot", nil)
	ms, ok := a.at("session_start_limit", "reset_after").(float64)
	if !ok {
		t.Fatalf("got %s", a.raw)
	}
	return a.at("session_start_limit", "remaining"), a.at("session_start_limit", "total"), time.Duration(ms) * time.Millisecond
}

func TestTooManyIdentifiesInADayResetTheToken(t *testing.T) {
	d := start(t, Options{NoVoice: true, Identifies: 2})
	if left, total, resets := quota(t, d); left != 2.0 || total != 2.0 || resets != 24*time.Hour {
		t.Errorf("at first %v of %v, for %v", left, total, resets)
	}
	first, ready := login(t, d, IntentGuilds, "")
	d.Passes(time.Hour)
	second, _ := login(t, d, IntentGuilds, "")
	if left, _, resets := quota(t, d); left != 0.0 || resets > 23*time.Hour || resets < 22*time.Hour {
		t.Errorf("after two %v are left, for %v", left, resets)
	}
	was := d.Token()
	w := dial(t, d, d.GatewayURL(), "")
	w.until(10, "")
	d.Passes(time.Minute)
	w.send(2, identity(d, IntentGuilds))
	w.closed(4004)
	first.closed(4004)
	second.closed(4004)
	taken(t, d, "too many identifies")
	if d.Token() == was {
		t.Error("the token is the old one")
	}
	old := dial(t, d, d.ResumeURL(), "")
	old.until(10, "")
	old.send(6, obj{"token": was, "session_id": ready["session_id"], "seq": 1})
	old.closed(4004)
	taken(t, d, "4004")
	resumed(t, d, ready["session_id"], 1).until(9, "") // with the new token: the session is gone
	d.Passes(24 * time.Hour)
	login(t, d, IntentGuilds, "")
}

func TestResumingDoesNotCountAsIdentifying(t *testing.T) {
	d := start(t, Options{NoVoice: true, Identifies: 1})
	_, ready := login(t, d, IntentGuilds, "")
	for range 3 {
		d.DropsGateway()
		resumed(t, d, ready["session_id"], 1).until(0, "RESUMED")
	}
	if left, _, _ := quota(t, d); left != 0.0 {
		t.Errorf("%v left", left)
	}
}

func TestTooManyGuildsNeedShards(t *testing.T) {
	d := New(t, Options{NoVoice: true, ShardGuilds: 2})
	for _, name := range []string{"one", "two"} {
		d.Guild(name)
	}
	login(t, d, IntentGuilds, "")
	third := d.Guild("three")
	d.Passes(5 * time.Second)
	w := dial(t, d, d.GatewayURL(), "")
	w.until(10, "")
	w.send(2, identity(d, IntentGuilds))
	w.closed(4011)
	taken(t, d, "4011")
	// On the shard that none of them is on there is room enough.
	const shards = 1 << 20
	id := identity(d, IntentGuilds)
	id["shard"] = []int{(third.ID().shard(shards) + shards/2) % shards, shards}
	w = dial(t, d, d.GatewayURL(), "")
	w.until(10, "")
	w.send(2, id)
	w.until(0, "READY")
}

func TestAResumeAsksAsTheSessionBegan(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	_, ready := login(t, d, IntentGuilds, "compress=zlib-stream")
	d.DropsGateway()
	resumed(t, d, ready["session_id"], 1).until(0, "RESUMED")
	taken(t, d, "compress=zlib-stream")
}
