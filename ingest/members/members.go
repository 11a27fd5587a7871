// Package members says which processes of a cluster there are: each tells all others once a second who it is, what it does and which shards it owns, and is
// gone when it has not been heard of for a while, or has said that it leaves.
//
// Nothing is decided by it: a shard's owner is who holds its lease, and what exists is what the commits say. A message that gets lost, or a process that is heard
// late, costs a moment in which somebody tries in vain, or an answer that is called partial.
package members

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// beatEvery is how often a process says that it is there: a hundred of them are ten thousand small messages a second.
	beatEvery = time.Second
	// goneAfter is four missing beats. It is less than a lease lasts, so that a shard's heir waits for the lease only.
	goneAfter = 4 * time.Second
	// knownAfter is when who is there has been heard.
	knownAfter = 2*beatEvery + beatEvery/2
	// membersMax and memberBytesMax bound what anybody who reaches NATS can make a process remember. A sole survivor owns all shards, of which there are shardsMax at the
	// most, and has to be heard: a shard takes shardBytesMax with the largest numbers. It stays well below the megabyte that NATS takes by default.
	membersMax     = 1024
	shardsMax      = 1024
	shardBytesMax  = 192
	memberBytesMax = 64<<10 + shardsMax*shardBytesMax
	// versionKnown is the form of a Member. What a newer one adds is passed over.
	versionKnown = 1

	// Subject is what is published to.
	Subject = "clew.member"
)

// Member is what a process says of itself.
type Member struct {
	Form    int       `json:"form"`
	ID      string    `json:"id"`   // unique to one life of the process
	Name    string    `json:"name"` // for people
	Roles   []string  `json:"roles"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Addresses are where it can be reached, host:port, by what for: http, otlp_grpc, otlp_http, flight.
	Addresses map[string]string `json:"addresses"`
	Ready     bool              `json:"ready"`
	// Able says that it may own more shards.
	Able   bool    `json:"able"`
	Shards []Shard `json:"shards"` // owned
	// Reads are the newest versions that it reads, Writes those that it writes now (Agreement).
	Reads  Formats `json:"reads,omitempty"`
	Writes Formats `json:"writes,omitempty"`
	// Leaving is its last word.
	Leaving bool `json:"leaving,omitempty"`
	// Sequence is the last commit that it knows.
	Sequence uint64 `json:"sequence"`
	// Deletions are those that others have to know of; nil: none.
	Deletions *Deletions `json:"deletions,omitempty"`
	// Accepted are losses of the log that an administrator has accepted lately, by who it was: owners write that down.
	Accepted map[string][]string `json:"accepted,omitempty"`
}

// Shard is a shard as its owner sees it.
type Shard struct {
	Shard    int    `json:"shard"`
	Epoch    uint64 `json:"epoch"`
	CaughtUp bool   `json:"caught_up"`
	Floor    uint64 `json:"floor"`
	Consumed uint64 `json:"consumed"`
	// BehindSeconds is for how long something has waited in the log that its owner has not read.
	BehindSeconds float64 `json:"behind_seconds,omitempty"`
}

// Wire carries what members say to all of them, the speaker included, as far as it can.
type Wire interface {
	Tell(subject string, data []byte) error
	// Hear calls f with what is told, one at a time, until stop is called. data is not kept.
	Hear(subject string, f func(data []byte)) (stop func(), err error)
}

// Board is who is there, as this process sees it. All methods are safe for concurrent use.
type Board struct {
	self   func() Member
	wire   Wire
	logger *slog.Logger

	mu      sync.Mutex
	began   time.Time // zero: it has not been listened
	echo    time.Time // when this process heard itself last
	heard   map[string]heard
	refused uint64
	changed chan struct{} // closed and replaced when a member comes or goes
}

type heard struct {
	Member
	at time.Time
}

// NewBoard makes a board; Run starts it. self says who this process is.
func NewBoard(self func() Member, wire Wire, logger *slog.Logger) *Board {
	return &Board{self: self, wire: wire, logger: logger, heard: map[string]heard{}, changed: make(chan struct{})}
}

// Run tells and listens until ctx ends, and says good-bye.
func (b *Board) Run(ctx context.Context) error {
	stop, err := b.wire.Hear(Subject, func(data []byte) { b.take(data, time.Now()) })
	if err != nil {
		return fmt.Errorf("listen to the other processes: %w", err)
	}
	defer stop()
	b.mu.Lock()
	b.began = time.Now()
	b.mu.Unlock()
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		b.say(false)
		select {
		case <-tick.C:
			b.forget(time.Now())
		case <-ctx.Done():
			b.say(true)
			return nil
		}
	}
}

// say tells the others; that it cannot is seen in the log of whoever carries it.
func (b *Board) say(leaving bool) {
	m := b.self()
	m.Form, m.Leaving = versionKnown, leaving
	data, err := json.Marshal(m)
	if err == nil {
		err = b.wire.Tell(Subject, data)
	}
	if err != nil {
		b.logger.Debug("the other processes are not told", "error", err)
	}
}

// take notes what somebody said.
func (b *Board) take(data []byte, now time.Time) {
	var m Member
	if len(data) > memberBytesMax || json.Unmarshal(data, &m) != nil || m.ID == "" || m.Form < versionKnown {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refused++
		return
	}
	own := m.ID == b.self().ID
	b.mu.Lock()
	defer b.mu.Unlock()
	if own {
		b.echo = now
		return
	}
	_, known := b.heard[m.ID]
	switch {
	case m.Leaving && known:
		delete(b.heard, m.ID)
		b.tellLocked("a process leaves", m)
	case m.Leaving:
	case !known && len(b.heard) >= membersMax:
		b.refused++
	default:
		b.heard[m.ID] = heard{m, now}
		if !known {
			b.tellLocked("a process is there", m)
		}
	}
}

func (b *Board) forget(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, h := range b.heard {
		if now.Sub(h.at) > goneAfter {
			delete(b.heard, id)
			b.tellLocked("a process is silent and counts as gone", h.Member)
		}
	}
}

func (b *Board) tellLocked(what string, m Member) {
	b.logger.Info(what, "name", m.Name, "roles", strings.Join(m.Roles, ","), "version", m.Version)
	close(b.changed)
	b.changed = make(chan struct{})
}

// Others are the other processes, by name. known is false until everybody has had time to speak.
func (b *Board) Others(now time.Time) (others []Member, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.heard {
		if now.Sub(h.at) <= goneAfter {
			others = append(others, h.Member)
		}
	}
	slices.SortFunc(others, func(a, b Member) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return others, !b.began.IsZero() && now.Sub(b.began) >= knownAfter
}

// All are the others and this one, by name.
func (b *Board) All(now time.Time) (all []Member, known bool) {
	all, known = b.Others(now)
	all = append(all, b.self())
	slices.SortStableFunc(all, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return all, known
}

// Hearing says whether this process hears what is said, its own words at least, and the others have had time to speak.
func (b *Board) Hearing(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now.Sub(b.echo) < 2*beatEvery && now.Sub(b.began) >= knownAfter
}

// Changed is closed when a process comes or goes after the call.
func (b *Board) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Refused is how many messages could not be used.
func (b *Board) Refused() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}
