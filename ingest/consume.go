package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/cespare/xxhash/v2"

	"clew/index/table"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// consume takes one message of the log. It fails only if the owner must stop; a message that can't be used is counted and passed over.
func (o *owner) consume(e shardlog.Entry) error {
	if err := o.in.room.wait(o.ctx, o.in.cfg.FrozenBytes); err != nil {
		return err
	}
	o.turn.Lock()
	defer o.turn.Unlock()
	if o.tail != nil {
		o.tail.At(e.Position, e.Time)
	}
	err := e.Damage
	if err == nil {
		err = o.place(&e)
	}
	if o.ctx.Err() != nil {
		return o.ctx.Err()
	}
	var newer *shardlog.UnknownVersionError
	switch {
	case errors.As(err, &newer), errors.Is(err, telemetry.ErrVersion):
		// Whole, and readable by a newer program: passing over it would lose it.
		return fmt.Errorf("message %d: %w", e.Position, err)
	case err != nil:
		if e.Damage != nil {
			o.lose(&e)
		}
		o.damaged(e.Position, err)
	}
	o.release(e.Position)
	o.read.Store(e.Position)
	return o.ctx.Err()
}

// place brings the message's records into their head, unless they are in segments or have come before. Spans may have to wait for their traces on the way.
func (o *owner) place(e *shardlog.Entry) error {
	m := &e.Message
	keep, repeated, replayed := o.sources.See(e.Position, e.Time, m)
	k := headKey{m.Signal, m.Tenant}
	passed := e.Position <= o.skip[k]
	if passed && !o.samples(m.Signal) {
		return nil
	}
	if repeated > 0 {
		o.in.metrics.duplicates.WithLabelValues(m.Signal.String(), "source").Add(float64(repeated - replayed))
		o.in.metrics.duplicates.WithLabelValues(m.Signal.String(), "replayed").Add(float64(replayed))
		if repeated == m.Records {
			return nil
		}
	}
	if err := checkMessage(m); err != nil {
		return err
	}
	b, err := telemetry.Decode(m.Batch)
	if err != nil {
		return err
	}
	defer b.Release()
	if b.Signal != m.Signal || b.Tenant != m.Tenant {
		return fmt.Errorf("batch is %v of %q, its message %v of %q", b.Signal, b.Tenant, m.Signal, m.Tenant)
	}
	if keep != nil && len(keep) != b.Records {
		return fmt.Errorf("batch has %d records, its message says %d", b.Records, len(keep))
	}
	if !o.samples(m.Signal) {
		return o.admit(e, b, keep)
	}
	if passed && o.in.cfg.Counts {
		// Those that are not kept are in no segment, where they would be remembered from: a repetition of them must not be counted.
		if _, _, err := o.unknownSpans(b, slices.Clone(keep)); err != nil {
			return err
		}
	}
	return o.tail.Take(e, b, keep, passed)
}

// admit brings a batch's records into their head, but for spans that have come before.
func (o *owner) admit(e *shardlog.Entry, b *telemetry.Batch, keep []bool) error {
	if b.Signal == telemetry.Spans {
		var err error
		if keep, err = o.dropKnownSpans(b, keep); err != nil {
			return err
		}
	}
	return o.insert(e, b, keep, nil)
}

func checkMessage(m *shardlog.Message) error {
	if m.Signal < telemetry.Spans || m.Signal > telemetry.Metrics {
		return fmt.Errorf("unknown %v", m.Signal)
	}
	return telemetry.CheckTenant(m.Tenant)
}

// insert appends to the head, and ends its generation if that is full. lost are records that are counted and not kept; nil: none.
func (o *owner) insert(e *shardlog.Entry, b *telemetry.Batch, keep, lost []bool) error {
	k := headKey{b.Signal, b.Tenant}
	n := b.Records
	for i := range keep {
		if !keep[i] {
			n--
		}
	}
	for {
		h := o.lockedHead(k)
		if h == nil {
			return nil // the owner is ending
		}
		err := h.appendLocked(e.Position, b, keep, lost, e.Time)
		full := h.live != nil && h.live.content.Records() >= o.in.cfg.SealRows
		fresh := h.live == nil || h.live.first == e.Position
		h.mu.Unlock()
		var tableFull *table.FullError
		if errors.As(err, &tableFull) && !fresh {
			h.freeze()
			continue
		}
		if err != nil {
			return err
		}
		o.in.metrics.records.WithLabelValues(b.Signal.String()).Add(float64(n))
		if full {
			h.freeze()
		}
		return nil
	}
}

