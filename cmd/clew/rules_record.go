package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/ingest/shardlog"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// recorder writes what rules record into the log, as what comes by remote write is: with its very names and labels, and fsynced.
type recorder struct {
	log    shardlog.Log
	shards int
	source string // of this life of the process

	mu  sync.Mutex // held over an append: a source's batches must arrive in their order
	seq uint64
}

// errHistogram says that a rule's value is a native histogram, which has no form in the log yet other than what senders give it.
var errHistogram = errors.New("the value is a native histogram: only numbers are recorded; wrap it in histogram_quantile(), histogram_count() or such")

// Record implements alert.Recorder.
func (r *recorder) Record(ctx context.Context, tenant string, samples []promql.Sample) error {
	md, err := metricsOf(samples)
	if err != nil {
		return err
	}
	batch, err := telemetry.NewMetricsBatch(tenant, md)
	if err != nil {
		return err
	}
	data, err := telemetry.Encode(nil, batch)
	if err != nil {
		return err
	}
	// One rule's results stay together, on the shard of its name: readers do not care.
	h := fnv.New32a()
	h.Write([]byte(samples[0].Metric.Get(model.MetricNameLabel)))
	shard := int(h.Sum32() % uint32(r.shards))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	source := shardlog.SourceSeq{ID: fmt.Sprintf("%s/%d", r.source, shard), Seq: r.seq, Count: uint32(batch.Records)}
	_, err = r.log.Append(ctx, shard, &shardlog.Message{
		Tenant: tenant, Signal: telemetry.Metrics, Sources: []shardlog.SourceSeq{source}, Records: batch.Records, Batch: data,
	})
	return err
}

// metricsOf makes OTLP of samples: a resource for each job and instance, a metric for each name.
func metricsOf(samples []promql.Sample) (pmetric.Metrics, error) {
	md := pmetric.NewMetrics()
	type resource struct{ job, instance string }
	type metric struct {
		resource
		name string
	}
	resources := map[resource]pmetric.MetricSlice{}
	metrics := map[metric]pmetric.NumberDataPointSlice{}
	for _, s := range samples {
		if s.H != nil {
			return md, fmt.Errorf("%s: %w", s.Metric, errHistogram)
		}
		of := resource{s.Metric.Get("job"), s.Metric.Get("instance")}
		key := metric{of, s.Metric.Get(model.MetricNameLabel)}
		to, ok := metrics[key]
		if !ok {
			in, ok := resources[of]
			if !ok {
				rm := md.ResourceMetrics().AppendEmpty()
				putIf(rm.Resource().Attributes(), "service.name", of.job)
				putIf(rm.Resource().Attributes(), "service.instance.id", of.instance)
				in = rm.ScopeMetrics().AppendEmpty().Metrics()
				resources[of] = in
			}
			m := in.AppendEmpty()
			m.SetName(key.name)
			m.Metadata().PutStr(points.MarkType, "gauge")
			to = m.SetEmptyGauge().DataPoints()
			metrics[key] = to
		}
		p := to.AppendEmpty()
		p.SetTimestamp(pcommon.Timestamp(max(0, s.T)) * 1_000_000)
		p.SetDoubleValue(s.F)
		if math.Float64bits(s.F) == value.StaleNaN {
			p.SetFlags(p.Flags().WithNoRecordedValue(true))
		}
		s.Metric.Range(func(l labels.Label) {
			switch l.Name {
			case model.MetricNameLabel, "job", "instance":
			default:
				p.Attributes().PutStr(l.Name, l.Value)
			}
		})
	}
	return md, nil
}

func putIf(m pcommon.Map, key, value string) {
	if value != "" {
		m.PutStr(key, value)
	}
}
