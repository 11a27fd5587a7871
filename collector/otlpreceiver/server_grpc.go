package otlpreceiver

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/config/configgrpc"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/types/known/durationpb"

	"clew/collector/refusal"
	"clew/internal/telemetry"
)

// rawMessage is a gRPC message before it is decoded. pdata's own services decode inside gRPC, where there is no admission
// and a malformed message becomes INTERNAL.
type rawMessage struct{ buf mem.Buffer }

func (m *rawMessage) bytes() []byte { return m.buf.ReadOnlyData() }

func (m *rawMessage) free() {
	if m.buf != nil {
		m.buf.Free()
	}
}

// rawCodec passes messages as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	out, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("marshal %T: want bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(out)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	in, ok := v.(*rawMessage)
	if !ok {
		return fmt.Errorf("unmarshal into %T: want a raw message", v)
	}
	in.buf = data.MaterializeToBuffer(mem.DefaultBufferPool())
	return nil
}

// registerGRPC serves one endpoint's Export method.
func (r *otlpReceiver) registerGRPC(s *grpc.Server, ep *endpoint) {
	info := &grpc.UnaryServerInfo{Server: r, FullMethod: "/" + ep.service + "/Export"}
	handler := func(_ any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		if s, ok := ctx.Value(grpcStateKey{}).(*grpcState); ok {
			s.received = true
		}
		r.metrics.inFlight.Inc()
		defer r.metrics.inFlight.Dec()
		t := r.admission.ticket()
		defer t.release()
		var in rawMessage
		defer in.free()
		if err := dec(&in); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, _ any) (any, error) {
			response, refused := r.exportGRPC(ctx, ep, in.bytes(), t)
			if refused != nil {
				return nil, statusOf(refused).Err()
			}
			return response, nil
		}
		if interceptor == nil {
			return handle(ctx, nil)
		}
		return interceptor(ctx, &in, info, handle)
	}
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: ep.service,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: handler}},
		Metadata:    "opentelemetry/proto/collector",
	}, r)
}

func (r *otlpReceiver) exportGRPC(ctx context.Context, ep *endpoint, body []byte, t *ticket) ([]byte, *refusal.Error) {
	md, _ := metadata.FromIncomingContext(ctx)
	ctx, err := withTenant(ctx, md.Get(telemetry.TenantHeader))
	if err == nil {
		err = t.need(int64(len(body)))
	}
	if err != nil {
		return nil, r.refused(ep, "grpc", refusal.Of(err))
	}
	return r.export(ctx, ep, "grpc", formatProto, body, t)
}

// grpcOptions are the server options of our own.
func (r *otlpReceiver) grpcOptions() []configgrpc.ToServerOption {
	return []configgrpc.ToServerOption{
		configgrpc.WithGrpcServerOption(grpc.ForceServerCodecV2(rawCodec{})),
		configgrpc.WithGrpcServerOption(grpc.InTapHandle(r.tap)),
		configgrpc.WithGrpcServerOption(grpc.StatsHandler(&grpcStats{r: r})),
	}
}

// tap sees a request's headers. gRPC receives and decompresses the message before any handler runs, and nobody knows how
// long it will be; so when nothing is free, it is not received at all.
func (r *otlpReceiver) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	t := r.admission.ticket()
	defer t.release()
	if err := t.need(readChunk); err != nil {
		refused := refusal.Of(err)
		for _, ep := range r.endpoints {
			if info.FullMethodName == "/"+ep.service+"/Export" {
				_ = r.refused(ep, "grpc", refused) // the stream gets the same answer below
			}
		}
		return ctx, statusOf(refused).Err()
	}
	return ctx, nil
}

// grpcStats counts the requests that gRPC refuses before our handler sees them: too large, or not to be decompressed.
type grpcStats struct{ r *otlpReceiver }

// grpcState is what is known of one call.
type grpcState struct {
	method   string
	received bool // our handler has it, and counts it
}

type grpcStateKey struct{}

// TagRPC is part of stats.Handler, as are the following.
func (g *grpcStats) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, grpcStateKey{}, &grpcState{method: info.FullMethodName})
}

func (g *grpcStats) HandleRPC(ctx context.Context, s stats.RPCStats) {
	end, ok := s.(*stats.End)
	if !ok || end.Error == nil {
		return
	}
	state, ok := ctx.Value(grpcStateKey{}).(*grpcState)
	if !ok || state.received {
		return
	}
	result := "body"
	if status.Code(end.Error) == codes.ResourceExhausted {
		result = "too_large"
	}
	for _, ep := range g.r.endpoints {
		if state.method == "/"+ep.service+"/Export" {
			g.r.metrics.requests.WithLabelValues(ep.signal.String(), "grpc", result).Inc()
		}
	}
}

func (g *grpcStats) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (g *grpcStats) HandleConn(context.Context, stats.ConnStats)                       {}

// statusOf is the refusal as gRPC status: RESOURCE_EXHAUSTED is tried again only where RetryInfo says so.
func statusOf(e *refusal.Error) *status.Status {
	code := codes.Unavailable
	switch e.Kind {
	case refusal.Overload, refusal.TooLarge:
		code = codes.ResourceExhausted
	case refusal.Invalid:
		code = codes.InvalidArgument
	}
	message := e.Error()
	if len(message) > errorMessageMax {
		message = message[:errorMessageMax]
	}
	s := status.New(code, message)
	if e.Kind == refusal.Overload || e.Kind == refusal.Unavailable {
		if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.Wait())}); err == nil {
			return with
		}
	}
	return s
}
