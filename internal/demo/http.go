package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"
)

// statusError is an answer other than 200, as it is passed from service to service.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return e.text }

func refuse(code int, format string, args ...any) error {
	return &statusError{code, fmt.Sprintf(format, args...)}
}

// codeOf is the answer that an error becomes.
func codeOf(err error) int {
	var s *statusError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &s):
		return s.code
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case errors.Is(err, context.Canceled):
		return 499 // the caller has gone, as nginx says it
	}
	return http.StatusBadGateway
}

// wordsOf is an error without the frame that gRPC puts around it.
func wordsOf(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Message()
	}
	return err.Error()
}

// serveHTTP makes s an HTTP service; routes are added with handle.
func (s *service) serveHTTP() {
	s.mux = http.NewServeMux()
	s.http = &http.Server{Handler: s.mux, ReadHeaderTimeout: requestTimeout}
}

// handle adds a route that answers JSON, with a span, metrics and a line in the log.
func (s *service) handle(pattern string, f func(ctx context.Context, r *http.Request) (any, error)) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin, ctx := time.Now(), r.Context()
		var result any
		var err error
		if s.who != nil {
			ctx, err = s.who(ctx, r)
		}
		if err == nil {
			result, err = f(ctx, r)
		}
		code := codeOf(err)
		if err != nil {
			result = map[string]string{"error": wordsOf(err)}
			if code >= 500 {
				trace.SpanFromContext(ctx).SetStatus(codes.Error, wordsOf(err))
			}
		}
		body, err := json.Marshal(result)
		if err != nil {
			code = http.StatusInternalServerError
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write(body) // the caller may have gone
		s.access(ctx, r, code, len(body), time.Since(begin))
	})
	s.mux.Handle(pattern, otelhttp.NewHandler(answer, "", otelhttp.WithTracerProvider(s.sdk.spans), otelhttp.WithMeterProvider(s.sdk.metrics), otelhttp.WithPropagators(propagator)))
}

// access is the line of a request in the log; the edge writes the combined format, the services behind it write fields.
func (s *service) access(ctx context.Context, r *http.Request, code, size int, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case code >= 500:
		level = slog.LevelError
	case code >= 400:
		level = slog.LevelWarn
	case s.name == "web":
		level = slog.LevelInfo
	}
	if s.name == "web" {
		s.log.Log(ctx, level, fmt.Sprintf(`%s - %s [%s] "%s %s %s" %d %d %q %.3f`, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-User"),
			time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), r.Method, r.URL.RequestURI(), r.Proto, code, size, r.UserAgent(), took.Seconds()))
		return
	}
	s.log.Log(ctx, level, fmt.Sprintf("handled %s %s", r.Method, r.URL.Path), "status", code, "bytes", size, "took_ms", float64(took.Microseconds())/1000)
}

// template is a path without what differs from request to request: the ids in second place.
func template(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i] + "/{id}"
	}
	return path
}

func (s *service) newHTTPClient() *http.Client {
	base := &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second}
	s.closers = append(s.closers, func() error { base.CloseIdleConnections(); return nil })
	return &http.Client{Transport: otelhttp.NewTransport(repeats{base}, otelhttp.WithTracerProvider(s.sdk.spans), otelhttp.WithMeterProvider(s.sdk.metrics),
		otelhttp.WithPropagators(propagator), otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + template(r.URL.Path) }))}
}

// resendKey marks the context of a request that is a repeat, with how many came before.
type resendKey struct{}

// repeats says so on the client's span, which begins inside the transport.
type repeats struct{ http.RoundTripper }

func (t repeats) RoundTrip(r *http.Request) (*http.Response, error) {
	if n, ok := r.Context().Value(resendKey{}).(int); ok {
		trace.SpanFromContext(r.Context()).SetAttributes(semconv.HTTPRequestResendCount(n))
	}
	return t.RoundTripper.RoundTrip(r)
}

// ask asks another service and decodes its answer.
func (s *service) ask(ctx context.Context, verb, to, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, verb, "http://"+s.shop.addresses[to]+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", s.name+"/"+releases[s.name])
	res, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	if res.StatusCode != http.StatusOK {
		var refusal struct{ Error string }
		if json.Unmarshal(data, &refusal) != nil || refusal.Error == "" {
			refusal.Error = res.Status
		}
		return refuse(res.StatusCode, "%s: %s", to, refusal.Error)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}
