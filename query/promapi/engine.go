package promapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	v1 "github.com/prometheus/prometheus/web/api/v1"

	"clew/internal/telemetry"
	"clew/query/engine/sched"
	"clew/query/metrics"
	"clew/query/promlang"
)

// Deps are what the API is given.
type Deps struct {
	Metrics  *metrics.Storage
	Limits   Limits
	Version  string
	Registry *prometheus.Registry
	Logger   *slog.Logger
	// Ready is nil once the process can answer; else why not.
	Ready func() error
	// Rules are what /rules and /alerts list; nil: there are none.
	Rules v1.RulesRetriever
	// RemoteWrite and OTLP take what is sent to Prometheus' paths for it; nil: nothing does.
	RemoteWrite, OTLP http.Handler
}

// API answers PromQL. It is safe for concurrent use.
type API struct {
	deps    Deps
	engine  *promlang.Engine
	parser  parser.Parser
	turns   *sched.Fair
	limits  Limits
	now     func() time.Time
	started time.Time

	prometheus http.Handler
	native     http.Handler
	refused    *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
}

// New returns the API.
func New(deps Deps) *API {
	limits := deps.Limits.orDefault()
	a := &API{
		deps: deps, limits: limits, now: time.Now, started: time.Now(),
		turns:  sched.NewFair(limits.Queries, max(1, limits.Queries/2)),
		parser: promlang.Parser(),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_promql_refused_total", Help: "Requests for metrics that were not answered, by reason: busy, tenant.",
		}, []string{"reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clew_promql_request_seconds", Help: "Requests for metrics by path and status code.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"path", "code"}),
	}
	deps.Registry.MustRegister(a.refused, a.seconds, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "clew_metrics_index_bytes", Help: "Translated series of parts that are kept, in bytes.",
	}, func() float64 {
		_, bytes := deps.Metrics.Kept()
		return float64(bytes)
	}))
	a.engine = promlang.NewEngine(promlang.Options{Logger: deps.Logger, Samples: limits.Samples, Timeout: limits.Timeout})
	a.prometheus = a.newPrometheus()
	a.native = a.newNative()
	return a
}

// Engine evaluates PromQL, for whoever does so beside the API.
func (a *API) Engine() *promlang.Engine { return a.engine }

// Storage is what it is evaluated over.
func (a *API) Storage() *metrics.Storage { return a.deps.Metrics }

// Close ends the engine.
func (a *API) Close() error { return a.engine.Close() }

// errBusy says that too many queries run.
var errBusy = errors.New("too many queries are running")

// enter takes a turn; leave must be called if there is no error.
func (a *API) enter(ctx context.Context, tenant string) (leave func(), err error) {
	wait, cancel := context.WithTimeout(ctx, a.limits.Wait)
	defer cancel()
	if err := a.turns.Acquire(wait, tenant); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		a.refused.WithLabelValues("busy").Inc()
		return nil, fmt.Errorf("%w (waited %v)", errBusy, a.limits.Wait)
	}
	return func() { a.turns.Release(tenant) }, nil
}

// tenantOf reads the tenant of a request.
func tenantOf(r *http.Request) (string, error) {
	name := r.Header.Get(telemetry.TenantHeader)
	if name == "" {
		return telemetry.DefaultTenant, nil
	}
	return name, telemetry.CheckTenant(name)
}
