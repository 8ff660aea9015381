package delivery_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"segue/discordtest/delivery"
)

func TestCommitsAreJudged(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(ann)
	c.join(ben)
	c.lag = true
	c.join(cleo)
	k := c.kept[0]
	other := uint64(ann + ben - int(k.from))
	parsed, welcome, err := delivery.ParseCommit(k.body)
	if err != nil {
		t.Fatal(err)
	}
	change := func(find, replace []byte) []byte {
		if !bytes.Contains(k.body, find) {
			t.Fatal("nothing to change")
		}
		return bytes.Replace(k.body, find, replace, 1)
	}
	for _, test := range []struct {
		name string
		from uint64
		body []byte
		says string
	}{
		{"another's leaf", other, k.body, "sender is leaf"},
		{"another group", k.from, change(groupID, binary.BigEndian.AppendUint64(nil, 1)), "for group"},
		{"another proposal", k.from, change(parsed.Refs[0], make([]byte, 32)), "never made"},
		{"no welcome", k.from, parsed.Raw, "welcome"},
		{"half a welcome", k.from, k.body[:len(k.body)-1], "welcome"},
		{"welcome for somebody else", k.from, change(delivery.KeyPackageRef(c.clients[cleo].last), make([]byte, 32)), "no secret for user 33"},
		{"trailing bytes", k.from, append(bytes.Clone(k.body), 1), "follow the structure"},
		{"nothing", k.from, nil, "wire format"},
		{"from outside", 99, k.body, "user 99 is not here"},
	} {
		err := c.group.Commit(test.from, test.body)
		if err == nil || !strings.Contains(err.Error(), test.says) || errors.Is(err, delivery.ErrLate) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if len(welcome) == 0 || c.group.Epoch() != 1 {
		t.Fatal("a bad commit moved the group")
	}
	c.lag = false
	c.commitKept()
	if err := c.group.Commit(k.from, k.body); !errors.Is(err, delivery.ErrLate) {
		t.Errorf("the same commit again: %v", err)
	}
	c.allHear()
}

func TestRemovesNeedAPath(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(ann)
	c.join(ben)
	c.join(cleo)
	c.lag = true
	c.leave(ben)
	k := c.kept[0]
	parsed, rest, err := delivery.ParseCommit(k.body)
	if err != nil || !parsed.HasPath || len(rest) != 0 || len(parsed.Refs) != 1 {
		t.Fatalf("%+v, %d bytes follow, %v", parsed, len(rest), err)
	}
	// a path whose leaf is not signed as it stands
	spoiled := bytes.Clone(k.body)
	identity := binary.BigEndian.AppendUint64(nil, k.from)
	at := bytes.Index(spoiled, identity)
	for _, test := range []struct {
		name string
		at   int
		says string
	}{
		{"credential", at + 7, "changes the credential"},
		{"signature key", at - 20, "changes the signature key"},
		{"capabilities", at + 10, "path leaf"},
	} {
		b := bytes.Clone(spoiled)
		b[test.at] ^= 1
		if err := c.group.Commit(k.from, b); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := c.group.Commit(k.from, append(bytes.Clone(k.body), 0)); err == nil || !strings.Contains(err.Error(), "nobody is added") {
		t.Errorf("a welcome for nobody: %v", err)
	}
	c.lag = false
	c.commitKept()
	c.allHear()
}
