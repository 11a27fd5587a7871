package metrics

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/query/metrics/lent"
	"clew/query/metrics/stored"
)

// Name describes a metric.
type Name struct {
	Name string `json:"name"` // in PromQL; a classic histogram's series are this with _bucket, _count and _sum
	OTel string `json:"otel"` // as it was sent
	Type string `json:"type"` // counter gauge histogram summary unknown
	Unit string `json:"unit"`
	Help string `json:"help"`
	// Series is how many there are.
	Series int `json:"series"`
}

// Names describes the metrics that have points from mint to maxt (milliseconds), of series that match one of the sets, by name. No set: all.
func (s *Storage) Names(ctx context.Context, mint, maxt int64, sets ...[]*labels.Matcher) ([]Name, annotations.Annotations, error) {
	q := s.querier(mint, maxt)
	defer q.Close()
	if len(sets) == 0 {
		sets = append(sets, nil)
	}
	type key struct{ name, otel string }
	found := map[key]*Name{}
	counted := map[uint64]bool{}
	var warnings annotations.Annotations
	for _, set := range sets {
		var err error
		warnings, err = q.each(ctx, lent.Question{Op: lent.OpNames}, set, func(r reading, numbers []uint32, all bool) {
			counts := func(f *stored.Family, hash uint64) {
				n := found[key{f.Name, f.OTel}]
				if n == nil {
					n = &Name{Name: f.Name, OTel: f.OTel, Type: string(f.Type), Unit: f.Unit, Help: f.Help}
					found[key{f.Name, f.OTel}] = n
				}
				if !counted[hash] {
					counted[hash] = true
					n.Series++
				}
			}
			if r.of != nil {
				r.of.counted(r.nth, counts)
				return
			}
			count := func(of *stored.Series) {
				if of.In(mint, maxt) {
					counts(of.Origins[0].Family, of.Hash)
				}
			}
			if all {
				for i := range r.Index.Series {
					count(&r.Index.Series[i])
				}
			}
			for _, n := range numbers {
				count(&r.Index.Series[n])
			}
		})
		if err != nil {
			return nil, warnings, err
		}
	}
	out := make([]Name, 0, len(found))
	for _, n := range found {
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b Name) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.OTel, b.OTel)) })
	return out, warnings, nil
}

// IsPartial says whether a warning is that points may be lacking.
func IsPartial(err error) bool {
	var p *partialError
	return errors.As(err, &p)
}

// partialError is the warning of an answer that may lack points.
type partialError struct{ why string }

func (e *partialError) Error() string { return "the answer may lack points: " + e.why }
func (e *partialError) Unwrap() error { return annotations.PromQLWarning }

func errPartial(why string) error { return &partialError{why} }
