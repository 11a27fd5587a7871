// Package memseries holds a few series in memory and reads them as a Prometheus storage: what a group of rules has just recorded and no
// index has yet, and the input of tests of rules.
package memseries

import (
	"context"
	"slices"
	"sort"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Store is series in memory. It is safe for concurrent use.
type Store struct {
	mu     sync.RWMutex
	series map[string]*series // by their labels' text
}

type series struct {
	labels  labels.Labels
	samples []chunks.Sample // by time; a slice once handed out is not changed in place
}

// New returns an empty store.
func New() *Store { return &Store{series: map[string]*series{}} }

// Append adds samples. One at a time that its series has already replaces nothing: the first stays, as in Prometheus.
func (s *Store) Append(samples ...promql.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range samples {
		key := in.Metric.String()
		of := s.series[key]
		if of == nil {
			of = &series{labels: in.Metric}
			s.series[key] = of
		}
		one := sample{in.T, in.F, in.H}
		at, have := slices.BinarySearchFunc(of.samples, one.t, func(c chunks.Sample, t int64) int { return int(max(-1, min(1, c.T()-t))) })
		switch {
		case have:
		case at == len(of.samples):
			of.samples = append(of.samples, one) // readers have shorter slices
		default:
			of.samples = slices.Concat(of.samples[:at], []chunks.Sample{one}, of.samples[at:])
		}
	}
}

// DropBefore forgets samples before a time in milliseconds.
func (s *Store) DropBefore(t int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, of := range s.series {
		n := sort.Search(len(of.samples), func(i int) bool { return of.samples[i].T() >= t })
		if n == len(of.samples) {
			delete(s.series, key)
		} else if n > 0 {
			of.samples = slices.Clone(of.samples[n:])
		}
	}
}

// Querier implements storage.Queryable. mint and maxt are milliseconds, both inclusive.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{s, mint, maxt}, nil
}

type querier struct {
	store      *Store
	mint, maxt int64
}

func (q *querier) Select(_ context.Context, sorted bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, of := range q.matching(matchers) {
		found = append(found, storage.NewListSeries(of.labels, of.samples))
	}
	if sorted {
		slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	}
	return &set{all: found}
}

// matching are the series that match, cut to the querier's times.
func (q *querier) matching(matchers []*labels.Matcher) []series {
	q.store.mu.RLock()
	defer q.store.mu.RUnlock()
	var out []series
	for _, of := range q.store.series {
		if !matches(of.labels, matchers) {
			continue
		}
		from := sort.Search(len(of.samples), func(i int) bool { return of.samples[i].T() >= q.mint })
		to := sort.Search(len(of.samples), func(i int) bool { return of.samples[i].T() > q.maxt })
		if from < to {
			out = append(out, series{of.labels, of.samples[from:to:to]})
		}
	}
	return out
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

func (q *querier) LabelValues(_ context.Context, name string, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var out []string
	for _, of := range q.matching(matchers) {
		if v := of.labels.Get(name); v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil, nil
}

func (q *querier) LabelNames(_ context.Context, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var out []string
	for _, of := range q.matching(matchers) {
		of.labels.Range(func(l labels.Label) { out = append(out, l.Name) })
	}
	slices.Sort(out)
	return slices.Compact(out), nil, nil
}

func (q *querier) Close() error { return nil }

type set struct {
	all []storage.Series
	at  int
}

func (s *set) Next() bool                        { s.at++; return s.at <= len(s.all) }
func (s *set) At() storage.Series                { return s.all[s.at-1] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

// sample is a chunks.Sample.
type sample struct {
	t int64
	f float64
	h *histogram.FloatHistogram
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return s.h }

func (s sample) Type() chunkenc.ValueType {
	if s.h != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

func (s sample) Copy() chunks.Sample {
	if s.h != nil {
		s.h = s.h.Copy()
	}
	return s
}
