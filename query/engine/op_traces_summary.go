package engine

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"clew/internal/telemetry"
)

// TraceSummary is what a list shows of a trace, summed up from its spans that begin within an hour of the newest matching ones of the
// page: all of them, but for traces that go on for hours. Times are as the senders' clocks had them.
type TraceSummary struct {
	ID       telemetry.TraceID
	Start    int64 // of its first span, nanoseconds
	Duration int64 // to the end of its last one, nanoseconds
	// Of the span without a parent that lasts longest; where none has arrived, RootMissing is set and they are of the earliest span.
	RootService string
	RootName    string
	RootMissing bool
	Spans       int
	Errors      int                   // spans with status error
	Matched     int                   // spans that match the query
	Services    []TraceSummaryService // by spans, descending
}

// TraceSummaryService is a service's part in a trace.
type TraceSummaryService struct {
	Service string
	Spans   int
	Errors  int
}

// summary collects one trace.
type summary struct {
	TraceSummary
	end      int64
	root     spanFacts // the best candidate for the root so far
	hasSpan  bool
	services map[string]*TraceSummaryService
}

// spanFacts are what a summary needs to know of a span.
type spanFacts struct {
	trace    int32
	id       telemetry.SpanID
	child    bool // it names a parent
	failed   bool
	matched  bool
	start    int64
	duration int64
	service  string
	name     string
	kind     string
}

// summarizer collects the summaries of some traces, on several goroutines.
type summarizer struct {
	q    *query // asks for all spans of the traces
	asks *query // asks for those that match the request
	ids  *idSet

	mu        sync.Mutex
	bounds    map[*bound]*bound // asks' plan, by q's of the same part
	summaries []summary
	seen      map[uint64]struct{} // hashes of spans, so that what was sent twice counts once
	services  int                 // in all summaries
}

// summarize reads all spans of the traces, those that begin within traceMargin of the ones that match.
func (e *Engine) summarize(ctx context.Context, r Request, places []tracePlace, stats *Stats) ([]TraceSummary, error) {
	ids := make([]telemetry.TraceID, len(places))
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for i, p := range places {
		ids[i] = p.id
		first, last = min(first, p.time), max(last, p.time)
	}
	all := Request{Tenant: r.Tenant, Signal: telemetry.Spans, ids: newIDSet(ids)}
	all.From, all.To = first-int64(traceMargin), last+int64(traceMargin)
	ctx, q, err := e.begin(ctx, all)
	if err != nil {
		return nil, err
	}
	defer q.end()
	z := &summarizer{q: q, ids: all.ids, summaries: make([]summary, len(ids)), seen: map[uint64]struct{}{}, bounds: map[*bound]*bound{}}
	if z.asks, err = q.narrowed(r, all.ids); err != nil {
		return nil, err
	}
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, err
	}
	if err := q.each(ctx, tasksOf(bounds), nil, z.visit); err != nil {
		return nil, err
	}
	*stats = stats.plus(q.stats())
	out := make([]TraceSummary, 0, len(ids))
	for i := range z.summaries {
		if z.summaries[i].hasSpan { // else retention took it in between
			z.summaries[i].ID = ids[i]
			out = append(out, z.summaries[i].result())
		}
	}
	return out, nil
}

// narrowed is a question about the view of q: the spans of the traces that also match r.
func (q *query) narrowed(r Request, ids *idSet) (*query, error) {
	asked, err := newPlan(r.Query, telemetry.Spans, q.engine.now())
	if err != nil {
		return nil, err
	}
	n := &query{engine: q.engine, signal: q.signal, from: math.MinInt64, to: math.MaxInt64, view: q.view, tally: q.tally}
	n.plan = &plan{kind: planAnd, kids: []*plan{ids.leaf(telemetry.Spans), asked}}
	if r.From != 0 {
		n.from = r.From
	}
	if r.To != 0 {
		n.to = r.To - 1
	}
	return n, nil
}

func (z *summarizer) visit(ctx context.Context, t task, s *scan) error {
	rows, err := s.rowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	spans, list, err := z.read(ctx, t, rowList(rows, s.rows))
	if err != nil {
		return err
	}
	if err := z.matching(ctx, t, spans, list); err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	for i := range spans {
		z.addLocked(&spans[i])
	}
	if z.services > z.q.engine.limits.Groups {
		return &LimitError{"services of traces", z.q.engine.limits.Groups, "ask for fewer traces"}
	}
	return nil
}

