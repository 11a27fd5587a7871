package ledger

import (
	"encoding/json"
	"fmt"
	"time"
)

// What a heartbeat is kept as: a log record of the tenant, under a service of its own. It is trace-severe, for people who look at everything.
const (
	KeptService           = "clew.agent"
	KeptInstanceAttribute = "clew.agent.instance"
	KeptAttribute         = "clew.agent.heartbeat" // kept, as JSON
)

// kept is what the book is made again from.
type kept struct {
	Heartbeat *Heartbeat          `json:"heartbeat"`
	Received  time.Time           `json:"received"`
	Ahead     float64             `json:"aheadSeconds"`
	Numbers   map[string]*numbers `json:"numbers,omitempty"`
	Losses    []Loss              `json:"losses,omitempty"`
}

// Kept gives what a log record keeps of an agent: a line for people, and what [Book.Restore] reads.
func (b *Book) Kept(tenant, instance string, now time.Time) (line, data string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := agentKey{tenant, instance}
	a := b.agents[key]
	if a == nil || a.heartbeat == nil {
		return "", "", fmt.Errorf("agent %s: no heartbeat is known", instance)
	}
	out, err := json.Marshal(kept{a.heartbeat, a.received.UTC(), a.ahead.Seconds(), a.lanes, a.losses})
	if err != nil {
		return "", "", fmt.Errorf("agent %s: %w", instance, err)
	}
	var c Counts
	for i := range a.heartbeat.Sources {
		s := &a.heartbeat.Sources[i]
		c.Read += s.Read
		c.Stored += s.Acked
		addAll(&c.Refused, s.Refused)
		addAll(&c.Dropped, s.Dropped)
	}
	line = fmt.Sprintf("agent on %s is well: %d records read, %d acknowledged, %d refused, %d dropped", a.name(key), c.Read, c.Stored, Sum(c.Refused), Sum(c.Dropped))
	return line, string(out), nil
}

// NotKept says that what Kept gave could not be stored: the next heartbeat is to be.
func (b *Book) NotKept(tenant, instance string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.agents[agentKey{tenant, instance}]; a != nil {
		a.changed = true
	}
}

// Restore takes an agent's account back from what was kept of it, once after the start. What it has sent since then goes on from there. A book that is shared takes it again and
// again: it is how it hears of agents whose collector does not tell.
func (b *Book) Restore(tenant, data string) error {
	var k kept
	if err := json.Unmarshal([]byte(data), &k); err != nil {
		return fmt.Errorf("restore a heartbeat: %w", err)
	}
	if k.Heartbeat == nil || !validInstance(k.Heartbeat.Instance) {
		return fmt.Errorf("restore a heartbeat: it is of no agent")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shared != nil {
		t := toldAgent{Tenant: tenant, Instance: k.Heartbeat.Instance, Heard: k.Received, kept: k}
		if err := t.check(); err != nil {
			return fmt.Errorf("restore a heartbeat: %w", err)
		}
		b.takeLocked(&t, "", func(at time.Time) time.Time { return at }, k.Received)
		return nil
	}
	a := b.agentLocked(agentKey{tenant, k.Heartbeat.Instance}, k.Received)
	if a == nil {
		return ErrFull
	}
	if a.restored {
		return nil
	}
	a.restored = true
	if a.heartbeat == nil {
		a.heartbeat, a.received, a.ahead = k.Heartbeat, k.Received, time.Duration(k.Ahead*float64(time.Second))
	}
	if k.Received.After(a.heard) {
		a.heard = k.Received
	}
	a.recall(&k)
	for signal, old := range k.Numbers {
		if old == nil {
			continue
		}
		lane := a.lanes[signal]
		if lane == nil {
			a.lanes[signal] = old
			continue
		}
		// Batches have come since: what was missing before is missing still.
		lane.Holes = append(old.Holes, lane.Holes...)
		lane.First, lane.Forgotten = old.First, old.Forgotten+lane.Forgotten
		lane.shorten(k.Received)
	}
	return nil
}

// recall takes back what was lost before. What was lost before the first heartbeat since the start is told of by that as one: between the kept one and it lies what is not
// in k.Losses.
func (a *agentState) recall(k *kept) {
	since := a.losses
	a.losses = k.Losses
	if a.begun {
		a.noteLosses(k.Heartbeat, a.heartbeat, k.Received, a.received)
		a.begun = false
		return
	}
	for _, l := range since {
		a.addLoss(l)
	}
}
