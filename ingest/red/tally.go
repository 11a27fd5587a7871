package red

import (
	"context"
	"fmt"
	"sync"

	"clew/index"
	"clew/internal/telemetry"
)

// Tally counts the records of a generation. All methods are safe for concurrent use.
type Tally struct {
	id     string
	signal telemetry.Signal
	tenant string
	shard  int

	mu       sync.Mutex
	group    int // rows of the generation before row of group are counted
	row      int
	texts    map[string]uint32
	labels   []string // by code; 0 is the empty one
	series   []*counter
	byKey    map[key]*counter
	last     *counter
	cells    int
	overflow int        // records counted under Other
	part     index.Part // of all that is counted; nil: it has to be made
	live     live
}

// key is what tells series apart: codes of labels. Of logs name is the template and kind the severity.
type key struct{ service, name, kind, status uint32 }

// counter is a series: the buckets of one key.
type counter struct {
	key
	cells  map[int64]*cell // by the bucket's number: time divided by Width
	last   *cell
	lastAt int64
}

// cell is what is counted in one bucket of one series.
type cell struct {
	count   uint64
	zero    uint64 // spans without a duration
	sum     int64  // nanoseconds
	buckets []bucket
	best    exemplar
	told    *cell // as much of it as readers of the live head know; nil: nothing
	changed bool  // since then
}

// bucket is a bucket of a histogram, by OTLP's index at scale.
type bucket struct {
	index int16
	count uint32
}

// exemplar is a record that stands for others: of spans the slowest, of logs the first with a trace.
type exemplar struct {
	at    int64 // nanoseconds
	value int64 // of spans: nanoseconds
	trace telemetry.TraceID
	span  telemetry.SpanID
}

// New returns a tally for a generation's records. id must be unique in the process.
func New(id string, signal telemetry.Signal, tenant string, shard int) *Tally {
	return &Tally{
		id: id, signal: signal, tenant: tenant, shard: shard,
		texts: map[string]uint32{"": 0}, labels: []string{""}, byKey: map[key]*counter{},
	}
}

// Counts says whether records of a signal are counted.
func Counts(s telemetry.Signal) bool { return s == telemetry.Spans || s == telemetry.Logs }

// Read counts the rows that part has beyond those read before. part is the generation at a later moment, each time.
func (t *Tally) Read(ctx context.Context, part index.Part) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	groups := part.RowGroups()
	for t.group < len(groups) {
		rows := groups[t.group].Rows
		if t.row < rows {
			if err := t.rows(ctx, part, t.group, t.row, rows); err != nil {
				return err
			}
			t.row, t.part = rows, nil
		}
		if t.group == len(groups)-1 {
			return nil // it may grow
		}
		t.group, t.row = t.group+1, 0
	}
	return nil
}

// Add counts all rows of a part that is not the generation: records that are not kept.
func (t *Tally) Add(ctx context.Context, part index.Part) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rg, g := range part.RowGroups() {
		t.part = nil
		if err := t.rows(ctx, part, rg, 0, g.Rows); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tally) rows(ctx context.Context, part index.Part, rg, from, to int) error {
	var err error
	switch t.signal {
	case telemetry.Spans:
		err = t.spans(ctx, part, rg, from, to)
	case telemetry.Logs:
		err = t.logs(ctx, part, rg, from, to)
	}
	if err != nil {
		return fmt.Errorf("count %s of %s: %w", t.signal, t.tenant, err)
	}
	return nil
}

// Overflow is how many records have been counted under Other since the last call.
func (t *Tally) Overflow() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.overflow
	t.overflow = 0
	return n
}

// Bytes estimates the memory held.
func (t *Tally) Bytes() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(t.cells)*cellBytes + int64(len(t.series))*seriesBytes + int64(len(t.labels))*textMax/2 + t.live.bytes()
}

// cellBytes is about what a cell takes with its buckets and its place in a map; seriesBytes a series.
const (
	cellBytes   = 300
	seriesBytes = 200
)

// code is a label's.
func (t *Tally) code(text string) uint32 {
	code, ok := t.texts[text]
	if !ok {
		code = uint32(len(t.labels))
		t.texts[text] = code
		t.labels = append(t.labels, text)
	}
	return code
}

// seriesOf finds or begins a series; beyond the bound it is that of what is beyond.
func (t *Tally) seriesOf(k key) *counter {
	if t.last != nil && t.last.key == k {
		return t.last
	}
	s := t.byKey[k]
	if s == nil {
		s = t.begin(k)
	}
	if s.key == k {
		t.last = s // what is beyond is counted each time
	}
	return s
}

func (t *Tally) begin(k key) *counter {
	if len(t.series) >= seriesMax {
		t.overflow++
		k.name = t.code(Other)
		if s := t.byKey[k]; s != nil {
			return s
		}
		if len(t.series) >= 2*seriesMax {
			k.service = k.name
			if s := t.byKey[k]; s != nil {
				return s
			}
		}
	}
	s := &counter{key: k, cells: map[int64]*cell{}}
	t.byKey[k] = s
	t.series = append(t.series, s)
	return s
}

// cellAt is the bucket that a time, in nanoseconds, falls into. A bucket is after its beginning and up to its end, as Prometheus' ranges are.
func (t *Tally) cellAt(s *counter, at int64) *cell {
	n := max(0, at-1) / int64(Width)
	c := s.last
	if c == nil || s.lastAt != n {
		if c = s.cells[n]; c == nil {
			c = &cell{}
			s.cells[n] = c
			t.cells++
		}
		s.last, s.lastAt = c, n
	}
	if !c.changed && t.live.head != nil {
		c.changed = true
		t.live.changed = append(t.live.changed, place{s, n})
	}
	return c
}
