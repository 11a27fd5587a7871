package fanout

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/fanout/frame"
)

// ordering is the column of the records' ordering time. No field is called so.
var ordering = telemetry.Column{Type: telemetry.TypeTime}

// columnCells gathers one column's values, row by row.
type columnCells struct {
	ints    []int64
	doubles []float64
	offsets []int32
	data    []byte
	valid   []byte
}

// recordTable makes columns of records: those that any of them has, in their order.
func recordTable(records []engine.Record) frame.Table {
	columns := map[telemetry.Column]*columnCells{}
	n := len(records)
	times := make([]int64, n)
	for i := range records {
		times[i] = records[i].Time
		for j := range records[i].Fields {
			f := &records[i].Fields[j]
			c := columns[f.Column]
			if c == nil {
				c = &columnCells{valid: make([]byte, (n+7)/8)}
				columns[f.Column] = c
			}
			c.add(f, i, n)
		}
	}
	t := frame.Table{Rows: n, Columns: []frame.Column{frame.Ints(ordering, times, nil)}}
	sorted := make([]telemetry.Column, 0, len(columns))
	for col := range columns {
		sorted = append(sorted, col)
	}
	slices.SortFunc(sorted, telemetry.Column.Compare)
	for _, col := range sorted {
		c := columns[col]
		switch {
		case c.ints != nil:
			t.Columns = append(t.Columns, frame.Ints(col, c.ints, c.valid))
		case c.doubles != nil:
			t.Columns = append(t.Columns, frame.Doubles(col, c.doubles, c.valid))
		default:
			c.end(n)
			t.Columns = append(t.Columns, frame.Bytes(col, c.offsets, c.data, c.valid))
		}
	}
	return t
}

// add sets the value of row i of n.
func (c *columnCells) add(f *engine.Field, i, n int) {
	c.valid[i>>3] |= 1 << (i & 7)
	switch f.Column.Type {
	case telemetry.TypeInt, telemetry.TypeTime, telemetry.TypeBool:
		if c.ints == nil {
			c.ints = make([]int64, n)
		}
		c.ints[i] = f.Value.Int
	case telemetry.TypeDouble:
		if c.doubles == nil {
			c.doubles = make([]float64, n)
		}
		c.doubles[i] = f.Value.Double
	default:
		c.end(i)
		c.data = append(c.data, f.Value.Text...)
	}
}

// end makes the rows before i end where the values do: those that have none are empty.
func (c *columnCells) end(i int) {
	for len(c.offsets) <= i {
		c.offsets = append(c.offsets, int32(len(c.data)))
	}
}

// appendRecords is the inverse of recordTable.
func appendRecords(to []engine.Record, t frame.Table) ([]engine.Record, error) {
	from := len(to)
	to = append(to, make([]engine.Record, t.Rows)...)
	records := to[from:]
	for _, c := range t.Columns {
		if err := addColumn(records, c); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Column, err)
		}
	}
	for i := range records {
		records[i].Arrange()
	}
	return to, nil
}

func addColumn(records []engine.Record, c frame.Column) error {
	add := func(i int, v engine.Value) {
		records[i].Fields = append(records[i].Fields, engine.Field{Column: c.Column, Value: v})
	}
	each := func(values arrow.Array, value func(i int) engine.Value) {
		for i := range records {
			if values.IsValid(i) {
				add(i, value(i))
			}
		}
	}
	switch values := c.Values.(type) {
	case *array.Int64:
		if c.Column == ordering {
			for i, v := range values.Int64Values() {
				records[i].Time = v
			}
			return nil
		}
		if t := c.Type; t != telemetry.TypeInt && t != telemetry.TypeTime && t != telemetry.TypeBool {
			return fmt.Errorf("integers for %s", t)
		}
		each(values, func(i int) engine.Value { return engine.Value{Int: values.Value(i)} })
	case *array.Float64:
		if c.Type != telemetry.TypeDouble {
			return fmt.Errorf("doubles for %s", c.Type)
		}
		each(values, func(i int) engine.Value { return engine.Value{Double: values.Value(i)} })
	case *array.Binary:
		if t := c.Type; t != telemetry.TypeString && t != telemetry.TypeJSON && t != telemetry.TypeBytes {
			return fmt.Errorf("bytes for %s", t)
		}
		texts := interned{}
		each(values, func(i int) engine.Value { return engine.Value{Text: texts.of(values.Value(i))} })
	default:
		return fmt.Errorf("%s", c.Values.DataType())
	}
	return nil
}
