package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type taxes struct {
	Cents int `json:"cents"`
}

func newTax(s *service) error {
	s.serveHTTP()
	s.handle("GET /taxes", func(ctx context.Context, r *http.Request) (any, error) {
		net, err := strconv.Atoi(r.FormValue("net"))
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "net: %v", err)
		}
		ctx, span := s.tracer.Start(ctx, "apply rules")
		defer span.End()
		if err := nap(ctx, s.dice.about(3*time.Millisecond)); err != nil {
			return nil, err
		}
		s.log.DebugContext(ctx, fmt.Sprintf("rule VAT-%s-%d applied to net=%d", "DE", 19, net))
		return taxes{net * 19 / 100}, nil
	})
	return nil
}

// newTaxGateway makes the proxy before tax: an appliance bought long ago. With the fault uninstrumented-hop it forwards as before and passes the trace on with a
// span id of its own, and that span never arrives anywhere.
func newTaxGateway(s *service) error {
	upstream := &url.URL{Scheme: "http", Host: s.shop.addresses["tax"]}
	base := &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	s.closers = append(s.closers, func() error { base.CloseIdleConnections(); return nil })
	away := func(w http.ResponseWriter, r *http.Request, err error) {
		s.log.ErrorContext(r.Context(), "upstream tax: "+err.Error())
		w.WriteHeader(http.StatusBadGateway)
	}
	options := []otelhttp.Option{otelhttp.WithTracerProvider(s.sdk.spans), otelhttp.WithMeterProvider(s.sdk.metrics), otelhttp.WithPropagators(propagator)}
	told := otelhttp.NewHandler(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) }, Transport: otelhttp.NewTransport(base, options...), ErrorHandler: away,
		ModifyResponse: func(res *http.Response) error {
			s.log.InfoContext(res.Request.Context(), fmt.Sprintf("TAXGW-200 I upstream=%s status=%d", upstream.Host, res.StatusCode))
			return nil
		},
	}, "", options...)
	untold := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			ctx := propagator.Extract(r.In.Context(), propagation.HeaderCarrier(r.In.Header))
			if caller := trace.SpanContextFromContext(ctx); caller.IsValid() {
				var own trace.SpanID
				for i := range own {
					own[i] = byte(1 + s.dice.below(255))
				}
				propagator.Inject(trace.ContextWithRemoteSpanContext(ctx, caller.WithSpanID(own)), propagation.HeaderCarrier(r.Out.Header))
			}
		},
		Transport: base, ErrorHandler: away,
	}
	s.serveHTTP()
	s.mux.HandleFunc("GET /taxes", func(w http.ResponseWriter, r *http.Request) {
		if s.shop.faults.is(uninstrumentedHop) {
			untold.ServeHTTP(w, r)
			return
		}
		told.ServeHTTP(w, r)
	})
	return nil
}
