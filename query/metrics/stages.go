package metrics

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/index"
	"clew/index/catalog"
	"clew/internal/points"
	"clew/internal/telemetry"
	"clew/query/metrics/stored"
	"clew/query/parts"
)

// Points may be there in several resolutions: as they came, in windows of five minutes, and in windows of an hour. A query is answered from the coarsest that is
// fine enough for it, and where that is not there, from the next one; each point is taken from exactly one (index/catalog says how it is known which).

// asked is how a selector is used, as far as it decides what its points may be made of.
type asked struct {
	function string
	span     time.Duration // of a range selector; 0: of an instant one
	step     time.Duration // between two evaluations; 0: there is only one
}

func askedBy(hints *storage.SelectHints) asked {
	if hints == nil {
		return asked{}
	}
	return asked{hints.Func, time.Duration(hints.Range) * time.Millisecond, time.Duration(hints.Step) * time.Millisecond}
}

// exact are the functions of ranges that windows answer as points do, but for what the range's ends cut off.
var exact = []string{
	"rate", "increase", "delta", "resets", "min_over_time", "max_over_time", "sum_over_time", "avg_over_time", "count_over_time", "present_over_time", "last_over_time",
}

// resolution is the coarsest that is fine enough, 0 for points as they came: a fifth of the step, so that a graph looks the same; of ranges, a half of the range at
// the most, or a hundredth of one that is evaluated more often.
func (a asked) resolution() time.Duration {
	for _, width := range slices.Backward(points.Resolutions) {
		switch {
		case a.span == 0:
			if width*stepWindows <= a.step {
				return width
			}
		case !slices.Contains(exact, a.function):
			return 0
		case width*2 <= a.span && width*stepWindows <= a.step, width*rangeWindows <= a.span:
			return width
		}
	}
	return 0
}

// staged is a part of the view, read when it is first needed.
type staged struct {
	part   index.Part
	stage  parts.Stage
	reader *stored.Reader
	failed bool // it is damaged; the querier's warnings say so

	segment *catalog.Segment // not nil: it was left out of the view
	process string           // who reads it, if not this one
}

// times are those of its rows.
func (s *staged) times() (from, to int64) {
	if s.segment != nil {
		return s.segment.MinTime, s.segment.MaxTime
	}
	info := s.part.Info()
	return info.MinTime, info.MaxTime
}

// reading is a part of which the points after from and up to to are meant, in milliseconds.
type reading struct {
	*stored.Reader
	from, to int64

	far *staged   // not nil: it is read elsewhere
	of  *borrowed // then, once it was asked: the answer, and which of its segments this is
	nth int
}

// open takes the view, once.
func (q *querier) openLocked(ctx context.Context) error {
	if q.closed {
		return fmt.Errorf("the querier is closed")
	}
	if q.view != nil {
		return nil
	}
	tenant := tenantOf(ctx)
	scope := parts.Scope{
		Tenant: tenant, Signal: telemetry.Metrics, From: nanos(stored.HourOf(q.mint)), To: nanosUp(untilWindow(q.maxt)), Resolutions: true,
	}
	if q.storage.readers != nil {
		scope.Leave = q.leave
	}
	view, err := q.storage.source.View(points.WithLive(ctx), scope)
	if err != nil {
		return fmt.Errorf("view of metrics of tenant %s: %w", tenant, err)
	}
	q.view = view
	for _, why := range view.Partial {
		q.warnings.Add(errPartial(why))
	}
	left := view.Left
	for i := 0; i <= len(view.Parts); i++ {
		for ; len(left) > 0 && left[0].At == i; left = left[1:] {
			segment := left[0].Segment
			q.parts = append(q.parts, &staged{
				segment: segment, process: q.elsewhere[segment.ID], stage: parts.Stage{Resolution: segment.Resolution, Sampled: segment.Sampled},
			})
		}
		if i == len(view.Parts) {
			break
		}
		part := view.Parts[i]
		s := &staged{part: part}
		if i < len(view.Stages) {
			s.stage = view.Stages[i]
		}
		if part.Info().Rows > 0 {
			q.parts = append(q.parts, s)
		}
	}
	return nil
}

// untilWindow is as late as a window may begin that tells of what was before a moment.
func untilWindow(ms int64) int64 {
	if ms > math.MaxInt64-stored.Hour {
		return ms
	}
	return ms + stored.Hour
}

// readings are the parts that a query of a resolution reads, and what of each. earlier says that it needs what there was since the beginning of the hour, too.
func (q *querier) readings(ctx context.Context, resolution time.Duration, earlier bool) ([]reading, annotations.Annotations, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.openLocked(ctx); err != nil {
		return nil, nil, err
	}
	var all []reading
	for _, s := range q.parts {
		r := reading{from: math.MinInt64, to: math.MaxInt64}
		if q.view.Cut != nil {
			r.from, r.to = q.clip(s.stage, resolution)
		}
		minTime, maxTime := s.times()
		width := s.stage.Resolution
		low, high := nanos(q.mint-width.Milliseconds()), nanosUp(q.maxt)
		if width > 0 {
			high = nanosUp(untilWindow(q.maxt))
		}
		if earlier {
			low = nanos(stored.HourOf(q.mint))
		}
		outside := maxTime < max(low, nanos(r.from+1)) || minTime > min(high, nanosUp(r.to))
		if outside && s.stage != (parts.Stage{}) || maxTime < low || s.failed {
			continue
		}
		if s.process != "" {
			r.far = s
			all = append(all, r)
			continue
		}
		if s.reader == nil {
			x, err := q.storage.cache.Get(ctx, s.part)
			if err != nil {
				if ctx.Err() == nil && q.aside(err, &q.warnings) {
					s.failed = true
					continue
				}
				return nil, nil, err
			}
			s.reader = stored.NewReader(s.part, x)
			s.reader.Stage = s.stage
		}
		r.Reader = s.reader
		all = append(all, r)
	}
	return all, q.warnings, nil
}

// clip is what of a part is meant, after from and up to to, if a resolution is asked for. Of what is finer than that, only what is nowhere else.
func (q *querier) clip(s parts.Stage, resolution time.Duration) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	width := time.Duration(0)
	for ok := true; ok; width, ok = points.Coarser(width) {
		low := int64(math.MaxInt64)
		if width >= resolution {
			low = millisUp(q.view.Cut(width))
		}
		if width == s.Resolution {
			if s.Sampled {
				from = low
			}
			return from, to
		}
		to = min(to, low)
	}
	return from, to
}

// millisUp is a cut in milliseconds; it is on a full hour, unless there is none.
func millisUp(cut int64) int64 {
	if cut == math.MinInt64 {
		return cut
	}
	return stored.Millis(cut)
}

// errDownsampled tells that an answer is made of windows.
func errDownsampled(width time.Duration, a asked) error {
	what := fmt.Sprintf("some points are windows of %v", width)
	switch {
	case a.span > 0 && a.span < 2*width && slices.Contains(exact, a.function):
		what += fmt.Sprintf(", which %v of %v is narrower than two of: it is spread evenly over them", a.function, a.span)
	case a.span > 0 && !slices.Contains(exact, a.function):
		what += fmt.Sprintf(", of which %s sees the last point each", a.function)
	}
	return fmt.Errorf("%w: down-sampled: %s", annotations.PromQLInfo, what)
}
