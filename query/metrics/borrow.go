package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/index/catalog"
	"clew/internal/telemetry"
	"clew/query/metrics/lent"
	"clew/query/metrics/stored"
	"clew/query/parts"
)

// Readers are the processes among whom the segments of metrics are shared out.
type Readers interface {
	// Divide says for each segment who reads it; "" is this process. It is asked once for each query.
	Divide(segments []string) []string
	// Lend asks one of them. keep is asked for the memory of what comes, before more comes; its error ends the question, and is returned. That too much is asked for
	// (lent.Refused) is so wherever it is asked; with any other error, its segments are read here.
	Lend(ctx context.Context, reader, tenant string, q *lent.Question, keep func(bytes int64) error) (*lent.Answer, error)
}

// UseReaders makes the segments be read by several processes. It is called before the first query.
func (s *Storage) UseReaders(r Readers) { s.readers = r }

// leave says who reads which segment, and leaves those of others out of the view.
func (q *querier) leave(segments []*catalog.Segment) []bool {
	ids, left := make([]string, len(segments)), make([]bool, len(segments))
	for i, s := range segments {
		ids[i] = s.ID
	}
	for i, reader := range q.storage.readers.Divide(ids) {
		if left[i] = reader != ""; left[i] {
			q.elsewhere[ids[i]] = reader
		}
	}
	return left
}

// borrow asks the readers of those of the readings that are elsewhere, and gives each what was lent of it. Those whose reader does not answer are read here from now on.
func (q *querier) borrow(
	ctx context.Context, ask lent.Question, matchers []*labels.Matcher, read func() ([]reading, annotations.Annotations, error),
) ([]reading, annotations.Annotations, error) {
	ask.Matchers = lent.MatchersOf(matchers)
	for {
		all, warnings, err := read()
		if err != nil {
			return nil, warnings, err
		}
		loans := q.loans(all)
		q.askAll(ctx, ask, loans)
		var failed []*loan
		for _, l := range loans {
			switch {
			case l.err == nil:
			case ctx.Err() != nil:
				return nil, warnings, ctx.Err()
			case lent.Refused(l.err):
				return nil, warnings, l.err
			default:
				failed = append(failed, l)
			}
		}
		if len(failed) == 0 {
			all, err := q.repaid(all, loans)
			return all, q.warnings, err
		}
		for _, l := range failed {
			q.storage.log.Debug("a process lends no metrics; its segments are read here", "process", l.reader, "error", l.err)
			if err := q.takeBack(ctx, l.segments); err != nil {
				return nil, warnings, err
			}
		}
	}
}

// loan is what one reader is asked about.
type loan struct {
	reader   string
	segments []*staged
	question lent.Question
	places   []int // of the segments among the readings
	answer   *lent.Answer
	err      error
	kept     int64 // bytes of memory, until the querier is closed
}

// loans divides the readings that are elsewhere.
func (q *querier) loans(all []reading) (loans []*loan) {
	for i, r := range all {
		if r.far == nil {
			continue
		}
		at := slices.IndexFunc(loans, func(l *loan) bool { return l.reader == r.far.process })
		if at < 0 {
			at = len(loans)
			loans = append(loans, &loan{reader: r.far.process})
		}
		l := loans[at]
		l.segments, l.places = append(l.segments, r.far), append(l.places, i)
		l.question.Segments = append(l.question.Segments, lent.Segment{ID: r.far.segment.ID, Resolution: r.far.stage.Resolution, From: r.from, To: r.to})
	}
	return loans
}

