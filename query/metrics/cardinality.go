package metrics

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"clew/query/metrics/lent"
	"clew/query/metrics/stored"
)

// Count is how often something is there.
type Count struct {
	Name string
	N    int
}

// Cardinality is how many series there are, and of what. The lists are of the most frequent.
type Cardinality struct {
	Series, Pairs, Rows int
	Min, Max            int64 // milliseconds
	ByName              []Count
	ByLabel             []Count // values by label
	BytesByLabel        []Count
	ByPair              []Count // series by "label=value"
}

// Cardinality counts the series that have points from mint to maxt (milliseconds).
func (s *Storage) Cardinality(ctx context.Context, mint, maxt int64, limit int) (*Cardinality, error) {
	q := s.querier(mint, maxt)
	defer q.Close()
	out := &Cardinality{Min: math.MaxInt64, Max: math.MinInt64}
	seen := map[uint64]bool{}
	byName, byLabel, bytes, byPair := map[string]int{}, map[string]int{}, map[string]int{}, map[[2]string]int{}
	// It is about all labels of all series: they are read here.
	if err := q.here(ctx); err != nil {
		return nil, err
	}
	_, err := q.each(ctx, lent.Question{}, nil, func(r reading, _ []uint32, _ bool) {
		for i := range r.Index.Series {
			of := &r.Index.Series[i]
			if !of.In(mint, maxt) {
				continue
			}
			for k := range of.Origins {
				for _, row := range of.Origins[k].Rows {
					out.Rows++
					if r.IsLive() {
						row.Min, row.Max = stored.Millis(r.Part.Info().MinTime), stored.Millis(r.Part.Info().MaxTime)
					}
					out.Min = min(out.Min, row.Min)
					if row.Max != math.MaxInt64 {
						out.Max = max(out.Max, row.Max)
					}
				}
			}
			if seen[of.Hash] {
				continue
			}
			seen[of.Hash] = true
			out.Series++
			of.Labels.Range(func(l labels.Label) {
				pair := [2]string{l.Name, l.Value}
				if byPair[pair] == 0 {
					byLabel[l.Name]++
					bytes[l.Name] += len(l.Value)
				}
				byPair[pair]++
				if l.Name == model.MetricNameLabel {
					byName[l.Value]++
				}
			})
		}
	})
	if err != nil {
		return nil, err
	}
	if out.Series == 0 {
		out.Min, out.Max = 0, 0
	}
	out.Pairs = len(byPair)
	pairs := make(map[string]int, len(byPair))
	for p, n := range byPair {
		pairs[p[0]+"="+p[1]] = n
	}
	out.ByName, out.ByLabel, out.BytesByLabel, out.ByPair = most(byName, limit), most(byLabel, limit), most(bytes, limit), most(pairs, limit)
	return out, nil
}

func most(counts map[string]int, limit int) []Count {
	all := make([]Count, 0, len(counts))
	for name, n := range counts {
		all = append(all, Count{name, n})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) })
	return all[:min(limit, len(all))]
}
