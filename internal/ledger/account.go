package ledger

import "time"

// Counts are what became of records. They add up: Read = Stored + Refused + Dropped + Elsewhere + Missing + InFlight.
type Counts struct {
	Read     uint64            `json:"read"` // by the agent, or received from a sender without numbers
	Sent     uint64            `json:"sent"` // at least once
	Stored   uint64            `json:"stored"`
	Replayed uint64            `json:"replayed"` // sent again and dropped here as repetitions; not in Read
	Refused  map[string]uint64 `json:"refused,omitempty"`
	Dropped  map[string]uint64 `json:"dropped,omitempty"`
	// Elsewhere are acknowledged and not stored here, by a source that was first heard of here when it had sent already: to another collector, or before this
	// storage was made.
	Elsewhere uint64 `json:"elsewhere,omitempty"`
	// Missing are acknowledged and not stored, although all that came is stored.
	Missing  uint64 `json:"missing,omitempty"`
	InFlight uint64 `json:"inFlight"` // read and in the agent, or on the way
}

func (c *Counts) add(o *Counts) {
	c.Read += o.Read
	c.Sent += o.Sent
	c.Stored += o.Stored
	c.Replayed += o.Replayed
	addAll(&c.Refused, o.Refused)
	addAll(&c.Dropped, o.Dropped)
	c.Elsewhere += o.Elsewhere
	c.Missing += o.Missing
	c.InFlight += o.InFlight
}

// Lost is how many records are known to be lost, without what was dropped on purpose.
func (c *Counts) Lost() uint64 { return lostOf(c.Refused) + lostOf(c.Dropped) + c.Missing }

// Flow is the account of one signal.
type Flow struct {
	Signal        string `json:"signal"` // logs, spans, metrics
	Counts        `json:"counts"`
	RatePerSecond float64 `json:"ratePerSecond"` // records acknowledged, over the last minute
	LagSeconds    float64 `json:"lagSeconds"`    // age of the oldest record that waits in the agent
	LastNumber    uint64  `json:"lastNumber,omitempty"`
	// MissingNumbers are batches that never came and that the agent says nothing of; Gaps are the latest of these ranges, and those that it does tell of.
	MissingNumbers uint64      `json:"missingNumbers,omitempty"`
	Gaps           []NumberGap `json:"gaps,omitempty"`
}

// HostAccount is the account of one host: of its agents, of which there usually is one.
type HostAccount struct {
	Host      string         `json:"host"`
	LastHeard time.Time      `json:"lastHeard"` // by our clock
	Silent    bool           `json:"silent"`    // for longer than a minute
	Flows     []Flow         `json:"flows"`     // by signal
	Agents    []AgentAccount `json:"agents"`
}

// LagSeconds is the largest lag of the host's signals.
func (h *HostAccount) LagSeconds() float64 {
	lag := 0.0
	for i := range h.Flows {
		lag = max(lag, h.Flows[i].LagSeconds)
	}
	return lag
}

// Lost is how many of the host's records are known to be lost.
func (h *HostAccount) Lost() uint64 {
	var n uint64
	for i := range h.Flows {
		n += h.Flows[i].Lost()
	}
	return n
}

// AgentAccount is one agent as its last heartbeat describes it.
type AgentAccount struct {
	Instance    string            `json:"instance"`
	Version     string            `json:"version,omitempty"`
	OS          string            `json:"os,omitempty"`
	CPUs        int               `json:"cpus,omitempty"`
	MemoryBytes int64             `json:"memoryBytes,omitempty"`
	Container   bool              `json:"container,omitempty"`
	K8s         map[string]string `json:"k8s,omitempty"`
	Started     *time.Time        `json:"started,omitempty"`
	Heartbeat   *time.Time        `json:"heartbeat,omitempty"` // when the last one came, by our clock; zero: none has
	LastHeard   time.Time         `json:"lastHeard"`
	ClockAhead  float64           `json:"clockAheadSeconds"` // the agent's clock against ours, when the heartbeat came; how long it was under way included
	Queue       AgentQueue        `json:"queue"`
	Flows       []Flow            `json:"flows"`
	Sources     []SourceAccount   `json:"sources"`
	Losses      []Loss            `json:"losses,omitempty"` // the latest, oldest first
}

// SourceAccount is one of an agent's sources, by the agent's own account. What is stored is known by signal only.
type SourceAccount struct {
	Signal     string            `json:"signal"`
	Kind       string            `json:"kind"`
	Name       string            `json:"name,omitempty"`
	Read       uint64            `json:"read"`
	Sent       uint64            `json:"sent"`
	Acked      uint64            `json:"acked"`
	Refused    map[string]uint64 `json:"refused,omitempty"`
	Dropped    map[string]uint64 `json:"dropped,omitempty"`
	Waiting    uint64            `json:"waiting"`
	LagSeconds float64           `json:"lagSeconds"`
}

// Loss is records that were lost between two heartbeats.
type Loss struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Signal  string    `json:"signal"`
	What    string    `json:"what"` // refused or dropped
	Reason  string    `json:"reason"`
	Records uint64    `json:"records"`
}

// SenderAccount is the account, since the start of the collector, of a service whose SDK sends by itself, without numbers. A request that is refused and sent again is received
// twice.
type SenderAccount struct {
	Service   string            `json:"service"` // empty: none was named
	Signal    string            `json:"signal"`
	LastHeard time.Time         `json:"lastHeard"`
	Received  uint64            `json:"received"`
	Stored    uint64            `json:"stored"`
	Refused   map[string]uint64 `json:"refused,omitempty"`
}

// SampledAccount is what tail sampling has left out, since the start of the collector. It was stored in the log first, and is part of what hosts and services have stored.
type SampledAccount struct {
	Signal  string `json:"signal"`
	Policy  string `json:"policy"` // (none): no policy kept it
	Records uint64 `json:"records"`
}

// Outcome is what was answered to a batch.
type Outcome struct {
	Stored  int
	Refused map[string]int
	// Again says that the batch was refused for now: it will be sent again.
	Again bool
}

// Summary is the account in a few numbers.
type Summary struct {
	Agents         int    `json:"agents"`
	Silent         int    `json:"silent"`
	Hosts          int    `json:"hosts"`
	Stored         uint64 `json:"stored"`
	Refused        uint64 `json:"refused"`
	Dropped        uint64 `json:"dropped"`
	Missing        uint64 `json:"missing"`
	MissingNumbers uint64 `json:"missing_numbers"`
	Replayed       uint64 `json:"replayed"`
	InFlight       uint64 `json:"in_flight"`
	// LagSeconds is the largest lag of an agent that is not silent.
	LagSeconds float64 `json:"lag_seconds"`
}
