package metrics

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"clew/internal/telemetry"
	"clew/query/metrics/lent"
	"clew/query/metrics/stored"
	"clew/query/parts"
)

// Lend answers another process's question about segments. The answer is released when it has been sent.
func (s *Storage) Lend(ctx context.Context, tenant string, q *lent.Question) (*lent.Answer, error) {
	if err := telemetry.CheckTenant(tenant); err != nil {
		return nil, err
	}
	matchers, err := q.Parsed()
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(q.Segments))
	for i, segment := range q.Segments {
		ids[i] = segment.ID
	}
	view, err := s.source.View(ctx, parts.Scope{Tenant: tenant, Signal: telemetry.Metrics, Share: &parts.Share{Segments: ids}})
	if err != nil {
		return nil, fmt.Errorf("view of %d segments of metrics of tenant %s: %w", len(ids), tenant, err)
	}
	defer view.Release()
	l := &lending{storage: s, question: q, matchers: matchers, families: map[*stored.Family]int{}, texts: map[string]struct{}{}, counted: map[uint64]bool{}}
	l.selection = selection{mint: q.Mint, maxt: q.Maxt}
	l.answer.Release = func() { s.lentBytes.Add(-l.bytes) }
	answered := false
	defer func() {
		if !answered { // by a panic, too, which the server survives
			l.answer.Release()
		}
	}()
	if err := l.segments(ctx, view); err != nil {
		return nil, err
	}
	answered = true
	return &l.answer, nil
}

// segments adds what all segments of the question have.
func (l *lending) segments(ctx context.Context, view *parts.View) error {
	s, q := l.storage, l.question
	n := 0
	for i := range q.Segments {
		id := q.Segments[i].ID
		if n >= len(view.Parts) || view.Parts[n].Info().ID != id {
			l.answer.Lacks = append(l.answer.Lacks, lent.Lack{Segment: id, Why: "it could not be opened"})
			continue
		}
		part := view.Parts[n]
		n++
		x, err := s.cache.Get(ctx, part)
		if err == nil {
			l.reading = reading{Reader: stored.NewReader(part, x), from: q.Segments[i].From, to: q.Segments[i].To}
			l.reading.Stage.Resolution = q.Segments[i].Resolution
			err = l.segment(ctx, i)
		}
		if damage, is := stored.IsDamage(err); is && ctx.Err() == nil {
			s.putAside(damage)
			l.answer.Lacks = append(l.answer.Lacks, lent.Lack{Segment: id, Why: damage.Error()})
		} else if err != nil {
			return err
		}
	}
	for _, text := range slices.Sorted(maps.Keys(l.texts)) {
		l.answer.Texts = append(l.answer.Texts, lent.Text{Text: text})
	}
	return nil
}

// lending is a question being answered.
type lending struct {
	storage   *Storage
	question  *lent.Question
	matchers  []*labels.Matcher
	selection selection
	reading   reading // the segment at hand
	answer    lent.Answer
	families  map[*stored.Family]int
	texts     map[string]struct{}
	counted   map[uint64]bool
	scratch   []byte
	bytes     int64 // of rows, as far as Storage.lentBytes knows of them
	fresh     int64 // of those since
}

// keep takes memory for the rows that have been added.
func (l *lending) keep() error {
	l.bytes += l.fresh
	together := l.storage.lentBytes.Add(l.fresh)
	l.fresh = 0
	switch {
	case l.bytes > lentBytesMax:
		return &lent.LimitError{Max: lentBytesMax}
	case together > lentTogetherMax:
		return lent.ErrBusy
	}
	return nil
}

