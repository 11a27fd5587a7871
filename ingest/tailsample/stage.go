// Package tailsample decides which traces are kept, once they are whole: the errors, the slow ones, and a share of the rest.
//
// A shard's owner sees all spans of its traces, because the shard is chosen by trace id. Its messages pass through a Stage on their way from the log to
// the heads:
//
//	log ── Take: spans to traces ── held for decision_wait ── Next: the spans of kept traces ── head
//
// Everything is decided by the log alone: by the order of messages, by the time at which the log accepted them, and by what they say. The clock plays no part but
// to look again while no message comes. So a replay after a crash comes to the same decisions, if it begins early enough: Floor says how early,
// and the log is not trimmed beyond. Nothing is written down for it.
//
// A trace is decided decision_wait after its first span. Spans that come later follow the decision, for as long as it is remembered (late). A message is held
// until all its traces are decided, which is at most decision_wait: messages leave in the order in which they came.
package tailsample

import (
	"time"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// Trace is what is known of one trace since its first span.
type Trace struct {
	tenant           string
	id               telemetry.TraceID
	first            int64 // log time of its first span, nanoseconds
	earliest, latest int64 // by the spans' own clocks
	spans            int
	bits             uint64 // of the leaves that some span fulfils

	decided bool
	keep    bool
	policy  string
	counted bool
}

type traceKey struct {
	tenant string
	id     telemetry.TraceID
}

// Held is a message that waits, or has been waiting.
type Held struct {
	Entry shardlog.Entry
	// Records says which rows were to be kept before any was decided; nil: all.
	Records []bool

	at     int64
	bytes  int64
	passed bool     // only looked at: its records are where they belong already
	rows   []*Trace // nil where a row is not looked at
}

// Stage is one shard's. It is not safe for concurrent use, but for Floor and Settle.
type Stage struct {
	cfg      Config
	policies *policies
	metrics  *Metrics

	now       int64 // by the log
	traces    map[traceKey]*Trace
	visits    []*Trace // in the order of their first spans; those in front are decided
	undecided int      // index of the first that is not

	held      []*Held
	heldBytes int64
	marks     marks
}

// New makes a stage for a valid configuration. base is the log position after which reading begins.
func New(cfg Config, base uint64, m *Metrics) (*Stage, error) {
	p, err := compile("", cfg.Policies)
	if err != nil {
		return nil, err
	}
	return &Stage{cfg: cfg, policies: p, metrics: m, traces: map[traceKey]*Trace{}, marks: marks{base: base}}, nil
}

// At says that the log has come to a position, at a time. It is told of every message, of whatever signal, before Take.
func (s *Stage) At(position uint64, at time.Time) {
	s.Advance(at)
	s.marks.add(position, s.now)
}

// Advance brings the stage's clock forward: no message will come with an earlier time.
func (s *Stage) Advance(at time.Time) {
	s.now = max(s.now, at.UnixNano())
	s.decideUpTo(s.now - int64(s.cfg.DecisionWait))
	s.forget()
}

// Take looks at a message's spans and holds it. With passed it is only looked at: its records have been kept or dropped before. The batch is the
// message's, and still the caller's.
func (s *Stage) Take(e *shardlog.Entry, b *telemetry.Batch, records []bool, passed bool) error {
	read, err := read(s.policies.leaves, b)
	if err != nil {
		return err
	}
	h := &Held{Records: records, at: s.now, bytes: heldOverhead + int64(len(e.Message.Batch)) + rowBytes*int64(b.Records), passed: passed}
	if !passed {
		h.Entry = *e
	}
	h.rows = make([]*Trace, b.Records)
	var last *Trace
	for row := range h.rows {
		if records != nil && !records[row] || !read.trace.Valid(row) {
			continue
		}
		id := telemetry.TraceID(read.trace.Bytes(row))
		if last == nil || last.id != id {
			last = s.trace(b.Tenant, id)
		}
		h.rows[row] = last
		last.add(read, row)
	}
	s.held = append(s.held, h)
	s.heldBytes += h.bytes
	s.bound()
	return nil
}

// trace finds or begins a trace.
func (s *Stage) trace(tenant string, id telemetry.TraceID) *Trace {
	k := traceKey{tenant, id}
	if t := s.traces[k]; t != nil {
		return t
	}
	t := &Trace{tenant: tenant, id: id, first: s.now}
	s.traces[k] = t
	s.visits = append(s.visits, t)
	return t
}

func (t *Trace) add(s *spans, row int) {
	if t.decided {
		return // it follows
	}
	t.bits |= s.bits[row]
	if start, end, ok := s.times(row); ok {
		if t.spans == 0 || start < t.earliest {
			t.earliest = start
		}
		if t.spans == 0 || end > t.latest {
			t.latest = end
		}
	}
	t.spans++
}

// bound decides the oldest early while there are too many traces, or too much is held.
func (s *Stage) bound() {
	for over := len(s.visits) - s.cfg.TracesMax; over > 0; over-- {
		if s.undecided == 0 {
			s.decideUpTo(s.visits[0].first)
			s.metrics.early("traces", s.undecided)
		}
		s.drop()
	}
	bytes := s.heldBytes
	for i := 0; bytes > s.cfg.HeldBytesMax; i++ {
		before := s.undecided
		s.decideUpTo(s.held[i].at)
		s.metrics.early("held_bytes", s.undecided-before)
		bytes -= s.held[i].bytes
	}
}

func (s *Stage) decideUpTo(first int64) {
	for s.undecided < len(s.visits) && s.visits[s.undecided].first <= first {
		s.decide(s.visits[s.undecided])
		s.undecided++
	}
}

func (s *Stage) decide(t *Trace) {
	due := min(t.first+int64(s.cfg.DecisionWait), s.now) // earlier than due only if decided early
	t.decided = true
	t.keep, t.policy = s.policies.decide(t, due/int64(time.Second))
}

// forget lets go of decisions that are old.
func (s *Stage) forget() {
	for len(s.visits) > 0 && s.visits[0].first+int64(s.cfg.window()) <= s.now {
		s.drop()
	}
}

// drop forgets the oldest trace, which is decided. What is held of it still knows the decision.
func (s *Stage) drop() {
	t := s.visits[0]
	delete(s.traces, traceKey{t.tenant, t.id})
	s.visits[0] = nil
	s.visits = s.visits[1:]
	s.undecided--
}

// Next gives the oldest held message if it is decided, and nil if it isn't. Keep says which of its rows are kept.
func (s *Stage) Next() *Held {
	for len(s.held) > 0 {
		h := s.held[0]
		for _, t := range h.rows {
			if t != nil && !t.decided {
				return nil
			}
		}
		s.held[0] = nil
		s.held = s.held[1:]
		s.heldBytes -= h.bytes
		if !h.passed {
			s.count(h)
			return h
		}
	}
	return nil
}

// Keep says which rows are kept; nil: all. A row without a trace is.
func (h *Held) Keep() []bool {
	keep := h.Records
	for row, t := range h.rows {
		if t == nil || t.keep {
			continue
		}
		if keep == nil {
			keep = make([]bool, len(h.rows))
			for i := range keep {
				keep[i] = true
			}
		}
		keep[row] = false
	}
	return keep
}

// count counts what becomes of a message's spans.
func (s *Stage) count(h *Held) {
	for i := 0; i < len(h.rows); {
		t, from := h.rows[i], i
		for i < len(h.rows) && h.rows[i] == t {
			i++
		}
		if t == nil {
			continue
		}
		s.metrics.spans(t, i-from)
		if !t.counted {
			t.counted = true
			s.metrics.trace(t)
		}
	}
}

// First is the position of the oldest message that is held and not only looked at; 0: there is none.
func (s *Stage) First() uint64 {
	for _, h := range s.held {
		if !h.passed {
			return h.Entry.Position
		}
	}
	return 0
}

// Floor is where a replay has to begin so that it decides alike about everything after position.
func (s *Stage) Floor(position uint64) uint64 {
	return s.marks.before(position, int64(s.cfg.window()+floorMargin))
}

// Settle says that a replay will begin at a position that Floor gave: what lies before is not asked for again.
func (s *Stage) Settle(floor uint64) { s.marks.settle(floor) }

// Usage is what the stage holds at the moment.
func (s *Stage) Usage() (traces, messages int, bytes int64) {
	return len(s.visits), len(s.held), s.heldBytes
}
