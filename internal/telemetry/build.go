package telemetry

import (
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Builder collects records of one signal (Spans or Logs) and tenant into a Batch. Not safe for concurrent use.
type Builder struct{}

// NewBuilder returns an empty builder.
func NewBuilder(signal Signal, tenant string) *Builder { panic("not implemented") }

// UseLogScope makes the resource and scope of the following AppendLog calls. Cheap when repeated.
func (b *Builder) UseSet(res pcommon.Resource, resSchemaURL string, scope pcommon.InstrumentationScope, scopeSchemaURL string) {
	panic("not implemented")
}

// AppendLog adds a log record. now is the observed time for records that have none.
func (b *Builder) AppendLog(r plog.LogRecord, now time.Time) { panic("not implemented") }

// AppendSpan adds a span.
func (b *Builder) AppendSpan(s ptrace.Span, now time.Time) { panic("not implemented") }

// Len is the number of records; Size estimates their bytes when encoded.
func (b *Builder) Len() int  { panic("not implemented") }
func (b *Builder) Size() int { panic("not implemented") }

// Build returns what was appended as a Batch and empties the builder for the next.
func (b *Builder) Build() *Batch { panic("not implemented") }

// ColumnOf reads a column's identity from an Arrow field of a Batch.
func ColumnOf(f arrow.Field) (Column, error) { panic("not implemented") }

// Encode appends the batch's wire form (compressed, with a CRC32C of its own) to dst.
func Encode(dst []byte, b *Batch) ([]byte, error) { panic("not implemented") }

// Decode reads what Encode wrote. The CRC is checked before Arrow sees a byte; Arrow's panics come back as errors.
func Decode(data []byte) (*Batch, error) { panic("not implemented") }

// Logs gives the batch's records back as pdata; Traces likewise.
func (b *Batch) Logs() (plog.Logs, error)       { panic("not implemented") }
func (b *Batch) Traces() (ptrace.Traces, error) { panic("not implemented") }
