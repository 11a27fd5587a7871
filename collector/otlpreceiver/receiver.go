// Package otlpreceiver is the Collector's receiver for OTLP over gRPC and HTTP.
//
// It differs from the stock receiver in what it answers, which is what a sender can act on:
//
//   - success only when the pipeline has returned, which with clew's exporter means that every record is durable;
//   - partial success for invalid records of a readable request, with counts and reasons, while the good are kept;
//   - 400 with the field's path and the byte for a body that cannot be read;
//   - 429 / RESOURCE_EXHAUSTED with the time to wait, never an unmarked 503, when too many bytes are in flight or the log
//     is full or slow.
//
// A body is looked over before it is decoded (survey_proto.go): nesting is bounded, and the memory it decodes to is
// known and admitted before it is taken.
package otlpreceiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"clew/collector/quota"
	"clew/internal/access"
	"clew/internal/ledger"
)

// otlpReceiver serves all signals on one pair of ports.
type otlpReceiver struct {
	id        component.ID
	cfg       *Config
	telemetry component.TelemetrySettings
	metrics   *Metrics
	admission *admission
	quota     *quota.Quota
	book      *ledger.Book
	// recordBytesMax bounds one record.
	recordBytesMax int
	listening      func(id component.ID, protocol string, addr net.Addr)
	forget         func()
	endpoints      []*endpoint
	ways           Ways
	guard          *access.Guard

	start, stop sync.Once
	startErr    error
	serving     sync.WaitGroup
	http        *http.Server
	grpc        *grpc.Server
	grpcFront   *http.Server // its connections
}

// Start listens and serves. The pipelines of all signals share the receiver; the first one starts it.
func (r *otlpReceiver) Start(ctx context.Context, host component.Host) error {
	r.start.Do(func() {
		r.startErr = r.listen(ctx, host)
		if r.startErr != nil {
			r.startErr = errors.Join(r.startErr, r.Shutdown(ctx))
		}
	})
	return r.startErr
}

func (r *otlpReceiver) listen(ctx context.Context, host component.Host) error {
	if r.cfg.Protocols.GRPC.HasValue() {
		if err := r.listenGRPC(ctx, host, r.cfg.Protocols.GRPC.Get()); err != nil {
			return fmt.Errorf("otlp over grpc: %w", err)
		}
	}
	if r.cfg.Protocols.HTTP.HasValue() {
		if err := r.listenHTTP(ctx, host, r.cfg.Protocols.HTTP.Get()); err != nil {
			return fmt.Errorf("otlp over http: %w", err)
		}
	}
	return nil
}

func (r *otlpReceiver) listenGRPC(ctx context.Context, host component.Host, cfg *configgrpc.ServerConfig) error {
	server, err := cfg.ToServer(ctx, host.GetExtensions(), r.telemetry, r.grpcOptions()...)
	if err != nil {
		return err
	}
	for _, ep := range r.endpoints {
		r.registerGRPC(server, ep)
	}
	front, err := r.grpcServer(ctx, server, cfg)
	if err != nil {
		return err
	}
	listener, err := cfg.NetAddr.Listen(ctx)
	if err != nil {
		return err
	}
	r.grpc, r.grpcFront = server, front
	r.serve(host, "grpc", listener, func() error {
		if front.TLSConfig != nil {
			return front.ServeTLS(listener, "", "")
		}
		return front.Serve(listener)
	})
	return nil
}

func (r *otlpReceiver) listenHTTP(ctx context.Context, host component.Host, cfg *confighttp.ServerConfig) error {
	mux := http.NewServeMux()
	for _, ep := range r.endpoints {
		mux.HandleFunc(ep.path, r.serveHTTP(ep))
	}
	r.mountWays(mux, cfg.MaxRequestBodySize)
	options := append(httpDecoders(), confighttp.WithErrorHandler(answerHTTPError))
	server, err := cfg.ToServer(ctx, host.GetExtensions(), r.telemetry, r.askHTTP(mux), options...)
	if err != nil {
		return err
	}
	listener, err := cfg.NetAddr.Listen(ctx)
	if err != nil {
		return err
	}
	if cfg.TLS.HasValue() {
		config, err := serverTLS(ctx, cfg.TLS.Get(), r.cfg.ClientCertOptional.HTTP, "h2", "http/1.1")
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		listener = tls.NewListener(listener, config)
	}
	r.http = server
	r.serve(host, "http", listener, func() error { return server.Serve(listener) })
	return nil
}

// serve runs a server and tells who asked where it listens.
func (r *otlpReceiver) serve(host component.Host, protocol string, listener net.Listener, serve func() error) {
	r.telemetry.Logger.Info("listening for OTLP", zap.String("protocol", protocol), zap.Stringer("address", listener.Addr()))
	r.serving.Go(func() {
		if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(fmt.Errorf("otlp over %s: %w", protocol, err)))
		}
	})
	if r.listening != nil {
		r.listening(r.id, protocol, listener.Addr())
	}
}

// Shutdown stops listening, lets requests in flight finish for a while, then cuts them off.
func (r *otlpReceiver) Shutdown(ctx context.Context) error {
	r.stop.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
		var stopping sync.WaitGroup
		for _, server := range []*http.Server{r.http, r.grpcFront} {
			if server != nil {
				stopping.Go(func() {
					if err := server.Shutdown(ctx); err != nil {
						server.Close()
					}
				})
			}
		}
		stopping.Wait()
		if r.grpc != nil {
			r.grpc.Stop()
		}
		r.serving.Wait()
		r.forget()
	})
	return nil
}
