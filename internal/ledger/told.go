package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
)

// toldForm is the form of a message. What a newer one adds is passed over.
const toldForm = 1

// told is a message: what its sender heard of agents and of services without numbers. Times are by its clock, which need not be that of who hears it.
type told struct {
	Form     int       `json:"form"`
	Life     string    `json:"life"`
	Now      time.Time `json:"now"`
	Started  time.Time `json:"started"`
	Collects bool      `json:"collects,omitempty"`
	// Complete says that it knows what was known before it started; Asks that it wants to be told, Answers whom all has been told.
	Complete bool         `json:"complete,omitempty"`
	Asks     bool         `json:"asks,omitempty"`
	Answers  string       `json:"answers,omitempty"`
	Leaving  bool         `json:"leaving,omitempty"` // its last words
	Agents   []toldAgent  `json:"agents,omitempty"`
	Senders  []toldSender `json:"senders,omitempty"`
}

// toldAgent is an agent as a process knows it. Without a heartbeat that is as it was.
type toldAgent struct {
	Tenant   string    `json:"tenant"`
	Instance string    `json:"instance"`
	Heard    time.Time `json:"heard"`
	Recorded time.Time `json:"recorded"`
	Begun    bool      `json:"begun,omitempty"` // what was before this heartbeat is not known
	kept
}

// toldSender is what one collector received of a service, since its start.
type toldSender struct {
	Tenant string `json:"tenant"`
	SenderAccount
}

// news is what an agent has said that the others have not been told.
type news int

const (
	newsNone news = iota
	newsBatch
	newsHeartbeat
)

var errTold = errors.New("what another process tells of agents cannot be read")

