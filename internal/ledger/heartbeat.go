package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"clew/internal/telemetry"
)

// Heartbeat is what an agent says of itself every ten seconds. Counts are since its data directory was made. Members that are not known here are passed over: an
// agent may be newer than its collector.
type Heartbeat struct {
	Agent       string            `json:"agent"`
	Instance    string            `json:"instance"`
	Host        string            `json:"host"`
	Version     string            `json:"version"`
	OS          string            `json:"os"`
	CPUs        int               `json:"cpus"`
	MemoryBytes int64             `json:"memoryBytes"`
	Containers  bool              `json:"containers"`
	K8s         map[string]string `json:"k8s,omitempty"`
	Started     time.Time         `json:"started"`
	Time        time.Time         `json:"time"` // by the agent's clock
	Sources     []HeartbeatSource `json:"sources"`
	Queue       AgentQueue        `json:"queue"`
}

// HeartbeatSource is one source of an agent's records: a file, the journal, an application's OTLP. Sources of one signal share an ID, by which their batches are numbered.
type HeartbeatSource struct {
	ID     string `json:"id"`
	Signal string `json:"signal"` // logs, spans, metrics
	Kind   string `json:"kind"`   // file, journald, otlp, syslog, prometheus, host
	Name   string `json:"name"`
	HeartbeatCounts
	LagSeconds float64     `json:"lagSeconds"` // age of the oldest record that waits
	LastSeq    uint64      `json:"lastSeq"`    // the last number given out
	Gaps       []NumberGap `json:"gaps,omitempty"`
}

// HeartbeatCounts are records. Read = Acked + Refused + Dropped + what waits in the agent.
type HeartbeatCounts struct {
	Read     uint64            `json:"read"`
	Queued   uint64            `json:"queued"`
	Sent     uint64            `json:"sent"`
	Acked    uint64            `json:"acked"`
	Replayed uint64            `json:"replayed,omitempty"`
	Refused  map[string]uint64 `json:"refused,omitempty"`
	Dropped  map[string]uint64 `json:"dropped,omitempty"`
}

// NumberGap is a range of numbers that will never come, with the reason.
type NumberGap struct {
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Records uint64 `json:"records,omitempty"`
	Reason  string `json:"reason,omitempty"` // empty: not known; the agent says nothing of it
	// Seen is when it was noticed here; zero where the agent tells of it.
	Seen *time.Time `json:"seen,omitempty"`

	after string // who told of the number before; empty: it came here, or that is not known any more
}

// AgentQueue is how full an agent's disk queue is.
type AgentQueue struct {
	Bytes    int64      `json:"bytes"`
	BytesMax int64      `json:"bytesMax"`
	Oldest   *time.Time `json:"oldest,omitempty"` // when the oldest record in it was queued
	// Held is why files and the journal wait for room (queue_full, queue_disk), HeldSince since when by the agent's clock. What they have not been read of is in no count.
	Held      string     `json:"held,omitempty"`
	HeldSince *time.Time `json:"heldSince,omitempty"`
}

