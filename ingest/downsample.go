package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/compact"
	"clew/index/segment"
	"clew/ingest/downsample"
	"clew/ingest/pace"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// downsamples says whether metrics are down-sampled.
func (in *Ingest) downsamples() bool {
	return in.cfg.Compaction.Share > 0 && in.cfg.Compaction.Downsample
}

// Downsample makes what metrics there are to be made coarser now, in the shards owned here, and returns how many segments became sampled. It is background work as
// Compact is.
func (in *Ingest) Downsample(ctx context.Context, now time.Time) (sampled int, err error) {
	defer in.rewriter.state.Store("idle")
	for _, o := range in.allOwners() {
		for o.caughtUp() {
			plan := in.planSampling(o.shard, now)
			if len(plan) == 0 {
				break
			}
			for _, s := range plan {
				if err := in.waitCalm(ctx); err != nil {
					return sampled, err
				}
				if err := in.sample(ctx, o, s); err == nil {
					sampled += len(s.Segments)
				} else if ctx.Err() != nil || o.ctx.Err() != nil || errors.Is(err, errPreempted) {
					return sampled, err
				} else if !errors.As(err, new(*goneError)) {
					in.samplingFailed(o, s, now, err)
				}
			}
		}
	}
	return sampled, nil
}

// planSampling says what to down-sample in a shard.
func (in *Ingest) planSampling(shard int, now time.Time) []compact.Sampling {
	return compact.PlanSampling(in.candidates(shard, now), in.Retention().AgeOf, in.cfg.Compaction.DownsampleAfter, now)
}

// sample writes the coarser segment beside those that it is made of, which are sampled from the same commit on.
func (in *Ingest) sample(ctx context.Context, o *owner, s compact.Sampling) error {
	ctx, cancel := mergeContexts(ctx, o.ctx)
	defer cancel()
	v := in.catalog.Acquire() // keeps the segments' objects
	defer v.Release()
	in.rewriter.state.Store("down-sampling")
	began := time.Now()
	p := in.mergePace(reasonSample, "down-sampling")
	defer p.End(ctx)
	made, err := in.makeWindows(ctx, s, sampledBefore(v, s), p)
	if damage := (*index.DamageError)(nil); errors.As(err, &damage) && !slices.ContainsFunc(s.Segments, func(x *catalog.Segment) bool { return strings.Contains(damage.File, x.ID) }) {
		o.log.Warn("what was down-sampled before can't be read: points that came twice count twice", "error", err)
		made, err = in.makeWindows(ctx, s, nil, p)
	}
	if err != nil {
		return err
	}
	written, err := in.replace(ctx, o, replacement{reason: reasonSample, old: s.Segments, parts: made.Parts, sampled: s.Width}, p)
	if err != nil {
		return err
	}
	width := s.Width.String()
	in.metrics.downsampled.WithLabelValues(width).Add(float64(len(s.Segments)))
	in.metrics.downsampledPoints.WithLabelValues(width, "in").Add(float64(made.PointsIn))
	in.metrics.downsampledPoints.WithLabelValues(width, "out").Add(float64(made.PointsOut))
	in.metrics.downsampledPoints.WithLabelValues(width, "future").Add(float64(made.Future))
	if written == nil {
		return nil
	}
	in.metrics.downsampledBytes.WithLabelValues(width).Add(float64(written.Bytes))
	o.log.Debug("down-sampled", "segments", len(s.Segments), "into", written.ID, "windows", s.Width, "series", made.Series, "points", made.PointsIn,
		"kept", made.PointsOut, "bytes", written.Bytes, "took", time.Since(began))
	return nil
}

// makeWindows makes the windows of segments. before are those that have been down-sampled already, of the same times.
func (in *Ingest) makeWindows(ctx context.Context, s compact.Sampling, before []*catalog.Segment, p *pace.Pace) (downsample.Result, error) {
	cache := segment.NewCache(mergeCacheBytes, 0)
	var all []index.Part
	for _, s := range slices.Concat(s.Segments, before) {
		part, err := segment.Open(ctx, p.Store(in.store), s.ID, cache)
		if err != nil {
			return downsample.Result{}, err
		}
		all = append(all, part)
	}
	n := len(s.Segments)
	return downsample.Make(ctx, all[:n:n], all[n:], s.Width, p.Pause)
}

