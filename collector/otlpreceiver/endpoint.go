package otlpreceiver

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"clew/collector/quota"
	"clew/collector/refusal"
	"clew/internal/clock"
	"clew/internal/ledger"
	"clew/internal/telemetry"
)

// encoder is what pdata's responses of all signals have.
type encoder interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

// endpoint is what differs between the signals.
type endpoint struct {
	signal  telemetry.Signal
	request *message
	// path of the HTTP endpoint, service of the gRPC one (its method is always Export).
	path, service string
	// take decodes a body and checks its records. consume gives the good ones to the pipeline.
	take func(body []byte, f format, c *checker, t *ticket) (consume func(context.Context) error, err error)
	// partial makes the answer for partial success.
	partial func(rejected int, message string) encoder
	// logs or metrics is where further protocols of the signal lead to.
	logs    consumer.Logs
	metrics consumer.Metrics
}

// logsEndpoint hands logs to next.
func logsEndpoint(next consumer.Logs) *endpoint {
	return &endpoint{
		signal: telemetry.Logs, logs: next, request: logsRequest, path: "/v1/logs",
		service: "opentelemetry.proto.collector.logs.v1.LogsService",
		take: func(body []byte, f format, c *checker, t *ticket) (func(context.Context) error, error) {
			req := plogotlp.NewExportRequest()
			if err := decode(body, f, logsRequest, req, t); err != nil {
				return nil, err
			}
			c.logs(req.Logs())
			return func(ctx context.Context) error { return next.ConsumeLogs(ctx, req.Logs()) }, nil
		},
		partial: func(rejected int, message string) encoder {
			r := plogotlp.NewExportResponse()
			r.PartialSuccess().SetRejectedLogRecords(int64(rejected))
			r.PartialSuccess().SetErrorMessage(message)
			return r
		},
	}
}

// tracesEndpoint hands spans to next.
func tracesEndpoint(next consumer.Traces) *endpoint {
	return &endpoint{
		signal: telemetry.Spans, request: tracesRequest, path: "/v1/traces",
		service: "opentelemetry.proto.collector.trace.v1.TraceService",
		take: func(body []byte, f format, c *checker, t *ticket) (func(context.Context) error, error) {
			req := ptraceotlp.NewExportRequest()
			if err := decode(body, f, tracesRequest, req, t); err != nil {
				return nil, err
			}
			c.spans(req.Traces())
			return func(ctx context.Context) error { return next.ConsumeTraces(ctx, req.Traces()) }, nil
		},
		partial: func(rejected int, message string) encoder {
			r := ptraceotlp.NewExportResponse()
			r.PartialSuccess().SetRejectedSpans(int64(rejected))
			r.PartialSuccess().SetErrorMessage(message)
			return r
		},
	}
}

// metricsEndpoint hands metrics to next.
func metricsEndpoint(next consumer.Metrics) *endpoint {
	return &endpoint{
		signal: telemetry.Metrics, metrics: next, request: metricsRequest, path: "/v1/metrics",
		service: "opentelemetry.proto.collector.metrics.v1.MetricsService",
		take: func(body []byte, f format, c *checker, t *ticket) (func(context.Context) error, error) {
			req := pmetricotlp.NewExportRequest()
			if err := decode(body, f, metricsRequest, req, t); err != nil {
				return nil, err
			}
			c.metrics(req.Metrics())
			return func(ctx context.Context) error { return next.ConsumeMetrics(ctx, req.Metrics()) }, nil
		},
		partial: func(rejected int, message string) encoder {
			r := pmetricotlp.NewExportResponse()
			r.PartialSuccess().SetRejectedDataPoints(int64(rejected))
			r.PartialSuccess().SetErrorMessage(message)
			return r
		},
	}
}

// method is the gRPC method's path.
func (ep *endpoint) method() string { return "/" + ep.service + "/Export" }