// askAll asks all readers at once. What is refused to one ends the others: the query has failed.
func (q *querier) askAll(ctx context.Context, ask lent.Question, loans []*loan) {
	tenant := tenantOf(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, l := range loans {
		segments := l.question.Segments
		l.question = ask
		l.question.Segments = segments
		wg.Go(func() {
			l.answer, l.err = q.storage.readers.Lend(ctx, l.reader, tenant, &l.question, func(bytes int64) error {
				l.kept += bytes
				return q.keep(bytes)
			})
			if l.err == nil {
				return
			}
			_ = q.keep(-l.kept) // giving back is never refused
			l.kept = 0
			if lent.Refused(l.err) {
				cancel()
			}
		})
	}
	wg.Wait()
}

// takeBack makes segments be read here.
func (q *querier) takeBack(ctx context.Context, segments []*staged) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := make([]string, 0, len(segments))
	for _, s := range segments {
		if s.process != "" {
			ids = append(ids, s.segment.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	view, err := q.storage.source.View(ctx, parts.Scope{Tenant: tenantOf(ctx), Signal: telemetry.Metrics, Share: &parts.Share{Segments: ids}})
	if err != nil {
		return fmt.Errorf("view of %d segments of metrics: %w", len(ids), err)
	}
	q.others = append(q.others, view)
	for _, why := range view.Partial {
		q.warnings.Add(errPartial(why))
	}
	byID := map[string]int{}
	for i, p := range view.Parts {
		byID[p.Info().ID] = i
	}
	for _, s := range segments {
		s.process = ""
		if i, open := byID[s.segment.ID]; open {
			s.part = view.Parts[i]
		} else {
			s.failed = true // the warning says so
		}
	}
	return nil
}

// repaid puts what was lent in the places of the readings that are elsewhere, and leaves out what could not be read there.
func (q *querier) repaid(all []reading, loans []*loan) ([]reading, error) {
	if len(loans) == 0 {
		return all, nil
	}
	all = slices.Clone(all)
	lacking := map[string]bool{}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range loans {
		for _, lack := range l.answer.Lacks {
			lacking[lack.Segment] = true
			q.warnings.Add(errPartial(fmt.Sprintf("%s: segment %s: %s", l.reader, lack.Segment, lack.Why)))
		}
		b, err := newBorrowed(l)
		if err != nil {
			return nil, fmt.Errorf("metrics that %s lends: %w", l.reader, err)
		}
		for k, place := range l.places {
			all[place].Reader, all[place].of, all[place].nth = b.readers[k], b, k
		}
	}
	all = slices.DeleteFunc(all, func(r reading) bool { return r.far != nil && lacking[r.far.segment.ID] })
	return all, nil
}

// keep takes memory for what is lent, until the querier is closed, or gives some back. It is called concurrently.
func (q *querier) keep(bytes int64) error {
	own, together := q.borrowedBytes.Add(bytes), q.storage.borrowedBytes.Add(bytes)
	switch {
	case bytes <= 0:
	case own > borrowedBytesMax:
		return &lent.LimitError{Max: borrowedBytesMax}
	case together > borrowedTogetherMax:
		return lent.ErrBusy
	}
	return nil
}

// borrowed is an answer as it is read here.
type borrowed struct {
	loan     *loan
	readers  []*stored.Reader // a segment each
	families []*stored.Family
	read     bool // its texts have been taken
}

// errLent says that an answer's numbers do not fit together.
var errLent = errors.New("an answer whose parts do not belong together")

// newBorrowed makes series of an answer.
func newBorrowed(l *loan) (*borrowed, error) {
	b := &borrowed{loan: l}
	a := l.answer
	for i := range a.Families {
		f := &a.Families[i]
		b.families = append(b.families, &stored.Family{
			Name: f.Name, OTel: f.OTel, Type: model.MetricType(f.Type), Unit: f.Unit, Help: f.Help,
			Marks: stored.Marks{Prometheus: f.Prometheus, Type: model.MetricType(f.PrometheusType), Native: f.Native, Floats: f.Floats, Gauge: f.Gauge, Reset: f.Reset, Width: f.Width},
		})
	}
	for _, s := range l.segments {
		b.readers = append(b.readers, stored.NewLent(s.segment.ID, s.stage, a.Rows))
	}
	bases, err := b.bases()
	if err != nil {
		return nil, err
	}
	next := 0
	scratch := labels.NewScratchBuilder(8)
	for i := range a.Series {
		s := &a.Series[i]
		if s.Segment < 0 || s.Segment >= len(b.readers) || s.Origins <= 0 || s.Origins > len(a.Origins)-next {
			return nil, errLent
		}
		of := stored.Series{}
		if of.Labels, err = lent.Unpack(&scratch, s.Labels); err != nil {
			return nil, err
		}
		of.Hash = of.Labels.Hash()
		for _, o := range a.Origins[next : next+s.Origins] {
			if o.Base < 0 || o.Base >= len(bases) || o.View < 0 || o.View > int(stored.ViewCalls) {
				return nil, errLent
			}
			of.Origins = append(of.Origins, stored.Origin{Base: bases[o.Base], View: stored.View(o.View), Bound: math.Float64frombits(o.Bound)})
		}
		next += s.Origins
		x := b.readers[s.Segment].Index
		x.Series = append(x.Series, of)
	}
	return b, nil
}

// bases makes the bases of an answer. Their rows are in order, as those of a segment are.
func (b *borrowed) bases() ([]*stored.Base, error) {
	a := b.loan.answer
	bases := make([]*stored.Base, len(a.Bases))
	next := 0
	for i := range a.Bases {
		from := &a.Bases[i]
		if from.Family < 0 || from.Family >= len(b.families) || from.Rows < 0 || from.Rows > len(a.Rows)-next {
			return nil, errLent
		}
		to := &stored.Base{Family: b.families[from.Family], Type: from.Type, Delta: from.Delta, Rows: make([]stored.Row, from.Rows)}
		for k := range to.Rows {
			r := &a.Rows[next+k]
			to.Rows[k] = stored.Row{
				Min: r.Min, Max: r.Max, Row: uint32(next + k), Samples: uint32(max(0, min(r.Samples, stored.SamplesOfRowMax+1))), Chunk: lentKind(r.Chunk), Plain: r.Plain,
			}
		}
		next += from.Rows
		bases[i] = to
	}
	return bases, nil
}

// lentKind is the kind of a row's chunk. Only heads have rows without one.
func lentKind(n int) stored.ChunkKind {
	if n < 0 || n >= int(stored.ChunkUnknown) || n == int(stored.ChunkNumbers) {
		return stored.ChunkUnknown
	}
	return stored.ChunkKind(n)
}

// here makes the query read all segments itself.
func (q *querier) here(ctx context.Context) error {
	all, _, err := q.readings(ctx, 0, false)
	if err != nil {
		return err
	}
	var far []*staged
	for _, r := range all {
		if r.far != nil {
			far = append(far, r.far)
		}
	}
	return q.takeBack(ctx, far)
}

// texts adds the values or names that were answered.
func (b *borrowed) texts(to map[string]struct{}) {
	if b.read {
		return // they are of all segments together
	}
	b.read = true
	for _, t := range b.loan.answer.Texts {
		to[t.Text] = struct{}{}
	}
}

// counted calls f with the series that were counted in a segment.
func (b *borrowed) counted(segment int, f func(*stored.Family, uint64)) {
	all := b.loan.answer.Counted
	from, _ := slices.BinarySearchFunc(all, segment, func(c lent.Counted, n int) int { return c.Segment - n })
	for ; from < len(all) && all[from].Segment == segment; from++ {
		if n := all[from].Family; n >= 0 && n < len(b.families) {
			f(b.families[n], all[from].Hash)
		}
	}
}
