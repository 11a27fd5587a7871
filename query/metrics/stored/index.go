package stored

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unique"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"clew/index"
)

// View is what a series of Prometheus is of a series of OTLP.
type View uint8

const (
	ViewNumber   View = iota
	ViewNative        // a native histogram
	ViewBucket        // of a classic histogram: how many are at most origin.bound
	viewCount         // of a classic histogram or a summary
	viewSum           // likewise
	ViewQuantile      // of a summary: origin.bound
	ViewTarget        // target_info
	ViewCalls         // of a histogram that clew counts: how many, from the beginning of the hour on
)

// Origin is where a series' points are in a part.
type Origin struct {
	*Base
	View  View
	Bound float64
}

// Series is a series of Prometheus in a part. Nearly all have one origin; several scopes may have a metric of the same name.
type Series struct {
	Labels  labels.Labels
	Hash    uint64
	Origins []Origin
}

// Index is the series of a part, and where they are. It never changes but for postings, which are made when they are first asked for.
type Index struct {
	Series   []Series
	families []*Family
	calls    *Family             // what the calls are, if the part has any that are counted
	byName   map[string][]uint32 // names of Prometheus
	byOTel   map[string][]uint32 // names of OTLP that are not the series' names too
	bytes    int64

	mu       sync.Mutex
	postings map[string]map[string][]uint32 // by label's name and value
}

const (
	seriesBytes = 160 // a series, its origin, and its places in byName and postings
	baseBytes   = 160
	rowBytes    = 40
)

// newIndex reads and translates a part.
func newIndex(ctx context.Context, t *Translator, part index.Part) (x *Index, err error) {
	// The chunks' decoders believe what they read. It was checked, but a decoder's mistake must not end the process.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("part %s: %v", part.Info().ID, r)
		}
	}()
	b, err := build(ctx, t, part)
	if err != nil {
		return nil, fmt.Errorf("series of part %s: %w", part.Info().ID, err)
	}
	x = &Index{byName: map[string][]uint32{}, byOTel: map[string][]uint32{}, postings: map[string]map[string][]uint32{}}
	a := newAssembler(x, t, map[uint64][]uint32{})
	reader := NewReader(part, x)
	for i, base := range b.bases {
		if i%CheckEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		slices.SortFunc(base.Rows, func(p, q Row) int { return compareTimes(&p, &q) })
		if err := a.base(ctx, reader, base); err != nil {
			return nil, fmt.Errorf("series of part %s: %s: %w", part.Info().ID, base.Family.OTel, err)
		}
		base.labels = labels.EmptyLabels()
		x.bytes += baseBytes + rowBytes*int64(cap(base.Rows))
	}
	for _, t := range b.targets {
		spans := b.spans[t]
		if spans == nil {
			continue
		}
		of := &Base{Family: targetFamily, target: t}
		for _, r := range spans.all {
			of.Rows = append(of.Rows, Row{Min: r[0], Max: r[1]})
		}
		slices.SortFunc(of.Rows, func(p, q Row) int { return compareTimes(&p, &q) })
		a.add(t.info, Origin{Base: of, View: ViewTarget})
	}
	for _, f := range b.byMarks {
		x.families = append(x.families, f)
	}
	if x.calls != nil {
		x.families = append(x.families, x.calls)
	}
	if len(b.spans) > 0 {
		x.families = append(x.families, targetFamily)
	}
	return x, nil
}

var targetFamily = &Family{Name: targetInfo, OTel: targetInfo, Type: model.MetricTypeGauge, Help: "Target metadata"}

