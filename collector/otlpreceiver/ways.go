package otlpreceiver

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/consumer"

	"clew/internal/receivers/way"
)

// Ways are other protocols over HTTP, served on paths of the OTLP receiver's HTTP port: one port, one TLS configuration and one bound on memory
// for all that comes over HTTP. Their records go the way that OTLP's go.
type Ways struct {
	Metrics *way.Metrics
	OfLogs  []func(mux *http.ServeMux, deps way.Deps, next consumer.Logs)
	// OfMetrics is OfLogs for metrics.
	OfMetrics []func(mux *http.ServeMux, deps way.Deps, next consumer.Metrics)
}

// mountWays serves the ways of the signals that the receiver is in a pipeline for.
func (r *otlpReceiver) mountWays(mux *http.ServeMux, bodyBytesMax int64) {
	deps := way.Deps{
		Metrics: r.ways.Metrics, Memory: wayMemory{r.admission}, BodyBytesMax: bodyBytesMax, RecordBytesMax: r.recordBytesMax,
		Charge: func(ctx context.Context, bytes int) (context.Context, func() map[string]int, error) {
			ctx, receipt, refused := r.quota.Charge(ctx, bytes, time.Now())
			if refused != nil {
				return ctx, nil, refused
			}
			return ctx, receipt.Rejected, nil
		},
	}
	for _, ep := range r.endpoints {
		if ep.logs != nil {
			for _, mount := range r.ways.OfLogs {
				mount(mux, deps, ep.logs)
			}
		}
		if ep.metrics != nil {
			for _, mount := range r.ways.OfMetrics {
				mount(mux, deps, ep.metrics)
			}
		}
	}
}

// wayMemory is the receiver's admission as the ways know it.
type wayMemory struct{ a *admission }

func (m wayMemory) Ticket() way.Ticket { return wayTicket{m.a.ticket()} }

type wayTicket struct{ t *ticket }

func (t wayTicket) Need(n int64) error { return t.t.need(n) }
func (t wayTicket) Release()           { t.t.release() }
