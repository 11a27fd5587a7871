package logexporter

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/internal/telemetry"
)

// ConsumeLogs returns nil when every record is durable, else a *refusal.Error. ld is not changed and not kept.
func (e *Exporter) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if ld.LogRecordCount() == 0 {
		return nil
	}
	r, err := e.begin(ctx, telemetry.Logs)
	if err != nil {
		return err
	}
	used := r.partitionLogs(ld)
	for _, shard := range used {
		if err := e.checkSlow(r.lanes[shard], r.now); err != nil {
			return err
		}
	}
	for _, shard := range used {
		if err := r.addLogs(ctx, ld, shard); err != nil {
			return err
		}
	}
	return r.wait(ctx, r.joined)
}

// partitionLogs finds each record's shard and returns those that have records.
func (r *request) partitionLogs(ld plog.Logs) []int {
	shards := len(r.lanes)
	if shards == 1 {
		return []int{0}
	}
	r.shardOf = make([]uint16, 0, ld.LogRecordCount())
	for _, rl := range ld.ResourceLogs().All() {
		ofResource := -1
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				if id := lr.TraceID(); !id.IsEmpty() {
					r.shardOf = append(r.shardOf, uint16(ShardOfTrace(id, shards)))
					continue
				}
				if ofResource < 0 {
					ofResource = ShardOfResource(rl.Resource(), shards)
				}
				r.shardOf = append(r.shardOf, uint16(ofResource))
			}
		}
	}
	return usedShards(r.shardOf, shards)
}

// addLogs adds the records of one shard.
func (r *request) addLogs(ctx context.Context, ld plog.Logs, shard int) error {
	a := adder{r: r, lane: r.lanes[shard]}
	defer a.close()
	n := 0
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			set := false
			for _, lr := range sl.LogRecords().All() {
				if r.shardOf != nil {
					n++
					if int(r.shardOf[n-1]) != shard {
						continue
					}
				}
				fresh, err := a.open(ctx)
				if err != nil {
					return err
				}
				if fresh || !set {
					a.group.builder.UseSet(rl.Resource(), rl.SchemaUrl(), sl.Scope(), sl.SchemaUrl())
					set = true
				}
				a.group.builder.AppendLog(lr, r.now)
				a.added(1, a.group.builder.Size())
			}
		}
	}
	return nil
}

// ConsumeTraces is ConsumeLogs for spans.
func (e *Exporter) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if td.SpanCount() == 0 {
		return nil
	}
	r, err := e.begin(ctx, telemetry.Spans)
	if err != nil {
		return err
	}
	used := r.partitionTraces(td)
	for _, shard := range used {
		if err := e.checkSlow(r.lanes[shard], r.now); err != nil {
			return err
		}
	}
	for _, shard := range used {
		if err := r.addSpans(ctx, td, shard); err != nil {
			return err
		}
	}
	return r.wait(ctx, r.joined)
}

// partitionTraces finds each span's shard and returns those that have spans.
func (r *request) partitionTraces(td ptrace.Traces) []int {
	shards := len(r.lanes)
	if shards == 1 {
		return []int{0}
	}
	r.shardOf = make([]uint16, 0, td.SpanCount())
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				r.shardOf = append(r.shardOf, uint16(ShardOfTrace(s.TraceID(), shards)))
			}
		}
	}
	return usedShards(r.shardOf, shards)
}

// addSpans adds the spans of one shard.
func (r *request) addSpans(ctx context.Context, td ptrace.Traces, shard int) error {
	a := adder{r: r, lane: r.lanes[shard]}
	defer a.close()
	n := 0
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			set := false
			for _, s := range ss.Spans().All() {
				if r.shardOf != nil {
					n++
					if int(r.shardOf[n-1]) != shard {
						continue
					}
				}
				fresh, err := a.open(ctx)
				if err != nil {
					return err
				}
				if fresh || !set {
					a.group.builder.UseSet(rs.Resource(), rs.SchemaUrl(), ss.Scope(), ss.SchemaUrl())
					set = true
				}
				a.group.builder.AppendSpan(s, r.now)
				a.added(1, a.group.builder.Size())
			}
		}
	}
	return nil
}

// usedShards lists the shards that occur.
func usedShards(shardOf []uint16, shards int) []int {
	seen := make([]bool, shards)
	var used []int
	for _, s := range shardOf {
		if !seen[s] {
			seen[s] = true
			used = append(used, int(s))
		}
	}
	return used
}
