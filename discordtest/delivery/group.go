package delivery

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// ErrLate marks what a client may send in good faith because it crossed
// something of ours on the way: it is dropped without a word.
var ErrLate = errors.New("overtaken")

// A Policy is what the paper leaves to the service, and clients must bear
// either way.
type Policy struct {
	Plain          bool // no end-to-end encryption at all, as in stage channels
	ZeroFirst      bool // the commit that makes a group gets transition 0
	Serialize      bool // proposals wait while a transition is under way
	Batch          bool // proposals wait for Flush
	RepeatExternal bool // send the external sender again whenever a group starts anew
}

// A Message is for one client. Body is its binary body (opcodes 25, 27, 29,
// 30) and is shared with nobody; else JSON is its data.
type Message struct {
	To   uint64
	Op   int
	Body []byte
	JSON map[string]any
}

// A Group is the delivery service's view of one voice channel: who is in it,
// what was proposed, which epoch it is in. Events go in through its methods,
// messages come out of Take in the order they must be sent in. It has no clock,
// no socket and no lock: one goroutine at a time may use it.
type Group struct {
	policy   Policy
	id       []byte
	external *ExternalSender
	out      []Message

	users       map[uint64]*user
	version     uint16 // what DAVE members were told
	established bool
	epoch       uint64
	leaves      []uint64 // user by leaf, 0 where blank
	proposals   []proposal
	unsent      []proposal // those of proposals that wait for Flush
	revoked     map[string]bool
	waiting     []func() // held back by Policy.Serialize

	transitions map[uint16]*Transition
	next        uint16
}

type user struct {
	max     uint16 // protocol version
	told    bool   // has the external sender
	sealed  bool   // from here on nothing may come from it in the clear
	pending *KeyPackage
	current *KeyPackage // with which it is in the group
}

type proposal struct {
	Proposal
	user       uint64
	keyPackage *KeyPackage // of an add
	leaf       uint32      // of a remove
}

func (p *proposal) adds() bool { return p.keyPackage != nil }

// NewGroup makes the group of a voice channel, empty.
func NewGroup(channel uint64, external *ExternalSender, p Policy) *Group {
	g := &Group{
		policy: p, id: binary.BigEndian.AppendUint64(nil, channel), external: external,
		users: map[uint64]*user{}, transitions: map[uint16]*Transition{}, next: 1,
	}
	g.version = g.wanted()
	g.reset()
	return g
}

// Take returns the messages due since it was last called.
func (g *Group) Take() []Message {
	out := g.out
	g.out = nil
	return out
}

// Epoch is the MLS epoch; 0 while there is no group.
func (g *Group) Epoch() uint64 { return g.epoch }

// Established says whether a group exists.
func (g *Group) Established() bool { return g.established }

// Version is the protocol version the channel is in: 1 with DAVE, else 0.
func (g *Group) Version() uint16 { return g.version }

// Leaves lists the members by leaf, 0 where a leaf is blank.
func (g *Group) Leaves() []uint64 { return slices.Clone(g.leaves) }

// Proposals is how many proposals wait for a commit.
func (g *Group) Proposals() int { return len(g.proposals) }

// MustSeal says whether what a user sends has to be end-to-end encrypted.
func (g *Group) MustSeal(id uint64) bool {
	u := g.users[id]
	return u != nil && u.sealed
}

// MayHear says whether a user can take frames that are end-to-end encrypted.
func (g *Group) MayHear(id uint64) bool {
	u := g.users[id]
	return u != nil && u.max > 0
}

// NextTransition makes id the next transition's.
func (g *Group) NextTransition(id uint16) { g.next = max(id, 1) }

// wanted is the best version that everybody here speaks.
func (g *Group) wanted() uint16 {
	if g.policy.Plain {
		return 0
	}
	for _, u := range g.users {
		if u.max == 0 {
			return 0
		}
	}
	return 1
}

func (g *Group) send(to uint64, op int, body []byte) {
	g.out = append(g.out, Message{To: to, Op: op, Body: slices.Clone(body)})
}

