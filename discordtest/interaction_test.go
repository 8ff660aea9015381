package discordtest

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// answering logs a raw gateway client in, for interactions answered by hand.
func answering(t *testing.T, opt ...Options) (*Discord, *Guild, *rest, *wire) {
	t.Helper()
	o := Options{NoVoice: true}
	if len(opt) > 0 {
		o = opt[0]
	}
	d := start(t, o)
	den := d.Guild("den")
	r := play(t, d)
	w, _ := login(t, d, IntentGuilds, "")
	return d, den, r, w
}

func callback(ix *Interaction) string {
	return "/interactions/" + ix.ID().String() + "/" + ix.Token() + "/callback"
}

func hook(d *Discord, ix *Interaction) string {
	return "/webhooks/" + d.Application().String() + "/" + ix.Token()
}

func TestInteractionCarriesWhatDiscordSends(t *testing.T) {
	d, den, _, w := answering(t)
	den.Speaks("fr")
	alice := den.Member("alice").Speaks("de")
	bob := den.Member("bob")
	song := d.Attach("song.mp3", []byte("ID3"))
	ix := alice.Types("/play", "query", "a tune", "file", song, "volume", 120, "for", bob, "next", true)
	p := w.until(0, "INTERACTION_CREATE").obj(t)
	a := answer{obj: p}
	for path, want := range map[string]any{
		"id": ix.ID().String(), "token": ix.Token(), "application_id": d.Application().String(), "type": 2.0, "version": 1.0,
		"locale": "de", "guild_locale": "fr", "context": 0.0, "channel_id": den.Text("general").ID().String(), "attachment_size_limit": float64(20 << 20),
	} {
		if a.at(path) != want {
			t.Errorf("%s: got %v, want %v", path, a.at(path), want)
		}
	}
	if a.at("member", "user", "id") != alice.ID().String() || a.at("member", "permissions") == nil || a.at("user") != nil {
		t.Errorf("got member %v", a.at("member"))
	}
	if a.at("app_permissions") != (everyonePermissions | InvitePermissions).String() {
		t.Errorf("got app_permissions %v", a.at("app_permissions"))
	}
	want := `[map[name:query type:3 value:a tune] map[name:file type:11 value:` + song.ID.String() + `] map[name:volume type:4 value:120] map[name:for type:6 value:` + bob.ID().String() + `] map[name:next type:5 value:true]]`
	if got := fmt.Sprint(a.at("data", "options")); got != want {
		t.Errorf("got options %s, want %s", got, want)
	}
	if a.at("data", "resolved", "attachments", song.ID.String(), "url") != song.URL || a.at("data", "resolved", "attachments", song.ID.String(), "content_type") != "audio/mpeg" {
		t.Errorf("got attachments %v", a.at("data", "resolved", "attachments"))
	}
	if a.at("data", "resolved", "users", bob.ID().String(), "username") != "bob" || a.at("data", "resolved", "members", bob.ID().String(), "permissions") == nil {
		t.Errorf("got resolved %v", a.at("data", "resolved"))
	}
	d.Passes(time.Minute)
	taken(t, d, "/play was not answered")
}

