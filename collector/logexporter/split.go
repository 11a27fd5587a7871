package logexporter

import (
	"fmt"
	"time"

	"clew/collector/refusal"
	"clew/internal/telemetry"
)

// halve cuts a batch that does not fit a message into two of half the records each. It is rare (groups are closed by an estimate that
// is far below what a message holds) and so may be slow.
func halve(k key, b *telemetry.Batch, size, sizeMax int) ([]*telemetry.Batch, error) {
	tooLarge := func(what string) error {
		return &refusal.Error{Kind: refusal.TooLarge, Reason: "record_bytes", Err: fmt.Errorf("%s of %d encoded bytes does not fit a message of %d", what, size, sizeMax)}
	}
	if k.signal == telemetry.Metrics {
		return nil, tooLarge("a metric")
	}
	if b.Records < 2 {
		return nil, tooLarge("a record")
	}
	halves := [2]*telemetry.Builder{telemetry.NewBuilder(k.signal, k.tenant), telemetry.NewBuilder(k.signal, k.tenant)}
	var err error
	if k.signal == telemetry.Logs {
		err = halveLogs(b, halves)
	} else {
		err = halveSpans(b, halves)
	}
	if err != nil {
		return nil, &refusal.Error{Kind: refusal.Invalid, Reason: "encode", Err: fmt.Errorf("split %d %s: %w", b.Records, k.signal, err)}
	}
	return []*telemetry.Batch{halves[0].Build(), halves[1].Build()}, nil
}

func halveLogs(b *telemetry.Batch, halves [2]*telemetry.Builder) error {
	ld, err := b.Logs()
	if err != nil {
		return err
	}
	n, now := 0, time.Now()
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, half := range halves {
				half.UseSet(rl.Resource(), rl.SchemaUrl(), sl.Scope(), sl.SchemaUrl())
			}
			for _, lr := range sl.LogRecords().All() {
				halves[2*n/b.Records].AppendLog(lr, now)
				n++
			}
		}
	}
	return nil
}

func halveSpans(b *telemetry.Batch, halves [2]*telemetry.Builder) error {
	td, err := b.Traces()
	if err != nil {
		return err
	}
	n, now := 0, time.Now()
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, half := range halves {
				half.UseSet(rs.Resource(), rs.SchemaUrl(), ss.Scope(), ss.SchemaUrl())
			}
			for _, s := range ss.Spans().All() {
				halves[2*n/b.Records].AppendSpan(s, now)
				n++
			}
		}
	}
	return nil
}