// dropKnownSpans takes spans out of keep that have come before, and remembers the others.
func (o *owner) dropKnownSpans(b *telemetry.Batch, keep []bool) ([]bool, error) {
	keep, dropped, err := o.unknownSpans(b, keep)
	if dropped > 0 {
		o.in.metrics.duplicates.WithLabelValues(b.Signal.String(), "span").Add(float64(dropped))
	}
	return keep, err
}

// unknownSpans is dropKnownSpans, which counts those dropped.
func (o *owner) unknownSpans(b *telemetry.Batch, keep []bool) (left []bool, dropped int, err error) {
	traces, err := fixedColumn(b, telemetry.FieldTraceID, len(telemetry.TraceID{}))
	if err != nil {
		return nil, 0, err
	}
	spans, err := fixedColumn(b, telemetry.FieldSpanID, len(telemetry.SpanID{}))
	if err != nil {
		return nil, 0, err
	}
	kinds, err := kindsOf(b)
	if err != nil {
		return nil, 0, err
	}
	for i := range b.Records {
		if keep != nil && !keep[i] || traces.IsNull(i) || spans.IsNull(i) {
			continue
		}
		if o.spans.Add(spanHash(b.Tenant, traces.Value(i), spans.Value(i), kinds(i))) {
			continue
		}
		if keep == nil {
			keep = allTrue(b.Records)
		}
		keep[i] = false
		dropped++
	}
	return keep, dropped, nil
}

func allTrue(n int) []bool {
	keep := make([]bool, n)
	for i := range keep {
		keep[i] = true
	}
	return keep
}

// fixedColumn finds an id column in the batch's rows.
func fixedColumn(b *telemetry.Batch, key string, width int) (*array.FixedSizeBinary, error) {
	if b.Rows == nil {
		return nil, fmt.Errorf("batch of %v has no rows", b.Signal)
	}
	want := telemetry.Column{Level: telemetry.LevelField, Key: key, Type: telemetry.TypeBytes}
	for i, f := range b.Rows.Schema().Fields() {
		if f.Name != want.String() {
			continue
		}
		if a, ok := b.Rows.Column(i).(*array.FixedSizeBinary); ok && a.DataType().(interface{ BitWidth() int }).BitWidth() == 8*width {
			return a, nil
		}
		return nil, fmt.Errorf("column %s is %v, want %d bytes", f.Name, f.Type, width)
	}
	return nil, fmt.Errorf("batch of %v has no column %s", b.Signal, want)
}

// kindsOf gives the rows' kinds; nil is a row without one.
func kindsOf(b *telemetry.Batch) (func(row int) []byte, error) {
	want := telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldKind, Type: telemetry.TypeString}.String()
	for i, f := range b.Rows.Schema().Fields() {
		if f.Name != want {
			continue
		}
		cells, err := telemetry.CellsOf(b.Rows.Column(i))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", want, err)
		}
		return func(row int) []byte {
			if !cells.Valid(row) {
				return nil
			}
			return cells.Bytes(row)
		}, nil
	}
	return func(int) []byte { return nil }, nil
}

// spanHash is what a span is remembered by: its ids, and its kind, because Zipkin's tracers give both sides of a call the same ids.
func spanHash(tenant string, trace, span, kind []byte) uint64 {
	var ids [len(telemetry.TraceID{}) + len(telemetry.SpanID{})]byte
	copy(ids[:], trace)
	copy(ids[len(telemetry.TraceID{}):], span)
	h := xxhash.Sum64(ids[:]) ^ bits.RotateLeft64(xxhash.Sum64(kind), 1)
	if tenant != telemetry.DefaultTenant {
		var mixed [16]byte
		binary.LittleEndian.PutUint64(mixed[:], h)
		binary.LittleEndian.PutUint64(mixed[8:], xxhash.Sum64String(tenant))
		h = xxhash.Sum64(mixed[:])
	}
	return h
}

// damaged notes a message that can't be used.
func (o *owner) damaged(position uint64, err error) {
	o.in.metrics.dropped.WithLabelValues("damaged").Inc()
	o.in.shards[o.shard].damaged(position, err)
	o.log.Error("a message of the log can't be used and is passed over", "position", position, "error", err)
}