// read makes facts of rows.
func (z *summarizer) read(ctx context.Context, t task, list []int) ([]spanFacts, []int, error) {
	spans := make([]spanFacts, len(list))
	times, err := t.b.times(ctx, t.rg)
	if err != nil {
		return nil, nil, err
	}
	ids, err := t.b.traceIDs(ctx, t.rg)
	if err != nil {
		return nil, nil, err
	}
	for i, row := range list {
		spans[i].start = times[row]
		spans[i].trace, _ = z.ids.number(ids.At(row))
	}
	r := newColumnReader()
	for _, read := range []func() error{
		func() error {
			return r.raw(ctx, t.b, telemetry.FieldSpanID, t.rg, list, func(i int, v []byte) { copy(spans[i].id[:], v) })
		},
		func() error {
			return r.raw(ctx, t.b, telemetry.FieldParentSpanID, t.rg, list, func(i int, _ []byte) { spans[i].child = true })
		},
		func() error {
			return r.int(ctx, t.b, telemetry.FieldDuration, t.rg, list, func(i int, v int64) { spans[i].duration = max(v, 0) })
		},
		func() error {
			return r.text(ctx, t.b, telemetry.LevelField, telemetry.FieldStatus, t.rg, list, func(i int, v string) { spans[i].failed = v == "error" })
		},
		func() error {
			return r.text(ctx, t.b, telemetry.LevelField, telemetry.FieldName, t.rg, list, func(i int, v string) { spans[i].name = v })
		},
		func() error {
			return r.text(ctx, t.b, telemetry.LevelField, telemetry.FieldKind, t.rg, list, func(i int, v string) { spans[i].kind = v })
		},
		func() error {
			return r.text(ctx, t.b, telemetry.LevelResource, "service.name", t.rg, list, func(i int, v string) { spans[i].service = v })
		},
	} {
		if err := read(); err != nil {
			return nil, nil, err
		}
	}
	return spans, list, nil
}

// matching marks the spans that match the request.
func (z *summarizer) matching(ctx context.Context, t task, spans []spanFacts, list []int) error {
	b, err := z.bound(ctx, t.b)
	if err != nil {
		return err
	}
	if b.root.kind == planConst && !b.root.value {
		return nil
	}
	s := &scan{q: z.asks}
	possible, err := s.start(ctx, b, t.rg)
	if err != nil || !possible {
		return err
	}
	rows, err := s.rowsMatching(ctx)
	if err != nil {
		return err
	}
	for i, row := range list {
		if rows.Has(row) {
			spans[i].matched = true
		}
	}
	return nil
}

// bound is the request's plan rewritten for the part of b, once for all its row groups.
func (z *summarizer) bound(ctx context.Context, b *bound) (*bound, error) {
	z.mu.Lock()
	asked := z.bounds[b]
	z.mu.Unlock()
	if asked != nil {
		return asked, nil
	}
	asked, err := z.asks.bind(ctx, b.part) // two at once do it twice: no harm
	if err != nil {
		return nil, err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.bounds[b] = asked
	return asked, nil
}

func (z *summarizer) addLocked(f *spanFacts) {
	if len(z.seen) < seenSpansMax {
		h := f.hash()
		if _, again := z.seen[h]; again {
			return
		}
		z.seen[h] = struct{}{}
	}
	s := &z.summaries[f.trace]
	end := f.start + f.duration
	if !s.hasSpan {
		s.hasSpan, s.Start, s.end, s.root = true, f.start, end, *f
		s.services = map[string]*TraceSummaryService{}
	}
	s.Start, s.end = min(s.Start, f.start), max(s.end, end)
	if f.rootBefore(&s.root) {
		s.root = *f
	}
	v := s.services[f.service]
	if v == nil {
		v = &TraceSummaryService{Service: f.service}
		s.services[f.service] = v
		z.services++
	}
	s.Spans++
	v.Spans++
	if f.failed {
		s.Errors++
		v.Errors++
	}
	if f.matched {
		s.Matched++
	}
}

// hash tells spans of one answer apart. Both sides of a call may share an id (Zipkin), so the id alone does not.
func (f *spanFacts) hash() uint64 {
	var buf [96]byte
	b := binary.LittleEndian.AppendUint32(buf[:0], uint32(f.trace))
	b = append(b, f.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.start))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.duration))
	b = append(b, f.kind...)
	return xxhash.Sum64(append(b, f.service...))
}

// rootBefore says whether f is rather the root than o: without a parent, the one that lasts longest; else the earliest.
func (f *spanFacts) rootBefore(o *spanFacts) bool {
	switch {
	case f.child != o.child:
		return o.child
	case f.child:
		return cmp.Or(cmp.Compare(f.start, o.start), cmp.Compare(o.duration, f.duration), slices.Compare(f.id[:], o.id[:])) < 0
	}
	return cmp.Or(cmp.Compare(o.duration, f.duration), cmp.Compare(f.start, o.start), slices.Compare(f.id[:], o.id[:])) < 0
}

func (s *summary) result() TraceSummary {
	s.Duration = s.end - s.Start
	s.RootService, s.RootName, s.RootMissing = s.root.service, s.root.name, s.root.child
	for _, v := range s.services {
		s.Services = append(s.Services, *v)
	}
	slices.SortFunc(s.Services, func(x, y TraceSummaryService) int {
		return cmp.Or(cmp.Compare(y.Spans, x.Spans), cmp.Compare(x.Service, y.Service))
	})
	return s.TraceSummary
}
