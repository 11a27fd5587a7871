package api

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"clew/internal/access"
	"clew/internal/access/login"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/hosts"
	"clew/query/lang"
)

//go:embed openapi.yaml
var openAPI []byte

// Deps are what the server serves.
type Deps struct {
	Engine   *engine.Engine                  // nil: this process answers no questions, and serves only what is about itself
	Ready    func() error                    // nil once the process can answer; else why not
	Status   func(ctx context.Context) any   // for /api/v1/status
	Seal     func(ctx context.Context) error // seals all heads; for /api/v1/admin/seal
	Catalog  func() ([]byte, error)          // a snapshot of the catalog; for /api/v1/admin/catalog
	UI       http.Handler                    // everything that is not an API
	Registry *prometheus.Registry            // for /metrics
	Logger   *slog.Logger
	Pprof    http.Handler // under /debug/pprof; nil: none

	Metrics    http.Handler // for /api/v1/metrics; nil: there are none
	Prometheus http.Handler // for everything under /prometheus; nil: there is nothing
	Rules      http.Handler // for /api/v1/rules, and /prometheus/api/v1/{rules,alerts}; nil: there are none

	Alertmanager http.Handler // for everything under /alertmanager; nil: there is none here

	Book      Book                                        // for /api/v1/ledger, and for what answers say of it; nil: nothing is known
	Hosts     *hosts.Hosts                                // for /api/v1/hosts; nil: those that records name
	Access    *access.Guard                               // asks who it is; nil: nobody does
	Audit     Audit                                       // for /api/v1/admin/audit/events; nil: there is none
	Open      func() []string                             // ports that others reach without credentials; nil: not known
	Cluster   func(ctx context.Context) (*Cluster, error) // for /api/v1/cluster
	SetShards func(ctx context.Context, n int) error      // for /api/v1/admin/shards; a *RefusedError says why not
	// AcceptLosses takes losses of the log, by id, for known, and returns once that is in the catalog; for /api/v1/admin/losses/accept. A *RefusedError says why not.
	AcceptLosses func(ctx context.Context, ids []string, by string) error
	Deletions    Deletions // for /api/v1/admin/delete and /api/v1/admin/audit
}

// Server is the HTTP interface. Create it with New, then Run it.
type Server struct {
	deps     Deps
	router   *gin.Engine
	handler  http.Handler  // router, with compression
	building chan struct{} // one for each skeleton that is being built
	requests *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	sealWait time.Duration // sealWait, but in tests
}

// New makes the server. It listens to nothing yet.
func New(deps Deps) *Server {
	gin.SetMode(gin.ReleaseMode)
	if deps.Hosts == nil {
		deps.Hosts = hosts.New(hosts.Deps{Records: deps.Engine, Logger: deps.Logger})
	}
	s := &Server{
		deps:   deps,
		router: gin.New(), building: make(chan struct{}, skeletonsAtOnce), sealWait: sealWait,
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clew_http_request_seconds", Help: "HTTP requests by route and status code.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"route", "code"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_query_refused_total", Help: "Queries that were not answered, by reason: a bound, busy, deadline, client gone.",
		}, []string{"reason"}),
	}
	s.router.UseRawPath = true // a host's name may have a "/" in it, which is %2F in its address
	deps.Registry.MustRegister(s.requests, s.refused)
	s.router.HandleMethodNotAllowed = true
	s.router.Use(s.observe, s.recover, s.admit)
	s.routes()
	s.handler = compressed(s.router)
	return s
}

func (s *Server) routes() {
	r := s.router
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.GET("/readyz", s.ready)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r.Handle(method, login.Prefix+"*page", gin.WrapH(login.Handler(s.deps.Access)))
	}
	r.GET("/metrics", gin.WrapH(promhttp.HandlerFor(s.deps.Registry, promhttp.HandlerOpts{})))
	if s.deps.Pprof != nil {
		r.GET("/debug/pprof/*any", gin.WrapH(s.deps.Pprof))
	}
	v1 := r.Group("/api/v1", noStore)
	v1.GET("/status", s.status)
	v1.GET("/whoami", s.whoami)
	v1.GET("/cluster", s.cluster)
	v1.POST("/admin/shards", deliberate, s.clusterShards)
	v1.GET("/admin/audit/events", s.auditEvents)
	v1.GET("/openapi.yaml", func(c *gin.Context) { c.Data(http.StatusOK, "application/yaml", openAPI) })
	answers := s.deps.Engine != nil
	if answers || s.deps.Seal != nil {
		v1.POST("/admin/seal", deliberate, s.seal)
	}
	if answers || s.deps.Deletions != nil {
		v1.POST("/admin/delete", deliberate, s.delete)
		v1.GET("/admin/delete", s.deletions)
		v1.GET("/admin/audit", s.audit)
	}
	if answers || s.deps.Catalog != nil {
		v1.GET("/admin/catalog", s.catalog)
		v1.POST("/admin/losses/accept", deliberate, s.acceptLosses)
	}
	if answers {
		s.questions(v1)
	}
	s.others()
}

