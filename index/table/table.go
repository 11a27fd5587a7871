// Package table holds rows in memory as they are written and searched at the same time: a generation of a head.
//
// A table is coded columns from the first row on, in the same form as a sealed segment: a value column is codes over a growing
// dictionary, a text column is templates plus variables. So memory holds few bytes a record, a search of a head is the
// search of a segment, and sealing only moves what is already coded.
//
// One goroutine appends, any number read. What has been written never changes: columns only grow, and whatever can't grow in place (a
// wider code, another kind) is copied first. A snapshot is therefore a copy of slice headers, and stays right whatever is appended
// after it.
//
// Memory goes to values, not to cells: row groups of 64k rows hold for each column only the values that exist, each in as few bytes as the
// group's largest needs, and the rows that have them (presence.go). What records share through their resource and scope is stored once a
// set; a row has its set's number.
package table

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"clew/index"
	"clew/internal/telemetry"
)

// Table is rows of one signal, tenant and shard. One goroutine may call Append; all other methods are safe for concurrent use.
type Table struct {
	id     string
	signal telemetry.Signal
	tenant string
	shard  int

	rows  atomic.Int64
	bytes atomic.Int64
	// largest is the bytes of the row group that took most, growing those of the one that was written last, with number measured.
	largest  atomic.Int64
	growing  int64
	measured int

	mu      sync.Mutex // held by Append and, for a moment, by Snapshot
	columns map[telemetry.Column]*column
	ordered []*column // in Column.Compare's order, unless unordered
	sorted  bool
	order   *column // the ordering time, once there is one
	end     *column // metrics: the end of the row's time range
	sets    sets
	groups  []index.RowGroupInfo
	timed   int // row groups whose time range has begun
	scratch scratch
	snap    *snapshot // the latest, if nothing was appended since
}

// New returns an empty table. id must be unique in the process: readers cache by it.
func New(id string, signal telemetry.Signal, tenant string, shard int) *Table {
	t := &Table{id: id, signal: signal, tenant: tenant, shard: shard, columns: map[telemetry.Column]*column{}}
	t.sets.init()
	return t
}

// Rows is the number of rows appended.
func (t *Table) Rows() int { return int(t.rows.Load()) }

// Bytes estimates the memory that the table holds, dictionaries and spare room included.
func (t *Table) Bytes() int64 { return t.bytes.Load() }

// GroupBytes estimates the memory of the row group that takes most of it, with what the dictionaries grew by while it was written.
func (t *Table) GroupBytes() int64 { return t.largest.Load() }

// FullError says that a table can take no more: seal it and go on with another.
type FullError struct {
	ID    string
	Bytes int64
}

func (e *FullError) Error() string {
	return fmt.Sprintf("table %s is full: %d bytes of at most %d", e.ID, e.Bytes, int64(tableBytesMax))
}

// Append adds the batch's rows for which keep is true (nil: all). The batch must be as telemetry.Batch says, which telemetry.Decode and NewBatch
// have checked; it is not kept. Append fails before anything is added if the batch is of
// another signal or tenant, has no rows form, has a column that telemetry.ColumnOf or the contract in telemetry.Batch doesn't know, or if
// the table is full (*FullError).
func (t *Table) Append(b *telemetry.Batch, keep []bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	in, err := t.check(b, keep)
	if err != nil {
		return fmt.Errorf("append to table %s: %w", t.id, err)
	}
	if in.rows == 0 {
		return nil
	}
	t.snap = nil
	cols := make([]*column, len(in.columns))
	for i, id := range in.columns {
		cols[i] = t.column(id)
	}
	t.prepareSets(b.Sets, in)
	at := 0 // source row
	for done := 0; done < in.rows; {
		total := t.Rows()
		s := span{group: total / groupRows, first: total % groupRows, lo: at, keep: keep}
		s.n = min(in.rows-done, groupRows-s.first)
		s.hi = s.end(int(b.Rows.NumRows()))
		if s.first == 0 {
			t.groups = append(t.groups, index.RowGroupInfo{})
		}
		t.appendSets(in, &s)
		for i, arr := range in.arrays {
			t.appendArray(cols[i], arr, &s)
		}
		t.finishSpan(&s)
		at, done = s.hi, done+s.n
	}
	t.finishAppend(cols)
	return nil
}

// input is a batch whose form has been checked.
type input struct {
	rows    int // kept
	columns []telemetry.Column
	arrays  []arrow.Array // of columns
	sets    *array.Uint32 // nil if the rows have no sets

	setColumns []telemetry.Column
	setArrays  []arrow.Array
}

// check reads the batch's form and refuses what can't be appended whole.
func (t *Table) check(b *telemetry.Batch, keep []bool) (*input, error) {
	if b.Signal != t.signal || b.Tenant != t.tenant {
		return nil, fmt.Errorf("batch is %v of tenant %q, the table %v of tenant %q", b.Signal, b.Tenant, t.signal, t.tenant)
	}
	if b.Rows == nil {
		return nil, fmt.Errorf("batch of %v has no rows form", b.Signal)
	}
	n := int(b.Rows.NumRows())
	if keep != nil && len(keep) != n {
		return nil, fmt.Errorf("batch has %d rows, keep speaks of %d", n, len(keep))
	}
	if have := t.Bytes(); have > tableBytesMax {
		return nil, &FullError{ID: t.id, Bytes: have}
	}
	in := &input{rows: n}
	if keep != nil {
		in.rows = 0
		for _, k := range keep {
			if k {
				in.rows++
			}
		}
	}
	var err error
	in.columns, in.arrays, in.sets, err = readRecord(b.Rows, false)
	if err != nil {
		return nil, err
	}
	if b.Sets != nil {
		in.setColumns, in.setArrays, _, err = readRecord(b.Sets, true)
		if err != nil {
			return nil, fmt.Errorf("sets: %w", err)
		}
	}
	if in.sets != nil {
		if b.Sets == nil {
			return nil, fmt.Errorf("rows name sets, the batch has none")
		}
		for i, set := range in.sets.Uint32Values() {
			if in.sets.IsNull(i) || int64(set) >= b.Sets.NumRows() {
				return nil, fmt.Errorf("row %d is of set %d, the batch has %d", i, set, b.Sets.NumRows())
			}
		}
	}
	return in, nil
}

// column returns the column of this identity, making it if need be.
func (t *Table) column(id telemetry.Column) *column {
	c := t.columns[id]
	if c != nil {
		return c
	}
	c = newColumn(id)
	t.columns[id] = c
	t.ordered = append(t.ordered, c)
	t.sorted = false
	if id.Level == telemetry.LevelField && id.Type == telemetry.TypeTime {
		switch {
		case id.Key == telemetry.FieldStart && t.signal == telemetry.Spans,
			id.Key == telemetry.FieldTime && t.signal != telemetry.Spans:
			t.order = c
		case id.Key == "end" && t.signal == telemetry.Metrics:
			t.end = c
		}
	}
	return c
}

// finishSpan counts the rows of a span.
func (t *Table) finishSpan(s *span) {
	t.groups[s.group].Rows += s.n
	t.rows.Add(int64(s.n))
}

// finishAppend questions the kinds of the columns that grew, and measures them.
func (t *Table) finishAppend(cols []*column) {
	grown := t.sets.grown()
	for _, c := range cols {
		c.reconsider()
		grown += c.measure()
	}
	t.bytes.Add(grown)
	if last := len(t.groups) - 1; last != t.measured {
		t.measured, t.growing = last, 0
	}
	t.growing += grown
	t.largest.Store(max(t.largest.Load(), t.growing))
}
