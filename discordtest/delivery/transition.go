package delivery

import (
	"fmt"
	"maps"
	"slices"
)

// A Transition is a change of keys or version under way: everybody says when
// they are ready, then it is executed.
type Transition struct {
	ID      uint16
	Version uint16
	targets []uint64
	waiting map[uint64]bool
	done    bool
}

// Missing lists the users who have not said that they are ready.
func (t *Transition) Missing() []uint64 { return slices.Sorted(maps.Keys(t.waiting)) }

func (g *Group) newID() uint16 {
	id := g.next
	if g.next++; g.next == 0 {
		g.next = 1 // 0 means at once
	}
	return id
}

func (g *Group) begin(id, version uint16, targets []uint64) {
	t := &Transition{ID: id, Version: version, targets: targets, waiting: map[uint64]bool{}}
	if id == 0 {
		g.settle(t)
		return
	}
	for _, u := range targets {
		t.waiting[u] = true
	}
	g.transitions[id] = t
}

// Pending lists the transitions under way, oldest ids first. Execute each when
// nobody is missing, or when patience ends.
func (g *Group) Pending() []*Transition {
	var ts []*Transition
	for _, id := range slices.Sorted(maps.Keys(g.transitions)) {
		if t := g.transitions[id]; !t.done {
			ts = append(ts, t)
		}
	}
	return ts
}

// Ready takes in opcode 23.
func (g *Group) Ready(from uint64, id uint16) error {
	if id == 0 {
		return fmt.Errorf("ready for transition 0, which nobody waits for")
	}
	t := g.transitions[id]
	if t == nil {
		return fmt.Errorf("ready for transition %d, which was never begun", id)
	}
	if t.done {
		return fmt.Errorf("ready for transition %d: %w", id, ErrLate)
	}
	delete(t.waiting, from)
	return nil
}

// Execute ends a transition: everybody concerned is told to switch.
func (g *Group) Execute(id uint16) {
	t := g.transitions[id]
	if t == nil || t.done {
		return
	}
	t.done = true
	for _, u := range t.targets {
		if g.users[u] != nil {
			g.tell(u, OpExecuteTransition, map[string]any{"transition_id": id})
		}
	}
	g.settle(t)
	held := g.waiting
	g.waiting = nil
	for _, f := range held {
		g.later(f)
	}
}

// settle records what a transition that is over means for what may be sent.
func (g *Group) settle(t *Transition) {
	if t.Version == 0 {
		g.version = 0
		g.reset()
		return
	}
	for _, id := range t.targets {
		if u := g.users[id]; u != nil && g.version > 0 {
			u.sealed = true
		}
	}
}