func (g *Group) tell(to uint64, op int, data map[string]any) {
	g.out = append(g.out, Message{To: to, Op: op, JSON: data})
}

// able lists those who speak DAVE, in order of their ids.
func (g *Group) able() []uint64 {
	var ids []uint64
	for _, id := range slices.Sorted(maps.Keys(g.users)) {
		if g.users[id].max > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (g *Group) leafOf(id uint64) int {
	if id == 0 {
		return -1
	}
	return slices.Index(g.leaves, id)
}

// reset forgets the MLS group; the users stay.
func (g *Group) reset() {
	g.established, g.epoch, g.leaves = false, 0, nil
	g.proposals, g.unsent, g.waiting = nil, nil, nil
	g.revoked = map[string]bool{}
	for _, u := range g.users {
		u.pending, u.current = nil, nil
	}
}

// Join takes in a user who speaks DAVE up to version highest and returns the
// version to tell it in its session description. Send that before what Take
// returns for this user.
func (g *Group) Join(id uint64, highest uint16) (version uint16) {
	able := g.able()
	g.users[id] = &user{max: min(highest, 1)}
	switch want := g.wanted(); {
	case len(able) == 0:
		g.version = want
	case want == 0 && g.version > 0:
		g.downgrade(able)
	}
	if highest == 0 || g.version == 0 || g.wanted() == 0 {
		return 0
	}
	g.users[id].sealed = true
	return g.version
}

// External sends a user the external sender. It is part of joining where the
// version is not 0.
func (g *Group) External(id uint64) { g.introduce(id, true) }

func (g *Group) introduce(id uint64, again bool) {
	if u := g.users[id]; u != nil && (again || !u.told) {
		u.told = true
		g.send(id, OpExternalSender, g.external.Package())
	}
}

// Leave says that a user is gone for good.
func (g *Group) Leave(id uint64) {
	if g.users[id] == nil {
		return
	}
	delete(g.users, id)
	for _, t := range g.transitions {
		delete(t.waiting, id)
	}
	if i := g.findAdd(id); i >= 0 {
		g.revoke(i)
	}
	able := g.able()
	switch {
	case len(g.users) == 0:
		g.reset()
		clear(g.transitions)
		g.version = g.wanted()
	case g.version == 0 && g.wanted() > 0 && len(able) > 0:
		g.Upgrade()
	case g.established && g.version > 0 && (len(able) == 1 || !slices.ContainsFunc(able, g.inside)):
		g.ResetSole()
	case g.established:
		g.later(func() { g.remove(id) })
	}
}

// inside says whether a user is in the group, not just waiting to be added.
func (g *Group) inside(id uint64) bool { return slices.Contains(g.leaves, id) }

// Downgrade takes everybody to version 0, as when somebody joins without DAVE.
func (g *Group) Downgrade() { g.downgrade(g.able()) }

func (g *Group) downgrade(ids []uint64) {
	id := g.newID()
	for _, to := range ids {
		g.users[to].sealed = false
		g.tell(to, OpPrepareTransition, map[string]any{"protocol_version": 0, "transition_id": id})
	}
	g.begin(id, 0, ids)
}

// Upgrade takes everybody to DAVE with a new group.
func (g *Group) Upgrade() {
	g.version = 1
	g.reset()
	g.startAnew()
}

// ResetSole starts a new group for whoever is alone, who has nobody to agree
// a new epoch with; or for those who wait to be added when all have left who
// could add them.
func (g *Group) ResetSole() {
	g.reset()
	g.startAnew()
	for _, id := range g.able() {
		g.tell(id, OpPrepareTransition, map[string]any{"protocol_version": 1, "transition_id": 0})
		g.users[id].sealed = true
	}
}

func (g *Group) startAnew() {
	for _, id := range g.able() {
		g.tell(id, OpPrepareEpoch, map[string]any{"protocol_version": 1, "epoch": 1})
		g.introduce(id, g.policy.RepeatExternal)
	}
}