// segment adds what a segment has. With an error, nothing of it is there but texts.
func (l *lending) segment(ctx context.Context, i int) error {
	q, r := l.question, l.reading
	numbers, err := r.Index.Matching(ctx, l.storage.t, l.matchers)
	if err != nil {
		return err
	}
	switch all := len(l.matchers) == 0; q.Op {
	case lent.OpSelect:
		return l.series(ctx, i, numbers)
	case lent.OpValues:
		valuesOf(l.storage.t, r.Reader, q.Label, numbers, all, q.Mint, q.Maxt, l.texts)
	case lent.OpLabels:
		for _, n := range numbers {
			r.Index.Series[n].Names(q.Mint, q.Maxt, l.texts)
		}
	case lent.OpNames:
		clear(l.counted)
		for _, n := range numbers {
			if of := &r.Index.Series[n]; of.In(q.Mint, q.Maxt) && !l.counted[of.Hash] {
				l.counted[of.Hash] = true
				l.answer.Counted = append(l.answer.Counted, lent.Counted{Segment: i, Family: l.family(of.Origins[0].Family), Hash: of.Hash})
			}
		}
	default:
		return fmt.Errorf("operation %.40q is not known to this version", q.Op)
	}
	return nil
}

// series adds the series of a segment and the rows of them that may have points in the question's time.
func (l *lending) series(ctx context.Context, segment int, numbers []uint32) error {
	before := l.answer
	bases := map[*stored.Base]int{} // those without rows are -1
	var pieces []piece
	for k, n := range numbers {
		if k%stored.CheckEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := l.keep(); err != nil {
			return err
		}
		of := &l.reading.Index.Series[n]
		told := lent.Series{Segment: segment}
		for o := range of.Origins {
			origin := &of.Origins[o]
			at, known := bases[origin.Base]
			if !known {
				// All origins of a base see the same rows.
				var err error
				if pieces, err = l.selection.appendPieces(ctx, pieces[:0], l.reading, &stored.Series{Origins: of.Origins[o : o+1]}); err != nil {
					l.answer = before
					return err
				}
				at = l.base(origin, pieces)
				bases[origin.Base] = at
			}
			if at >= 0 {
				told.Origins++
				l.answer.Origins = append(l.answer.Origins, lent.Origin{Base: at, View: int(origin.View), Bound: math.Float64bits(origin.Bound)})
			}
		}
		if told.Origins > 0 {
			l.scratch = lent.Pack(l.scratch, of.Labels)
			told.Labels = string(l.scratch)
			l.answer.Series = append(l.answer.Series, told)
		}
	}
	return nil
}

// base adds a base with the rows that pieces are of, and returns its place; -1: there are none.
func (l *lending) base(o *stored.Origin, pieces []piece) int {
	if len(pieces) == 0 {
		return -1
	}
	l.answer.Bases = append(l.answer.Bases, lent.Base{Family: l.family(o.Family), Type: o.Type, Delta: o.Delta, Rows: len(pieces)})
	for i := range pieces {
		ref := pieces[i].ref
		row := lent.Row{Min: ref.Min, Max: ref.Max, Samples: int(ref.Samples), Chunk: int(ref.Chunk), Plain: ref.Plain}
		if o.View != stored.ViewTarget {
			chunk, extra := l.reading.Bytes(ref)
			row.Data, row.Extra = string(chunk), string(extra)
			l.fresh += lent.RowBytes + int64(len(chunk)+len(extra))
		}
		l.answer.Rows = append(l.answer.Rows, row)
	}
	return len(l.answer.Bases) - 1
}

func (l *lending) family(f *stored.Family) int {
	at, known := l.families[f]
	if !known {
		at = len(l.answer.Families)
		l.families[f] = at
		l.answer.Families = append(l.answer.Families, lent.Family{
			Name: f.Name, OTel: f.OTel, Type: string(f.Type), Unit: f.Unit, Help: f.Help,
			Prometheus: f.Marks.Prometheus, PrometheusType: string(f.Marks.Type), Native: f.Marks.Native, Floats: f.Marks.Floats, Gauge: f.Marks.Gauge, Reset: f.Marks.Reset,
			Width: f.Marks.Width,
		})
	}
	return at
}
