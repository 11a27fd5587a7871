package otlpreceiver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/config/configgrpc"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"clew/collector/refusal"
	"clew/internal/ledger"
	"clew/internal/telemetry"
)

// gRPC's own transport receives and decompresses a message before any handler or hook runs, and says to nobody how long it will be:
// 64 streams of 64 MiB on one connection are 4 GiB that admission never saw. So the connections are net/http's (HTTP/2 with flow control
// by what handlers read), the message is read here under a ticket, as a body over HTTP is, and gRPC gets an empty message in its place: it still does
// what it is good for, which is its status, metadata, deadlines, authentication and the services that are not ours.

// grpcBody is a request's message, or why it was not read. When a sender leaves, gRPC returns to serveGRPC while the handler still runs, or is still to
// begin: the buffer goes back only when the handler no longer reads it.
type grpcBody struct {
	body    *body
	ticket  *ticket
	refused *refusal.Error

	mu      sync.Mutex // held while the handler runs
	handled bool       // our handler has been reached, and counted the request
	left    bool       // a handler that begins now is too late
}

// begin is called before the body is used; if it says so, end must follow.
func (b *grpcBody) begin() bool {
	b.mu.Lock()
	if b.left {
		b.mu.Unlock()
		return false
	}
	b.handled = true
	return true
}

func (b *grpcBody) end() { b.mu.Unlock() }

// leave waits for a handler that has begun, gives everything back, and says whether there was one.
func (b *grpcBody) leave() (handled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = true
	b.body.giveBack()
	b.ticket.release()
	return b.handled
}

type grpcBodyKey struct{}

// rawMessage stands for the empty message that gRPC decodes.
type rawMessage struct{}

// rawCodec decodes nothing and passes answers as they are: pdata's own services decode inside gRPC, where a malformed message becomes INTERNAL.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	out, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("marshal %T: want bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(out)}, nil
}

func (rawCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

// registerGRPC serves one endpoint's Export method.
func (r *otlpReceiver) registerGRPC(s *grpc.Server, ep *endpoint) {
	info := &grpc.UnaryServerInfo{Server: r, FullMethod: ep.method()}
	handler := func(_ any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in, ok := ctx.Value(grpcBodyKey{}).(*grpcBody)
		if !ok {
			return nil, status.Error(codes.Internal, "the message was not read")
		}
		if err := dec(&rawMessage{}); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, _ any) (any, error) {
			if !in.begin() {
				return nil, status.Error(codes.Canceled, "the sender has left")
			}
			defer in.end()
			response, refused := r.exportGRPC(ctx, ep, in)
			if refused != nil {
				return nil, refused.GRPCStatus().Err()
			}
			return response, nil
		}
		if interceptor == nil {
			return handle(ctx, nil)
		}
		return interceptor(ctx, &rawMessage{}, info, handle)
	}
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: ep.service,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: handler}},
		Metadata:    "opentelemetry/proto/collector",
	}, r)
}

func (r *otlpReceiver) exportGRPC(ctx context.Context, ep *endpoint, in *grpcBody) ([]byte, *refusal.Error) {
	if in.refused != nil {
		return nil, r.refused(ep, "grpc", in.refused)
	}
	md, _ := metadata.FromIncomingContext(ctx)
	ctx, err := withTenant(ctx, md.Get(telemetry.TenantHeader))
	if err != nil {
		return nil, r.refused(ep, "grpc", refusal.Of(err))
	}
	if ctx, err = withNumber(ctx, ep.signal, md.Get(ledger.SourceHeader), md.Get(ledger.SeqHeader)); err != nil {
		return nil, r.refused(ep, "grpc", refusal.Of(err))
	}
	return r.export(ctx, ep, "grpc", formatProto, in.body, in.ticket)
}

// grpcOptions are the server options of our own.
func (r *otlpReceiver) grpcOptions() []configgrpc.ToServerOption {
	return []configgrpc.ToServerOption{configgrpc.WithGrpcServerOption(grpc.ForceServerCodecV2(rawCodec{}))}
}

