package shipper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	_ "go.opentelemetry.io/collector/config/configgrpc" // registers zstd with gRPC, for answers
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"clew/agents/diskqueue"
)

// client sends batches to one collector. A batch is bytes that were an OTLP request, and were compressed, when they were queued: they are neither decoded nor
// compressed again.
type client struct {
	conn *grpc.ClientConn
	cfg  *Config
}

var methods = map[string]string{
	"logs":    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	"spans":   "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	"metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}

// Metadata of an export by which the receiving side knows a batch again.
const (
	sourceHeader = "clew-source"
	seqHeader    = "clew-seq"
	tenantHeader = "x-scope-orgid"
)

func dial(ctx context.Context, cfg *Config, address string) (*client, error) {
	creds := insecure.NewCredentials()
	tls, err := cfg.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if tls != nil {
		creds = credentials.NewTLS(tls)
	}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: backoffMin, Multiplier: 1.6, Jitter: 0.2, MaxDelay: backoffMax / 2}, MinConnectTimeout: connectTimeout}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(answerBytesMax)),
		grpc.WithCompressor(packed{}), //nolint:staticcheck // the successor has one compressor of a name for the process, and this one compresses nothing
		grpc.WithNoProxy(),
	)
	if err != nil {
		return nil, fmt.Errorf("collector %s: %w", address, err)
	}
	return &client{conn: conn, cfg: cfg}, nil
}

// rawCodec passes protobuf bytes through.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (rawCodec) Name() string { return "proto" }

// packed sends messages that are zstd already.
type packed struct{}

func (packed) Do(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}
func (packed) Type() string { return "zstd" }

// answer is what a collector said to a batch.
type answer struct {
	kind    answerKind
	refused map[string]int // of an accepted batch, by reason
	reason  string         // of refusal
	after   time.Duration  // of overload
	err     error
}

type answerKind uint8

const (
	accepted   answerKind = iota
	refused               // never
	overloaded            // later: it is well, but has no room
	failed                // this collector does not do now; another may
	doubtful              // an error that is none of these
)

// export offers a batch once.
func (c *client) export(ctx context.Context, b *diskqueue.Batch) answer {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	headers := metadata.Pairs(sourceHeader, b.Source, seqHeader, strconv.FormatUint(b.Seq, 10))
	token, err := c.cfg.bearer()
	if err != nil {
		return answer{kind: failed, err: err}
	}
	if token != "" {
		headers.Set("authorization", "Bearer "+token)
	}
	if c.cfg.Tenant != "" {
		headers.Set(tenantHeader, c.cfg.Tenant)
	}
	var body []byte
	if err := c.conn.Invoke(metadata.NewOutgoingContext(ctx, headers), methods[b.Lane], &b.Payload, &body); err != nil {
		return classify(err)
	}
	return answer{refused: partial(b.Lane, body)}
}

// classify says what an error means, by OTLP's rules, but for one: a token or an address that is wrong is the configuration's fault, not the data's, which
// waits until it is mended.
func classify(err error) answer {
	s, ok := status.FromError(err)
	if !ok {
		return answer{kind: failed, err: err}
	}
	switch s.Code() {
	case codes.ResourceExhausted:
		for _, d := range s.Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				return answer{kind: overloaded, after: info.GetRetryDelay().AsDuration(), err: err}
			}
		}
		return answer{kind: refused, reason: "too_large", err: err}
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.Unavailable, codes.DataLoss,
		codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		a := answer{kind: failed, err: err}
		for _, d := range s.Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				return answer{kind: overloaded, after: info.GetRetryDelay().AsDuration(), err: err}
			}
		}
		return a
	case codes.InvalidArgument:
		return answer{kind: refused, reason: "invalid", err: err}
	}
	return answer{kind: doubtful, reason: "collector_error", err: err}
}

// rejectedWords finds clew's own reasons in a partial success: "rejected 3 of 10 spans: 2 empty_trace_id, 1 empty_span_id".
var rejectedWords = regexp.MustCompile(`(\d+) ([a-z_]+)(?:, |$)`)

// partial reads how many records of an accepted batch were refused, and why. An answer that cannot be read refuses nothing.
func partial(lane string, body []byte) map[string]int {
	var n int64
	var message string
	switch lane {
	case "logs":
		r := plogotlp.NewExportResponse()
		if r.UnmarshalProto(body) == nil {
			n, message = r.PartialSuccess().RejectedLogRecords(), r.PartialSuccess().ErrorMessage()
		}
	case "spans":
		r := ptraceotlp.NewExportResponse()
		if r.UnmarshalProto(body) == nil {
			n, message = r.PartialSuccess().RejectedSpans(), r.PartialSuccess().ErrorMessage()
		}
	case "metrics":
		r := pmetricotlp.NewExportResponse()
		if r.UnmarshalProto(body) == nil {
			n, message = r.PartialSuccess().RejectedDataPoints(), r.PartialSuccess().ErrorMessage()
		}
	}
	if n <= 0 {
		return nil
	}
	reasons, left := map[string]int{}, int(n)
	for _, m := range rejectedWords.FindAllStringSubmatch(message, -1) {
		if k, err := strconv.Atoi(m[1]); err == nil && k > 0 && k <= left {
			reasons[m[2]] += k
			left -= k
		}
	}
	if left > 0 {
		reasons["rejected"] += left
	}
	return reasons
}

var errNoCollector = errors.New("no collector can be reached")
