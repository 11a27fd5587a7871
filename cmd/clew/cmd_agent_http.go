package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// watchAgent serves an agent's own /metrics and /readyz, and /debug/pprof where only this host can ask, until ctx ends.
func watchAgent(ctx context.Context, address string, registry *prometheus.Registry, ready <-chan struct{}, logger *slog.Logger) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("--http: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-ready:
			_, _ = w.Write([]byte("ready\n")) // who has gone does not read it
		default:
			http.Error(w, "the agent is starting", http.StatusServiceUnavailable)
		}
	})
	if isLoopback(l.Addr().String()) {
		mux.Handle("/debug/pprof/", pprofHandler())
	} else {
		logger.Warn("open to the network without credentials: anyone who reaches it can read it", "what", "the agent's metrics", "address", l.Addr())
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // readers of metrics come again
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("--http: %w", err)
	}
	return nil
}
