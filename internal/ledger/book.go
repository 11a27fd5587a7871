package ledger

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"clew/internal/telemetry"
)

// Book is the account of all senders, in memory. All methods are safe for concurrent use.
type Book struct {
	started time.Time

	mu      sync.Mutex
	stored  func() (accounts map[string]Stored, whole bool)
	sampled func(tenant string) map[string]uint64
	agents  map[agentKey]*agentState
	senders map[senderKey]*SenderAccount
	shared  *sharing // nil: there are no others
}

type agentKey struct{ tenant, instance string }

type senderKey struct{ tenant, service, signal string }

type agentState struct {
	heartbeat *Heartbeat // nil: none has come
	received  time.Time  // when it came
	restored  bool
	begun     bool // no heartbeat was known when the first since the start came; for Restore
	ahead     time.Duration
	heard     time.Time // the last heartbeat or batch
	lanes     map[string]*numbers
	samples   []sample
	losses    []Loss
	recorded  time.Time // when a heartbeat was last made a record
	changed   bool      // something happened since then that should be one soon

	news news      // that the others have not been told
	told time.Time // when they were told of it last
}

// sample is what was acknowledged by then, by signal.
type sample struct {
	at    time.Time
	acked map[string]uint64
}

// ErrFull says that no more agents are taken.
var ErrFull = errors.New("the ledger knows as many agents as it can")

// NewBook makes an empty book. now is when the collector starts.
func NewBook(now time.Time) *Book {
	return &Book{
		started: now, agents: map[agentKey]*agentState{}, senders: map[senderKey]*SenderAccount{},
		stored:  func() (map[string]Stored, bool) { return nil, false },
		sampled: func(string) map[string]uint64 { return nil },
	}
}

