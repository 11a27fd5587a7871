package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/counts"
	"clew/query/engine/match"
	"clew/query/engine/question"
	"clew/query/parts"
)

// UsageBy says by what usage is told apart.
type UsageBy string

// What usage can be told apart by.
const (
	UsageByService  UsageBy = "service"
	UsageByField    UsageBy = "field"
	UsageByTemplate UsageBy = "template" // of the log records' bodies, the spans' names
)

// UsageRow is what one service, field or template amounts to.
type UsageRow struct {
	Name     string // of a template: with <*> for what varies
	Absent   bool   // the records that have no service
	Records  uint64 // of a field: that have it
	Bytes    int64  // on disk; what is not sealed yet has none
	Distinct uint64 // of a field: values (texts: templates) of the segment that has most; 0: not kept apart
	// First and Last are the times of the first and last row group (of a field: of the first and last segment) with a record, nanoseconds.
	First, Last int64
}

// Usage is the answer of Engine.Usage.
type Usage struct {
	Rows     []UsageRow // most bytes first, then most records
	Records  uint64     // all records
	Bytes    int64      // of all segments, as far as they are in the time range
	Unsealed uint64     // of Records, those that are not in segments yet
	Stats    Stats
}

// Usage says what the records of a time range consist of. It reads what segments keep anyway, columns' sizes and the histograms of codes, and costs nothing
// when records come in. The records' bytes are shared out among services and templates by their number of records in each row group.
func (e *Engine) Usage(ctx context.Context, r Request, by UsageBy, top int) (*Usage, error) {
	if e.spreads(&r) {
		return e.usageAll(ctx, r, by, top)
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, err
	}
	u := &usage{q: q, rows: map[string]*UsageRow{}}
	if by == UsageByField {
		u.fields(bounds)
	} else {
		name := "service"
		if by == UsageByTemplate {
			name = question.TextFields[r.Signal][0]
		}
		u.field = question.FieldOf(r.Signal, name)
		if err := q.each(ctx, match.TasksOf(bounds), nil, u.visit); err != nil {
			return nil, err
		}
	}
	out := &Usage{Records: u.records, Bytes: u.bytes, Unsealed: u.unsealed}
	for _, row := range u.rows {
		out.Rows = append(out.Rows, *row)
	}
	out.arrange(top)
	out.Stats = q.stats()
	return out, nil
}

// arrange puts the rows in order and keeps the top ones.
func (out *Usage) arrange(top int) {
	slices.SortFunc(out.Rows, func(a, b UsageRow) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Records, a.Records), cmp.Compare(a.Name, b.Name))
	})
	out.Rows = out.Rows[:min(len(out.Rows), top)]
}

// usage is one call of Usage.
type usage struct {
	q     *query
	field question.Field

	mu       sync.Mutex
	rows     map[string]*UsageRow
	records  uint64
	bytes    int64
	unsealed uint64
}

// sizedColumns is a part that knows what its columns take on disk.
type sizedColumns interface{ ColumnBytes() []int64 }

// addLocked adds to a row. Past usageRowsMax different ones, new ones are summed up.
func (u *usage) addLocked(name string, absent bool, records uint64, bytes int64, first, last int64) *UsageRow {
	key := name
	if absent {
		key = "\x00" // no value
	}
	row := u.rows[key]
	if row == nil {
		if len(u.rows) >= usageRowsMax {
			key, name = "\x01", "(others)"
			row = u.rows[key]
		}
		if row == nil {
			row = &UsageRow{Name: name, Absent: absent, First: math.MaxInt64, Last: math.MinInt64}
			u.rows[key] = row
		}
	}
	row.Records += records
	row.Bytes += bytes
	row.First, row.Last = min(row.First, first), max(row.Last, last)
	return row
}

