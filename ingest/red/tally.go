package red

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	recent   [recentSeries]*counter // by some bits of their keys
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
	cells []cell         // by their numbers
	at    int            // of cells: where the last record was counted
	best  []exemplar     // by their times, one for each exemplarEvery
	bests int            // of best: where the last was looked for
	told  map[int64]cell // as much of cells as readers of the live head know, by their numbers; nil while there are none
}

// cell is what is counted in one bucket of one series. A generation may have one for every few of its records, where these come from many operations and hours.
type cell struct {
	buckets []bucket
	sum     int64  // nanoseconds
	n       int64  // the bucket's number: time divided by Width
	count   uint32 // a generation has fewer records
	zero    uint32 // spans without a duration
	changed bool   // since readers of the live head were told
}

// bucket is a bucket of a histogram, by OTLP's index at scale.
type bucket struct {
	index int16
	count uint32
}

// exemplar is a record that stands for others: of spans the slowest, of logs the first with a trace.
type exemplar struct {
	at    int64 // nanoseconds; 0: there is none
	n     int64 // its bucket's number
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
	return recentSeries*8 + int64(t.cells)*cellBytes + int64(len(t.series))*seriesBytes + int64(len(t.labels))*textMax/2 + t.live.bytes()
}

// cellBytes is about what a cell takes with its buckets; seriesBytes a series with its exemplars.
const (
	cellBytes   = 100
	seriesBytes = 500
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

// recentSeries is how many series are found without the map, by recentBits of their keys: records come from many in turn.
const (
	recentBits   = 10
	recentSeries = 1 << recentBits
)

// seriesOf finds or begins a series; beyond the bound it is that of what is beyond.
func (t *Tally) seriesOf(k key) *counter {
	recent := &t.recent[(k.name*0x9E3779B1^k.service*0x85EBCA6B^k.kind*0xC2B2AE35^k.status*0x27D4EB2F)>>(32-recentBits)]
	if *recent != nil && (*recent).key == k {
		return *recent
	}
	s := t.byKey[k]
	if s == nil {
		s = t.begin(k)
	}
	if s.key == k {
		*recent = s // what is beyond is counted each time
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
	s := &counter{key: k}
	if t.live.head != nil {
		s.told = map[int64]cell{}
	}
	t.byKey[k] = s
	t.series = append(t.series, s)
	return s
}

// cellAt is the bucket that a time, in nanoseconds, falls into, until the next call. A bucket is after its beginning and up to its end, as Prometheus' ranges are.
func (t *Tally) cellAt(s *counter, at int64) *cell {
	n := max(0, at-1) / int64(Width)
	if s.at >= len(s.cells) || s.cells[s.at].n != n {
		i, ok := s.find(n)
		if !ok {
			s.cells = slices.Insert(s.cells, i, cell{n: n})
			t.cells++
		}
		s.at = i
	}
	c := &s.cells[s.at]
	if !c.changed && t.live.head != nil {
		c.changed = true
		t.live.changed = append(t.live.changed, place{s, n})
	}
	return c
}

// find is where a bucket is among cells, or would be. Records come about in the order of their times.
func (s *counter) find(n int64) (i int, ok bool) {
	if len(s.cells) == 0 || s.cells[len(s.cells)-1].n < n {
		return len(s.cells), false
	}
	return slices.BinarySearchFunc(s.cells, n, func(c cell, n int64) int { return cmp.Compare(c.n, n) })
}

// bestAt is the exemplar that is kept of the time in which a bucket is, until the next call of better; nil: there is none.
func (s *counter) bestAt(n int64) *exemplar {
	slot := exemplarSlot(n)
	if s.bests < len(s.best) && exemplarSlot(s.best[s.bests].n) == slot {
		return &s.best[s.bests]
	}
	i, ok := s.findBest(slot)
	if !ok {
		return nil
	}
	s.bests = i
	return &s.best[i]
}

func (s *counter) findBest(slot int64) (i int, ok bool) {
	if len(s.best) == 0 || exemplarSlot(s.best[len(s.best)-1].n) < slot {
		return len(s.best), false
	}
	return slices.BinarySearchFunc(s.best, slot, func(e exemplar, slot int64) int { return cmp.Compare(exemplarSlot(e.n), slot) })
}

// better keeps x for the time in which its bucket is.
func (s *counter) better(x exemplar) {
	i, ok := s.findBest(exemplarSlot(x.n))
	if ok {
		s.best[i] = x
	} else {
		s.best = slices.Insert(s.best, i, x)
	}
	s.bests = i
}

func exemplarSlot(n int64) int64 { return n * int64(Width) / int64(exemplarEvery) }
