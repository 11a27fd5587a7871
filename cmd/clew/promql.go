package main

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"clew/internal/access"
	"clew/query/metrics"
	"clew/query/promapi"
)

// newPromQL makes what answers PromQL.
func (p *process) newPromQL() *promapi.API {
	logger := p.logger.With("part", "promql")
	deps := promapi.Deps{
		Metrics: metrics.New(p.segments, logger), Version: version, Registry: p.registry, Logger: logger, Ready: p.ready,
		Limits: promapi.Limits{Queries: p.cfg.Query.Concurrency, Timeout: p.cfg.Query.Timeout},
	}
	// The same ways in as on the collector's port: with its limits, its answers and its counters.
	if otlp := p.cfg.Collector.OTLP.HTTP; otlp.Endpoint != "" && otlp.TLS == nil {
		deps.OTLP = forward(otlp.Endpoint, "/v1/metrics", logger)
		if p.cfg.Collector.Receivers.RemoteWrite {
			deps.RemoteWrite = forward(otlp.Endpoint, "/api/v1/write", logger)
		}
	}
	return promapi.New(deps)
}

// forward passes requests on to a path of a server of this process.
func forward(address, path string, logger *slog.Logger) http.Handler {
	target := &url.URL{Scheme: "http", Host: address, Path: path}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL = target
			r.SetXForwarded()
			access.From(r.In.Context()).Forward(r.Out.Header)
		},
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}
