package writer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/internal/telemetry"
)

// footer makes what follows the last chunk: the file's metadata, its length, and the magic. Schema and metadata are arrow's; the
// chunks' codecs and encodings, which arrow would take from writer properties, are put in from what was written.
func (w *Writer) footer() (footer []byte, err error) {
	// The schema functions panic on what they don't like; nothing from outside may end the process.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parquet metadata: %v", r)
		}
	}()
	sc, err := w.schema()
	if err != nil {
		return nil, err
	}
	props := parquet.NewWriterProperties(parquet.WithCreatedBy("clew"), parquet.WithVersion(parquet.V2_6))
	kv := metadata.NewKeyValueMetadata()
	pairs := [][2]string{
		{format.KeyVersion, fmt.Sprint(format.Version)}, {format.KeySegment, w.meta.Info.ID}, {format.KeySignal, w.meta.Info.Signal.String()}, {format.KeyReplaces, strings.Join(w.opt.Replaces, " ")},
	}
	if w.opt.Resolution > 0 {
		pairs = append(pairs, [2]string{format.KeyResolution, w.opt.Resolution.String()}, [2]string{format.KeySamples, strings.Join(w.opt.Samples, " ")})
	}
	for _, pair := range pairs {
		if err := kv.Append(pair[0], pair[1]); err != nil {
			return nil, err
		}
	}
	builder := metadata.NewFileMetadataBuilder(sc, props, kv)
	for i := range w.meta.Groups {
		if err := appendGroup(builder, &w.meta.Groups[i], i); err != nil {
			return nil, err
		}
	}
	md, err := builder.Finish()
	if err != nil {
		return nil, err
	}
	for i := range w.meta.Groups {
		for j, c := range w.meta.Groups[i].Chunks {
			fileChunk := md.RowGroups[i].Columns[j].MetaData
			encodings := fileChunk.Encodings[:0]
			encodings = append(encodings, pagecode.RLE, pagecode.Plain)
			switch c.Encoding {
			case pagecode.Dictionary:
				encodings = append(encodings, pagecode.Dictionary)
			case pagecode.Delta:
				encodings = append(encodings, pagecode.Delta)
			case pagecode.DeltaLength:
				encodings = append(encodings, pagecode.DeltaLength)
			}
			fileChunk.Encodings = encodings
			fileChunk.EncodingStats = nil
			fileChunk.Codec = pagecode.CodecNone
			if c.Codec == pagecode.CodecZstd {
				fileChunk.Codec = pagecode.CodecZstd
			}
		}
	}
	var out bytes.Buffer
	n, err := md.WriteTo(&out, nil)
	if err != nil {
		return nil, err
	}
	footer = binary.LittleEndian.AppendUint32(out.Bytes(), uint32(n))
	return append(footer, format.ParquetMagic...), nil
}

func appendGroup(builder *metadata.FileMetaDataBuilder, g *format.RowGroup, ordinal int) error {
	group := builder.AppendRowGroup()
	group.SetNumRows(g.Rows)
	total := int64(0)
	for i := range g.Chunks {
		c := &g.Chunks[i]
		info := metadata.ChunkMetaInfo{
			NumValues:        int64(g.Rows),
			DataPageOffset:   c.Offset + int64(c.DictionaryStored),
			IndexPageOffset:  -1,
			CompressedSize:   c.Stored(),
			UncompressedSize: int64(c.DictionaryHeader) + int64(c.DictionaryRaw) + int64(c.DataHeader) + int64(c.DataRaw),
		}
		if c.DictionaryStored > 0 {
			info.DictPageOffset = c.Offset
		}
		total += info.UncompressedSize
		chunkBuilder := group.NextColumnChunk()
		var stats metadata.EncodedStatistics
		stats.SetNullCount(int64(c.Nulls))
		chunkBuilder.SetStats(stats)
		if err := chunkBuilder.Finish(info, c.DictionaryStored > 0, false, metadata.EncodingStats{}, nil); err != nil {
			return err
		}
	}
	return group.Finish(total, int16(ordinal))
}

// schema is the Parquet file's: every leaf optional, at the top level.
func (w *Writer) schema() (*schema.Schema, error) {
	fields := make(schema.FieldList, len(w.meta.Leaves))
	for i, l := range w.meta.Leaves {
		node, err := w.node(l)
		if err != nil {
			return nil, fmt.Errorf("leaf %s: %w", l.Name, err)
		}
		fields[i] = node
	}
	root, err := schema.NewGroupNode("clew", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	return schema.NewSchema(root), nil
}

func (w *Writer) node(l format.Leaf) (schema.Node, error) {
	optional := parquet.Repetitions.Optional
	var c index.ColumnInfo
	if l.Column >= 0 {
		c = w.columns[l.Column].ColumnInfo
	}
	switch l.Physical {
	case format.PhysicalBool:
		return schema.NewBooleanNode(l.Name, optional, -1), nil
	case format.PhysicalInt64:
		if c.Type == telemetry.TypeTime {
			unit := schema.TimeUnitNanos
			switch l.Exponent {
			case 3:
				unit = schema.TimeUnitMicros
			case format.ExponentMax:
				unit = schema.TimeUnitMillis
			}
			kind := schema.NewTimestampLogicalType(true, unit)
			return schema.NewPrimitiveNodeLogical(l.Name, optional, kind, parquet.Types.Int64, 0, -1)
		}
		return schema.NewInt64Node(l.Name, optional, -1), nil
	case format.PhysicalDouble:
		return schema.NewFloat64Node(l.Name, optional, -1), nil
	case format.PhysicalFixed:
		return schema.NewFixedLenByteArrayNode(l.Name, optional, int32(l.Width), -1), nil
	}
	if c.Type == telemetry.TypeBytes {
		return schema.NewByteArrayNode(l.Name, optional, -1), nil
	}
	return schema.NewPrimitiveNodeLogical(l.Name, optional, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1)
}
