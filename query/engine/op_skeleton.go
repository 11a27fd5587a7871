package engine

import (
	"context"
	"sync"

	"clew/internal/telemetry"
	"clew/query/engine/hits"
	"clew/query/engine/match"
	"clew/query/lang"
)

// Skeleton is a trace's spans with only what its chain needs, for traces of very many spans, and its log records.
type Skeleton struct {
	ID    telemetry.TraceID
	Spans []SkeletonSpan // in no order
	Logs  []Record       // by time
	// Truncated says that there are more spans than Limits.SkeletonSpans, or more log records than Limits.Records.
	Truncated bool
	Stats     Stats
}

// SkeletonSpan is a span without its details. Equal texts share their memory.
type SkeletonSpan struct {
	ID        telemetry.SpanID
	Parent    telemetry.SpanID // zero: a root
	Start     int64            // as stated, nanoseconds
	Duration  int64            // nanoseconds
	Service   string
	Process   string // what shares a clock
	Name      string
	Kind      string
	Status    string
	HasEvents bool
}

// Skeleton gathers a trace's spans, reading few columns. from and to are as for Trace.
func (e *Engine) Skeleton(ctx context.Context, tenant string, id telemetry.TraceID, from, to int64) (*Skeleton, error) {
	out := &Skeleton{ID: id}
	ask := &lang.Match{Field: telemetry.FieldTraceID, Op: lang.OpEqual, Value: lang.Value{Text: id.String()}}
	r := Request{Tenant: tenant, Signal: telemetry.Spans, Query: ask, From: from, To: to}
	if err := e.skeletonSpans(ctx, r, out); err != nil {
		return nil, err
	}
	r.Signal = telemetry.Logs
	logs, more, stats, err := e.gather(ctx, r, e.limits.Records)
	if err != nil {
		return nil, err
	}
	out.Logs, out.Truncated, out.Stats = logs, out.Truncated || more, out.Stats.plus(stats)
	return out, nil
}

func (e *Engine) skeletonSpans(ctx context.Context, r Request, out *Skeleton) error {
	if e.spreads(&r) {
		return e.skeletonAll(ctx, r, out)
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return err
	}
	limit := e.limits.SkeletonSpans
	h := hits.NewRows(limit, true, nil)
	err = q.each(ctx, match.TasksOf(bounds), nil, func(ctx context.Context, t match.Task, sc *match.Scan) error {
		rows, err := sc.RowsMatching(ctx)
		if err != nil || rows.Empty() {
			return err
		}
		q.tally.matched.Add(int64(rows.Count(sc.Rows)))
		return h.Take(ctx, t, rows, sc.Rows)
	})
	if err != nil {
		return err
	}
	refs, ties := h.Split(limit)
	if len(ties) > 0 { // any of those that begin at the same time will do
		refs, out.Truncated = append(refs, ties[:limit-len(refs)]...), true
	}
	runs := match.ByRowGroup(refs, len(refs))
	var mu sync.Mutex
	err = q.parallel(ctx, len(runs), nil, func(ctx context.Context, i int, _ *match.Scan) error {
		spans, err := skeletonOf(ctx, runs[i])
		if err != nil {
			return q.setAside(err)
		}
		q.tally.shown.Add(int64(len(spans)))
		mu.Lock()
		defer mu.Unlock()
		out.Spans = append(out.Spans, spans...)
		return nil
	})
	out.Stats = q.stats()
	return err
}

// skeletonOf reads rows of one row group.
func skeletonOf(ctx context.Context, refs []match.RowRef) ([]SkeletonSpan, error) {
	b, rg := refs[0].Bound, refs[0].Group
	rows := make([]int, len(refs))
	spans := make([]SkeletonSpan, len(refs))
	for i, r := range refs {
		rows[i] = r.Row
		spans[i].Start = r.Time
	}
	r := match.NewColumnReader()
	for key, set := range map[string]func(i int, v []byte){
		telemetry.FieldSpanID:       func(i int, v []byte) { copy(spans[i].ID[:], v) },
		telemetry.FieldParentSpanID: func(i int, v []byte) { copy(spans[i].Parent[:], v) },
	} {
		if err := r.Raw(ctx, b, key, rg, rows, set); err != nil {
			return nil, err
		}
	}
	for key, set := range map[string]func(i int, v int64){
		telemetry.FieldDuration:    func(i int, v int64) { spans[i].Duration = v },
		telemetry.FieldStatedStart: func(i int, v int64) { spans[i].Start = v },
	} {
		if err := r.Int(ctx, b, key, rg, rows, set); err != nil {
			return nil, err
		}
	}
	for key, set := range map[string]func(i int, v string){
		telemetry.FieldName:   func(i int, v string) { spans[i].Name = v },
		telemetry.FieldKind:   func(i int, v string) { spans[i].Kind = v },
		telemetry.FieldStatus: func(i int, v string) { spans[i].Status = v },
	} {
		if err := r.Text(ctx, b, telemetry.LevelField, key, rg, rows, set); err != nil {
			return nil, err
		}
	}
	if err := r.Has(ctx, b, telemetry.FieldEvents, rg, rows, func(i int) { spans[i].HasEvents = true }); err != nil {
		return nil, err
	}
	setProcess := func(i int, v string) {
		if spans[i].Process == "" {
			spans[i].Process = v
		}
	}
	for _, key := range match.ClockKeys {
		if err := r.Text(ctx, b, telemetry.LevelResource, key, rg, rows, setProcess); err != nil {
			return nil, err
		}
	}
	return spans, r.Text(ctx, b, telemetry.LevelResource, "service.name", rg, rows, func(i int, v string) {
		spans[i].Service = v
		setProcess(i, v)
	})
}
