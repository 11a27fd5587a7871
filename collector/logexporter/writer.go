package logexporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clew/collector/refusal"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// writer appends a lane's groups, one at a time. It is a source of its own: the shard's owner drops what is not above the
// last sequence it has seen of a source, so one source's appends must not overtake each other.
type writer struct {
	e      *Exporter
	lane   *lane
	source string
	seq    uint64
	buf    []byte // encoded batch, reused
}

func (w *writer) run(ctx context.Context) {
	for {
		g := w.lane.take(ctx, w)
		if g == nil {
			return
		}
		began := time.Now()
		err := w.write(ctx, g)
		now := time.Now()
		w.lane.appended(w, g, now)
		w.e.pending.Add(-int64(g.bytes))
		w.e.count.appendSeconds.Observe(now.Sub(began).Seconds())
		if err != nil {
			w.e.count.failures.WithLabelValues(refusal.Of(err).Reason).Inc()
		}
		g.finish(err)
	}
}

// write encodes a closed group and appends it: as one message, or as several when the estimate of its size was wrong.
func (w *writer) write(ctx context.Context, g *group) error {
	deadline := g.opened.Add(w.e.cfg.AppendTimeout)
	if time.Until(deadline) < attemptTimeoutMin {
		// Better a clear refusal than an append whose outcome nobody would wait for.
		return refusal.Overloaded("slow_log", slowRetryAfter, "shard %d had no turn for the records within %s", w.lane.shard, w.e.cfg.AppendTimeout)
	}
	if g.key.signal == telemetry.Metrics {
		return w.writeBatch(ctx, g.key, deadline, &telemetry.Batch{Signal: g.key.signal, Tenant: g.key.tenant, OTLP: g.otlp, Records: g.records}, g.runs)
	}
	b := g.builder.Build()
	w.lane.giveBack(g.key, g.builder)
	g.builder = nil
	return w.writeBatch(ctx, g.key, deadline, b, g.runs)
}

// writeBatch appends b, whose records are the runs', and releases it.
func (w *writer) writeBatch(ctx context.Context, k key, deadline time.Time, b *telemetry.Batch, runs []run) error {
	defer b.Release()
	data, err := telemetry.Encode(w.buf[:0], b)
	if err != nil {
		return &refusal.Error{Kind: refusal.Invalid, Reason: "encode", Err: fmt.Errorf("encode %d %s: %w", b.Records, k.signal, err)}
	}
	if cap(data) <= 2*w.e.batchBytesMax {
		w.buf = data
	}
	if len(data)+(len(runs)-1)*runBytesMax <= w.e.batchBytesMax {
		return w.append(ctx, deadline, &shardlog.Message{Tenant: k.tenant, Signal: k.signal, Records: b.Records, Batch: data}, runs)
	}
	halves, err := halve(k, b, len(data), w.e.batchBytesMax)
	if err != nil {
		return err
	}
	for i, h := range halves {
		var of []run
		of, runs = cutRuns(runs, h.Records)
		if err := w.writeBatch(ctx, k, deadline, h, of); err != nil {
			for _, rest := range halves[i+1:] {
				rest.Release()
			}
			return err
		}
	}
	return nil
}

// append repeats an append of unknown outcome under the same source sequence until the deadline.
func (w *writer) append(ctx context.Context, deadline time.Time, m *shardlog.Message, runs []run) error {
	w.seq++
	m.Sources = sources(runs, w.source, w.seq)
	for attempt := 1; ; attempt++ {
		timeout := max(time.Until(deadline)/2, attemptTimeoutMin)
		attemptCtx, cancel := context.WithTimeout(ctx, timeout)
		_, err := w.e.log.Append(attemptCtx, w.lane.shard, m)
		cancel()
		if err == nil {
			signal := m.Signal.String()
			w.e.count.messages.WithLabelValues(signal).Inc()
			w.e.count.messageBytes.WithLabelValues(signal).Add(float64(len(m.Batch)))
			w.e.count.records.WithLabelValues(signal).Add(float64(m.Records))
			return nil
		}
		if full, ok := errors.AsType[*shardlog.FullError](err); ok {
			r := refusal.Overloaded(full.Reason, full.RetryAfter, "%w", err)
			if attempt > 1 {
				r.Kind = refusal.Unavailable // an earlier attempt may have been written
			}
			return r
		}
		if ctx.Err() != nil || time.Until(deadline) < attemptTimeoutMin+retryPause {
			return &refusal.Error{
				Kind: refusal.Unavailable, Reason: "unknown_outcome", RetryAfter: slowRetryAfter,
				Err: fmt.Errorf("append to shard %d, attempt %d: %w", w.lane.shard, attempt, err),
			}
		}
		w.e.count.retries.Inc()
		w.e.logger.Warn("append to the shard log: outcome unknown, repeating", "shard", w.lane.shard, "attempt", attempt, "error", err)
		time.Sleep(retryPause)
	}
}
