package engine

import (
	"context"
	"errors"
	"math"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine/counts"
	"clew/query/engine/question"
)

// What is counted is counted by each process and added up. Answers about shares hold all values: which are the top ones, only the sums tell.

func (e *Engine) answerCount(ctx context.Context, r Request) (*Partial, error) {
	n, err := e.Count(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Partial{Count: n.Count, Stats: n.Stats}, nil
}

func (e *Engine) countAll(ctx context.Context, r Request) (*Count, error) {
	partials, stats, err := e.ask(ctx, OpCount, &r, nil)
	if err != nil {
		return nil, err
	}
	out := &Count{Stats: stats}
	for _, p := range partials {
		out.Count += p.Count
	}
	return out, nil
}

func (e *Engine) answerGroups(ctx context.Context, q *Question, r Request) (*Partial, error) {
	g, err := e.groups(ctx, r, q.Field, q.Text, 0)
	if err != nil {
		return nil, err
	}
	return &Partial{Groups: g.Groups, Other: g.Other, Absent: g.Absent, Stats: g.Stats}, nil
}

func (e *Engine) groupsAll(ctx context.Context, r Request, field, prefix string, top int) (*Groups, error) {
	partials, stats, err := e.ask(ctx, OpGroups, &r, func(q *Question) { q.Field, q.Text = field, prefix })
	if err != nil {
		return nil, err
	}
	out, sums := &Groups{Stats: stats}, map[string]uint64{}
	for _, p := range partials {
		out.Other += p.Other
		out.Absent += p.Absent
		for _, g := range p.Groups {
			sums[g.Value] += g.Count
		}
	}
	return out, out.Add(sums, e.limits.Groups, top)
}

// answerExtent says between which times the parts lie that may match; From is after To if there are none.
func (e *Engine) answerExtent(ctx context.Context, r Request) (*Partial, error) {
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, err
	}
	out := &Partial{From: math.MaxInt64, To: math.MinInt64}
	for _, b := range bounds {
		out.From, out.To = min(out.From, b.Info.MinTime), max(out.To, b.Info.MaxTime)
	}
	out.Stats = q.stats()
	return out, nil
}

// layAll makes the buckets of a timeline over all shares. Where a request has no bounds or asks for a round step, the shares' parts are asked for their times first.
func (e *Engine) layAll(ctx context.Context, r *Request, h *counts.Timeline) (stats Stats, err error) {
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	if r.From == 0 || r.To == 0 {
		var partials []*Partial
		if partials, stats, err = e.ask(ctx, OpExtent, r, nil); err != nil {
			return stats, err
		}
		for _, p := range partials {
			from, to = min(from, p.From), max(to, p.To)
		}
	}
	if r.From != 0 {
		from = max(from, r.From)
	}
	if r.To != 0 {
		to = min(to, r.To-1)
	}
	return stats, lay(h, r, from, to, e.limits.Buckets)
}

// within are the request's bounds as those of whole buckets of h: shares are asked for these, and so have the same.
func within(h *counts.Timeline, r Request) Request {
	if r.From == 0 {
		r.From = h.First * h.Step
	}
	if r.To == 0 {
		r.To = h.End()
	}
	return r
}

// errNoStep says that a share was asked without what its buckets are: all shares have the same.
var errNoStep = errors.New("answer a question about buckets: want their step")

func (e *Engine) answerHistogram(ctx context.Context, q *Question, r Request) (*Partial, error) {
	if q.Step <= 0 {
		return nil, errNoStep
	}
	h, err := e.Histogram(ctx, r, HistogramBy{Step: time.Duration(q.Step), Field: q.Field})
	if err != nil {
		return nil, err
	}
	out := &Partial{Stats: h.Stats}
	for _, s := range h.Series {
		for i, n := range s.Counts {
			if n > 0 {
				out.Cells = append(out.Cells, SeriesCell{Value: s.Value, Absent: s.Absent, Bucket: h.Start/q.Step + int64(i), Count: n})
			}
		}
	}
	return out, nil
}