// questions are the routes that need the engine.
func (s *Server) questions(v1 *gin.RouterGroup) {
	v1.GET("/search", s.search)
	v1.GET("/count", s.count)
	v1.GET("/explain", s.explain)
	v1.GET("/histogram", s.histogram)
	v1.GET("/fields", s.fields)
	v1.GET("/values", s.values)
	v1.GET("/suggest", s.suggest)
	v1.GET("/complete", s.complete)
	v1.GET("/usage", s.usage)
	v1.GET("/heatmap", s.heatmap)
	v1.GET("/traces", s.traces)
	v1.GET("/traces/:id", s.trace)
	v1.GET("/traces/:id/skeleton", s.skeleton)
	v1.GET("/traces/:id/spans/:spanId", s.span)
	v1.GET("/context", s.context)
	v1.GET("/export", s.export)
	for path, params := range metricsParams {
		v1.GET("/metrics/"+path, s.metrics(params))
	}
	s.ruleRoutes()
	s.alertmanagerRoutes()
	v1.GET("/ledger", s.ledger)
	v1.GET("/hosts", s.hosts)
	v1.GET("/hosts/:host", s.host)
}

// others answers what no route takes.
func (s *Server) others() {
	r := s.router
	r.NoMethod(func(c *gin.Context) {
		fail(c, http.StatusMethodNotAllowed, ErrorDetail{Code: "method_not_allowed", Message: fmt.Sprintf("%s is not for %s", c.Request.Method, c.Request.URL.Path)})
	})
	r.NoRoute(func(c *gin.Context) {
		if s.deps.Prometheus != nil && strings.HasPrefix(c.Request.URL.Path, "/prometheus/") {
			c.Status(http.StatusOK) // gin begins with 404 where no route matches
			s.deps.Prometheus.ServeHTTP(c.Writer, c.Request)
			return
		}
		if s.deps.UI != nil && isPage(c.Request) {
			c.Status(http.StatusOK) // gin begins with 404 where no route matches
			s.deps.UI.ServeHTTP(c.Writer, c.Request)
			return
		}
		if s.deps.Engine == nil {
			fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: fmt.Sprintf("there is nothing at %.200s in this process, which answers no questions: ask one with the query role", c.Request.URL.Path)})
			return
		}
		fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: fmt.Sprintf("there is nothing at %.200s; the API is described at /api/v1/openapi.yaml", c.Request.URL.Path)})
	})
}

// isPage says whether a request that no route takes is the interface's: its routes are the browser's business. Under the prefixes of APIs a
// program asks, and is owed JSON.
func isPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return !slices.Contains([]string{"alertmanager", "api", "debug", "jaeger", "loki", "prometheus", "tempo", "v1"}, first)
}

// noStore keeps answers out of caches: they change with every record that arrives.
func noStore(c *gin.Context) { c.Header("Cache-Control", "no-store") }

// ServeHTTP lets tests and other servers use the routes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Run serves on l until ctx ends.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(s.deps.Logger.Handler(), slog.LevelDebug),
		// Queries of clients end with the process.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	if err := <-stopped; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("shut HTTP down: %w", err)
	}
	return nil
}

// observe counts requests by route; unknown paths share one, so that a scanner cannot make series.
func (s *Server) observe(c *gin.Context) {
	started := time.Now()
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "other"
	}
	s.requests.WithLabelValues(route, fmt.Sprint(c.Writer.Status())).Observe(time.Since(started).Seconds())
}

// recover turns a panic into a 500 and a log line: one bad request must not end the process that holds everyone's data.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		if r := recover(); r != nil {
			if r == http.ErrAbortHandler { //nolint:errorlint // what a panic brought, as it is
				panic(r) // an answer that must not look whole
			}
			s.deps.Logger.Error("request failed", "path", c.Request.URL.Path, "panic", r, "stack", string(debug.Stack()))
			if !c.Writer.Written() {
				fail(c, http.StatusInternalServerError, ErrorDetail{Code: "internal", Message: "an internal error; the server's log has the details"})
			}
			c.Abort()
		}
	}()
	c.Next()
}

