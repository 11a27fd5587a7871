package ingest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/ingest/tailsample"
	"clew/internal/telemetry"
)

// sampleSlack is how far clocks may be apart: that of the log, which says when a message came, and ours.
const sampleSlack = time.Second

// samples says whether spans wait in the shard's stage before they come into a head.
func (o *owner) samples(s telemetry.Signal) bool { return o.tail != nil && s == telemetry.Spans }

// release places what the stage has decided. All up to a position that has been read is consumed then, but for what is held.
func (o *owner) release(to uint64) {
	if o.tail != nil {
		for h := o.tail.Next(); h != nil; h = o.tail.Next() {
			err := o.placeHeld(h)
			if o.ctx.Err() != nil {
				return
			}
			if err != nil {
				o.damaged(h.Entry.Position, err)
			}
		}
		if first := o.tail.First(); first > 0 {
			to = first - 1
		}
	}
	o.in.shrink() // who hears that this has been consumed finds no more in memory than is allowed
	o.advance(to)
}

// placeHeld brings the kept spans of a decided message into their head.
func (o *owner) placeHeld(h *tailsample.Held) error {
	keep := h.Keep()
	if !o.in.cfg.Counts && keep != nil && !slices.Contains(keep, true) {
		return nil
	}
	b, err := telemetry.Decode(h.Entry.Message.Batch)
	if err != nil {
		return err
	}
	defer b.Release()
	if keep == nil || !o.in.cfg.Counts {
		return o.admit(&h.Entry, b, keep)
	}
	// What is not kept is counted, and repetitions of it are not.
	known, err := o.dropKnownSpans(b, slices.Clone(h.Records))
	if err != nil {
		return err
	}
	kept, lost := make([]bool, b.Records), make([]bool, b.Records)
	for i := range kept {
		is := known == nil || known[i]
		kept[i], lost[i] = is && keep[i], is && !keep[i]
	}
	if !slices.Contains(lost, true) {
		lost = nil
	}
	return o.insert(&h.Entry, b, kept, lost)
}

// releaseAged lets the stages' clocks go on where no message comes.
func (in *Ingest) releaseAged(ctx context.Context) {
	if _, frozen := in.room.get(); frozen > in.cfg.FrozenBytes {
		return
	}
	for _, o := range in.allOwners() {
		if o.tail == nil {
			continue
		}
		asked := time.Now()
		state, err := in.shardLog.State(ctx, o.shard)
		if err != nil {
			continue // the consuming goroutine hears of it, too
		}
		o.turn.Lock()
		// All that the log had then has been read: what comes is younger.
		if o.ctx.Err() == nil && o.read.Load() >= state.Last {
			o.tail.Advance(asked.Add(-sampleSlack))
			o.release(o.read.Load())
		}
		o.turn.Unlock()
	}
}

// stages are told of when somebody scrapes.
type stages struct{ in *Ingest }

var (
	gaugeTraces = prometheus.NewDesc("clew_tail_sampling_traces", "Traces that tail sampling remembers, undecided ones and decided ones.", nil, nil)
	gaugeHeld   = prometheus.NewDesc("clew_tail_sampling_held_bytes", "Messages that wait for their traces to be decided.", nil, nil)
)

func (s stages) Describe(ch chan<- *prometheus.Desc) { ch <- gaugeTraces; ch <- gaugeHeld }

func (s stages) Collect(ch chan<- prometheus.Metric) {
	traces, bytes := 0, int64(0)
	for _, o := range s.in.allOwners() {
		if o.tail == nil {
			continue
		}
		o.turn.Lock()
		n, _, b := o.tail.Usage()
		o.turn.Unlock()
		traces, bytes = traces+n, bytes+b
	}
	ch <- prometheus.MustNewConstMetric(gaugeTraces, prometheus.GaugeValue, float64(traces))
	ch <- prometheus.MustNewConstMetric(gaugeHeld, prometheus.GaugeValue, float64(bytes))
}

// newSampling makes the counters of tail sampling; nil if it is off.
func newSampling(in *Ingest, r prometheus.Registerer) (*tailsample.Metrics, error) {
	if !in.cfg.TailSampling.On() {
		return nil, nil
	}
	m, err := tailsample.NewMetrics(r)
	if err == nil && r != nil {
		err = r.Register(stages{in})
	}
	if err != nil {
		return nil, fmt.Errorf("tail sampling: %w", err)
	}
	return m, nil
}

// Sampled is how many of a tenant's spans tail sampling has left out since the start, by the policy that did it.
func (in *Ingest) Sampled(tenant string) map[string]uint64 {
	if in.sampled == nil {
		return nil
	}
	return in.sampled.Left(tenant)
}