func (e *Engine) histogramAll(ctx context.Context, r Request, by HistogramBy) (*Histogram, error) {
	h := e.timeline(r, by.Step, by.Field)
	stats, err := e.layAll(ctx, &r, h)
	if err != nil {
		return nil, err
	}
	if h.Buckets == 0 {
		return &Histogram{Histogram: *h.Histogram(map[string][]uint64{}, nil, by.Top), Stats: stats}, nil
	}
	r = within(h, r)
	partials, stats, err := e.ask(ctx, OpHistogram, &r, func(q *Question) { q.Step, q.Field = h.Step, by.Field })
	if err != nil {
		return nil, err
	}
	most := max(1, e.limits.Cells/h.Buckets)
	sums, absent := map[string][]uint64{}, make([]uint64, h.Buckets)
	for _, p := range partials {
		for _, c := range p.Cells {
			line := absent
			if !c.Absent {
				if line = sums[c.Value]; line == nil {
					if len(sums) >= most {
						return nil, &LimitError{What: "groups", Max: most, Hint: "count by a field with fewer values, or narrow the query"}
					}
					line = make([]uint64, h.Buckets)
					sums[c.Value] = line
				}
			}
			if at := c.Bucket - h.First; at >= 0 && at < int64(h.Buckets) {
				line[at] += c.Count
			}
		}
	}
	return &Histogram{Histogram: *h.Histogram(sums, absent, by.Top), Stats: stats}, nil
}

func (e *Engine) answerHeatmap(ctx context.Context, q *Question, r Request) (*Partial, error) {
	if q.Step <= 0 {
		return nil, errNoStep
	}
	h, err := e.Heatmap(ctx, r, time.Duration(q.Step))
	if err != nil {
		return nil, err
	}
	return &Partial{Stats: h.Stats, Heat: h}, nil
}

func (e *Engine) heatmapAll(ctx context.Context, r Request, step time.Duration) (*Heatmap, error) {
	h := e.timeline(r, step, "")
	stats, err := e.layAll(ctx, &r, h)
	if err != nil {
		return nil, err
	}
	if err := h.RoomForDurations(e.limits.Cells); err != nil {
		return nil, err
	}
	all, failed := h.Durations(), h.Durations()
	if h.Buckets > 0 {
		r = within(h, r)
		var partials []*Partial
		if partials, stats, err = e.ask(ctx, OpHeatmap, &r, func(q *Question) { q.Step = h.Step }); err != nil {
			return nil, err
		}
		for _, p := range partials {
			if p.Heat != nil {
				h.AddHeatmap(all, failed, &p.Heat.Heatmap)
			}
		}
	}
	return &Heatmap{Heatmap: *h.Heatmap(all, failed), Stats: stats}, nil
}