// ParseHeartbeat reads a heartbeat and holds it to its bounds. The error is for its sender.
func ParseHeartbeat(body []byte) (*Heartbeat, error) {
	h := new(Heartbeat)
	if err := json.Unmarshal(body, h); err != nil {
		return nil, fmt.Errorf("heartbeat: %w", err)
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	h.fold()
	return h, nil
}

// check holds a heartbeat to its bounds, but for the number of its sources.
func (h *Heartbeat) check() error {
	if !validInstance(h.Instance) {
		return fmt.Errorf("instance: %.100q: want 1 to %d of a-z, 0-9 and -", h.Instance, instanceBytesMax)
	}
	if len(h.K8s) > labelsMax {
		return fmt.Errorf("k8s: %d members: want at most %d", len(h.K8s), labelsMax)
	}
	for _, text := range []*string{&h.Agent, &h.Host, &h.Version, &h.OS, &h.Queue.Held} {
		clean(text)
	}
	labels := map[string]string{}
	for k, v := range h.K8s {
		clean(&k)
		clean(&v)
		labels[k] = v
	}
	h.K8s = labels
	for i := range h.Sources {
		if err := h.Sources[i].check(h.Instance); err != nil {
			return fmt.Errorf("sources[%d]: %w", i, err)
		}
	}
	return nil
}

// clean bounds a text and makes it printable.
func clean(s *string) {
	if len(*s) > nameBytesMax {
		*s = (*s)[:nameBytesMax]
	}
	if !utf8.ValidString(*s) {
		*s = strings.ToValidUTF8(*s, "�")
	}
}

func (s *HeartbeatSource) check(instance string) error {
	signal, err := telemetry.ParseSignal(s.Signal)
	if err != nil {
		return fmt.Errorf("signal: %w", err)
	}
	if want := instance + "/" + signal.String(); s.ID != want {
		return fmt.Errorf("id: %.100q: want %q", s.ID, want)
	}
	if s.Refused, err = checkReasons(s.Refused); err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	if s.Dropped, err = checkReasons(s.Dropped); err != nil {
		return fmt.Errorf("dropped: %w", err)
	}
	clean(&s.Kind)
	clean(&s.Name)
	if s.LagSeconds < 0 {
		s.LagSeconds = 0
	}
	s.Gaps = s.Gaps[max(0, len(s.Gaps)-holesMax):]
	for i := range s.Gaps {
		if g := &s.Gaps[i]; g.First == 0 || g.Last < g.First || len(g.Reason) > reasonBytesMax {
			return fmt.Errorf("gaps[%d]: numbers %d to %d, reason %.40q: want a range from 1 on and a short word", i, g.First, g.Last, g.Reason)
		}
	}
	return nil
}

func checkReasons(m map[string]uint64) (map[string]uint64, error) {
	if len(m) > reasonsMax {
		return nil, fmt.Errorf("%d reasons: want at most %d", len(m), reasonsMax)
	}
	for reason := range m {
		if reason == "" || len(reason) > reasonBytesMax || !utf8.ValidString(reason) {
			return nil, fmt.Errorf("reason %.100q: want a short word", reason)
		}
	}
	return m, nil
}

// fold counts the sources past the bound together, by signal and kind.
func (h *Heartbeat) fold() {
	if len(h.Sources) <= sourcesMax {
		return
	}
	kept := h.Sources[: sourcesMax-16 : sourcesMax-16]
	others := map[[2]string]*HeartbeatSource{}
	for i := len(kept); i < len(h.Sources); i++ {
		s := &h.Sources[i]
		kind := s.Kind
		if len(others) >= 12 {
			kind = "other"
		}
		o := others[[2]string{s.Signal, kind}]
		if o == nil {
			o = &HeartbeatSource{ID: s.ID, Signal: s.Signal, Kind: kind, Name: "(others)", LastSeq: s.LastSeq, Gaps: s.Gaps}
			others[[2]string{s.Signal, kind}] = o
		}
		o.LagSeconds = max(o.LagSeconds, s.LagSeconds)
		o.Read += s.Read
		o.Queued += s.Queued
		o.Sent += s.Sent
		o.Acked += s.Acked
		o.Replayed += s.Replayed
		addAll(&o.Refused, s.Refused)
		addAll(&o.Dropped, s.Dropped)
	}
	for _, o := range others {
		kept = append(kept, *o)
	}
	h.Sources = kept
}

func addAll[N int | uint64](into *map[string]uint64, more map[string]N) {
	for reason, n := range more {
		if n <= 0 {
			continue
		}
		if *into == nil {
			*into = map[string]uint64{}
		}
		if _, known := (*into)[reason]; !known && len(*into) >= reasonsMax {
			reason = "other"
		}
		(*into)[reason] += uint64(n)
	}
}

// Sum adds a count's reasons up.
func Sum(reasons map[string]uint64) uint64 {
	var n uint64
	for _, v := range reasons {
		n += v
	}
	return n
}
