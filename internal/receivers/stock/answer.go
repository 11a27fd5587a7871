package stock

import (
	"context"
	"net/http"
	"strconv"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"clew/internal/access"
	"clew/internal/receivers/way"
	"clew/internal/telemetry"
)

// extensionType is the type of the extension that watches the stock receivers' answers.
var extensionType = component.MustNewType("clew_answers")

// ExtensionID is the extension for a protocol, in the Collector's configuration.
func ExtensionID(protocol string) string { return extensionType.String() + "/" + protocol }

// ExtensionFactory makes the extensions, which are middleware of the stock receivers' servers.
func ExtensionFactory(m *way.Metrics, guard *access.Guard) extension.Factory {
	return extension.NewFactory(extensionType, func() component.Config { return &struct{}{} },
		func(_ context.Context, set extension.Settings, _ component.Config) (extension.Extension, error) {
			return &watcher{protocol: set.ID.Name(), metrics: m, guard: guard}, nil
		}, component.StabilityLevelStable)
}

// watcher counts requests by what was answered, and answers refusals in the terms of the protocol.
type watcher struct {
	component.StartFunc
	component.ShutdownFunc
	protocol string
	metrics  *way.Metrics
	guard    *access.Guard
}

var (
	_ extensionmiddleware.HTTPServer = (*watcher)(nil)
	_ extensionmiddleware.GRPCServer = (*watcher)(nil)
)

// answer is a response on its way. A stock receiver answers 500 to whatever the pipeline says; what it says is here.
type answer struct {
	http.ResponseWriter
	refused *way.Error
	status  int
}

type answerKey struct{}

// WriteHeader is part of http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if e := a.refused; e != nil && status >= http.StatusBadRequest {
		status = e.Status
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			a.Header().Set("Retry-After", strconv.Itoa(max(e.WaitSeconds, 1)))
		}
	}
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// result is the answer as counters name it.
func (a *answer) result() string {
	switch {
	case a.refused != nil:
		return a.refused.Reason
	case a.status == 0 || a.status < http.StatusBadRequest:
		return "ok"
	case a.status == http.StatusBadRequest:
		return "malformed"
	}
	return "status_" + strconv.Itoa(a.status)
}

// GetHTTPHandler is part of extensionmiddleware.HTTPServer.
func (w *watcher) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, base http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			a := &answer{ResponseWriter: rw}
			req, no := w.guard.Admit(req, w.protocol, access.Need{Role: access.Write})
			if no != nil {
				w.metrics.Request(w.protocol, "access_"+no.Reason)
				no.Challenge(rw.Header())
				http.Error(rw, no.Message, no.Status)
				return
			}
			base.ServeHTTP(a, req.WithContext(context.WithValue(req.Context(), answerKey{}, a)))
			w.metrics.Request(w.protocol, a.result())
		}), nil
	}, nil
}

// GetGRPCServerOptions is part of extensionmiddleware.GRPCServer. gRPC finds the refusal's status in the error by itself.
func (w *watcher) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	count := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		a := &answer{}
		ctx, no := admitGRPC(ctx, w.guard, w.protocol)
		if no != nil {
			w.metrics.Request(w.protocol, "access_"+no.Reason)
			return nil, status.Error(no.GRPC(), no.Message)
		}
		resp, err := handle(context.WithValue(ctx, answerKey{}, a), req)
		switch {
		case err == nil:
			w.metrics.Request(w.protocol, "ok")
		case a.refused != nil:
			w.metrics.Request(w.protocol, a.refused.Reason)
		default:
			w.metrics.Request(w.protocol, "grpc_"+status.Code(err).String())
		}
		return resp, err
	}
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(count)}, nil
}

// admitGRPC asks who sends a call.
func admitGRPC(ctx context.Context, guard *access.Guard, where string) (context.Context, *access.Refusal) {
	if !guard.On() {
		return ctx, nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	shown := &access.Presented{Where: where, Authorization: md.Get("authorization"), Tenants: md.Get(telemetry.TenantHeader)}
	if p, ok := peer.FromContext(ctx); ok {
		shown.Address = access.Host(p.Addr.String())
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
			shown.Certificates = info.State.PeerCertificates
		}
	}
	admitted, no := guard.Check(ctx, shown, access.Need{Role: access.Write})
	if no != nil {
		return ctx, no
	}
	return access.With(ctx, admitted), nil
}