// UseStored tells the book where what came of numbered batches in the log can be asked: accounts by the sources' ids ([SourceID]), and whether all that is in the log
// has been consumed.
func (b *Book) UseStored(stored func() (accounts map[string]Stored, whole bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stored = stored
}

// UseSampled tells the book where it can ask how many of a tenant's spans tail sampling has left out since the start, by policy.
func (b *Book) UseSampled(sampled func(tenant string) map[string]uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sampled = sampled
}

// Sampled lists what tail sampling has left out of a tenant's spans, by policy.
func (b *Book) Sampled(tenant string) []SampledAccount {
	b.mu.Lock()
	sampled := b.sampled
	b.mu.Unlock()
	by := sampled(tenant)
	list := make([]SampledAccount, 0, len(by))
	for _, policy := range slices.Sorted(maps.Keys(by)) {
		list = append(list, SampledAccount{Signal: telemetry.Spans.String(), Policy: policy, Records: by[policy]})
	}
	return list
}

// agentLocked finds or makes an agent. It is nil if there is no room.
func (b *Book) agentLocked(k agentKey, now time.Time) *agentState {
	if a := b.agents[k]; a != nil {
		return a
	}
	if len(b.agents) >= agentsMax {
		var oldest agentKey
		var heard time.Time
		for key, a := range b.agents {
			if heard.IsZero() || a.heard.Before(heard) {
				oldest, heard = key, a.heard
			}
		}
		if now.Sub(heard) < agentKeep {
			return nil
		}
		delete(b.agents, oldest)
	}
	a := &agentState{lanes: map[string]*numbers{}, heard: now}
	b.agents[k] = a
	return a
}

// Begin is told of a numbered batch before it is stored. At the first of a source since the start it asks the log where the source was, so that what is missing
// between that and this batch is known.
func (b *Book) Begin(tenant string, n Number, now time.Time) {
	instance, signal, _ := strings.Cut(n.Source, "/")
	key := agentKey{tenant, instance}
	if b.knowsLane(key, signal) {
		return
	}
	var log logCounts
	if b.shared == nil { // else the others tell where it was
		log = b.logCounts() // it may have to wait for the log: not with the lock held
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.agentLocked(key, now)
	if a == nil {
		return
	}
	lane := b.laneLocked(a, signal)
	if lane.live {
		return
	}
	lane.live = true
	switch s := log.of(tenant, n.Source); {
	case lane.shared && lane.Last == 0: // what came before came to others
		lane.First, lane.Last = n.Seq, n.Seq-1
	case lane.shared:
	case !log.whole: // nothing can be said of what came before
		lane.Last = max(lane.Last, n.Seq-1)
	case s.Last > lane.Last:
		lane.First, lane.Last = s.First, s.Last
	}
}

func (b *Book) laneLocked(a *agentState, signal string) *numbers {
	lane := a.lanes[signal]
	if lane == nil {
		lane = &numbers{shared: b.shared != nil}
		a.lanes[signal] = lane
	}
	return lane
}

// Batch notes what was answered to a numbered batch.
func (b *Book) Batch(tenant string, n Number, o Outcome, now time.Time) {
	instance, signal, _ := strings.Cut(n.Source, "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.agentLocked(agentKey{tenant, instance}, now)
	if a == nil {
		return
	}
	a.heard, a.news = now, max(a.news, newsBatch)
	if o.Again {
		return
	}
	lane := b.laneLocked(a, signal)
	holes := len(lane.Holes)
	lane.add(n.Seq, now)
	a.changed = a.changed || len(lane.Holes) != holes || len(o.Refused) > 0
}

// knowsLane says whether a batch of the source has come since the start.
func (b *Book) knowsLane(k agentKey, signal string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.agents[k]
	return a != nil && a.lanes[signal] != nil && a.lanes[signal].live
}

// Sent notes what came of records that a service sent without a number.
func (b *Book) Sent(tenant, service string, signal telemetry.Signal, o Outcome, now time.Time) {
	if service == KeptService {
		return // our own
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	k := senderKey{tenant, service, signal.String()}
	s := b.senders[k]
	if s == nil {
		if len(b.senders) >= sendersMax {
			k.service = "(others)"
			s = b.senders[k]
		}
		if s == nil {
			s = &SenderAccount{Service: k.service, Signal: k.signal}
			b.senders[k] = s
		}
	}
	s.LastHeard = now
	s.Stored += uint64(o.Stored)
	s.Received += uint64(o.Stored)
	for _, n := range o.Refused {
		s.Received += uint64(n)
	}
	addAll(&s.Refused, o.Refused)
}

// Heartbeat notes an agent's heartbeat, which the book keeps. record says that it should be stored as a log record, for which [Book.Kept] gives the text: once a minute, and when
// something was lost. The error is ErrFull.
func (b *Book) Heartbeat(tenant string, h *Heartbeat, now time.Time) (record bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.agentLocked(agentKey{tenant, h.Instance}, now)
	if a == nil {
		return false, ErrFull
	}
	before := a.heartbeat
	from := a.received
	if before == nil {
		from = h.Started
	}
	lost := a.noteLosses(before, h, from, now)
	if before == nil {
		a.begun = true
	}
	a.adopt(h, now, h.Time.Sub(now))
	a.heard, a.news = now, newsHeartbeat
	record = lost || a.changed || now.Sub(a.recorded) >= recordEvery || before == nil || before.Version != h.Version
	if record {
		a.recorded, a.changed = now, false
	}
	return record, nil
}

// adopt makes a heartbeat the last one.
func (a *agentState) adopt(h *Heartbeat, received time.Time, ahead time.Duration) {
	a.heartbeat, a.received, a.ahead = h, received, ahead
	acked := map[string]uint64{}
	for i := range h.Sources {
		acked[h.Sources[i].Signal] += h.Sources[i].Acked
	}
	a.samples = append(a.samples, sample{received, acked})
	for len(a.samples) > samplesMax || received.Sub(a.samples[0].at) > rateWindow+5*time.Second {
		a.samples = slices.Delete(a.samples, 0, 1)
	}
}

// noteLosses compares two heartbeats and keeps what was lost in between.
func (a *agentState) noteLosses(before, h *Heartbeat, from, now time.Time) (lost bool) {
	type key struct{ signal, what, reason string }
	count := func(h *Heartbeat) map[key]uint64 {
		m := map[key]uint64{}
		if h == nil {
			return m
		}
		for i := range h.Sources {
			s := &h.Sources[i]
			for reason, n := range s.Refused {
				m[key{s.Signal, "refused", reason}] += n
			}
			for reason, n := range s.Dropped {
				m[key{s.Signal, "dropped", reason}] += n
			}
		}
		return m
	}
	old, current := count(before), count(h)
	keys := slices.SortedFunc(maps.Keys(current), func(x, y key) int {
		return cmp.Or(cmp.Compare(x.signal, y.signal), cmp.Compare(x.what, y.what), cmp.Compare(x.reason, y.reason))
	})
	for _, k := range keys {
		n := current[k]
		if n <= old[k] {
			continue
		}
		lost = true
		a.addLoss(Loss{From: from.UTC(), To: now.UTC(), Signal: k.signal, What: k.what, Reason: k.reason, Records: n - old[k]})
	}
	return lost
}

// addLoss keeps a loss, as part of the one before of its kind if they adjoin.
func (a *agentState) addLoss(l Loss) {
	for i := range slices.Backward(a.losses) {
		p := &a.losses[i]
		if p.Signal == l.Signal && p.What == l.What && p.Reason == l.Reason && l.From.Sub(p.To) < SilentAfter {
			p.To = l.To
			p.Records += l.Records
			return
		}
	}
	a.losses = append(a.losses, l)
	if len(a.losses) > eventsMax {
		a.losses = slices.Delete(a.losses, 0, 1)
	}
}
