package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"clew/index"
	"clew/index/wordindex"
	"clew/internal/telemetry"
	"clew/query/engine/match"
	"clew/query/engine/sched"
	"clew/query/lang"
	"clew/query/parts"
)

// Engine answers queries. It is safe for concurrent use.
type Engine struct {
	source parts.Source
	limits Limits
	log    *slog.Logger
	now    func() time.Time

	light, heavy *lane
	memory       *sched.Memory

	answers *match.Answers // of vocabularies
	cluster Cluster        // nil: all records are this process's
}

// New returns an engine over a source. Limits that are zero are DefaultLimits'.
func New(source parts.Source, limits Limits, log *slog.Logger) *Engine {
	limits = limits.orDefault()
	e := &Engine{
		source: source, limits: limits, log: log, now: time.Now,
		memory: sched.NewMemory(limits.MemoryTotal), answers: match.NewAnswers(limits.CacheBytes),
	}
	e.light, e.heavy = newLanes(limits)
	return e
}

// SetAside are the segments that answers leave out at present.
func (e *Engine) SetAside() []parts.Aside {
	if s, ok := e.source.(*parts.Segments); ok {
		return s.SetAside()
	}
	return nil
}

// Close gives the cache's memory back. No query may run.
func (e *Engine) Close() { e.answers.Close() }

// UseIndex makes the engine ask ix about large vocabularies. It is called before the first query.
func (e *Engine) UseIndex(ix *wordindex.Index) { e.answers.UseIndex(ix, acceleratedMin) }

// Request says which records a question is about.
type Request struct {
	Tenant string
	Signal telemetry.Signal
	Query  lang.Expr // nil: every record
	// From (inclusive) and To (exclusive) bound the records' ordering time, in nanoseconds since 1970; 0 is unbounded.
	From, To int64

	ids   *match.IDSet // not nil: only records with one of these trace ids
	share *parts.Share // not nil: only what is in it, as another process asks
	now   int64        // not 0: what "now" in the query means, nanoseconds
}

// query is a request being answered.
type query struct {
	engine   *Engine
	tenant   string
	lane     *lane // in which it has a turn; nil: none
	account  *sched.Account
	plan     *match.Plan
	planKey  []byte // names the plan, for what is remembered of parts; nil: nothing is
	signal   telemetry.Signal
	from, to int64 // inclusive
	view     *parts.View
	tally    *tally
	release  []func()
}

// begin waits for a turn, gives the query its meaning and fixes the view. end must be called if there is no error.
func (e *Engine) begin(ctx context.Context, r Request) (context.Context, *query, error) {
	q := &query{engine: e, tenant: r.Tenant, signal: r.Signal, from: math.MinInt64, to: math.MaxInt64, tally: &tally{start: time.Now()}}
	if err := telemetry.CheckTenant(r.Tenant); err != nil {
		return ctx, nil, err
	}
	if r.From != 0 {
		q.from = r.From
	}
	if r.To != 0 {
		q.to = r.To - 1
	}
	var err error
	if q.plan, err = match.NewPlan(r.Query, r.Signal, e.nowOf(&r)); err != nil {
		return ctx, nil, err
	}
	if r.ids != nil {
		q.plan = q.plan.Of(r.ids, r.Signal)
	}
	if r.ids == nil { // the ids of traces have no short name that only they have
		q.planKey = e.answers.PlanKey(q.plan)
	}
	if err := q.enter(ctx, e.light); err != nil {
		return ctx, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.limits.Deadline)
	q.account = e.memory.Open(int64(e.limits.Memory))
	q.release = append(q.release, cancel, q.leave, q.account.Close)
	q.view, err = e.source.View(ctx, parts.Scope{Tenant: r.Tenant, Signal: r.Signal, From: q.from, To: q.to, Traces: q.plan.Traces(), Share: r.share})
	if err != nil {
		q.end()
		return ctx, nil, fmt.Errorf("view of %s of tenant %s: %w", r.Signal, r.Tenant, err)
	}
	q.release = append(q.release, q.view.Release)
	q.tally.version, q.tally.skipped = q.view.Version, q.view.Skipped
	for _, why := range q.view.Partial {
		q.tally.missing(why)
	}
	for _, p := range q.view.Parts {
		q.tally.parts++
		if p.Info().Head {
			q.tally.heads++
		}
		q.tally.bytesBefore += p.BytesRead()
	}
	return ctx, q, nil
}

// nowOf is the time at which a request is asked.
func (e *Engine) nowOf(r *Request) time.Time {
	if r.now != 0 {
		return time.Unix(0, r.now).UTC()
	}
	return e.now()
}

func (q *query) end() {
	for i := len(q.release) - 1; i >= 0; i-- {
		q.release[i]()
	}
	q.release = nil
}

// stats are taken before end.
func (q *query) stats() Stats {
	var read int64
	for _, p := range q.view.Parts {
		read += p.BytesRead()
	}
	return q.tally.stats(read - q.tally.bytesBefore)
}

