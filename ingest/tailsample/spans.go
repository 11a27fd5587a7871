package tailsample

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"

	"clew/internal/telemetry"
)

// spans is what policies need of a batch's rows.
type spans struct {
	bits            []uint64 // of the leaves
	trace           telemetry.Cells
	start, duration *telemetry.Cells
}

// read looks at the columns that the leaves ask for, and no others.
func read(leaves []leaf, b *telemetry.Batch) (*spans, error) {
	if b.Rows == nil || b.Sets == nil || b.Rows.NumCols() == 0 {
		return nil, errors.New("batch of spans has no rows")
	}
	s := &spans{}
	var err error
	if s.bits, err = bitsOf(leaves, b.Rows, 1); err != nil {
		return nil, err
	}
	ofSets, err := bitsOf(leaves, b.Sets, 0)
	if err != nil {
		return nil, err
	}
	sets, err := telemetry.CellsOf(b.Rows.Column(0))
	if err != nil {
		return nil, err
	}
	for row, set := range sets.Codes() {
		s.bits[row] |= ofSets[set]
	}
	ids, err := field(b.Rows, telemetry.FieldTraceID)
	if err != nil || ids == nil {
		return nil, errors.Join(err, errors.New("batch of spans has no trace ids"))
	}
	s.trace = *ids
	if s.start, err = field(b.Rows, telemetry.FieldStart); err != nil {
		return nil, err
	}
	s.duration, err = field(b.Rows, telemetry.FieldDuration)
	return s, err
}

// bitsOf is which leaves each row of a record fulfils. The columns begin at first.
func bitsOf(leaves []leaf, rec arrow.Record, first int) ([]uint64, error) {
	bits := make([]uint64, rec.NumRows())
	if len(leaves) == 0 {
		return bits, nil
	}
	for i := first; i < int(rec.NumCols()); i++ {
		col, err := telemetry.ColumnOf(rec.Schema().Field(i))
		if err != nil {
			return nil, err
		}
		overflow := col.Level == telemetry.LevelField && (col.Key == telemetry.FieldOverflow || col.Key == telemetry.FieldResourceOverflow)
		for n := range leaves {
			if !overflow && !leaves[n].reads(col) {
				continue
			}
			cells, err := telemetry.CellsOf(rec.Column(i))
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", col, err)
			}
			if overflow {
				if err := markOverflow(leaves, bits, &cells); err != nil {
					return nil, err
				}
				break
			}
			leaves[n].mark(bits, 1<<n, col.Type, &cells)
		}
	}
	return bits, nil
}

// field finds a fixed field's column; nil if no row has it.
func field(rec arrow.Record, key string) (*telemetry.Cells, error) {
	for i := 1; i < int(rec.NumCols()); i++ {
		col, err := telemetry.ColumnOf(rec.Schema().Field(i))
		if err != nil {
			return nil, err
		}
		if col.Level == telemetry.LevelField && col.Key == key {
			cells, err := telemetry.CellsOf(rec.Column(i))
			return &cells, err
		}
	}
	return nil, nil
}

// times are a span's start and end in nanoseconds.
func (s *spans) times(row int) (start, end int64, ok bool) {
	if s.start == nil || !s.start.Valid(row) {
		return 0, 0, false
	}
	start = s.start.Int(row)
	end = start
	if s.duration != nil && s.duration.Valid(row) {
		end += max(s.duration.Int(row), 0)
	}
	return start, max(start, end), true
}