func (e *Engine) answerFields(ctx context.Context, r Request) (*Partial, error) {
	f, err := e.Fields(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Partial{Count: f.Count, Fields: f.Fields, Stats: f.Stats}, nil
}

func (e *Engine) fieldsAll(ctx context.Context, r Request) (*Fields, error) {
	partials, stats, err := e.ask(ctx, OpFields, &r, nil)
	if err != nil {
		return nil, err
	}
	out, having := &Fields{Stats: stats}, map[telemetry.Column]uint64{}
	for _, p := range partials {
		out.Count += p.Count
		for _, f := range p.Fields {
			having[f.Column] += f.Count
		}
	}
	out.add(having)
	return out, nil
}

func (e *Engine) answerLatest(ctx context.Context, q *Question, r Request) (*Partial, error) {
	f := question.FieldOf(r.Signal, q.By.Field)
	if f.Every || q.By.Field == "" {
		return nil, errOneField
	}
	l, recent, err := e.latestHere(ctx, r, q.By, f)
	if err != nil {
		return nil, err
	}
	return &Partial{Latest: l.Rows, Recent: recent, Stats: l.Stats}, nil
}

func (e *Engine) latestAll(ctx context.Context, r Request, by LatestBy) (*Latest, error) {
	partials, stats, err := e.ask(ctx, OpLatest, &r, func(q *Question) { q.By = by })
	if err != nil {
		return nil, err
	}
	rows, recent := map[string]LatestRow{}, map[string]float64{}
	for _, p := range partials {
		for _, row := range p.Latest {
			recent[row.Value] += p.Recent[row.Value]
			if old, met := rows[row.Value]; !met || row.Time > old.Time {
				rows[row.Value] = row
			}
		}
	}
	out := &Latest{Rows: make([]LatestRow, 0, len(rows)), Stats: stats}
	for _, row := range rows {
		out.Rows = append(out.Rows, row)
	}
	out.arrange(recent)
	return out, nil
}

func (e *Engine) answerUsage(ctx context.Context, q *Question, r Request) (*Partial, error) {
	u, err := e.Usage(ctx, r, q.UsageBy, math.MaxInt)
	if err != nil {
		return nil, err
	}
	return &Partial{Count: u.Records, Bytes: u.Bytes, Unsealed: u.Unsealed, Usage: u.Rows, Stats: u.Stats}, nil
}

func (e *Engine) usageAll(ctx context.Context, r Request, by UsageBy, top int) (*Usage, error) {
	partials, stats, err := e.ask(ctx, OpUsage, &r, func(q *Question) { q.UsageBy = by })
	if err != nil {
		return nil, err
	}
	type key struct {
		name   string
		absent bool
	}
	out, rows := &Usage{Stats: stats}, map[key]*UsageRow{}
	for _, p := range partials {
		out.Records += p.Count
		out.Bytes += p.Bytes
		out.Unsealed += p.Unsealed
		for _, row := range p.Usage {
			old := rows[key{row.Name, row.Absent}]
			if old == nil {
				rows[key{row.Name, row.Absent}] = &row
				continue
			}
			old.Records += row.Records
			old.Bytes += row.Bytes
			old.Distinct = max(old.Distinct, row.Distinct)
			old.First, old.Last = min(old.First, row.First), max(old.Last, row.Last)
		}
	}
	for _, row := range rows {
		out.Rows = append(out.Rows, *row)
	}
	out.arrange(top)
	return out, nil
}

func (e *Engine) answerExplain(ctx context.Context, r Request) (*Partial, error) {
	x, err := e.Explain(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Partial{Count: x.Count, Explained: x.Parts, Omitted: x.Omitted, Stats: x.Stats}, nil
}

func (e *Engine) explainAll(ctx context.Context, r Request) (*Explanation, error) {
	partials, stats, err := e.ask(ctx, OpExplain, &r, nil)
	if err != nil {
		return nil, err
	}
	out := &Explanation{Query: "*", Stats: stats}
	if r.Query != nil {
		out.Query = r.Query.String()
	}
	for _, p := range partials {
		out.Count += p.Count
		out.Omitted += p.Omitted
		out.Parts = append(out.Parts, p.Explained...)
	}
	out.arrange()
	if more := len(out.Parts) - explainedPartsMax; more > 0 {
		out.Omitted += more
		out.Parts = out.Parts[:explainedPartsMax]
	}
	return out, nil
}

func (e *Engine) answerWords(ctx context.Context, q *Question, r Request) (*Partial, error) {
	words, err := e.WordsNear(ctx, r, q.Field, q.Text)
	if err != nil {
		return nil, err
	}
	return &Partial{Words: words}, nil
}

func (e *Engine) wordsAll(ctx context.Context, r Request, field, word string) (map[string]uint64, error) {
	partials, _, err := e.ask(ctx, OpWords, &r, func(q *Question) { q.Field, q.Text = field, word })
	if err != nil {
		return nil, err
	}
	weights := map[string]uint64{}
	for _, p := range partials {
		for w, n := range p.Words {
			weights[w] += n
		}
	}
	return weights, nil
}
