package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	"clew/ingest/spool"
	"clew/internal/telemetry"
)

// Status is what ingest does at the moment, for people.
type Status struct {
	Ready       bool          `json:"ready"`
	LiveBytes   int64         `json:"live_bytes"`      // rows in memory that still grow
	FrozenBytes int64         `json:"frozen_bytes"`    // rows in memory that wait to be sealed
	Paused      bool          `json:"paused"`          // too much waits to be sealed: the log is not read on
	Compaction  string        `json:"compaction"`      // off, idle, merging, down-sampling, or what it waits for
	Spool       *spool.Status `json:"spool,omitempty"` // nil with a directory
	Shards      []ShardStatus `json:"shards"`
	// Metrics is what there is of metrics, points as they came and down-sampled.
	Metrics []ResolutionStatus `json:"metrics,omitempty"`
}

// ShardStatus is a shard's part of Status. Positions are the log's.
type ShardStatus struct {
	Shard       int       `json:"shard"`
	State       string    `json:"state"` // owned, or what it waits for
	Error       string    `json:"error,omitempty"`
	Epoch       uint64    `json:"epoch,omitempty"`
	CaughtUp    bool      `json:"caught_up"` // has read what was in the log when it was taken
	Floor       uint64    `json:"floor"`     // every message up to it is in segments
	Consumed    uint64    `json:"consumed"`
	LogFirst    uint64    `json:"log_first"`
	LogLast     uint64    `json:"log_last"`
	Lag         uint64    `json:"lag"`            // messages in the log that have not been read
	Behind      float64   `json:"behind_seconds"` // for how long the first of them has waited, as of the last look
	LogBytes    int64     `json:"log_bytes"`
	LogBytesMax int64     `json:"log_bytes_max"`
	LastSeal    time.Time `json:"last_seal,omitzero"`
	// SealError is why seals fail, since SealFailing; the records stay in memory and in the log.
	SealError   string    `json:"seal_error,omitempty"`
	SealFailing time.Time `json:"seal_failing_since,omitzero"`

	Damaged         uint64           `json:"damaged"` // messages that could not be used, since the start
	DamagedMessages []DamagedMessage `json:"damaged_messages,omitempty"`
	Heads           []HeadStatus     `json:"heads,omitempty"`
}

// DamagedMessage is a message of the log that could not be used.
type DamagedMessage struct {
	Position uint64    `json:"position"`
	Error    string    `json:"error"`
	Seen     time.Time `json:"seen"`
}

// HeadStatus is what is in memory of a signal and tenant in a shard.
type HeadStatus struct {
	Signal  string    `json:"signal"`
	Tenant  string    `json:"tenant"`
	Records int       `json:"records"`
	Bytes   int64     `json:"bytes"`
	Frozen  int       `json:"frozen"` // generations that wait to be sealed
	Local   int       `json:"local"`  // generations that are segments in the spool
	Oldest  time.Time `json:"oldest,omitzero"`
}

// Status describes ingest. What the log doesn't answer is zero, and the error in the shard's Error.
func (in *Ingest) Status(ctx context.Context) Status {
	st := Status{Ready: in.Ready()}
	st.LiveBytes, st.FrozenBytes = in.room.get()
	st.Paused = st.FrozenBytes > in.cfg.FrozenBytes
	st.Compaction = in.rewriter.state.Load().(string)
	if in.cfg.Compaction.Share == 0 {
		st.Compaction = "off"
	}
	st.Spool = in.spool.Status()
	st.Metrics = in.resolutions()
	for shard := range in.shardCount() {
		st.Shards = append(st.Shards, in.shardStatus(ctx, shard))
	}
	return st
}

func (in *Ingest) shardStatus(ctx context.Context, shard int) ShardStatus {
	s := in.shards[shard].get()
	s.Shard = shard
	s.Floor = in.catalog.Current().Shard(shard).Floor
	state, err := in.shardLog.State(ctx, shard)
	if err != nil {
		s.Error = err.Error()
	}
	s.LogFirst, s.LogLast, s.LogBytes, s.LogBytesMax = state.First, state.Last, state.Bytes, state.BytesMax
	o := in.owner(shard)
	if o == nil {
		return s
	}
	s.Epoch, s.Consumed, s.CaughtUp = o.epoch, o.consumed.Load(), o.caughtUp()
	s.Lag = s.LogLast - min(s.LogLast, o.read.Load())
	behind, _ := o.behind(time.Now())
	s.Behind = behind.Seconds()
	for _, h := range o.allHeads() {
		s.Heads = append(s.Heads, h.status())
	}
	return s
}

func (h *head) status() HeadStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := HeadStatus{Signal: h.key.Signal.String(), Tenant: h.key.Tenant}
	for _, g := range h.frozen {
		if _, local := g.content.(*spool.Local); local {
			s.Local++
		} else {
			s.Frozen++
			s.Bytes += g.counted
		}
	}
	generations := slices.Clone(h.frozen)
	if h.live != nil {
		generations = append(generations, h.live)
		s.Bytes += h.live.counted
	}
	for _, g := range generations {
		if s.Oldest.IsZero() {
			s.Oldest = g.born
		}
		s.Records += g.content.Records()
	}
	return s
}

// shardState is what Status tells of a shard that outlives its owners.
type shardState struct {
	mu     sync.Mutex
	state  string
	status ShardStatus
}

func (s *shardState) enter(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

func (s *shardState) own() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.status.Error = "owned", ""
}

func (s *shardState) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = "stopped, to be taken anew"
	if err != nil {
		s.status.Error = err.Error()
	}
}

// sealFailed notes a failure and says whether the one before was a success.
func (s *shardState) sealFailed(err error) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = s.status.SealError == ""
	s.status.SealError = err.Error()
	if first {
		s.status.SealFailing = time.Now().UTC()
	}
	return first
}

// sealSucceeded notes a success and says whether the one before was a failure.
func (s *shardState) sealSucceeded(at time.Time) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = s.status.SealError != ""
	s.status.SealError, s.status.SealFailing, s.status.LastSeal = "", time.Time{}, at
	return first
}

func (s *shardState) damaged(position uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Damaged++
	list := append(s.status.DamagedMessages, DamagedMessage{Position: position, Error: err.Error(), Seen: time.Now().UTC()})
	s.status.DamagedMessages = slices.Clone(list[max(0, len(list)-damagedKept):])
}

func (s *shardState) get() ShardStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.status
	status.State = s.state
	return status
}

// recordsIn counts what the heads hold, by signal.
func (in *Ingest) recordsIn() map[telemetry.Signal]int {
	n := map[telemetry.Signal]int{}
	for _, h := range in.allHeads() {
		n[h.key.Signal] += h.status().Records
	}
	return n
}