func (s *Server) ready(c *gin.Context) {
	if err := s.deps.Ready(); err != nil {
		c.String(http.StatusServiceUnavailable, "not ready: %v\n", err)
		return
	}
	c.String(http.StatusOK, "ready\n")
}

func (s *Server) status(c *gin.Context) { c.JSON(http.StatusOK, s.deps.Status(c.Request.Context())) }

func (s *Server) seal(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.sealWait)
	defer cancel()
	err := s.deps.Seal(ctx)
	if ctx.Err() != nil && c.Request.Context().Err() == nil {
		fail(c, http.StatusServiceUnavailable, ErrorDetail{
			Code:    "unavailable",
			Message: fmt.Sprintf("not all is sealed and committed after %v; it goes on, and /api/v1/status says what it waits for, such as an object store that is away", s.sealWait),
		})
		return
	}
	if err != nil {
		s.failed(c, fmt.Errorf("seal: %w", err))
		return
	}
	c.JSON(http.StatusOK, gin.H{"sealed": true})
}

// catalog gives the catalog as its snapshots have it: for checks and backups of a running clew.
func (s *Server) catalog(c *gin.Context) {
	data, err := s.deps.Catalog()
	if err != nil {
		s.failed(c, err)
		return
	}
	c.Data(http.StatusOK, "application/octet-stream", data)
}

func fail(c *gin.Context, status int, detail ErrorDetail) {
	c.AbortWithStatusJSON(status, Error{Error: detail})
}

// failed answers with what went wrong: the asker's mistakes by name, ours with a log line.
func (s *Server) failed(c *gin.Context, err error) {
	var param *paramError
	var query *lang.Error
	var limit *engine.LimitError
	var refused *RefusedError
	var partial *PartialError
	switch {
	case errors.As(err, &refused):
		fail(c, http.StatusBadRequest, ErrorDetail{Code: "bad_request", Message: refused.Error()})
	case errors.As(err, &param):
		fail(c, http.StatusBadRequest, ErrorDetail{Code: "bad_request", Message: param.Error(), Field: param.field})
	case errors.As(err, &query):
		fail(c, http.StatusBadRequest, ErrorDetail{Code: "bad_request", Message: query.Msg, Field: "query", Pos: &query.Pos, End: &query.End, Hint: query.Hint})
	case errors.As(err, &limit):
		s.refused.WithLabelValues(limit.What).Inc()
		fail(c, http.StatusUnprocessableEntity, ErrorDetail{Code: "too_large", Message: limit.Error()})
	case errors.Is(err, engine.ErrBusy):
		s.refused.WithLabelValues("busy").Inc()
		c.Header("Retry-After", "1")
		fail(c, http.StatusServiceUnavailable, ErrorDetail{Code: "overload", Message: err.Error()})
	case errors.As(err, &partial):
		s.refused.WithLabelValues("partial").Inc()
		c.Header("Retry-After", "1")
		fail(c, http.StatusServiceUnavailable, ErrorDetail{Code: "unavailable", Message: partial.Error(), Hint: "ask again, or with partial=true for what there is"})
	case errors.Is(err, context.DeadlineExceeded):
		s.refused.WithLabelValues("deadline").Inc()
		fail(c, http.StatusGatewayTimeout, ErrorDetail{Code: "timeout", Message: "the query took longer than it may; narrow the time range or the query"})
	case c.Request.Context().Err() != nil:
		s.refused.WithLabelValues("client gone").Inc()
		c.AbortWithStatus(499) // the client has gone; nobody reads this
	default:
		s.deps.Logger.Error("request failed", "path", c.Request.URL.Path, "error", err)
		fail(c, http.StatusInternalServerError, ErrorDetail{Code: "internal", Message: err.Error()})
	}
}

// tenant is who asks.
func tenant(c *gin.Context) (string, error) {
	name := c.GetHeader(telemetry.TenantHeader)
	if name == "" {
		return telemetry.DefaultTenant, nil
	}
	if err := telemetry.CheckTenant(name); err != nil {
		return "", &paramError{field: telemetry.TenantHeader, err: err}
	}
	return name, nil
}