func TestAnswerAtOnce(t *testing.T) {
	d, den, r, _ := answering(t)
	alice := den.Member("alice")
	ix := alice.Types("/play", "query", "x")
	a := r.ok("POST", callback(ix)+"?with_response=true", obj{"type": 4, "data": obj{"content": "hello", "flags": flagEphemeral}})
	if a.status != 200 || a.at("resource", "message", "content") != "hello" || a.at("interaction", "response_message_ephemeral") != true {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	reply, err := ix.Reply(soon(t))
	if err != nil || reply.Content != "hello" || !reply.Ephemeral || reply.Deferred || reply.Ack <= 0 {
		t.Fatalf("got %+v, %v", reply, err)
	}
	if took, ok := ix.Acked(); !ok || took != reply.Ack {
		t.Fatalf("got %v, %v", took, ok)
	}
	r.refused("POST", callback(ix), obj{"type": 4, "data": obj{"content": "again"}}, 400, 40060)
	taken(t, d, "40060")
	if len(den.Text("general").Messages()) != 0 {
		t.Fatal("an ephemeral answer is in the channel")
	}
	r.refused("GET", "/channels/"+den.Text("general").ID().String()+"/messages/"+reply.ID.String(), nil, 404, 10008)
}

func TestThreeSecondRule(t *testing.T) {
	d, den, r, _ := answering(t)
	ix := den.Member("alice").Types("/play", "query", "x")
	d.Passes(3001 * time.Millisecond)
	r.refused("POST", callback(ix), obj{"type": 5}, 404, 10062)
	r.refused("POST", hook(d, ix), obj{"content": "x"}, 404, 10015)
	if _, err := ix.TryReply(soon(t)); !errors.Is(err, ErrNoResponse) {
		t.Fatalf("got %v", err)
	}
	taken(t, d, "not answered within 3 s", "10062")
	r.refused("POST", "/interactions/5/nonsense/callback", obj{"type": 5}, 404, 10062)
	taken(t, d, "10062")
}

func TestNobodyBlamesABotThatIsOffline(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	play(t, d)
	ix := d.Guild("den").Member("alice").Types("/play")
	d.Passes(4 * time.Second)
	if _, err := ix.TryReply(soon(t)); !errors.Is(err, ErrNoResponse) {
		t.Fatalf("got %v", err)
	}
	taken(t, d)
}

func TestReplyWaitsForTheClock(t *testing.T) {
	d, den, _, _ := answering(t)
	ix := den.Member("alice").Types("/play", "query", "x")
	got := make(chan error, 1)
	go func() {
		_, err := ix.TryReply(soon(t))
		got <- err
	}()
	d.Passes(2900 * time.Millisecond) // the rest passes by itself
	if err := <-got; !errors.Is(err, ErrNoResponse) {
		t.Fatalf("got %v", err)
	}
	taken(t, d, "3 s")
}

func TestDeferThenEdit(t *testing.T) {
	d, den, r, _ := answering(t)
	alice := den.Member("alice")
	ix := alice.Types("/play", "query", "x")
	r.refused("PATCH", hook(d, ix)+"/messages/@original", obj{"content": "early"}, 404, 10015)
	r.ok("POST", callback(ix), obj{"type": 5, "data": obj{"flags": flagEphemeral}})
	if a := r.ok("GET", hook(d, ix)+"/messages/@original", nil); a.at("flags") != float64(flagEphemeral|flagLoading) {
		t.Fatalf("got %s", a.raw)
	}
	d.Passes(10 * time.Minute)
	if a := r.ok("PATCH", hook(d, ix)+"/messages/%40original", obj{"content": "done"}); a.at("content") != "done" || a.at("flags") != float64(flagEphemeral) {
		t.Fatalf("got %s", a.raw)
	}
	reply, err := ix.Reply(soon(t))
	if err != nil || reply.Content != "done" || !reply.Deferred || !reply.Ephemeral || reply.Took < 10*time.Minute || reply.Ack > time.Minute {
		t.Fatalf("got %+v, %v", reply, err)
	}
	r.ok("DELETE", hook(d, ix)+"/messages/@original", nil)
	r.refused("GET", hook(d, ix)+"/messages/@original", nil, 404, 10008)
	if reply, err := ix.Reply(soon(t)); err != nil || !reply.Deleted {
		t.Fatalf("got %+v, %v", reply, err)
	}
	d.Passes(5 * time.Minute)
	r.refused("POST", hook(d, ix), obj{"content": "late"}, 401, 50027)
	r.refused("POST", "/webhooks/5/"+ix.Token(), obj{"content": "x"}, 404, 10015)
}

func TestDeferNeverFollowedUp(t *testing.T) {
	d, den, r, _ := answering(t)
	ix := den.Member("alice").Types("/play", "query", "x")
	r.ok("POST", callback(ix), obj{"type": 5})
	d.Passes(15*time.Minute + time.Second)
	if _, err := ix.TryReply(soon(t)); !errors.Is(err, ErrUnfinished) {
		t.Fatalf("got %v", err)
	}
}

func TestFirstFollowupAfterDeferIsTheAnswer(t *testing.T) {
	d, den, r, _ := answering(t)
	ix := den.Member("alice").Types("/play", "query", "x")
	r.ok("POST", callback(ix), obj{"type": 5, "data": obj{"flags": flagEphemeral}})
	original := r.ok("GET", hook(d, ix)+"/messages/@original", nil).at("id")
	a := r.ok("POST", hook(d, ix), obj{"content": "the answer"})
	if a.at("id") != original || a.at("flags") != float64(flagEphemeral) {
		t.Fatalf("the follow-up is no edit, or not ephemeral any more: %s", a.raw)
	}
	b := r.ok("POST", hook(d, ix), obj{"content": "more"})
	if b.at("id") == original || len(ix.Followups()) != 1 || ix.Followups()[0].Ephemeral {
		t.Fatalf("got %s, %+v", b.raw, ix.Followups())
	}
	id := b.at("id").(string)
	r.ok("GET", hook(d, ix)+"/messages/"+id, nil)
	r.ok("PATCH", hook(d, ix)+"/messages/"+id, obj{"content": "changed"})
	r.ok("DELETE", hook(d, ix)+"/messages/"+id, nil)
	d.Passes(10 * time.Second)
	r.refused("PATCH", hook(d, ix)+"/messages/"+id, obj{"content": "x"}, 404, 10008)
	other := den.Text("general").Messages()
	if len(other) != 0 {
		t.Fatalf("got %+v", other)
	}
}

func TestCallbacksMustFit(t *testing.T) {
	d, den, r, _ := answering(t)
	alice := den.Member("alice")
	ix := alice.Types("/play", "query", "x")
	bad := []struct {
		body any
		code int
	}{
		{obj{}, 50035},
		{obj{"type": 1}, 50035},
		{obj{"type": 6}, 50035},
		{obj{"type": 7, "data": obj{"content": "x"}}, 50035},
		{obj{"type": 8, "data": obj{"choices": []obj{}}}, 50035},
		{obj{"type": 4}, 50006},
		{obj{"type": 4, "data": obj{"content": ""}}, 50006},
		{obj{"type": 4, "data": obj{"content": x(2001)}}, 50035},
		{obj{"type": 4, "data": 5}, 50035},
		{obj{"type": 5, "data": obj{"flags": flagV2}}, 50035},
		{obj{"type": 9, "data": obj{"title": "t"}}, 50035},
		{[]int{1}, 50035},
	}
	for _, tt := range bad {
		r.refused("POST", callback(ix), tt.body, 400, tt.code)
	}
	if v := d.TakeViolations(); len(v) != len(bad) {
		t.Fatalf("got %q", v)
	}
	a := r.do("POST", callback(ix), obj{"type": 4, "data": obj{"content": x(2001)}})
	if a.at("errors", "data", "content", "_errors", 0, "code") != "BASE_TYPE_MAX_LENGTH" {
		t.Fatalf("got %s", a.raw)
	}
	r.ok("POST", callback(ix), obj{"type": 5, "data": obj{"content": "ignored"}})
	taken(t, d, "MAX_LENGTH", "ignores data.content")
	if a := r.upload("PATCH", hook(d, ix)+"/messages/@original", obj{"content": "with a file"}, "a.txt"); a.status != 200 || a.at("attachments", 0, "filename") != "a.txt" {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
}

func TestButtonsSelectsAndForms(t *testing.T) {
	d, den, r, w := answering(t)
	alice, bob := den.Member("alice"), den.Member("bob")
	ix := alice.Types("/play", "query", "x")
	r.ok("POST", callback(ix), obj{"type": 4, "data": obj{"content": "pick", "components": []obj{
		row(button("go"), with(button("off"), "disabled", true), obj{"type": 2, "style": 5, "label": "l", "url": "https://a.b"}),
		row(sel("max_values", 2)), row(obj{"type": 5, "custom_id": "who"}),
	}}})
	click := bob.Clicks(ix, "go")
	w.until(0, "INTERACTION_CREATE")
	p := answer{obj: w.until(0, "INTERACTION_CREATE").obj(t)}
	if p.at("type") != 3.0 || p.at("data", "custom_id") != "go" || p.at("data", "component_type") != 2.0 || p.at("message", "content") != "pick" || p.at("member", "user", "username") != "bob" {
		t.Fatalf("got %v", p.obj)
	}
	r.ok("POST", callback(click), obj{"type": 6})
	r.ok("PATCH", hook(d, click)+"/messages/@original", obj{"content": "clicked"})
	reply, err := click.Reply(soon(t))
	if err != nil || reply.Content != "clicked" || !reply.Deferred || reply.Component("s") == nil {
		t.Fatalf("got %+v, %v", reply, err)
	}
	picks := bob.Picks(reply, "s", "A", "b")
	if p := (answer{obj: w.until(0, "INTERACTION_CREATE").obj(t)}); fmt.Sprint(p.at("data", "values")) != "[a b]" {
		t.Fatalf("got %v", p.at("data"))
	}
	r.ok("POST", callback(picks), obj{"type": 7, "data": obj{"content": "picked"}})
	if m, err := picks.Reply(soon(t)); err != nil || m.Content != "picked" || m.ID != reply.ID {
		t.Fatalf("got %+v, %v", m, err)
	}
	whom := bob.PicksSomeone(ix, "who", alice)
	if p := (answer{obj: w.until(0, "INTERACTION_CREATE").obj(t)}); p.at("data", "resolved", "users", alice.ID().String()) == nil {
		t.Fatalf("got %v", p.at("data"))
	}
	r.ok("POST", callback(whom), obj{"type": 9, "data": obj{"custom_id": "form", "title": "Form", "components": []obj{
		row(obj{"type": 4, "custom_id": "name", "style": 1, "label": "Name", "value": "old", "max_length": 5}),
		{"type": 18, "label": "L", "component": obj{"type": 4, "custom_id": "more", "style": 2, "required": false}},
	}}})
	shown, err := whom.Reply(soon(t))
	if err != nil || shown.Modal == nil || shown.Modal.Title != "Form" {
		t.Fatalf("got %+v, %v", shown, err)
	}
	if _, err := bob.TrySubmit(shown.Modal, map[string]string{"name": "too long"}); err == nil {
		t.Fatal("a text too long was sent")
	}
	if _, err := bob.TrySubmit(shown.Modal, map[string]string{"nome": "x"}); err == nil {
		t.Fatal("a field that is not there was filled in")
	}
	if _, err := alice.TrySubmit(shown.Modal, nil); err == nil {
		t.Fatal("another's form was sent")
	}
	sent := bob.Submits(shown.Modal, map[string]string{"more": "words"})
	p = answer{obj: w.until(0, "INTERACTION_CREATE").obj(t)}
	if p.at("type") != 5.0 || p.at("data", "components", 0, "components", 0, "value") != "old" || p.at("data", "components", 1, "component", "value") != "words" {
		t.Fatalf("got %v", p.at("data"))
	}
	r.refused("POST", callback(sent), obj{"type": 9, "data": obj{}}, 400, 50035)
	r.ok("POST", callback(sent), obj{"type": 4, "data": obj{"content": "thanks"}})
	taken(t, d, "type")
	if m, err := sent.Reply(soon(t)); err != nil || m.Content != "thanks" {
		t.Fatalf("got %+v, %v", m, err)
	}
	for _, id := range []string{"off", "s", "nothing"} {
		if _, err := alice.TryClick(ix, id); err == nil {
			t.Errorf("%q was clicked", id)
		}
	}
	for _, values := range [][]string{{"c"}, {"a", "a"}, {}, {"a", "b", "c"}} {
		if _, err := alice.TryPick(ix, "s", values...); err == nil {
			t.Errorf("%q was picked", values)
		}
	}
	if _, err := alice.TryPick(ix, "go", "a"); err == nil {
		t.Error("a button was picked from")
	}
	says := alice.Says("not a bot's")
	if _, err := alice.TryClick(says, "go"); err == nil {
		t.Error("a person's message was clicked")
	}
}

func TestEphemeralMessagesAreForOne(t *testing.T) {
	_, den, r, _ := answering(t)
	alice := den.Member("alice")
	ix := alice.Types("/play", "query", "x")
	r.ok("POST", callback(ix), obj{"type": 4, "data": obj{"content": "you", "flags": flagEphemeral, "components": []obj{row(button("go"))}}})
	if _, err := den.Member("bob").TryClick(ix, "go"); err == nil {
		t.Fatal("bob clicked what only alice sees")
	}
	click := alice.Clicks(ix, "go")
	r.ok("POST", callback(click), obj{"type": 7, "data": obj{"content": "clicked", "components": []obj{}}})
	if m, err := click.Reply(soon(t)); err != nil || !m.Ephemeral || m.Content != "clicked" {
		t.Fatalf("got %+v, %v", m, err)
	}
}
