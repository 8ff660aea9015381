package discordtest

import (
	"strings"
	"testing"
)

func TestGuildsAndMembers(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	den := d.Guild("den")
	alice := den.Member("alice").May(MuteMembers)
	r := restOf(t, d)
	path := "/guilds/" + den.ID().String()
	if a := r.ok("GET", path+"?with_counts=true", nil); a.at("name") != "den" || a.at("approximate_member_count") != 3.0 {
		t.Fatalf("got %s", a.raw)
	}
	if a := r.ok("GET", path+"/roles", nil); a.at(0, "name") != "@everyone" || a.at(1, "tags", "bot_id") != d.Application().String() {
		t.Fatalf("got %s", a.raw)
	}
	r.ok("GET", path+"/channels", nil)
	if a := r.ok("GET", path+"/members/"+alice.ID().String(), nil); a.at("user", "username") != "alice" {
		t.Fatalf("got %s", a.raw)
	}
	r.refused("GET", path+"/members/5", nil, 404, 10013)
	bob := d.Guild("other").Member("bob")
	r.refused("GET", path+"/members/"+bob.ID().String(), nil, 404, 10007)
	r.refused("GET", "/guilds/5", nil, 404, 10004)
	r.refused("GET", path+"/members?limit=10", nil, 403, 50001)
	d.Bot().Grants(IntentGuildMembers)
	if a := r.ok("GET", path+"/members?limit=10", nil); a.at(2) == nil || a.at(3) != nil {
		t.Fatalf("got %s", a.raw)
	}
	r.refused("GET", path+"/members?limit=0", nil, 400, 50035)
	taken(t, d, "limit")
}

func TestModeratingByREST(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	den := d.Guild("den")
	den.Voice("Lounge")
	other := den.Voice("Other")
	alice := den.Member("alice")
	r := restOf(t, d)
	path := "/guilds/" + den.ID().String() + "/members/" + alice.ID().String()
	r.refused("PATCH", path, obj{"mute": true}, 403, 50013)
	b := d.AddBot("Boss", InvitePermissions|MoveMembers|MuteMembers|DeafenMembers)
	r.token = b.Token()
	r.refused("PATCH", path, obj{"mute": true}, 400, 40032)
	taken(t, d, "40032")
	_ = alice.Joins("Lounge")
	if a := r.ok("PATCH", path, obj{"mute": true, "deaf": true}); a.at("mute") != true || a.at("deaf") != true {
		t.Fatalf("got %s", a.raw)
	}
	r.ok("PATCH", path, obj{"channel_id": other.ID()})
	if alice.Voice() != other {
		t.Fatal("alice was not moved")
	}
	r.refused("PATCH", path, obj{"channel_id": "5"}, 404, 10003)
	r.ok("PATCH", path, obj{"channel_id": nil})
	if alice.Voice() != nil {
		t.Fatal("alice was not disconnected")
	}
	r.refused("PATCH", path, obj{"nick": "x"}, 400, 50035)
	r.refused("PATCH", "/guilds/"+den.ID().String()+"/members/5", obj{"mute": true}, 404, 10007)
	taken(t, d, "voice only")
}

func TestVoiceStatesAndStatus(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	den := d.Guild("den")
	lounge, hall := den.Voice("Lounge"), den.Stage("Hall")
	alice := den.Member("alice")
	r := restOf(t, d)
	w, _ := login(t, d, IntentGuilds|IntentGuildVoiceStates, "")
	path := "/guilds/" + den.ID().String() + "/voice-states/"
	r.refused("GET", path+"@me", nil, 404, 10065)
	r.refused("GET", path+alice.ID().String(), nil, 404, 10065)
	_ = alice.Joins("Lounge")
	if a := r.ok("GET", path+alice.ID().String(), nil); a.at("channel_id") != lounge.ID().String() || a.at("member", "user", "username") != "alice" {
		t.Fatalf("got %s", a.raw)
	}
	w.send(4, obj{"guild_id": den.ID(), "channel_id": hall.ID(), "self_mute": false, "self_deaf": true})
	if err := d.Bot().WaitVoice(soon(t), den, hall); err != nil {
		t.Fatal(err)
	}
	if a := r.ok("GET", path+"@me", nil); a.at("suppress") != true || a.at("self_deaf") != true {
		t.Fatalf("the audience of a stage is not suppressed: %s", a.raw)
	}
	r.refused("PATCH", path+"@me", obj{"suppress": false, "channel_id": hall.ID()}, 403, 50013)
	r.ok("PATCH", path+"@me", obj{"request_to_speak_timestamp": "2026-11-21T12:00:00Z"})
	if a := r.ok("GET", path+"@me", nil); a.at("request_to_speak_timestamp") == nil {
		t.Fatalf("got %s", a.raw)
	}
	hall.Allows(d.Bot(), MuteMembers)
	r.ok("PATCH", path+"@me", obj{"suppress": false, "channel_id": hall.ID()})
	if a := r.ok("GET", path+"@me", nil); a.at("suppress") != false {
		t.Fatalf("got %s", a.raw)
	}
	status := "/channels/" + lounge.ID().String() + "/voice-status"
	r.refused("PUT", status, obj{"status": "x"}, 403, 50013)
	lounge.Allows(d.Bot(), SetVoiceChannelStatus|ManageChannels)
	r.ok("PUT", status, obj{"status": "a tune"})
	if e := w.until(0, "VOICE_CHANNEL_STATUS_UPDATE").obj(t); e["status"] != "a tune" || lounge.Status() != "a tune" {
		t.Fatalf("got %v", e)
	}
	r.refused("PUT", status, obj{"status": strings.Repeat("x", 501)}, 400, 50035)
	r.refused("PUT", "/channels/"+den.Text("general").ID().String()+"/voice-status", obj{"status": "x"}, 400, 50024)
	taken(t, d, "500 or fewer", "channel type")
}

func TestApplicationEmojis(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	r := restOf(t, d)
	path := "/applications/" + d.Application().String() + "/emojis"
	const png = "data:image/png;base64,iVBORw0KGgo="
	a := r.ok("POST", path, obj{"name": "play", "image": png})
	id := a.at("id").(string)
	if a.status != 201 || a.at("name") != "play" {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	if l := r.ok("GET", path, nil); l.at("items", 0, "id") != id {
		t.Fatalf("got %s", l.raw)
	}
	r.ok("GET", path+"/"+id, nil)
	if p := r.ok("PATCH", path+"/"+id, obj{"name": "pause"}); p.at("name") != "pause" {
		t.Fatalf("got %s", p.raw)
	}
	for _, bad := range []obj{{"name": "x", "image": png}, {"name": "a b", "image": png}, {"name": "pause", "image": png}, {"name": "ok", "image": "junk"}, {"name": "ok"}, {"name": "big", "image": "data:image/png;base64," + strings.Repeat("AAAA", 90000)}} {
		r.refused("POST", path, bad, 400, 50035)
	}
	if v := d.TakeViolations(); len(v) != 6 {
		t.Fatalf("got %q", v)
	}
	r.ok("DELETE", path+"/"+id, nil)
	r.refused("GET", path+"/"+id, nil, 404, 10014)
}
