package demo

import (
	"context"
	"encoding/json"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
)

// The shop's gRPC services are described in Go and speak JSON: gRPC does not ask for protobuf, and thirty messages need no generated code.

type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
func (jsonCodec) Name() string                       { return "json" }

// method makes a gRPC method of a function.
func method[Req, Res any](name string, f func(context.Context, Req) (Res, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		var req Req
		if err := decode(&req); err != nil {
			return nil, err
		}
		if intercept == nil {
			return f(ctx, req)
		}
		return intercept(ctx, req, &grpc.UnaryServerInfo{FullMethod: name}, func(ctx context.Context, _ any) (any, error) { return f(ctx, req) })
	}}
}

// serveGRPC makes s a gRPC service of these methods; methods in quiet have no spans.
func (s *service) serveGRPC(name string, quiet map[string]bool, methods ...grpc.MethodDesc) {
	s.grpc = grpc.NewServer(grpc.ForceServerCodec(jsonCodec{}), grpc.StatsHandler(otelgrpc.NewServerHandler(s.grpcOptions(quiet)...)))
	s.grpc.RegisterService(&grpc.ServiceDesc{ServiceName: name, HandlerType: (*any)(nil), Methods: methods}, struct{}{})
}

// dial makes a client of another service; methods in quiet have no spans.
func (s *service) dial(to string, quiet map[string]bool) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(s.shop.addresses[to], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(jsonCodec{})), grpc.WithStatsHandler(otelgrpc.NewClientHandler(s.grpcOptions(quiet)...)))
	if err == nil {
		s.closers = append(s.closers, conn.Close)
	}
	return conn, err
}

func (s *service) grpcOptions(quiet map[string]bool) []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(s.sdk.spans), otelgrpc.WithMeterProvider(s.sdk.metrics), otelgrpc.WithPropagators(propagator),
		otelgrpc.WithFilter(func(i *stats.RPCTagInfo) bool { return !quiet[i.FullMethodName] }),
	}
}

// call calls a method.
func call[Res any](ctx context.Context, conn *grpc.ClientConn, method string, req any) (Res, error) {
	var res Res
	err := conn.Invoke(ctx, method, req, &res)
	return res, err
}
