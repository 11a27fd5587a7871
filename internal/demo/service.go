package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

// service is what all services of the shop have: an address, an SDK, a log, and their chances.
type service struct {
	name string
	shop *shop
	sdk  *providers
	dice *dice

	log    *slog.Logger
	tracer trace.Tracer
	meter  metric.Meter
	client *http.Client

	// who, if set, puts who asks into the context of a request.
	who func(context.Context, *http.Request) (context.Context, error)

	mux     *http.ServeMux // either these,
	http    *http.Server
	grpc    *grpc.Server // or this
	work    []func(context.Context)
	closers []func() error
}

// releases are the versions that run.
var releases = map[string]string{
	"web": "4.18.2", "search": "2.7.0", "catalog": "3.3.1", "recommendations": "0.9.14", "cart": "1.12.0", "checkout": "5.0.3", "payment": "2.2.8",
	"shipping": "1.4.4", "tax-gateway": "11.2", "tax": "1.0.9", "postgres": "17.5", "broker": "3.9.1", "mailer": "1.1.2",
}

// hosts are where they run.
var hosts = map[string]string{
	"web": "node-1", "search": "node-1", "cart": "node-1", "mailer": "node-1", "broker": "node-1", "postgres": "node-2", "catalog": "node-2", "checkout": "node-2",
	"shipping": "node-2", "tax-gateway": "node-2", "recommendations": skewedHost, "tax": skewedHost, "payment": skewedHost,
}

func newService(ctx context.Context, s *shop, name string) (*service, error) {
	d := newDice(s.options.Seed, name)
	pod := fmt.Sprintf("%s-%08x-%05x", name, d.below(1<<30), d.below(1<<20))
	host := hosts[name]
	res := resource.NewWithAttributes(semconv.SchemaURL,
		semconv.ServiceName(name), semconv.ServiceNamespace("shop"), semconv.ServiceVersion(releases[name]), semconv.ServiceInstanceID(pod),
		attribute.String("deployment.environment.name", "demo"),
		semconv.HostName(host), semconv.HostArchAMD64, semconv.OSTypeLinux, semconv.CloudRegion("eu-central-1"),
		semconv.K8SClusterName("demo-1"), semconv.K8SNamespaceName("shop"), semconv.K8SNodeName(host), semconv.K8SDeploymentName(name),
		semconv.K8SPodName(pod), semconv.K8SContainerName(name), semconv.ContainerImageName("registry.example/shop/"+name),
		semconv.ContainerImageTags(releases[name]), semconv.ProcessRuntimeName("go"),
		semconv.TelemetrySDKLanguageGo, semconv.TelemetrySDKName("opentelemetry"),
	)
	sdk, err := newProviders(ctx, s.receiver, res, func() time.Duration { return s.faults.clock(host) })
	if err != nil {
		return nil, err
	}
	const scope = "clew/internal/demo"
	v := &service{
		name: name, shop: s, sdk: sdk, dice: d, log: sdk.logger(scope), tracer: sdk.spans.Tracer(scope), meter: sdk.metrics.Meter(scope),
	}
	v.client = v.newHTTPClient()
	return v, nil
}

// background adds work that runs while the service is up.
func (s *service) background(f func(context.Context)) { s.work = append(s.work, f) }

// serve answers until stop.
func (s *service) serve(l net.Listener) error {
	var err error
	if s.grpc != nil {
		err = s.grpc.Serve(l)
	} else {
		err = s.http.Serve(l)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// stop finishes the requests in flight, and gives up when ctx ends.
func (s *service) stop(ctx context.Context) {
	if s.grpc != nil {
		done := make(chan struct{})
		go func() {
			s.grpc.GracefulStop()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			s.grpc.Stop()
			<-done
		}
		return
	}
	if err := s.http.Shutdown(ctx); err != nil {
		s.http.Close()
	}
}