// fields adds up columns: each counts by the part of its segment that is in the time range, in row groups.
func (u *usage) fields(bounds []*match.Bound) {
	for _, b := range bounds {
		first, last, rows := int64(math.MaxInt64), int64(math.MinInt64), 0
		for _, g := range b.Groups {
			if g.MaxTime >= u.q.from && g.MinTime <= u.q.to {
				first, last, rows = min(first, g.MinTime), max(last, g.MaxTime), rows+g.Rows
			}
		}
		if rows == 0 {
			continue
		}
		share := float64(rows) / float64(b.Info.Rows)
		u.count(b, rows, share)
		var bytes []int64
		if sized, ok := b.Part.(sizedColumns); ok {
			bytes = sized.ColumnBytes()
		}
		for col, c := range b.Columns {
			if c.NonNull == 0 || c.Level == telemetry.LevelField && slices.Contains(question.HiddenFields, c.Key) {
				continue
			}
			stored := int64(0)
			if bytes != nil {
				stored = int64(share * float64(bytes[col]))
			}
			row := u.addLocked(c.Name(), false, uint64(share*float64(c.NonNull)), stored, max(first, u.q.from), min(last, u.q.to))
			row.Distinct = max(row.Distinct, uint64(c.Distinct))
		}
	}
}

// count adds rows of a part, which are this share of it, to the totals.
func (u *usage) count(b *match.Bound, rows int, share float64) (bytes int64) {
	u.records += uint64(rows)
	u.q.tally.matched.Add(int64(rows))
	if b.Info.Head {
		u.unsealed += uint64(rows)
		return 0
	}
	bytes = int64(share * float64(b.Info.Bytes))
	u.bytes += bytes
	return bytes
}

// visit counts a row group's records by the codes of the field's column.
func (u *usage) visit(ctx context.Context, t match.Task, s *match.Scan) error {
	rows, err := s.RowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	n := rows.Count(s.Rows)
	col := slices.IndexFunc(t.Bound.Columns, func(c index.ColumnInfo) bool {
		_, ok := u.field.Has(c.Column)
		return ok && !c.Overflow && (c.Kind == index.KindValue || c.Kind == index.KindText)
	})
	var byCode map[uint32]uint64
	var entries *vocabulary.Arena
	if col >= 0 {
		if entries, err = t.Bound.Part.Vocabulary(ctx, col); err == nil {
			byCode, err = counts.ByCode(ctx, t.Bound.Part, col, t.Group, s.Rows, rows)
		}
		if err != nil {
			return err
		}
	}
	g := t.Bound.Groups[t.Group]
	first, last := max(g.MinTime, u.q.from), min(g.MaxTime, u.q.to)
	u.mu.Lock()
	defer u.mu.Unlock()
	bytes := u.count(t.Bound, n, float64(n)/float64(t.Bound.Info.Rows))
	add := func(name string, absent bool, records uint64) {
		u.addLocked(name, absent, records, int64(float64(bytes)*float64(records)/float64(n)), first, last)
	}
	left := uint64(n)
	for code, records := range byCode {
		if int(code) >= entries.Len() {
			return fmt.Errorf("part %s: code %d of %d entries", t.Bound.Info.ID, code, entries.Len())
		}
		add(counts.Shown(entries.At(int(code)), t.Bound.Columns[col].Kind, usageNameBytes), false, records)
		left -= min(left, records)
	}
	if left > 0 {
		add("", true, left)
	}
	return nil
}

// errNoCatalog says that the engine's source has no catalog to ask.
var errNoCatalog = errors.New("usage by tenant: this process has no catalog")

// UsageByTenant says what each tenant has in segments that reach into the time range (nanoseconds, from inclusive, to exclusive; 0: unbounded), most bytes first.
func (e *Engine) UsageByTenant(from, to int64) ([]parts.TenantUsage, error) {
	s, ok := e.source.(*parts.Segments)
	if !ok {
		return nil, errNoCatalog
	}
	return s.UsageByTenant(from, to), nil
}
