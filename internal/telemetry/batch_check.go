package telemetry

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
)

// NewBatch makes a batch of columns that are there already: rows and sets as Batch describes them (rows' first column is SetColumn, fields are
// FieldOf's, in Column.Compare's order). It takes over the caller's references. The error is Check's.
func NewBatch(signal Signal, tenant string, sets, rows arrow.Record) (*Batch, error) {
	b := &Batch{Signal: signal, Tenant: tenant, Sets: sets, Rows: rows}
	if rows != nil {
		b.Records = int(rows.NumRows())
	}
	if err := b.Check(); err != nil {
		return nil, err
	}
	return b, nil
}

// Check says what keeps the batch from being what Batch describes: then reading it could panic.
func (b *Batch) Check() error {
	if (b.Sets == nil) != (b.Rows == nil) {
		return errors.New("batch has only one of rows and sets")
	}
	if b.Rows == nil {
		if b.Signal != Metrics {
			return fmt.Errorf("batch of %s has no rows", b.Signal)
		}
		return nil
	}
	if b.OTLP == nil && int64(b.Records) != b.Rows.NumRows() {
		return fmt.Errorf("batch of %d records has %d rows", b.Records, b.Rows.NumRows())
	}
	if b.Rows.NumCols() == 0 || b.Rows.ColumnName(0) != SetColumn {
		return errors.New("batch's rows do not begin with their sets")
	}
	c, err := CellsOf(b.Rows.Column(0))
	if err != nil {
		return fmt.Errorf("column %s: %w", SetColumn, err)
	}
	if c.form != formSets || c.valid != nil || int64(c.Len()) != b.Rows.NumRows() {
		return fmt.Errorf("column %s is not one uint32 for each row", SetColumn)
	}
	if b.Sets.NumRows() > b.Rows.NumRows() {
		return fmt.Errorf("batch has %d sets for %d rows", b.Sets.NumRows(), b.Rows.NumRows())
	}
	for row, set := range c.Codes() {
		if int64(set) >= b.Sets.NumRows() {
			return fmt.Errorf("row %d has set %d of %d", row, set, b.Sets.NumRows())
		}
	}
	if err := checkColumns(b.Rows, 1); err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	if err := checkColumns(b.Sets, 0); err != nil {
		return fmt.Errorf("sets: %w", err)
	}
	return nil
}

// checkColumns checks the columns of a record from the first-th on.
func checkColumns(rec arrow.Record, first int) error {
	var last Column
	for i := first; i < int(rec.NumCols()); i++ {
		col, err := ColumnOf(rec.Schema().Field(i))
		if err != nil {
			return err
		}
		if i > first && last.Compare(col) >= 0 {
			return fmt.Errorf("column %s stands after %s", col, last)
		}
		last = col
		c, err := CellsOf(rec.Column(i))
		if err != nil {
			return fmt.Errorf("column %s: %w", col, err)
		}
		if err := c.checkType(col, int(rec.NumRows())); err != nil {
			return err
		}
	}
	return nil
}
