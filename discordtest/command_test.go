package discordtest

import (
	"fmt"
	"testing"
	"time"
)

func TestCommandsAreKeptPerScope(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	den := d.Guild("den")
	r := restOf(t, d)
	global := "/applications/" + d.Application().String() + "/commands"
	local := "/applications/" + d.Application().String() + "/guilds/" + den.ID().String() + "/commands"
	cmd := obj{"name": "play", "description": "d", "name_localizations": obj{"de": "spielen"}, "options": []obj{opt(3, "query", "required", true, "choices", []obj{{"name": "A", "value": "a"}})}}
	a := r.do("POST", global, cmd)
	if a.status != 201 || a.at("name_localizations", "de") != "spielen" || a.at("options", 0, "required") != true {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	id := a.at("id").(string)
	if b := r.do("POST", global, cmd); b.status != 200 || b.at("id") != id || b.at("version") != a.at("version") {
		t.Fatalf("the same command again: got %d %s", b.status, b.raw)
	}
	if b := r.do("POST", global, with(cmd, "description", "other")); b.status != 200 || b.at("id") != id || b.at("version") == a.at("version") {
		t.Fatalf("a changed command: got %d %s", b.status, b.raw)
	}
	if l := r.ok("GET", global, nil); l.at(0, "name") != "play" || l.at(0, "name_localizations") != nil || l.at(0, "name_localized") != nil {
		t.Fatalf("got %s", l.raw)
	}
	if l := r.ok("GET", global+"?with_localizations=true", nil); l.at(0, "name_localizations", "de") != "spielen" {
		t.Fatalf("got %s", l.raw)
	}
	if c := r.ok("GET", global+"/"+id, nil); c.at("id") != id {
		t.Fatalf("got %s", c.raw)
	}
	if c := r.ok("PATCH", global+"/"+id, obj{"name": "playing"}); c.at("name") != "playing" || c.at("description") != "other" {
		t.Fatalf("got %s", c.raw)
	}
	r.ok("POST", local, with(cmd, "name", "here"))
	r.ok("POST", local, obj{"name": "Play this", "type": 3})
	if l := r.ok("GET", local, nil); l.at(0, "guild_id") != den.ID().String() || l.at(1, "name") != "Play this" || l.at(1, "description") != "" {
		t.Fatalf("got %s", l.raw)
	}
	if err := d.Bot().WaitCommands(soon(t), "playing", "here"); err != nil {
		t.Fatal(err)
	}
	if c := d.Bot().Commands(); len(c) != 3 || c[0].Name != "playing" || c[0].Guild != 0 || c[2].Guild != den.ID() {
		t.Fatalf("got %+v", c)
	}
	l := r.ok("PUT", global, []obj{with(cmd, "name", "stop"), with(cmd, "name", "playing")})
	if l.at(1, "id") != id || l.at(0, "id") == id {
		t.Fatalf("a bulk overwrite loses ids: %s", l.raw)
	}
	r.refused("PATCH", global+"/"+id, obj{"name": "stop"}, 400, 50035)
	r.refused("PUT", global, []obj{cmd, cmd}, 400, 50035)
	r.refused("PUT", global, cmd, 400, 50035)
	r.refused("PUT", global, []any{5}, 400, 50035)
	taken(t, d, "unique", "unique", "iterables", "dictionaries")
	r.ok("DELETE", global+"/"+id, nil)
	r.refused("GET", global+"/"+id, nil, 404, 10063)
	r.ok("GET", local+"/permissions", nil)
	r.refused("POST", local, obj{"name": "ctx", "description": "d", "contexts": []int{0}}, 400, 50035)
	r.refused("GET", "/applications/"+d.Application().String()+"/guilds/5/commands", nil, 404, 10004)
	taken(t, d, "global commands")
}

func TestCommandCounts(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	r := restOf(t, d)
	path := "/applications/" + d.Application().String() + "/commands"
	slash := func(i int) obj { return obj{"name": fmt.Sprint("c", i), "description": "d"} }
	r.ok("PUT", path, many(100, slash))
	r.refused("POST", path, slash(100), 400, 30032)
	r.refused("PUT", path, many(16, func(i int) obj { return obj{"name": fmt.Sprint("m", i), "type": 3} }), 400, 30032)
	r.ok("PUT", path, []obj{})
	r.ok("PUT", path, many(100, slash))
	r.ok("PUT", path, []obj{})
	r.refused("POST", path, slash(1), 400, 30034)
	taken(t, d, "30032", "30032", "30034")
	d.Passes(24 * time.Hour)
	r.ok("POST", path, slash(1))
}
