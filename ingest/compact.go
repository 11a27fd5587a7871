package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clew/index"
	"clew/index/compact"
	"clew/index/segment"
	"clew/ingest/pace"
	"clew/internal/telemetry"
)

// Compact merges what there is to merge now, in the shards owned here, and returns how many merges that were. It keeps to its share of a core, waits while
// ingest is under pressure, and ends early for a deletion. What can't be merged is left alone for a while.
func (in *Ingest) Compact(ctx context.Context, now time.Time) (merges int, err error) {
	defer in.rewriter.state.Store("idle")
	for _, o := range in.allOwners() {
		for o.caughtUp() {
			plan := in.plan(o.shard, now)
			if len(plan) == 0 {
				break
			}
			for _, m := range plan {
				if err := in.waitCalm(ctx); err != nil {
					return merges, err
				}
				if err := in.merge(ctx, o, m); err == nil {
					merges++
				} else if ctx.Err() != nil || o.ctx.Err() != nil || errors.Is(err, errPreempted) {
					return merges, err
				} else if !errors.As(err, new(*goneError)) {
					in.mergeFailed(o, m, now, err)
				}
			}
		}
	}
	return merges, nil
}

// compactAll is Compact, and Downsample when nothing is left to merge, unless nothing can have changed since there was nothing to do.
func (in *Ingest) compactAll(ctx context.Context, now time.Time) {
	r := in.rewriter
	sequence := in.catalog.Current().Sequence()
	r.mu.Lock()
	idle := r.planned == sequence && now.Sub(r.at) < planAgain
	r.mu.Unlock()
	if idle || !in.Ready() {
		return
	}
	merges, err := in.Compact(ctx, now)
	if err != nil || merges > 0 {
		return
	}
	if in.downsamples() {
		if sampled, err := in.Downsample(ctx, now); err != nil || sampled > 0 {
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planned, r.at = sequence, now
}

// plan says what to merge in a shard.
func (in *Ingest) plan(shard int, now time.Time) []compact.Merge {
	return compact.Plan(in.candidates(shard, now), in.Retention().AgeOf, now)
}

// merge carries a merge out.
func (in *Ingest) merge(ctx context.Context, o *owner, m compact.Merge) error {
	ctx, cancel := mergeContexts(ctx, o.ctx)
	defer cancel()
	v := in.catalog.Acquire() // keeps the inputs' objects
	defer v.Release()
	in.rewriter.state.Store("merging")
	p := in.mergePace(reasonCompact, "merging")
	defer p.End(ctx)
	cache := segment.NewCache(mergeCacheBytes, 0)
	signal := m.Segments[0].Signal
	var parts []index.Part
	for _, s := range m.Segments {
		part, err := segment.Open(ctx, p.Store(in.store), s.ID, cache)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	repeated := 0
	if signal == telemetry.Spans {
		var err error
		if parts, repeated, err = withoutRepeated(ctx, parts); err != nil {
			return err
		}
	}
	s, err := in.replace(ctx, o, replacement{reason: reasonCompact, old: m.Segments, parts: parts, level: m.Level}, p)
	if err != nil {
		return err
	}
	in.metrics.merges.WithLabelValues(signal.String()).Inc()
	in.metrics.mergedInputs.WithLabelValues(signal.String()).Add(float64(len(m.Segments)))
	in.metrics.mergedBytes.WithLabelValues(signal.String()).Add(float64(s.Bytes))
	if repeated > 0 {
		in.metrics.duplicates.WithLabelValues(signal.String(), "merge").Add(float64(repeated))
	}
	o.log.Debug("merged", "segments", len(m.Segments), "into", s.ID, "rows", s.Rows, "bytes", s.Bytes, "level", s.Level, "repeated", repeated)
	return nil
}

// mergePace is that of a merge or a down-sampling, whose state is this: it gives way to what is pressing.
func (in *Ingest) mergePace(reason, state string) *pace.Pace {
	looked := time.Now()
	return &pace.Pace{
		Share:  in.cfg.Compaction.Share,
		Worked: func(d time.Duration) { in.metrics.rewriteWork.WithLabelValues(reason).Add(d.Seconds()) },
		Gate: func(ctx context.Context) error {
			if time.Since(looked) < pauseStep {
				return nil
			}
			err := in.waitCalm(ctx)
			looked = time.Now()
			in.rewriter.state.Store(state)
			return err
		},
	}
}

// mergeContexts is ctx, which ends with other too.
func mergeContexts(ctx, other context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(other, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// withoutRepeated takes out what is there more than once.
func withoutRepeated(ctx context.Context, parts []index.Part) ([]index.Part, int, error) {
	gone, count, err := compact.Repeated(ctx, parts)
	if err != nil || count == 0 {
		return parts, 0, err
	}
	parts = slices.Clone(parts)
	for i := range parts {
		if gone[i] == nil {
			continue
		}
		if parts[i], err = compact.Without(ctx, parts[i], gone[i]); err != nil {
			return nil, 0, err
		}
	}
	return parts, count, nil
}

// mergeFailed leaves the inputs alone for a while.
func (in *Ingest) mergeFailed(o *owner, m compact.Merge, now time.Time, err error) {
	in.metrics.mergeFailures.WithLabelValues(m.Segments[0].Signal.String()).Inc()
	in.setAside(m.Segments, now)
	o.log.Warn("segments can't be merged; they stay as they are and are tried again later", "segments", len(m.Segments), "first", m.Segments[0].ID,
		"error", fmt.Errorf("merge: %w", err))
}