// decodeTold reads a message and holds it to its bounds: it comes from whoever reaches NATS.
func decodeTold(data []byte) (*told, error) {
	if n, err := s2.DecodedLen(data); err != nil || n > toldDecodedMax {
		return nil, errTold
	}
	text, err := s2.Decode(nil, data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTold, err)
	}
	t := &told{}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fmt.Errorf("%w: %w", errTold, err)
	}
	if t.Form < toldForm || t.Life == "" || len(t.Life) > nameBytesMax || t.Now.IsZero() {
		return nil, errTold
	}
	for i := range t.Agents {
		if err := t.Agents[i].check(); err != nil {
			return nil, err
		}
	}
	for i := range t.Senders {
		clean(&t.Senders[i].Service)
		clean(&t.Senders[i].Tenant)
		if t.Senders[i].Refused, err = checkReasons(t.Senders[i].Refused); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (a *toldAgent) check() error {
	if !validInstance(a.Instance) || a.Tenant == "" || len(a.Tenant) > nameBytesMax || len(a.Numbers) > 3 || len(a.Losses) > eventsMax {
		return errTold
	}
	if h := a.Heartbeat; h != nil {
		if h.Instance != a.Instance || len(h.Sources) > sourcesMax {
			return errTold
		}
		if err := h.check(); err != nil {
			return fmt.Errorf("%w: %w", errTold, err)
		}
	}
	for signal, n := range a.Numbers {
		if signal == "" || n == nil || n.Last < n.First || len(n.Holes) > holesYoungMax {
			return errTold
		}
		last := uint64(0)
		for _, h := range n.Holes {
			if h.First <= last || h.Last < h.First || h.Last >= n.Last {
				return errTold
			}
			last = h.Last
		}
	}
	return nil
}

// shift gives a function that makes the teller's times ours. Clocks that are about the same are left alone: what a message takes would be added to all times.
func (t *told) shift(now time.Time) func(time.Time) time.Time {
	apart := now.Sub(t.Now)
	if apart.Abs() < clocksApart {
		apart = 0
	}
	return func(at time.Time) time.Time {
		if at = at.Add(apart); at.After(now) {
			return now
		}
		return at
	}
}

// tell is what the others are told of an agent.
func (a *agentState) tell(k agentKey, whole bool) toldAgent {
	t := toldAgent{Tenant: k.tenant, Instance: k.instance, Heard: a.heard.UTC(), Recorded: a.recorded.UTC(), Begun: a.begun}
	t.Numbers = map[string]*numbers{}
	for signal, n := range a.lanes {
		if n.Last > 0 && n.Last >= n.First { // else it has begun and nothing was answered yet
			t.Numbers[signal] = n
		}
	}
	if whole && a.heartbeat != nil {
		t.Heartbeat, t.Received, t.Ahead, t.Losses = a.heartbeat, a.received.UTC(), a.ahead.Seconds(), a.losses
	}
	return t
}

// takeLocked takes in what another process knows of an agent.
func (b *Book) takeLocked(t *toldAgent, from string, shift func(time.Time) time.Time, now time.Time) {
	key := agentKey{t.Tenant, t.Instance}
	_, known := b.agents[key]
	a := b.agentLocked(key, now)
	if a == nil {
		b.shared.refused.Add(1)
		return
	}
	heard := shift(t.Heard)
	if !known || heard.After(a.heard) {
		a.heard = heard
	}
	if recorded := shift(t.Recorded); recorded.After(a.recorded) {
		a.recorded = recorded
	}
	for signal, n := range t.Numbers {
		b.laneLocked(a, signal).merge(n, from, now)
	}
	if t.Heartbeat == nil {
		return
	}
	k := t.kept
	k.Received = shift(k.Received)
	newer := a.heartbeat == nil || !k.Heartbeat.Time.Equal(a.heartbeat.Time) && k.Received.After(a.received)
	switch {
	case a.heartbeat == nil:
		a.losses, a.begun = k.Losses, t.Begun
	case a.begun && !t.Begun:
		a.recall(&k)
	case newer:
		a.noteLosses(a.heartbeat, k.Heartbeat, a.received, k.Received)
	}
	if newer {
		a.adopt(k.Heartbeat, k.Received, time.Duration(k.Ahead*float64(time.Second)))
	}
}

// outbox makes messages that are not too large.
type outbox struct {
	head     told
	answers  []string // whom all is told; each hears that it was all
	now      told     // the message that is being filled
	bytes    int
	speaks   bool
	messages [][]byte
	refused  int
}

// speak says that there is a message even if there is nothing to tell.
func (o *outbox) speak() { o.speaks = true }

func (o *outbox) agent(a toldAgent) {
	size := 256
	if h := a.Heartbeat; h != nil {
		size += 1024
		for i := range h.Sources {
			size += 256 + len(h.Sources[i].Name) + 48*len(h.Sources[i].Gaps)
		}
	}
	for _, n := range a.Numbers {
		size += 96 * (1 + len(n.Holes))
	}
	o.room(size)
	o.now.Agents = append(o.now.Agents, a)
}

func (o *outbox) sender(s toldSender) {
	o.room(192 + len(s.Service) + len(s.Tenant))
	o.now.Senders = append(o.now.Senders, s)
}

func (o *outbox) room(size int) {
	if o.bytes > 0 && o.bytes+size > toldBytes {
		o.flush(o.head)
	}
	o.bytes += size
}

// flush ends a message.
func (o *outbox) flush(head told) {
	head.Agents, head.Senders = o.now.Agents, o.now.Senders
	o.now, o.bytes = told{}, 0
	text, err := json.Marshal(head)
	if err != nil || len(text) > toldDecodedMax {
		o.refused++
		return
	}
	data := s2.Encode(nil, text)
	if len(data) > toldBytesMax {
		o.refused++
		return
	}
	o.messages = append(o.messages, data)
}

// end gives the messages, and how many could not be made.
func (o *outbox) end() (messages [][]byte, refused int) {
	if o.bytes > 0 || o.speaks {
		o.flush(o.head)
	}
	for _, life := range o.answers {
		head := o.head
		head.Answers, head.Asks = life, false
		o.flush(head)
	}
	return o.messages, o.refused
}
