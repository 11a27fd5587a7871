package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine/match"
	"clew/query/engine/question"
)

// Latest is the answer of Engine.Latest.
type Latest struct {
	Rows  []LatestRow // the latest first, then by value
	Stats Stats
}

// LatestRow is what is known of one value of a field.
type LatestRow struct {
	Value string
	Time  int64 // of its last record, nanoseconds; of metrics, of the last point
	// Recent is how many records (of metrics: about how many points) it has from the asked time on.
	Recent uint64
	// Facts are the last record's values of the asked fields, as far as it has them.
	Facts map[string]string
}

// LatestBy says what to tell of a field's values.
type LatestBy struct {
	Field string
	Since int64    // from when on records are counted, nanoseconds
	Facts []string // names of fields
}

// Latest says when each value of a field was last met among the matching records, which costs little though it is about all of them: it goes from the newest row group
// to the oldest, and reads the rows of one only if the histogram of its codes names a value that was not met after it.
func (e *Engine) Latest(ctx context.Context, r Request, by LatestBy) (*Latest, error) {
	f := question.FieldOf(r.Signal, by.Field)
	if f.Every || by.Field == "" {
		return nil, errOneField
	}
	if e.spreads(&r) {
		return e.latestAll(ctx, r, by)
	}
	out, recent, err := e.latestHere(ctx, r, by, f)
	if err != nil {
		return nil, err
	}
	out.arrange(recent)
	return out, nil
}

// latestHere gives the rows of what this process has, in no order, and how many records are recent, not rounded.
func (e *Engine) latestHere(ctx context.Context, r Request, by LatestBy, f question.Field) (*Latest, map[string]float64, error) {
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, nil, err
	}
	tasks := match.TasksOf(bounds)
	slices.SortStableFunc(tasks, func(a, b match.Task) int {
		return cmp.Compare(b.Bound.Groups[b.Group].MaxTime, a.Bound.Groups[a.Group].MaxTime)
	})
	l := &latest{q: q, field: f, since: by.Since, byRun: map[*match.Scan]*latestReader{}, met: map[string]*lastMet{}}
	if r.Signal == telemetry.Metrics {
		l.beyond = int64(pointsOfRow)
	}
	if err := q.each(ctx, tasks, nil, l.visit); err != nil {
		return nil, nil, err
	}
	if err := l.facts(ctx, by.Facts); err != nil {
		return nil, nil, err
	}
	recent := make(map[string]float64, len(l.met))
	out := &Latest{Rows: make([]LatestRow, 0, len(l.met)), Stats: q.stats()}
	for value, m := range l.met {
		out.Rows = append(out.Rows, LatestRow{Value: value, Time: m.time, Facts: m.facts})
		recent[value] = m.recent
	}
	return out, recent, nil
}

// arrange rounds what was counted and puts the rows in order.
func (out *Latest) arrange(recent map[string]float64) {
	for i := range out.Rows {
		out.Rows[i].Recent = uint64(math.Round(recent[out.Rows[i].Value]))
	}
	slices.SortFunc(out.Rows, func(a, b LatestRow) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), strings.Compare(a.Value, b.Value))
	})
}

// pointsOfRow is how long after its row's ordering time, that of the first point, a point of metrics is expected at the most: 120 points a minute apart. Rows of rarer
// points may end later; what is passed over then is later points of a value that was met since.
const pointsOfRow = 2 * time.Hour

// latest is one call of Latest.
type latest struct {
	q      *query
	field  question.Field
	since  int64
	beyond int64 // how much later than its ordering time a record's last time may be

	mu    sync.Mutex
	byRun map[*match.Scan]*latestReader
	met   map[string]*lastMet
}

type lastMet struct {
	time   int64
	recent float64
	at     match.Task
	row    int
	facts  map[string]string
}

// latestReader is one goroutine's.
type latestReader struct {
	keyer  *match.Keyer
	reader *match.ColumnReader
	ends   []int64 // of metrics, by row
	counts []int64
	best   []int // by the keyer's groups: the row of the row group at hand, or -1
	recent []float64
}

func (l *latest) of(s *match.Scan) *latestReader {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.byRun[s]
	if r == nil {
		r = &latestReader{keyer: match.NewKeyer(l.field, nil, l.q.engine.limits.Groups), reader: match.NewColumnReader()}
		l.byRun[s] = r
	}
	return r
}