// grpcServer is the HTTP/2 server in front of gRPC.
func (r *otlpReceiver) grpcServer(ctx context.Context, server *grpc.Server, cfg *configgrpc.ServerConfig) (*http.Server, error) {
	errorLog, err := zap.NewStdLogAt(r.telemetry.Logger, zap.DebugLevel)
	if err != nil {
		return nil, err
	}
	s := &http.Server{
		ErrorLog:          errorLog,
		Handler:           r.askGRPC(r.serveGRPC(server, int64(cfg.MaxRecvMsgSizeMiB)<<20)),
		ReadHeaderTimeout: headerTimeout,
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          int(cfg.MaxConcurrentStreams),
			MaxReceiveBufferPerConnection: connectionWindow,
			MaxReceiveBufferPerStream:     streamWindow,
			SendPingTimeout:               pingAfter,
			PingTimeout:                   pingTimeout,
		},
	}
	if !cfg.TLS.HasValue() {
		s.Protocols.SetUnencryptedHTTP2(true)
		return s, nil
	}
	s.Protocols.SetHTTP2(true)
	s.TLSConfig, err = serverTLS(ctx, cfg.TLS.Get(), r.cfg.ClientCertOptional.GRPC, "h2")
	return s, err
}

// serveGRPC reads our services' messages and passes everything on to gRPC. bodyBytesMax bounds a message, decompressed.
func (r *otlpReceiver) serveGRPC(server *grpc.Server, bodyBytesMax int64) http.Handler {
	endpoints := map[string]*endpoint{}
	for _, ep := range r.endpoints {
		endpoints[ep.method()] = ep
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ep := endpoints[req.URL.Path]
		if ep == nil || !strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc") {
			server.ServeHTTP(w, req)
			return
		}
		r.metrics.inFlight.Inc()
		defer r.metrics.inFlight.Dec()
		in := &grpcBody{ticket: r.admission.ticket(), body: newBody()}
		defer func() {
			if !in.leave() { // gRPC, or an interceptor such as authentication, has refused it
				r.metrics.requests.WithLabelValues(ep.signal.String(), "grpc", "refused_by_grpc").Inc()
			}
		}()
		// What a sender does not send holds memory: it has the time that a body over HTTP has. The server's own ReadTimeout would be the connection's.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(defaultReadTimeout))
		var err error
		if in.body.bytes, err = readMessage(req, in.body.bytes, bodyBytesMax, in.ticket); err != nil {
			in.refused = refusal.Of(err)
		}
		empty := req.WithContext(context.WithValue(req.Context(), grpcBodyKey{}, in))
		empty.Body = io.NopCloser(bytes.NewReader(make([]byte, messageHeader)))
		server.ServeHTTP(w, empty)
	})
}

// messageHeader is a flag (1: compressed) and the length that stand before each message.
const messageHeader = 5

// readMessage appends a request's message, decompressed, to buf. It asks t for memory before it takes it.
func readMessage(req *http.Request, buf []byte, bytesMax int64, t *ticket) ([]byte, error) {
	tooLarge := &refusal.Error{Kind: refusal.TooLarge, Reason: "too_large", Err: fmt.Errorf("the message is larger than %d bytes", bytesMax)}
	var header [messageHeader]byte
	if _, err := io.ReadFull(req.Body, header[:]); err != nil {
		return buf, bodyRefusal(fmt.Errorf("message header: %w", err))
	}
	length := int64(binary.BigEndian.Uint32(header[1:]))
	if length > bytesMax {
		return buf, tooLarge
	}
	if header[0] == 0 {
		buf, err := readBody(io.LimitReader(req.Body, length), length, buf, t)
		if err == nil && int64(len(buf)) < length {
			err = bodyRefusal(io.ErrUnexpectedEOF)
		}
		return buf, err
	}
	coding := req.Header.Get("Grpc-Encoding")
	compressor := encoding.GetCompressor(coding)
	if compressor == nil {
		return buf, bodyRefusal(fmt.Errorf("compression %.40q: want gzip, zstd, snappy or none", coding))
	}
	compressed := &io.LimitedReader{R: req.Body, N: length}
	plain, err := compressor.Decompress(compressed)
	if err != nil {
		return buf, bodyRefusal(fmt.Errorf("decompress: %w", err))
	}
	if c, ok := plain.(io.Closer); ok {
		defer c.Close()
	}
	buf, err = readBody(io.LimitReader(plain, bytesMax+1), -1, buf, t)
	switch {
	case err != nil:
		return buf, err
	case int64(len(buf)) > bytesMax:
		return buf, tooLarge
	case compressed.N > 0:
		return buf, bodyRefusal(errors.New("decompress: more data after the end"))
	}
	return buf, nil
}
