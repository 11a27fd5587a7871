package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// exportSpans is OTLP's method for spans.
const exportSpans = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// dialReceiver makes the connection that all services send by. It says why telemetry is not taken once, and once when it is again: the SDK repeats its errors with each batch.
func (s *shop) dialReceiver() (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if s.options.TLS != nil {
		transport = credentials.NewTLS(s.options.TLS)
	}
	h := &hearing{shop: s}
	conn, err := grpc.NewClient(s.options.OTLP, grpc.WithTransportCredentials(transport), grpc.WithUnaryInterceptor(h.intercept))
	if err != nil {
		return nil, fmt.Errorf("otlp %s: %w", s.options.OTLP, err)
	}
	return conn, nil
}

// askReceiver sends nothing, and so finds out at once whether something would be taken.
func askReceiver(ctx context.Context, conn *grpc.ClientConn) {
	_ = conn.Invoke(ctx, exportSpans, &emptypb.Empty{}, &emptypb.Empty{}) // hearing says what is wrong
}

// hearing is what is known of the receiver by its answers.
type hearing struct {
	shop *shop

	mu   sync.Mutex
	said codes.Code // OK: it takes telemetry, as far as is known
}

// intercept shows the token, and hears how a request ends.
func (h *hearing) intercept(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if token := h.shop.options.Token; token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	err := invoke(ctx, method, req, reply, conn, opts...)
	if ctx.Err() == nil {
		h.ended(status.Convert(err))
	}
	return err
}

func (h *hearing) ended(how *status.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if how.Code() == h.said {
		return
	}
	h.said = how.Code()
	if h.said == codes.OK {
		h.shop.say("%s takes telemetry", h.shop.options.OTLP)
		return
	}
	h.shop.say("nothing takes telemetry at %s; the shop goes on and keeps trying: %s%s", h.shop.options.OTLP, how.Message(), h.advice(how))
}

// advice is what may help, by what the receiver has answered.
func (h *hearing) advice(how *status.Status) string {
	switch {
	case how.Code() == codes.Unauthenticated:
		return " (show a token, or a client certificate: --token-file or CLEW_TOKEN, --tls-cert and --tls-key)"
	case how.Code() == codes.PermissionDenied:
		return " (what is shown may not write there: it wants the role write)"
	case h.shop.options.TLS == nil && strings.Contains(how.Message(), "server preface"):
		return " (it may want TLS: --tls or --tls-ca)"
	case h.shop.options.TLS != nil && strings.Contains(how.Message(), "certificate signed by unknown authority"):
		return " (--tls-ca names the authority of its certificate)"
	}
	return ""
}
