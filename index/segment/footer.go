package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"clew/index"
	"clew/index/segment/pagecode"
	"clew/internal/telemetry"
)

// Keys of the Parquet file's own metadata.
const (
	keyVersion  = "clew.version" // of the segment format
	keySegment  = "clew.segment" // the id
	keySignal   = "clew.signal"
	keyReplaces = "clew.replaces" // ids of the segments that it was made of, see replaces.go
	// Of down-sampled metrics only: the width of the windows, and the ids of the segments that these were made of.
	keyResolution = "clew.resolution"
	keySamples    = "clew.samples"
)

// footer makes what follows the last chunk: the file's metadata, its length, and the magic. Schema and metadata are arrow's; the
// chunks' codecs and encodings, which arrow would take from writer properties, are put in from what was written.
func (w *writer) footer() (footer []byte, err error) {
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
		{keyVersion, fmt.Sprint(Version)}, {keySegment, w.meta.info.ID}, {keySignal, w.meta.info.Signal.String()}, {keyReplaces, strings.Join(w.opt.Replaces, " ")},
	}
	if w.opt.Resolution > 0 {
		pairs = append(pairs, [2]string{keyResolution, w.opt.Resolution.String()}, [2]string{keySamples, strings.Join(w.opt.Samples, " ")})
	}
	for _, pair := range pairs {
		if err := kv.Append(pair[0], pair[1]); err != nil {
			return nil, err
		}
	}
	builder := metadata.NewFileMetadataBuilder(sc, props, kv)
	for i := range w.meta.groups {
		if err := appendGroup(builder, &w.meta.groups[i], i); err != nil {
			return nil, err
		}
	}
	md, err := builder.Finish()
	if err != nil {
		return nil, err
	}
	for i := range w.meta.groups {
		for j, c := range w.meta.groups[i].chunks {
			fileChunk := md.RowGroups[i].Columns[j].MetaData
			encodings := fileChunk.Encodings[:0]
			encodings = append(encodings, pagecode.RLE, pagecode.Plain)
			switch c.encoding {
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
			if c.codec == pagecode.CodecZstd {
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
	return append(footer, parquetMagic...), nil
}

func appendGroup(builder *metadata.FileMetaDataBuilder, g *rowGroup, ordinal int) error {
	group := builder.AppendRowGroup()
	group.SetNumRows(g.Rows)
	total := int64(0)
	for i := range g.chunks {
		c := &g.chunks[i]
		info := metadata.ChunkMetaInfo{
			NumValues:        int64(g.Rows),
			DataPageOffset:   c.offset + int64(c.dictionaryStored),
			IndexPageOffset:  -1,
			CompressedSize:   c.stored(),
			UncompressedSize: int64(c.dictionaryHeader) + int64(c.dictionaryRaw) + int64(c.dataHeader) + int64(c.dataRaw),
		}
		if c.dictionaryStored > 0 {
			info.DictPageOffset = c.offset
		}
		total += info.UncompressedSize
		chunkBuilder := group.NextColumnChunk()
		var stats metadata.EncodedStatistics
		stats.SetNullCount(int64(c.nulls))
		chunkBuilder.SetStats(stats)
		if err := chunkBuilder.Finish(info, c.dictionaryStored > 0, false, metadata.EncodingStats{}, nil); err != nil {
			return err
		}
	}
	return group.Finish(total, int16(ordinal))
}

// schema is the Parquet file's: every leaf optional, at the top level.
func (w *writer) schema() (*schema.Schema, error) {
	fields := make(schema.FieldList, len(w.meta.leaves))
	for i, l := range w.meta.leaves {
		node, err := w.node(l)
		if err != nil {
			return nil, fmt.Errorf("leaf %s: %w", l.name, err)
		}
		fields[i] = node
	}
	root, err := schema.NewGroupNode("clew", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	return schema.NewSchema(root), nil
}

func (w *writer) node(l leaf) (schema.Node, error) {
	optional := parquet.Repetitions.Optional
	var c index.ColumnInfo
	if l.column >= 0 {
		c = w.columns[l.column].ColumnInfo
	}
	switch l.physical {
	case physicalBool:
		return schema.NewBooleanNode(l.name, optional, -1), nil
	case physicalInt64:
		if c.Type == telemetry.TypeTime {
			unit := schema.TimeUnitNanos
			switch l.exponent {
			case 3:
				unit = schema.TimeUnitMicros
			case exponentMax:
				unit = schema.TimeUnitMillis
			}
			kind := schema.NewTimestampLogicalType(true, unit)
			return schema.NewPrimitiveNodeLogical(l.name, optional, kind, parquet.Types.Int64, 0, -1)
		}
		return schema.NewInt64Node(l.name, optional, -1), nil
	case physicalDouble:
		return schema.NewFloat64Node(l.name, optional, -1), nil
	case physicalFixed:
		return schema.NewFixedLenByteArrayNode(l.name, optional, int32(l.width), -1), nil
	}
	if c.Type == telemetry.TypeBytes {
		return schema.NewByteArrayNode(l.name, optional, -1), nil
	}
	return schema.NewPrimitiveNodeLogical(l.name, optional, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1)
}