func compareTimes(p, q *Row) int {
	switch {
	case p.Min != q.Min:
		return cmpInt(p.Min, q.Min)
	case p.Max != q.Max:
		return cmpInt(p.Max, q.Max)
	case p.rg != q.rg:
		return cmpInt(int64(p.rg), int64(q.rg))
	}
	return cmpInt(int64(p.Row), int64(q.Row))
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// assembler makes series of bases.
type assembler struct {
	x  *Index
	t  *Translator
	at map[uint64][]uint32 // series by their labels' hash
	lb *labels.Builder

	growing bool // x is of a head
}

func newAssembler(x *Index, t *Translator, at map[uint64][]uint32) *assembler {
	return &assembler{x: x, t: t, at: at, lb: labels.NewBuilder(labels.EmptyLabels())}
}

// base adds the series that a base is.
func (a *assembler) base(ctx context.Context, r *Reader, of *Base) error {
	name := of.Family.Name
	if name == "" && !of.Family.Marks.Prometheus {
		return nil // it can have no name
	}
	switch {
	case of.Type == typeGauge || of.Type == typeSum:
		a.named(of, name, "", 0, ViewNumber)
	case of.Type == typeExponential && of.Family.Marks.Width > 0:
		a.named(of, name, "", 0, ViewNative)
		calls := *of
		calls.Family = a.t.callsOf(of.Family)
		a.x.calls = calls.Family
		a.named(&calls, calls.Family.Name, "", 0, ViewCalls)
		calls.labels = labels.EmptyLabels()
	case of.Type == typeExponential, of.Type == typeHistogram && of.Family.Marks.Native:
		a.named(of, name, "", 0, ViewNative)
	case of.Type == typeHistogram:
		bounds, err := r.bounds(ctx, of)
		if err != nil {
			return err
		}
		for _, bound := range append(bounds, math.Inf(1)) {
			a.named(of, name+"_bucket", model.BucketLabel, bound, ViewBucket)
		}
		a.named(of, name+"_count", "", 0, viewCount)
		a.named(of, name+"_sum", "", 0, viewSum)
	case of.Type == typeSummary:
		quantiles, err := r.bounds(ctx, of)
		if err != nil {
			return err
		}
		for _, q := range quantiles {
			a.named(of, name, model.QuantileLabel, q, ViewQuantile)
		}
		a.named(of, name+"_count", "", 0, viewCount)
		a.named(of, name+"_sum", "", 0, viewSum)
	default:
		return fmt.Errorf("metric type %.40q is not known", of.Type)
	}
	return nil
}

func (a *assembler) named(of *Base, name, label string, bound float64, v View) {
	a.lb.Reset(of.labels)
	a.lb.Set(model.MetricNameLabel, name)
	if label != "" {
		a.lb.Set(label, formatBound(bound))
	}
	a.add(a.lb.Labels(), Origin{Base: of, View: v, Bound: bound})
}

func formatBound(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// add adds an origin to the series of these labels.
func (a *assembler) add(ls labels.Labels, o Origin) {
	hash := ls.Hash()
	if a.growing {
		o.Rows = always
	}
	for _, n := range a.at[hash] {
		if s := &a.x.Series[n]; labels.Equal(s.Labels, ls) {
			if !a.growing || !s.knows(&o) {
				s.Origins = append(s.Origins, o)
			}
			return
		}
	}
	x := a.x
	n := uint32(len(x.Series))
	a.at[hash] = append(a.at[hash], n)
	// The same series are in many parts; unique keeps one copy of their labels while any part has them.
	x.Series = append(x.Series, Series{Labels: unique.Make(ls).Value(), Hash: hash, Origins: []Origin{o}})
	name := ls.Get(model.MetricNameLabel)
	x.byName[name] = append(x.byName[name], n)
	if otel := o.Family.OTel; otel != name {
		x.byOTel[otel] = append(x.byOTel[otel], n)
	}
	x.bytes += seriesBytes + int64(ls.ByteSize())
}

// Posting gives the series by the values of a label, each list ascending.
func (x *Index) Posting(name string) map[string][]uint32 {
	if name == model.MetricNameLabel {
		return x.byName
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	p, ok := x.postings[name]
	if !ok {
		p = map[string][]uint32{}
		for i := range x.Series {
			if v := x.Series[i].Labels.Get(name); v != "" {
				p[v] = append(p[v], uint32(i))
			}
		}
		if len(p) > 0 { // anyone may ask for any name
			x.postings[name] = p
		}
	}
	return p
}

// Matching are the series that match all matchers, ascending. nil matchers match all.
//
// A matcher is asked for each value of its label, not for each series. Names and values that are spelt out come first: they leave few.
func (x *Index) Matching(ctx context.Context, t *Translator, matchers []*labels.Matcher) ([]uint32, error) {
	var from []uint32
	narrowed := false
	rest := make([]*labels.Matcher, 0, len(matchers))
	for _, m := range matchers {
		list, ok := x.candidates(t, m)
		switch {
		case !ok:
			rest = append(rest, m)
			continue
		case !narrowed:
			from, narrowed = list, true
		default:
			from = intersect(from, list)
		}
		if len(from) == 0 {
			return nil, nil
		}
	}
	if !narrowed {
		from = make([]uint32, len(x.Series))
		for i := range from {
			from[i] = uint32(i)
		}
	}
	for _, m := range rest {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p := x.postingOf(t, m.Name); len(p) <= len(from) {
			from = x.among(from, p, m)
			continue
		}
		out := make([]uint32, 0, len(from))
		for _, n := range from {
			if matches(t, x.Series[n].Labels, m) {
				out = append(out, n)
			}
		}
		from = out
	}
	return from, nil
}

// among are those of a list of series whose value matches. p are the lists of the label's values: series in none of them have the empty value.
func (x *Index) among(from []uint32, p map[string][]uint32, m *labels.Matcher) []uint32 {
	// marked are the series whose value does not match where the empty one does, and else those whose value does.
	keep := !m.Matches("")
	marked := make([]uint64, (len(x.Series)+63)/64)
	for value, list := range p {
		if m.Matches(value) == keep {
			for _, n := range list {
				marked[n>>6] |= 1 << (n & 63)
			}
		}
	}
	out := make([]uint32, 0, len(from))
	for _, n := range from {
		if marked[n>>6]>>(n&63)&1 == 1 == keep {
			out = append(out, n)
		}
	}
	return out
}

// postingOf is posting of the label that a matcher's name means.
func (x *Index) postingOf(t *Translator, name string) map[string][]uint32 {
	p := x.Posting(name)
	if len(p) == 0 {
		if translated := LabelOf(t, name); translated != name {
			return x.Posting(translated)
		}
	}
	return p
}

// candidates are the series that match m, if that is quickly found: by a name or by values that the matcher spells out.
func (x *Index) candidates(t *Translator, m *labels.Matcher) (list []uint32, ok bool) {
	var wanted []string
	switch {
	case m.Type == labels.MatchEqual && m.Value != "":
		wanted = []string{m.Value}
	case m.Type == labels.MatchRegexp && len(m.SetMatches()) > 0 && !m.Matches(""):
		wanted = m.SetMatches()
	default:
		return nil, false
	}
	p := x.postingOf(t, m.Name)
	for _, value := range wanted {
		found := p[value]
		if found == nil && m.Name == model.MetricNameLabel {
			found = x.byOTel[value]
		}
		if len(wanted) == 1 {
			return found, true
		}
		list = append(list, found...)
	}
	slices.Sort(list)
	return slices.Compact(list), true
}

// LabelOf is a label's name, where an attribute's may stand for it.
func LabelOf(t *Translator, name string) string {
	if strings.Contains(name, ".") {
		if translated := t.LabelName(name); translated != "" {
			return translated
		}
	}
	return name
}

func matches(t *Translator, ls labels.Labels, m *labels.Matcher) bool {
	value := ls.Get(m.Name)
	if value == "" {
		value = ls.Get(LabelOf(t, m.Name))
	}
	return m.Matches(value)
}

func intersect(a, b []uint32) []uint32 {
	out := make([]uint32, 0, min(len(a), len(b)))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			out = append(out, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// IsDamage says whether an error is of one part's bytes, so that the others still answer.
func IsDamage(err error) (*index.DamageError, bool) {
	var d *index.DamageError
	ok := errors.As(err, &d)
	return d, ok
}

// In says whether a series has rows that may have points from mint to maxt.
func (s *Series) In(mint, maxt int64) bool {
	for i := range s.Origins {
		for _, r := range s.Origins[i].Rows {
			if r.Min <= maxt && r.Max >= mint {
				return true
			}
		}
	}
	return false
}

// AnyIn says whether one of some series has such rows.
func (x *Index) AnyIn(numbers []uint32, mint, maxt int64) bool {
	return slices.ContainsFunc(numbers, func(n uint32) bool { return x.Series[n].In(mint, maxt) })
}

// Names adds the names of a series' labels.
func (s *Series) Names(mint, maxt int64, to map[string]struct{}) {
	if s.In(mint, maxt) {
		s.Labels.Range(func(l labels.Label) { to[l.Name] = struct{}{} })
	}
}