func (l *latest) visit(ctx context.Context, t match.Task, s *match.Scan) error {
	rows, err := s.RowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	r := l.of(s)
	if last := t.Bound.Groups[t.Group].MaxTime + l.beyond; last < l.since {
		needed := false
		done, err := r.keyer.FromHistogram(ctx, t.Bound, t.Group, func(id int32, _ uint64) { needed = needed || id >= 0 && !l.metAfter(r.keyer.Texts[id], last) })
		if err != nil || done && !needed {
			return err
		}
	}
	ids, err := r.keyer.RowGroups(ctx, t.Bound, t.Group, rows)
	if err != nil {
		return err
	}
	times, err := t.Bound.Times(ctx, t.Group)
	if err != nil {
		return err
	}
	if l.q.signal == telemetry.Metrics {
		if err := r.points(ctx, t, match.RowList(rows, s.Rows), times); err != nil {
			return err
		}
	}
	r.best = slices.Repeat([]int{-1}, len(r.keyer.Texts))
	r.recent = make([]float64, len(r.keyer.Texts))
	rows.Each(s.Rows, func(i int) bool {
		id := ids[i]
		if id < 0 {
			return true
		}
		if best := r.best[id]; best < 0 || l.end(r, times, i) > l.end(r, times, best) {
			r.best[id] = i
		}
		r.recent[id] += l.share(r, times, i)
		return true
	})
	l.merge(r, t, times)
	l.q.tally.matched.Add(int64(rows.Count(s.Rows)))
	return nil
}

// metAfter says whether a value was met at a time or later.
func (l *latest) metAfter(value string, time int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.met[value]
	return m != nil && m.time >= time
}

// points reads when the rows of metrics end, and how many points they have.
func (r *latestReader) points(ctx context.Context, t match.Task, rows []int, times []int64) error {
	r.ends = append(r.ends[:0], times...)
	r.counts = slices.Repeat([]int64{1}, len(times))
	if err := r.reader.Int(ctx, t.Bound, telemetry.FieldEnd, t.Group, rows, func(i int, v int64) { r.ends[rows[i]] = max(v, times[rows[i]]) }); err != nil {
		return err
	}
	return r.reader.Int(ctx, t.Bound, telemetry.FieldSamples, t.Group, rows, func(i int, v int64) { r.counts[rows[i]] = max(1, v) })
}

// end is the last time of a row.
func (l *latest) end(r *latestReader, times []int64, row int) int64 {
	if l.q.signal == telemetry.Metrics {
		return r.ends[row]
	}
	return times[row]
}

// share is how much of a row is recent: of a row of metrics, as if its points were evenly spread.
func (l *latest) share(r *latestReader, times []int64, row int) float64 {
	if l.q.signal != telemetry.Metrics {
		if times[row] >= l.since {
			return 1
		}
		return 0
	}
	first, last, count := times[row], r.ends[row], float64(r.counts[row])
	switch {
	case last < l.since:
		return 0
	case first >= l.since || count <= 1:
		return count
	}
	every := float64(last-first) / (count - 1)
	return min(count, 1+math.Floor(float64(last-l.since)/every))
}

func (l *latest) merge(r *latestReader, t match.Task, times []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, row := range r.best {
		if row < 0 {
			continue
		}
		value := r.keyer.Texts[id]
		m := l.met[value]
		if m == nil {
			m = &lastMet{time: math.MinInt64}
			l.met[value] = m
		}
		m.recent += r.recent[id]
		if end := l.end(r, times, row); end > m.time {
			m.time, m.at, m.row = end, t, row
		}
	}
}

// facts reads the asked fields of the values' last records.
func (l *latest) facts(ctx context.Context, names []string) error {
	byTask := map[match.Task][]*lastMet{}
	for _, m := range l.met {
		byTask[m.at] = append(byTask[m.at], m)
	}
	reader := match.NewColumnReader()
	for t, list := range byTask {
		slices.SortFunc(list, func(a, b *lastMet) int { return a.row - b.row })
		rows := make([]int, len(list))
		for i, m := range list {
			rows[i] = m.row
		}
		for _, name := range names {
			f := question.FieldOf(l.q.signal, name)
			for _, want := range f.Wants {
				err := reader.Text(ctx, t.Bound, want.Level, want.Key, t.Group, rows, func(i int, text string) {
					m := list[i]
					if m.facts == nil {
						m.facts = map[string]string{}
					}
					if _, known := m.facts[name]; !known {
						m.facts[name] = text
					}
				})
				if err != nil {
					if err := l.q.setAside(err); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}
