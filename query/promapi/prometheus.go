package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	v1 "github.com/prometheus/prometheus/web/api/v1"

	"clew/query/metrics"
	"clew/query/promlang"
)

// Prometheus serves /prometheus/...
func (a *API) Prometheus() http.Handler { return a.prometheus }

// newPrometheus puts Prometheus' handlers together with those for what it knows of itself.
func (a *API) newPrometheus() http.Handler {
	const prefix = "/prometheus/api/v1"
	router := route.New().WithPrefix(prefix)
	a.newHandlers().Register(router)
	mux := http.NewServeMux()
	mux.Handle(prefix+"/", a.inTurn(router))
	mux.Handle("GET "+prefix+"/metadata", a.inTurn(http.HandlerFunc(a.metadata)))
	mux.Handle("GET "+prefix+"/targets/metadata", a.inTurn(http.HandlerFunc(a.noTargets)))
	mux.Handle("GET "+prefix+"/status/tsdb", a.inTurn(http.HandlerFunc(a.statusTSDB)))
	mux.Handle("GET /prometheus/federate", a.inTurn(http.HandlerFunc(a.federate)))
	mux.HandleFunc("/prometheus/-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "clew is Healthy.") })
	mux.HandleFunc("/prometheus/-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := a.deps.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "clew is Ready.")
	})
	if a.deps.RemoteWrite != nil {
		mux.Handle("POST "+prefix+"/write", a.deps.RemoteWrite)
	}
	if a.deps.OTLP != nil {
		mux.Handle("POST "+prefix+"/otlp/v1/metrics", a.deps.OTLP)
	}
	mux.HandleFunc("/prometheus/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "not_found", fmt.Errorf("there is nothing at %.200s", r.URL.Path))
	})
	return mux
}

// newHandlers are Prometheus' own.
func (a *API) newHandlers() *v1.API {
	none := nothing{}
	var retriever v1.RulesRetriever = none
	if a.deps.Rules != nil {
		retriever = a.deps.Rules
	}
	return v1.NewAPI(
		a.engine, a.deps.Metrics, nil, nil, a.deps.Metrics,
		func(context.Context) v1.ScrapePoolsRetriever { return none },
		func(context.Context) v1.TargetRetriever { return none },
		func(context.Context) v1.AlertmanagerRetriever { return none },
		func() config.Config { return config.Config{} },
		map[string]string{},
		v1.GlobalURLOptions{},
		a.whenReady,
		none, "", false, false, 0,
		a.deps.Logger,
		func(context.Context) v1.RulesRetriever { return retriever },
		remoteReadSamples, remoteReadQueries, remoteReadFrame,
		false,
		regexp.MustCompile(`$^`), // no other origin may ask
		a.runtimeInfo,
		&v1.PrometheusVersion{Version: prometheusVersion, Revision: a.deps.Version, Branch: "clew", GoVersion: runtime.Version()},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, nil, false },
		a.deps.Registry, a.deps.Registry,
		nil,
		false, nil,
		false, false, false,
		false,
		promlang.Lookback,
		false, false,
		nil, features.NewRegistry(),
		v1.OpenAPIOptions{ExternalURL: "/prometheus", Version: a.deps.Version},
		a.parser,
	)
}

// prometheusVersion is the version whose API this is: clients such as Grafana choose by it what they may ask.
const prometheusVersion = "3.13.2"

// inTurn gives a request its tenant and lets it wait for its turn.
func (a *API) inTurn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		out := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			a.seconds.WithLabelValues(pathLabel(r.URL.Path), strconv.Itoa(out.status)).Observe(time.Since(started).Seconds())
		}()
		tenant, err := tenantOf(r)
		if err != nil {
			a.refused.WithLabelValues("tenant").Inc()
			fail(out, http.StatusBadRequest, "bad_data", err)
			return
		}
		r.Body = http.MaxBytesReader(out, r.Body, formBytesMax)
		var large *http.MaxBytesError
		if err := r.ParseForm(); errors.As(err, &large) { // what else is wrong with a form, the handlers see
			fail(out, http.StatusRequestEntityTooLarge, "bad_data", fmt.Errorf("the form is larger than %d bytes", large.Limit))
			return
		}
		leave, err := a.enter(r.Context(), tenant)
		if err != nil {
			out.Header().Set("Retry-After", "1")
			fail(out, http.StatusServiceUnavailable, "unavailable", err)
			return
		}
		defer leave()
		next.ServeHTTP(out, r.WithContext(metrics.WithTenant(r.Context(), tenant)))
	})
}

