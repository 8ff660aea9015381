package discordtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAutocomplete(t *testing.T) {
	d, den, r, w := answering(t)
	alice := den.Member("alice")
	type result struct {
		choices []Choice
		err     error
	}
	got := make(chan result, 1)
	ask := func() answer {
		go func() {
			c, err := alice.TryAutocomplete(soon(t), "/play", "volume", 5, "query", "par")
			got <- result{c, err}
		}()
		return answer{obj: w.until(0, "INTERACTION_CREATE").obj(t)}
	}
	path := func(p answer) string {
		return "/interactions/" + p.at("id").(string) + "/" + p.at("token").(string) + "/callback"
	}
	p := ask()
	if p.at("type") != 4.0 || p.at("data", "options", 1, "focused") != true || p.at("data", "options", 0, "focused") != nil {
		t.Fatalf("got %v", p.at("data"))
	}
	r.refused("POST", path(p), obj{"type": 4, "data": obj{"content": "x"}}, 400, 50035)
	r.refused("POST", path(p), obj{"type": 8, "data": obj{"choices": many(26, func(i int) obj { return obj{"name": "n", "value": "v"} })}}, 400, 50035)
	r.refused("POST", path(p), obj{"type": 8, "data": obj{"choices": []obj{{"name": x(101), "value": "v"}}}}, 400, 50035)
	r.refused("POST", path(p), obj{"type": 8, "data": obj{"choices": []obj{{"name": "n", "value": x(101)}}}}, 400, 50035)
	r.refused("POST", path(p), obj{"type": 8, "data": obj{}}, 400, 50035)
	if v := d.TakeViolations(); len(v) != 5 {
		t.Fatalf("got %q", v)
	}
	r.ok("POST", path(p), obj{"type": 8, "data": obj{"choices": []obj{{"name": "Paris", "value": "paris"}}}})
	if g := <-got; g.err != nil || len(g.choices) != 1 || g.choices[0] != (Choice{"Paris", "paris"}) {
		t.Fatalf("got %+v", g)
	}
	ask()
	d.Passes(4 * time.Second)
	if g := <-got; !errors.Is(g.err, ErrNoResponse) {
		t.Fatalf("got %+v", g)
	}
	taken(t, d, "autocomplete of /play")
	if _, err := alice.TryAutocomplete(soon(t), "/play", "volume", 5); err == nil {
		t.Fatal("an option without autocomplete was completed")
	}
}

