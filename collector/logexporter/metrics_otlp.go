package logexporter

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/collector/refusal"
	"clew/internal/telemetry"
)

// ConsumeMetrics is ConsumeLogs for metrics. Their log message is OTLP as it came; requests merge by concatenation, which
// protobuf defines as the merge of repeated fields.
func (e *Exporter) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if md.MetricCount() == 0 {
		return nil
	}
	r, err := e.begin(ctx, telemetry.Metrics)
	if err != nil {
		return err
	}
	chunks, err := e.chunkMetrics(md, len(r.lanes))
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if err := e.checkSlow(r.lanes[c.shard], r.now); err != nil {
			return err
		}
	}
	slices.SortStableFunc(chunks, func(a, b chunk) int { return a.shard - b.shard })
	for len(chunks) > 0 {
		n := 1
		for n < len(chunks) && chunks[n].shard == chunks[0].shard {
			n++
		}
		if err := r.addChunks(ctx, chunks[:n]); err != nil {
			return err
		}
		chunks = chunks[n:]
	}
	return r.wait(ctx, r.joined)
}

// addChunks adds one shard's chunks to groups that have room for them.
func (r *request) addChunks(ctx context.Context, chunks []chunk) error {
	a := adder{r: r, lane: r.lanes[chunks[0].shard]}
	defer a.close()
	for _, c := range chunks {
		if _, err := a.open(ctx); err != nil {
			return err
		}
		if have := len(a.group.otlp); have > 0 && have+len(c.otlp) > r.e.batchBytesMax-runsBytesMax {
			a.group.full = true
			a.close()
			if _, err := a.open(ctx); err != nil {
				return err
			}
		}
		a.group.otlp = append(a.group.otlp, c.otlp...)
		a.added(c.points, len(a.group.otlp))
	}
	return nil
}

// chunk is an encoded part of a metrics request that goes to one shard.
type chunk struct {
	shard  int
	points int
	otlp   []byte
}

// chunkMetrics encodes md in parts that fit a message: as a whole if there is one shard, else by resource; what is
// still too large is cut at metrics.
func (e *Exporter) chunkMetrics(md pmetric.Metrics, shards int) ([]chunk, error) {
	if shards == 1 {
		c, err := encodeMetrics(md, 0)
		if err != nil || len(c.otlp) <= e.messageBytes {
			return []chunk{c}, err
		}
	}
	var chunks []chunk
	for _, rm := range md.ResourceMetrics().All() {
		shard := ShardOfResource(rm.Resource(), shards)
		one := pmetric.NewMetrics()
		rm.CopyTo(one.ResourceMetrics().AppendEmpty())
		c, err := encodeMetrics(one, shard)
		if err != nil {
			return nil, err
		}
		if len(c.otlp) <= e.messageBytes {
			chunks = append(chunks, c)
			continue
		}
		cut, err := e.cutResource(rm, shard)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, cut...)
	}
	return chunks, nil
}

// cutResource encodes one resource's metrics in several parts, each with the resource and scope.
func (e *Exporter) cutResource(rm pmetric.ResourceMetrics, shard int) ([]chunk, error) {
	var chunks []chunk
	part := pmetric.NewMetrics()
	bytes := 0
	flush := func() error {
		c, err := encodeMetrics(part, shard)
		if err != nil {
			return err
		}
		if len(c.otlp) > e.batchBytesMax {
			return &refusal.Error{Kind: refusal.TooLarge, Reason: "record_bytes", Err: fmt.Errorf("a metric of %d bytes does not fit a message of %d", len(c.otlp), e.batchBytesMax)}
		}
		chunks = append(chunks, c)
		part, bytes = pmetric.NewMetrics(), 0
		return nil
	}
	var sizer pmetric.ProtoMarshaler
	for _, sm := range rm.ScopeMetrics().All() {
		var into pmetric.ScopeMetrics
		fresh := true
		for _, m := range sm.Metrics().All() {
			size := sizer.MetricSize(m)
			if bytes > 0 && bytes+size > e.messageBytes {
				if err := flush(); err != nil {
					return nil, err
				}
				fresh = true
			}
			if fresh {
				into = emptyScopeIn(part, rm, sm)
				fresh = false
			}
			m.CopyTo(into.Metrics().AppendEmpty())
			bytes += size
		}
	}
	if bytes > 0 {
		if err := flush(); err != nil {
			return nil, err
		}
	}
	return chunks, nil
}

// emptyScopeIn adds rm's resource and sm's scope, without metrics, to part.
func emptyScopeIn(part pmetric.Metrics, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics) pmetric.ScopeMetrics {
	r := part.ResourceMetrics().AppendEmpty()
	rm.Resource().CopyTo(r.Resource())
	r.SetSchemaUrl(rm.SchemaUrl())
	s := r.ScopeMetrics().AppendEmpty()
	sm.Scope().CopyTo(s.Scope())
	s.SetSchemaUrl(sm.SchemaUrl())
	return s
}

func encodeMetrics(md pmetric.Metrics, shard int) (chunk, error) {
	var m pmetric.ProtoMarshaler
	otlp, err := m.MarshalMetrics(md)
	if err != nil {
		return chunk{}, &refusal.Error{Kind: refusal.Invalid, Reason: "encode", Err: fmt.Errorf("encode metrics: %w", err)}
	}
	return chunk{shard: shard, points: md.DataPointCount(), otlp: otlp}, nil
}
