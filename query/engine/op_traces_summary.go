package engine

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"clew/internal/telemetry"
	"clew/query/engine/match"

	"github.com/cespare/xxhash/v2"
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
	root     SpanFacts // the best candidate for the root so far
	hasSpan  bool
	services map[string]*TraceSummaryService
}

// SpanFacts are what a summary needs to know of a span.
type SpanFacts struct {
	Trace    int32 // its number among those asked for
	ID       telemetry.SpanID
	Child    bool // it names a parent
	Failed   bool
	Matched  bool
	Start    int64
	Duration int64
	Service  string
	Name     string
	Kind     string
}

// summarizer collects the summaries of some traces, on several goroutines.
type summarizer struct {
	asks *query // asks for those that match the request
	ids  *match.IDSet
	most int // services in all summaries

	mu        sync.Mutex
	bounds    map[*match.Bound]*match.Bound // asks' plan, by q's of the same part
	summaries []summary
	seen      map[uint64]struct{} // hashes of spans, so that what was sent twice counts once
	services  int                 // in all summaries
	apart     bool                // the spans' facts are kept as they are, for who sums them up
	facts     []SpanFacts
}

// summarize reads all spans of the traces, those that begin within traceMargin of the ones that match.
func (e *Engine) summarize(ctx context.Context, r Request, places []TracePlace, stats *Stats) ([]TraceSummary, error) {
	ids := make([]telemetry.TraceID, len(places))
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for i, p := range places {
		ids[i] = p.ID
		first, last = min(first, p.Time), max(last, p.Time)
	}
	z := newSummarizer(match.NewIDSet(ids), e.limits.Groups)
	var cost Stats
	var err error
	if from, to := first-int64(traceMargin), last+int64(traceMargin); e.spreads(&r) {
		cost, err = e.summarizeAll(ctx, r, z, from, to)
	} else {
		cost, err = e.readSpans(ctx, r, z, from, to)
	}
	if err != nil {
		return nil, err
	}
	*stats = stats.plus(cost)
	return z.result(), nil
}

func newSummarizer(ids *match.IDSet, most int) *summarizer {
	return &summarizer{ids: ids, most: most, summaries: make([]summary, len(ids.List)), seen: map[uint64]struct{}{}, bounds: map[*match.Bound]*match.Bound{}}
}

// readSpans gives a summarizer the spans of its traces that begin in a time; those that match r are marked.
func (e *Engine) readSpans(ctx context.Context, r Request, z *summarizer, from, to int64) (Stats, error) {
	all := Request{Tenant: r.Tenant, Signal: telemetry.Spans, From: from, To: to, ids: z.ids, share: r.share, now: r.now}
	ctx, q, err := e.begin(ctx, all)
	if err != nil {
		return Stats{}, err
	}
	defer q.end()
	if z.asks, err = q.narrowed(r, z.ids); err != nil {
		return Stats{}, err
	}
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return Stats{}, err
	}
	err = q.each(ctx, match.TasksOf(bounds), nil, z.visit)
	return q.stats(), err
}

// result is the summaries of the traces that have spans: of others, retention took them in between.
func (z *summarizer) result() []TraceSummary {
	out := make([]TraceSummary, 0, len(z.summaries))
	for i := range z.summaries {
		if z.summaries[i].hasSpan {
			z.summaries[i].ID = z.ids.List[i]
			out = append(out, z.summaries[i].result())
		}
	}
	return out
}

// narrowed is a question about the view of q: the spans of the traces that also match r.
func (q *query) narrowed(r Request, ids *match.IDSet) (*query, error) {
	asked, err := match.NewPlan(r.Query, telemetry.Spans, q.engine.nowOf(&r))
	if err != nil {
		return nil, err
	}
	n := &query{engine: q.engine, signal: q.signal, from: math.MinInt64, to: math.MaxInt64, view: q.view, tally: q.tally}
	n.plan = asked.Of(ids, telemetry.Spans)
	if r.From != 0 {
		n.from = r.From
	}
	if r.To != 0 {
		n.to = r.To - 1
	}
	return n, nil
}

func (z *summarizer) visit(ctx context.Context, t match.Task, s *match.Scan) error {
	rows, err := s.RowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	spans, list, err := z.read(ctx, t, match.RowList(rows, s.Rows))
	if err != nil {
		return err
	}
	if err := z.matching(ctx, t, spans, list); err != nil {
		return err
	}
	return z.add(spans)
}

// add adds spans.
func (z *summarizer) add(spans []SpanFacts) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	for i := range spans {
		z.addLocked(&spans[i])
	}
	switch {
	case z.services > z.most:
		return &LimitError{What: "services of traces", Max: z.most, Hint: "ask for fewer traces"}
	case len(z.facts) > seenSpansMax:
		return &LimitError{What: "spans of traces", Max: seenSpansMax, Hint: "ask for fewer traces"}
	}
	return nil
}