// noun is what the signal's records are called in messages.
func (ep *endpoint) noun() string {
	switch ep.signal {
	case telemetry.Spans:
		return "spans"
	case telemetry.Logs:
		return "log records"
	}
	return "data points"
}

// export takes one readable or unreadable body to its end: the encoded response, when every record that was not rejected
// is durable, or a refusal. What came of a numbered batch is written into the book.
func (r *otlpReceiver) export(ctx context.Context, ep *endpoint, protocol string, f format, in *body, t *ticket) ([]byte, *refusal.Error) {
	c := checker{now: clock.Now()}
	n := ledger.NumberOf(ctx)
	if n == nil {
		return r.take(ctx, ep, protocol, f, in, t, &c)
	}
	r.book.Begin(quota.TenantOf(ctx), *n, c.now)
	response, refused := r.take(ctx, ep, protocol, f, in, t, &c)
	o := ledger.Outcome{Stored: c.records - c.rejected.total(), Refused: c.rejected}
	if refused != nil {
		o = ledger.Outcome{Refused: map[string]int{refused.Reason: c.records}, Again: refused.Kind == refusal.Overload || refused.Kind == refusal.Unavailable}
	}
	r.book.Batch(quota.TenantOf(ctx), *n, o, c.now)
	return response, refused
}

func (r *otlpReceiver) take(ctx context.Context, ep *endpoint, protocol string, f format, in *body, t *ticket, c *checker) ([]byte, *refusal.Error) {
	signal := ep.signal.String()
	r.metrics.bodyBytes.WithLabelValues(signal, protocol).Add(float64(len(in.bytes)))
	ctx, receipt, tooFast := r.quota.Charge(ctx, len(in.bytes), c.now)
	if tooFast != nil {
		return nil, r.refused(ep, protocol, tooFast)
	}
	if len(in.bytes) > r.recordBytesMax {
		c.recordBytesMax = r.recordBytesMax
	}
	consume, err := ep.take(in.bytes, f, c, t)
	in.giveBack()
	if err != nil {
		return nil, r.refused(ep, protocol, refusal.Of(err))
	}
	for reason, n := range c.restated {
		r.metrics.restated.WithLabelValues(signal, reason).Add(float64(n))
	}
	if valid := c.records - c.rejected.total(); valid > 0 {
		if err := consume(ctx); err != nil {
			refused := refusal.Of(err)
			r.metrics.refused.WithLabelValues(signal, refused.Reason).Add(float64(valid))
			return nil, r.refused(ep, protocol, refused)
		}
	}
	for reason, n := range receipt.Rejected() {
		c.rejected.add(reason, n)
	}
	rejected := c.rejected.total()
	accepted := c.records - rejected
	r.metrics.accepted.WithLabelValues(signal).Add(float64(accepted))
	if rejected == 0 {
		r.metrics.requests.WithLabelValues(signal, protocol, "ok").Inc()
		return success[f], nil
	}
	for reason, n := range c.rejected {
		r.metrics.rejected.WithLabelValues(signal, reason).Add(float64(n))
	}
	r.metrics.requests.WithLabelValues(signal, protocol, "partial").Inc()
	return encode(ep.partial(rejected, c.rejected.message(ep.noun(), c.records)), f), nil
}

// success is the answer to a request whose records were all accepted, by format: an empty message, because OTLP says that
// partial_success must then be absent (pdata would write an empty one).
var success = [...][]byte{formatProto: {}, formatJSON: []byte("{}")}

// encode writes a response of two fields, which cannot fail.
func encode(e encoder, f format) []byte {
	var out []byte
	if f == formatJSON {
		out, _ = e.MarshalJSON()
	} else {
		out, _ = e.MarshalProto()
	}
	return out
}

// refused counts a refusal and passes it on.
func (r *otlpReceiver) refused(ep *endpoint, protocol string, e *refusal.Error) *refusal.Error {
	r.metrics.requests.WithLabelValues(ep.signal.String(), protocol, e.Reason).Inc()
	return e
}
