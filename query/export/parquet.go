package export

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"clew/internal/telemetry"
	"clew/query/engine"
)

// Parquet writes records as one Parquet file with a plain column for each field: times are timestamps, ids hex.
type Parquet struct {
	writer   *pqarrow.FileWriter
	schema   *arrow.Schema
	columns  map[telemetry.Column]int
	builders []array.Builder
	rows     int
	bytes    int
}

// NewParquet begins a file that has these columns, which all records that follow must keep to.
func NewParquet(w io.Writer, columns []telemetry.Column) (*Parquet, error) {
	p := &Parquet{columns: map[telemetry.Column]int{}}
	var fields []arrow.Field
	taken := map[string]bool{}
	for i, c := range columns {
		name := c.Name()
		if taken[name] {
			name = c.String() // a second type of the same key
		}
		taken[name] = true
		fields = append(fields, arrow.Field{Name: name, Type: plainType(c), Nullable: true})
		p.columns[c] = i
	}
	p.schema = arrow.NewSchema(fields, nil)
	for _, f := range fields {
		p.builders = append(p.builders, array.NewBuilder(memory.DefaultAllocator, f.Type))
	}
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1), parquet.WithDictionaryDefault(true))
	var err error
	if p.writer, err = pqarrow.NewFileWriter(p.schema, w, properties, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema())); err != nil {
		return nil, fmt.Errorf("begin Parquet file: %w", err)
	}
	return p, nil
}

func plainType(c telemetry.Column) arrow.DataType {
	switch {
	case c.Type == telemetry.TypeTime:
		return &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	case idWidth(c) > 0:
		return arrow.BinaryTypes.String
	}
	return c.ArrowType(0)
}

// Write adds records. It fails if one has a field that the file has no column for.
func (p *Parquet) Write(records []engine.Record) error {
	for i := range records {
		for _, f := range records[i].Fields {
			at, ok := p.columns[f.Column]
			if !ok {
				return fmt.Errorf("field %s came up while the file was being written: ask again, up to a time before now", f.Column)
			}
			c := p.builders[at]
			for c.Len() < p.rows {
				c.AppendNull()
			}
			if idWidth(f.Column) > 0 {
				f.Value.Text = f.Text()
			}
			appendValue(c, f)
			p.bytes += 8 + len(f.Value.Text)
		}
		if p.rows++; p.rows >= groupRows || p.bytes >= groupBytes {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes a row group.
func (p *Parquet) flush() error {
	if p.rows == 0 {
		return nil
	}
	arrays := make([]arrow.Array, len(p.builders))
	for i, c := range p.builders {
		for c.Len() < p.rows {
			c.AppendNull()
		}
		arrays[i] = c.NewArray()
	}
	record := array.NewRecord(p.schema, arrays, int64(p.rows))
	p.rows, p.bytes = 0, 0
	if err := p.writer.Write(record); err != nil {
		return fmt.Errorf("write Parquet row group: %w", err)
	}
	return nil
}

// Close writes the end of the file. It does not close the writer that NewParquet was given.
func (p *Parquet) Close() error {
	if err := p.flush(); err != nil {
		return err
	}
	if err := p.writer.Close(); err != nil {
		return fmt.Errorf("end Parquet file: %w", err)
	}
	return nil
}