// bind rewrites the plan for a part.
func (q *query) bind(ctx context.Context, part index.Part) (*match.Bound, error) {
	return match.Bind(ctx, q.engine.answers, part, q.plan, q.from, q.to)
}

// bindAll rewrites the plan for every part that may match and gives those that are left.
func (q *query) bindAll(ctx context.Context) ([]*match.Bound, error) {
	open := q.open()
	bounds := make([]*match.Bound, len(open))
	err := q.parallel(ctx, len(open), nil, func(ctx context.Context, i int, _ *match.Scan) error {
		b, err := q.bind(ctx, open[i])
		if err != nil {
			return q.setAside(err)
		}
		without, err := b.Narrow(ctx)
		if err != nil {
			return q.setAside(err)
		}
		q.tally.byFilter.Add(int64(without))
		bounds[i] = b
		return nil
	})
	if err != nil {
		return nil, err
	}
	kept := bounds[:0]
	for _, b := range bounds {
		if b == nil {
			continue
		}
		n := int64(len(b.Groups))
		q.tally.groups.Add(n)
		if !b.MatchesNone() {
			kept = append(kept, b)
			continue
		}
		b.RememberNever(q.planKey)
		if b.Filtered {
			q.tally.byFilter.Add(n)
		} else {
			q.tally.byVocab.Add(n)
		}
	}
	return kept, q.weigh(ctx, kept)
}

// open are the parts that neither their times nor what is remembered of them rules out. It is one pass without a goroutine: of the segments
// of weeks nearly all are ruled out here.
func (q *query) open() []index.Part {
	var open []index.Part
	var key []byte
	for _, p := range q.view.Parts {
		info := p.Info()
		if info.Rows == 0 || info.MaxTime < q.from || info.MinTime > q.to {
			n := int64(len(p.RowGroups()))
			q.tally.groups.Add(n)
			q.tally.byTime.Add(n)
			continue
		}
		if !q.never(p, &info, &key) {
			open = append(open, p)
		}
	}
	return open
}

// setAside turns what is wrong with one part into a partial answer. What is wrong with the query or its context stays an error.
func (q *query) setAside(err error) error {
	var damage *index.DamageError
	if errors.As(err, &damage) {
		if s, ok := q.engine.source.(*parts.Segments); ok {
			s.PutAside(damage)
		}
		q.tally.missing(damage.Error())
		return nil
	}
	return err
}

// parallel calls f for 0 to n-1, in order of starting, on as many goroutines as the engine has workers for. The first error ends it.
// bytes, if not nil, says about how much memory a call takes; it is lent for the call.
func (q *query) parallel(ctx context.Context, n int, bytes func(i int) int64, f func(ctx context.Context, i int, s *match.Scan) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	work := func() {
		s := match.NewScan(&q.tally.rebuilt)
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if err := q.piece(ctx, i, bytes, func() error { return f(ctx, i, s) }); err != nil {
				cancel(err)
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range min(q.engine.limits.Workers, n) - 1 {
		wg.Go(work)
	}
	if n > 0 {
		work()
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// piece does a piece of work once it has its memory and then a slot. (In this order: who has a slot waits for nobody.)
func (q *query) piece(ctx context.Context, i int, bytes func(i int) int64, f func() error) error {
	if bytes != nil {
		n := bytes(i)
		if err := q.lend(ctx, n); err != nil {
			return err
		}
		defer q.account.GiveBack(n)
	}
	if err := q.lane.slots.Acquire(ctx, q.tenant); err != nil {
		return err
	}
	defer q.lane.slots.Release(q.tenant)
	return q.guarded(f)
}

// guarded turns a panic into an error: a query that meets a broken invariant must not end the process that holds everyone's data.
func (q *query) guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			q.engine.log.Error("query failed", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	return f()
}

// each finds the matching rows of every row group and calls visit with them, several at once. It is for operations that need all
// rows. skip, if not nil, says whether a row group need not be looked at; it is asked right before.
func (q *query) each(ctx context.Context, tasks []match.Task, skip func(match.Task) bool, visit func(ctx context.Context, t match.Task, s *match.Scan) error) error {
	bytes := func(i int) int64 { return tasks[i].Bound.ScanBytes(tasks[i].Group) }
	return q.parallel(ctx, len(tasks), bytes, func(ctx context.Context, i int, s *match.Scan) error {
		t := tasks[i]
		if skip != nil && skip(t) {
			q.tally.byTime.Add(1)
			return nil
		}
		if g := t.Bound.Groups[t.Group]; g.MaxTime < q.from || g.MinTime > q.to {
			q.tally.byTime.Add(1)
			return nil
		}
		possible, err := s.Start(ctx, t.Bound, t.Group)
		if err != nil {
			return q.setAside(fmt.Errorf("row group %d: %w", t.Group, err))
		}
		if !possible {
			if s.ByFilter {
				q.tally.byFilter.Add(1)
			} else {
				q.tally.byVocab.Add(1)
			}
			return nil
		}
		if err := visit(ctx, t, s); err != nil {
			return q.setAside(fmt.Errorf("row group %d: %w", t.Group, err))
		}
		return nil
	})
}
