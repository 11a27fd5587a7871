package manager

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
)

// Prefix is where the Alertmanager is served.
const Prefix = "/alertmanager"

// httpAPI is Alertmanager's API, and its endpoints for probes.
type httpAPI struct {
	m       *Manager
	v2      *api.API
	handler http.Handler
}

func newAPI(m *Manager) (*httpAPI, error) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "alertmanager_http_request_duration_seconds", Help: "HTTP requests to the embedded Alertmanager.", Buckets: []float64{.001, .01, .1, 1, 10},
	}, []string{"handler", "method", "code"})
	m.opts.Registerer.MustRegister(seconds)
	v2, err := api.New(api.Options{
		Alerts: m.alerts, Silences: m.silences, GroupMutedFunc: m.groups.Muted, Timeout: requestTimeout, Logger: m.log, Registry: m.opts.Registerer, RequestDuration: seconds,
		GroupFunc: func(ctx context.Context, routes func(*dispatch.Route) bool, alerts func(*alert.Alert, time.Time) bool) (dispatch.AlertGroups, map[model.Fingerprint][]string, error) {
			return m.routing.Load().dispatcher.Groups(ctx, routes, alerts)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("the Alertmanager's API: %w", err)
	}
	h := &httpAPI{m: m, v2: v2}
	router := route.New().WithPrefix(Prefix)
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "OK") }
	for _, path := range []string{"/-/healthy", "/-/ready"} {
		router.Get(path, ok)
		router.Head(path, ok)
	}
	router.Post("/-/reload", h.reload)
	// Links in notifications lead to Alertmanager's own pages, which are not here; ours show the same alerts.
	router.Get("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/alerts", http.StatusFound) })
	// Pages of other sites that a browser shows must not silence anybody.
	h.handler = http.NewCrossOriginProtection().Handler(v2.Register(router, Prefix))
	return h, nil
}

func (h *httpAPI) update(c *config.Config, status func(context.Context, model.LabelSet)) {
	h.v2.Update(c, status)
}

// ServeHTTP answers once there is a configuration.
func (h *httpAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-h.m.running:
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the Alertmanager is starting", http.StatusServiceUnavailable)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, bodyBytesMax)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		// Alertmanager lets every site read. Without an origin it does not say so, and browsers do not.
		r = r.Clone(r.Context())
		r.Header.Del("Origin")
		h.handler.ServeHTTP(w, r)
		return
	}
	d := &durableWriter{ResponseWriter: w, state: h.m.silenceState}
	h.handler.ServeHTTP(d, r)
}

// reload answers POST /-/reload.
func (h *httpAPI) reload(w http.ResponseWriter, r *http.Request) {
	answer := make(chan error, 1)
	var err error
	select {
	case h.m.reloads <- answer:
	case <-r.Context().Done():
		return
	}
	select {
	case err = <-answer:
	case <-r.Context().Done():
		return
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("failed to reload config: %v", err), http.StatusInternalServerError)
	}
}

// durableWriter makes a silence durable before whoever set it is answered.
type durableWriter struct {
	http.ResponseWriter
	state *remembered
	said  bool
	err   error
}

// WriteHeader implements http.ResponseWriter.
func (w *durableWriter) WriteHeader(status int) {
	if w.said {
		return
	}
	w.said = true
	if w.err = w.state.write(); w.err != nil && status < http.StatusBadRequest {
		w.Header().Del("Content-Length")
		http.Error(w.ResponseWriter, w.err.Error(), http.StatusInternalServerError)
		return
	}
	w.err = nil
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *durableWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.err != nil {
		return len(b), nil // the answer is another
	}
	return w.ResponseWriter.Write(b)
}