// pathLabel bounds the values of a label: names of labels in paths are anyone's.
func pathLabel(path string) string {
	if strings.HasPrefix(path, "/prometheus/api/v1/label/") {
		return "/prometheus/api/v1/label"
	}
	if known[path] {
		return path
	}
	return "other"
}

var known = func() map[string]bool {
	m := map[string]bool{"/prometheus/federate": true}
	for _, p := range []string{
		"query", "query_range", "query_exemplars", "series", "labels", "metadata", "format_query", "parse_query", "rules", "alerts", "read", "targets",
		"status/buildinfo", "status/tsdb", "status/config", "status/flags", "status/runtimeinfo",
	} {
		m["/prometheus/api/v1/"+p] = true
	}
	return m
}()

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher: remote read answers in frames.
func (w *statusWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// fail writes an error as Prometheus does.
func fail(w http.ResponseWriter, status int, kind string, err error) {
	writeJSON(w, status, v1.Response{Status: "error", ErrorType: kind, Error: err.Error()})
}

func succeed(w http.ResponseWriter, data any, warnings []string) {
	writeJSON(w, http.StatusOK, v1.Response{Status: "success", Data: data, Warnings: warnings})
}

func (a *API) whenReady(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := a.deps.Ready(); err != nil {
			fail(w, http.StatusServiceUnavailable, "unavailable", err)
			return
		}
		f(w, r)
	}
}

func (a *API) runtimeInfo() (v1.RuntimeInfo, error) {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return v1.RuntimeInfo{
		StartTime: a.started, Hostname: host, ServerTime: a.now(), ReloadConfigSuccess: true, LastConfigTime: a.started,
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0), GOMEMLIMIT: debug.SetMemoryLimit(-1),
	}, nil
}

// nothing is what clew has not: it scrapes no targets, and its storage is not Prometheus'.
type nothing struct{}

var errNotTSDB = errors.New("clew's storage is not a TSDB; see /api/v1/admin")

func (nothing) ScrapePools() []string                       { return []string{} }
func (nothing) TargetsActive() map[string][]*scrape.Target  { return nil }
func (nothing) TargetsDropped() map[string][]*scrape.Target { return nil }
func (nothing) TargetsDroppedCounts() map[string]int        { return nil }
func (nothing) ScrapePoolConfig(pool string) (*config.ScrapeConfig, error) {
	return nil, fmt.Errorf("no scrape pool %.80q", pool)
}
func (nothing) Alertmanagers() []*url.URL                                      { return nil }
func (nothing) DroppedAlertmanagers() []*url.URL                               { return nil }
func (nothing) RuleGroups() []*rules.Group                                     { return nil }
func (nothing) AlertingRules() []*rules.AlertingRule                           { return nil }
func (nothing) CleanTombstones() error                                         { return errNotTSDB }
func (nothing) Delete(context.Context, int64, int64, ...*labels.Matcher) error { return errNotTSDB }
func (nothing) Snapshot(string, bool) error                                    { return errNotTSDB }
func (nothing) Stats(string, int) (*tsdb.Stats, error)                         { return nil, errNotTSDB }

func (nothing) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

func (nothing) BlockMetas() ([]tsdb.BlockMeta, error) { return []tsdb.BlockMeta{}, nil }

// noTargets answers as a Prometheus without targets.
func (a *API) noTargets(w http.ResponseWriter, _ *http.Request) { succeed(w, []json.RawMessage{}, nil) }