func TestWhatAClientDoesNotSend(t *testing.T) {
	d := start(t, Options{NoVoice: true, AttachmentLimit: 10})
	den := d.Guild("den")
	r := restOf(t, d)
	r.ok("PUT", "/applications/"+d.Application().String()+"/commands", []obj{
		{"name": "play", "description": "d", "options": []obj{
			opt(3, "query", "required", true, "min_length", 2, "max_length", 5), opt(4, "n", "min_value", 1, "max_value", 3),
			opt(3, "kind", "choices", []obj{{"name": "A", "value": "a"}}), opt(7, "where", "channel_types", []int{2}), opt(11, "file"), opt(8, "role"),
		}},
		{"name": "fx", "description": "d", "options": []obj{opt(2, "preset", "options", []obj{opt(1, "set", "options", []obj{opt(10, "amount")})})}},
		{"name": "admin", "description": "d", "default_member_permissions": "0"},
		{"name": "mod", "description": "d", "default_member_permissions": MuteMembers.String()},
		{"name": "dm", "description": "d", "contexts": []int{1}},
	})
	alice := den.Member("alice")
	good := [][]any{
		{"/play", "query", "four"},
		{"/play", "query", "four", "n", 3, "kind", "a", "where", den.Voice("Lounge"), "file", d.Attach("a", []byte("x"))},
		{"/fx preset set", "amount", 0.5},
	}
	for _, args := range good {
		if _, err := alice.TryType(args[0].(string), args[1:]...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	bad := [][]any{
		{"/nothing"},
		{""},
		{"/play"},
		{"/play", "query"},
		{"/play", "query", "x"},
		{"/play", "query", "sixsix"},
		{"/play", "query", 5},
		{"/play", "query", "four", "query", "four"},
		{"/play", "query", "four", "sound", 1},
		{"/play", "query", "four", "n", 4},
		{"/play", "query", "four", "n", 1.5},
		{"/play", "query", "four", "kind", "b"},
		{"/play", "query", "four", "where", den.Text("general")},
		{"/play", "query", "four", "file", d.Attach("a", make([]byte, 11))},
		{"/play", "query", "four", "role", alice},
		{"/fx"},
		{"/fx preset"},
		{"/fx preset gone"},
		{"/admin"},
		{"/mod"},
		{"/dm"},
	}
	for _, args := range bad {
		if _, err := alice.TryType(args[0].(string), args[1:]...); err == nil {
			t.Errorf("%v was sent", args)
		}
	}
	if _, err := den.Owner().TryType("/admin"); err != nil {
		t.Error(err)
	}
	if _, err := den.Member("mallory").May(MuteMembers).TryType("/mod"); err != nil {
		t.Error(err)
	}
	den.Text("general").Denies(nil, UseApplicationCommands)
	if _, err := alice.TryType("/play", "query", "four"); err == nil {
		t.Error("alice may not use commands there")
	}
	if _, err := alice.At(den.Text("other")).TryType("/play", "query", "four"); err != nil {
		t.Error(err)
	}
	d.Passes(time.Minute)
	for _, v := range d.TakeViolations() {
		if !strings.Contains(v, "not answered") {
			t.Error(v)
		}
	}
}

func TestContextMenu(t *testing.T) {
	d, den, r, w := answering(t)
	r.ok("PUT", "/applications/"+d.Application().String()+"/guilds/"+den.ID().String()+"/commands", []obj{{"name": "Play this", "type": 3}, {"name": "Greet", "type": 2}})
	alice := den.Member("alice")
	m := alice.Says("a link", d.Attach("a.ogg", []byte("OggS")))
	ix := alice.Uses("Play this", m)
	p := answer{obj: w.until(0, "INTERACTION_CREATE").obj(t)}
	if p.at("data", "target_id") != m.ID.String() || p.at("data", "resolved", "messages", m.ID.String(), "content") != "a link" || p.at("data", "guild_id") != den.ID().String() {
		t.Fatalf("got %v", p.at("data"))
	}
	r.ok("POST", callback(ix), obj{"type": 4, "data": obj{"content": "queued"}})
	ix = alice.Uses("Greet", den.Member("bob"))
	r.ok("POST", callback(ix), obj{"type": 4, "data": obj{"content": "hi"}})
	if m, err := ix.Reply(soon(t)); err != nil || m.Content != "hi" {
		t.Fatalf("got %+v, %v", m, err)
	}
	for _, target := range []any{m, 5, Message{}} {
		if _, err := alice.TryUse("Nothing", target); err == nil {
			t.Errorf("a command that is not there was used on %v", target)
		}
	}
}

// failing is a TB that remembers.
type failing struct {
	*testing.T
	fatal, errs []string
	cleanup     []func()
}

func (f *failing) Cleanup(g func())          { f.cleanup = append(f.cleanup, g) }
func (f *failing) Fatalf(s string, a ...any) { f.fatal = append(f.fatal, fmt.Sprintf(s, a...)) }
func (f *failing) Errorf(s string, a ...any) { f.errs = append(f.errs, fmt.Sprintf(s, a...)) }

func TestViolationsAndNonsenseFailTheTest(t *testing.T) {
	f := &failing{T: t}
	d := New(f, Options{NoVoice: true})
	den := d.Guild("den")
	alice := den.Member("alice")
	r := restOf(t, d)
	r.refused("GET", "/nothing", nil, 404, 0)
	if ix := alice.Types("/play"); ix.Err() == nil {
		t.Fatal("a command nobody registered was typed")
	}
	if ix := alice.Clicks(Message{ID: 5}, "x"); ix.Err() == nil {
		t.Fatal("a button that is not there was clicked")
	}
	_ = alice.Joins("Nowhere")
	_ = alice.Moves(d.Bot(), "Nowhere")
	if len(f.fatal) != 4 {
		t.Fatalf("got fatals %q", f.fatal)
	}
	for _, g := range f.cleanup {
		g()
	}
	if len(f.errs) != 1 || !strings.Contains(f.errs[0], "404") {
		t.Fatalf("got errors %q", f.errs)
	}
}

func TestOutsideTestsErrorsComeBack(t *testing.T) {
	d, err := Start(Options{NoVoice: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	alice := d.Guild("den").Member("alice")
	if err := alice.Joins("Nowhere"); err == nil {
		t.Fatal("joined a channel that is not there")
	}
	if _, err := alice.Types("/play").Reply(soon(t)); err == nil {
		t.Fatal("a command nobody registered was answered")
	}
	if _, err := alice.Listener(soon(t)); err == nil {
		t.Fatal("listens without being in voice")
	}
	if len(d.CAPEM()) != 0 {
		t.Fatal("certificates without voice servers")
	}
}
