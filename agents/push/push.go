// Package push lets an agent be pushed to over HTTP as a collector can be: Loki, Prometheus remote write and Elasticsearch's _bulk, each a receiver with
// a port of its own. The protocols are clew/internal/receivers'; here is the server around one.
package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"clew/internal/receivers/elastic"
	"clew/internal/receivers/loki"
	"clew/internal/receivers/remotewrite"
	"clew/internal/receivers/way"
)

// Config has the keys of the Collector's HTTP servers: endpoint, tls, auth, cors, ...
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`
}

// Factories are the receivers loki, remote_write and elasticsearch. They share one bound on memory.
func Factories(m *way.Metrics) []receiver.Factory {
	deps := way.Deps{Metrics: m, Memory: &budget{most: memoryBytes}, BodyBytesMax: bodyBytesMax, RecordBytesMax: recordBytesMax}
	logs := func(protocol, endpoint string, mount func(*http.ServeMux, way.Deps, consumer.Logs)) receiver.Factory {
		return receiver.NewFactory(component.MustNewType(protocol), defaults(endpoint), receiver.WithLogs(
			func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
				mux := http.NewServeMux()
				mount(mux, deps, next)
				return &server{set: set, cfg: cfg.(*Config), mux: mux}, nil
			}, component.StabilityLevelStable))
	}
	return []receiver.Factory{
		logs(loki.Protocol, "127.0.0.1:3100", loki.Mount),
		logs(elastic.Protocol, "127.0.0.1:9200", elastic.Mount),
		receiver.NewFactory(component.MustNewType(remotewrite.Protocol), defaults("127.0.0.1:9090"), receiver.WithMetrics(
			func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
				mux := http.NewServeMux()
				remotewrite.Mount(mux, deps, next)
				return &server{set: set, cfg: cfg.(*Config), mux: mux}, nil
			}, component.StabilityLevelStable)),
	}
}

func defaults(endpoint string) component.CreateDefaultConfigFunc {
	return func() component.Config {
		c := &Config{confighttp.NewDefaultServerConfig()}
		c.NetAddr.Endpoint = endpoint
		c.ReadTimeout = readTimeout
		return c
	}
}

// server serves one protocol.
type server struct {
	set     receiver.Settings
	cfg     *Config
	mux     *http.ServeMux
	http    *http.Server
	serving sync.WaitGroup
}

// Start is part of component.Component.
func (s *server) Start(ctx context.Context, host component.Host) error {
	listener, err := s.cfg.ToListener(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", s.set.ID, err)
	}
	// A snappy block is no stream, which the server takes it for: the protocols that use it decompress it themselves, within their own bound.
	blocks := confighttp.WithDecoder("snappy", func(io.ReadCloser) (io.ReadCloser, error) { return nil, nil })
	if s.http, err = s.cfg.ToServer(ctx, host.GetExtensions(), s.set.TelemetrySettings, s.mux, blocks); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", s.set.ID, err), listener.Close())
	}
	s.set.Logger.Info("listening", zap.Stringer("address", listener.Addr()))
	s.serving.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.set.Logger.Error("the server ended", zap.Error(err))
		}
	})
	return nil
}

// Shutdown is part of component.Component.
func (s *server) Shutdown(ctx context.Context) error {
	if s.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	s.serving.Wait()
	return err
}

// budget is a way.Memory with one bound.
type budget struct {
	most int64

	mu   sync.Mutex
	used int64
}

// Ticket is part of way.Memory.
func (b *budget) Ticket() way.Ticket { return &ticket{budget: b} }

type ticket struct {
	budget *budget
	held   int64
}

// Need is part of way.Ticket.
func (t *ticket) Need(n int64) error {
	t.budget.mu.Lock()
	defer t.budget.mu.Unlock()
	more := n - t.held
	if more <= 0 {
		return nil
	}
	if t.budget.used+more > t.budget.most {
		return &way.Error{Status: http.StatusTooManyRequests, Reason: "memory", WaitSeconds: 1, Err: fmt.Errorf("requests in flight take %d MB already", t.budget.used>>20)}
	}
	t.budget.used += more
	t.held = n
	return nil
}

// Release is part of way.Ticket.
func (t *ticket) Release() {
	t.budget.mu.Lock()
	defer t.budget.mu.Unlock()
	t.budget.used -= t.held
	t.held = 0
}

const (
	// memoryBytes bounds all requests in flight, bodies and what they decode to; an agent promises 150 MB in all.
	memoryBytes = 24 << 20
	// bodyBytesMax bounds a body, compressed and decompressed. Shippers send up to 5 MB (Elasticsearch's clients) or 1 MB (Promtail).
	bodyBytesMax = 8 << 20
	// recordBytesMax is what a collector takes of one record.
	recordBytesMax  = 2 << 20
	readTimeout     = 30 * time.Second
	shutdownTimeout = 5 * time.Second
)