// read makes facts of rows.
func (z *summarizer) read(ctx context.Context, t match.Task, list []int) ([]SpanFacts, []int, error) {
	spans := make([]SpanFacts, len(list))
	times, err := t.Bound.Times(ctx, t.Group)
	if err != nil {
		return nil, nil, err
	}
	ids, err := t.Bound.TraceIDs(ctx, t.Group)
	if err != nil {
		return nil, nil, err
	}
	for i, row := range list {
		spans[i].Start = times[row]
		spans[i].Trace, _ = z.ids.Number(ids.At(row))
	}
	r := match.NewColumnReader()
	for _, read := range []func() error{
		func() error {
			return r.Raw(ctx, t.Bound, telemetry.FieldSpanID, t.Group, list, func(i int, v []byte) { copy(spans[i].ID[:], v) })
		},
		func() error {
			return r.Raw(ctx, t.Bound, telemetry.FieldParentSpanID, t.Group, list, func(i int, _ []byte) { spans[i].Child = true })
		},
		func() error {
			return r.Int(ctx, t.Bound, telemetry.FieldDuration, t.Group, list, func(i int, v int64) { spans[i].Duration = max(v, 0) })
		},
		func() error {
			return r.Text(ctx, t.Bound, telemetry.LevelField, telemetry.FieldStatus, t.Group, list, func(i int, v string) { spans[i].Failed = v == "error" })
		},
		func() error {
			return r.Text(ctx, t.Bound, telemetry.LevelField, telemetry.FieldName, t.Group, list, func(i int, v string) { spans[i].Name = v })
		},
		func() error {
			return r.Text(ctx, t.Bound, telemetry.LevelField, telemetry.FieldKind, t.Group, list, func(i int, v string) { spans[i].Kind = v })
		},
		func() error {
			return r.Text(ctx, t.Bound, telemetry.LevelResource, "service.name", t.Group, list, func(i int, v string) { spans[i].Service = v })
		},
	} {
		if err := read(); err != nil {
			return nil, nil, err
		}
	}
	return spans, list, nil
}

// matching marks the spans that match the request.
func (z *summarizer) matching(ctx context.Context, t match.Task, spans []SpanFacts, list []int) error {
	b, err := z.bound(ctx, t.Bound)
	if err != nil {
		return err
	}
	if b.MatchesNone() {
		return nil
	}
	s := match.NewScan(&z.asks.tally.rebuilt)
	possible, err := s.Start(ctx, b, t.Group)
	if err != nil || !possible {
		return err
	}
	rows, err := s.RowsMatching(ctx)
	if err != nil {
		return err
	}
	for i, row := range list {
		if rows.Has(row) {
			spans[i].Matched = true
		}
	}
	return nil
}

// bound is the request's plan rewritten for the part of b, once for all its row groups.
func (z *summarizer) bound(ctx context.Context, b *match.Bound) (*match.Bound, error) {
	z.mu.Lock()
	asked := z.bounds[b]
	z.mu.Unlock()
	if asked != nil {
		return asked, nil
	}
	asked, err := z.asks.bind(ctx, b.Part) // two at once do it twice: no harm
	if err != nil {
		return nil, err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.bounds[b] = asked
	return asked, nil
}

func (z *summarizer) addLocked(f *SpanFacts) {
	if len(z.seen) < seenSpansMax {
		h := f.hash()
		if _, again := z.seen[h]; again {
			return
		}
		z.seen[h] = struct{}{}
	}
	if z.apart {
		z.facts = append(z.facts, *f)
		return
	}
	s := &z.summaries[f.Trace]
	end := f.Start + f.Duration
	if !s.hasSpan {
		s.hasSpan, s.Start, s.end, s.root = true, f.Start, end, *f
		s.services = map[string]*TraceSummaryService{}
	}
	s.Start, s.end = min(s.Start, f.Start), max(s.end, end)
	if f.rootBefore(&s.root) {
		s.root = *f
	}
	v := s.services[f.Service]
	if v == nil {
		v = &TraceSummaryService{Service: f.Service}
		s.services[f.Service] = v
		z.services++
	}
	s.Spans++
	v.Spans++
	if f.Failed {
		s.Errors++
		v.Errors++
	}
	if f.Matched {
		s.Matched++
	}
}

// hash tells spans of one answer apart. Both sides of a call may share an id (Zipkin), so the id alone does not.
func (f *SpanFacts) hash() uint64 {
	var buf [96]byte
	b := binary.LittleEndian.AppendUint32(buf[:0], uint32(f.Trace))
	b = append(b, f.ID[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Start))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Duration))
	b = append(b, f.Kind...)
	return xxhash.Sum64(append(b, f.Service...))
}

// rootBefore says whether f is rather the root than o: without a parent, the one that lasts longest; else the earliest.
func (f *SpanFacts) rootBefore(o *SpanFacts) bool {
	switch {
	case f.Child != o.Child:
		return o.Child
	case f.Child:
		return cmp.Or(cmp.Compare(f.Start, o.Start), cmp.Compare(o.Duration, f.Duration), slices.Compare(f.ID[:], o.ID[:])) < 0
	}
	return cmp.Or(cmp.Compare(o.Duration, f.Duration), cmp.Compare(f.Start, o.Start), slices.Compare(f.ID[:], o.ID[:])) < 0
}

func (s *summary) result() TraceSummary {
	s.Duration = s.end - s.Start
	s.RootService, s.RootName, s.RootMissing = s.root.Service, s.root.Name, s.root.Child
	for _, v := range s.services {
		s.Services = append(s.Services, *v)
	}
	slices.SortFunc(s.Services, func(x, y TraceSummaryService) int {
		return cmp.Or(cmp.Compare(y.Spans, x.Spans), cmp.Compare(x.Service, y.Service))
	})
	return s.TraceSummary
}