// sampledBefore are the segments that have been down-sampled already and may have some of the points again, as many as are read in one merge: a sender that got no
// answer sends again what may have come.
func sampledBefore(v *catalog.Version, s compact.Sampling) []*catalog.Segment {
	of := s.Segments[0]
	if of.Resolution > 0 { // windows are of points that have been told apart
		return nil
	}
	from, to := of.MinTime, of.MaxTime
	for _, x := range s.Segments {
		from, to = min(from, x.MinTime), max(to, x.MaxTime)
	}
	var out []*catalog.Segment
	bytes := int64(0)
	for _, x := range v.Segments(of.Tenant, of.Signal, from, to) {
		if x.Sampled && x.Resolution == 0 && bytes+x.Bytes <= compact.BytesMax {
			out = append(out, x)
			bytes += x.Bytes
		}
	}
	return out
}

// samplingFailed leaves the segments alone for a while. If they can't be read by the end of their age, they go as they are.
func (in *Ingest) samplingFailed(o *owner, s compact.Sampling, now time.Time, err error) {
	in.metrics.downsamplingFailed.Inc()
	in.setAside(s.Segments, now)
	o.log.Warn("metrics can't be down-sampled; they stay as they are and are tried again later", "segments", len(s.Segments), "first", s.Segments[0].ID,
		"error", fmt.Errorf("down-sample: %w", err))
}

// candidates are a shard's segments that are not set aside.
func (in *Ingest) candidates(shard int, now time.Time) []*catalog.Segment {
	r := in.rewriter
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, until := range r.setAside {
		if now.After(until) {
			delete(r.setAside, id)
		}
	}
	var segments []*catalog.Segment
	for s := range in.catalog.Current().All() {
		if _, aside := r.setAside[s.ID]; s.Shard == shard && !aside {
			segments = append(segments, s)
		}
	}
	return segments
}

// setAside leaves segments alone for a while: a damaged one would fail again, and the others must not wait for it.
func (in *Ingest) setAside(segments []*catalog.Segment, now time.Time) {
	in.rewriter.mu.Lock()
	defer in.rewriter.mu.Unlock()
	for _, s := range segments {
		in.rewriter.setAside[s.ID] = now.Add(mergeRetry)
	}
}

// ResolutionStatus is what there is of metrics in one resolution.
type ResolutionStatus struct {
	Resolution string    `json:"resolution"` // raw, or the width of the windows
	Segments   int       `json:"segments"`
	Points     int       `json:"points"`
	Bytes      int64     `json:"bytes"`
	Waiting    int       `json:"waiting"` // segments that are not down-sampled yet; of the coarsest none ever is
	From       time.Time `json:"from"`    // of the first point
	To         time.Time `json:"to"`
}

// resolutions describes the metrics of all tenants and shards, the finest first.
func (in *Ingest) resolutions() []ResolutionStatus {
	by := map[time.Duration]*ResolutionStatus{}
	for s := range in.catalog.Current().All() {
		if s.Signal != telemetry.Metrics {
			continue
		}
		from, to := time.Unix(0, s.MinTime).UTC(), time.Unix(0, s.MaxTime).UTC()
		r := by[s.Resolution]
		if r == nil {
			r = &ResolutionStatus{Resolution: "raw", From: from, To: to}
			if s.Resolution > 0 {
				r.Resolution = strings.TrimSuffix(strings.TrimSuffix(s.Resolution.String(), "0s"), "0m") // as in the configuration
			}
			by[s.Resolution] = r
		}
		if from.Before(r.From) {
			r.From = from
		}
		if to.After(r.To) {
			r.To = to
		}
		r.Segments++
		r.Points += s.Records
		r.Bytes += s.Bytes
		if _, coarser := points.Coarser(s.Resolution); coarser && !s.Sampled && in.downsamples() {
			r.Waiting++
		}
	}
	var all []ResolutionStatus
	for _, width := range slices.Sorted(maps.Keys(by)) {
		all = append(all, *by[width])
	}
	return all
}
