package stock

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"clew/internal/receivers/way"
)

// fuzzRig starts a receiver on a port of its own.
func fuzzRig(f *testing.F, c Component, change func(address string) map[string]any) (r *rig, address string) {
	f.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	r = newRig()
	m, err := way.NewMetrics(r.reg)
	if err != nil {
		f.Fatal(err)
	}
	r.start(f, m, c, change(address))
	return r, address
}

// post sends a body: whatever it is, there is an answer, which is a success or says that it is the body's fault.
func post(t *testing.T, url, contentType string, body []byte) {
	t.Helper()
	resp, err := http.Post(url, contentType, bytes.NewReader(body)) //nolint:gosec // our own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s := resp.StatusCode; s != http.StatusOK && s != http.StatusAccepted && (s < 400 || s >= 500) {
		t.Errorf("status %d: %s", s, text)
	}
}

func FuzzZipkin(f *testing.F) {
	_, address := fuzzRig(f, Component{ID: "zipkin", Config: map[string]any{}}, func(address string) map[string]any { return map[string]any{"endpoint": address} })
	span := `{"traceId":"%s","id":"352bff9a74ca9ad2","parentId":"6b221d5bc9e6496c","name":"get","kind":"SERVER","timestamp":1556604172355737,"duration":1431,"localEndpoint":{"serviceName":"backend","ipv4":"192.168.99.1","port":3306},"annotations":[{"timestamp":1,"value":"x"}],"tags":{"http.path":"/api","error":""}}`
	f.Add([]byte("["+fmt.Sprintf(span, "5982fe77008310cc80f1da5e10147517")+"]"), uint8(0))
	f.Add([]byte("["+fmt.Sprintf(span, "")+"]"), uint8(0))
	f.Add([]byte(`[{"traceId":"1","id":"2","name":"a","annotations":[{"timestamp":1,"value":"sr","endpoint":{"serviceName":"s"}}],"binaryAnnotations":[{"key":"k","value":"v"}]}]`), uint8(1))
	f.Add([]byte("\x0a\x1c\x0a\x08\x00\x00\x00\x00\x00\x00\x00\x01\x1a\x08\x00\x00\x00\x00\x00\x00\x00\x02\x22\x01a\x2a\x03get"), uint8(2))
	f.Add([]byte("\x0c\x00\x00\x00\x01\x0a\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00"), uint8(3))
	f.Fuzz(func(t *testing.T, body []byte, how uint8) {
		to := [...][2]string{{"/api/v2/spans", "application/json"}, {"/api/v1/spans", "application/json"}, {"/api/v2/spans", "application/x-protobuf"}, {"/api/v1/spans", "application/x-thrift"}}[how%4]
		post(t, "http://"+address+to[0], to[1], body)
	})
}

func FuzzJaegerThrift(f *testing.F) {
	_, address := fuzzRig(f, Component{ID: "jaeger", Config: map[string]any{}}, func(address string) map[string]any {
		return map[string]any{"protocols": map[string]any{"thrift_http": map[string]any{"endpoint": address}}}
	})
	// Batch{1: Process{1: "shop"}, 2: [Span{1-4: ids, 5: "buy", 7: flags, 8: start, 9: duration}]} in the binary protocol.
	f.Add([]byte("\x0c\x00\x01\x0b\x00\x01\x00\x00\x00\x04shop\x00\x0f\x00\x02\x0c\x00\x00\x00\x01" +
		"\x0a\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x0a\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x03\x00\x00\x00\x00\x00\x00\x00\x03\x0a\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x0b\x00\x05\x00\x00\x00\x03buy\x08\x00\x07\x00\x00\x00\x01\x0a\x00\x08\x00\x05\x00\x00\x00\x00\x00\x00\x0a\x00\x09\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00"))
	f.Add([]byte("\x0f\x00\x02\x0c\x7f\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		post(t, "http://"+address+"/api/traces", "application/x-thrift", body)
	})
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }
func (rawCodec) Name() string                       { return "proto" }

func FuzzJaegerGRPC(f *testing.F) {
	_, address := fuzzRig(f, Component{ID: "jaeger", Config: map[string]any{}}, func(address string) map[string]any {
		return map[string]any{"protocols": map[string]any{"grpc": map[string]any{"endpoint": address}}}
	})
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	f.Add([]byte("\x0a\x30\x0a\x26\x0a\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x12\x08\x00\x00\x00\x00\x00\x00\x00\x02\x1a\x03buy\x32\x02\x08\x01\x12\x06\x0a\x04shop"))
	f.Add([]byte("\x0a\x04\x0a\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var answer []byte
		err := conn.Invoke(ctx, "/jaeger.api_v2.CollectorService/PostSpans", &body, &answer, grpc.ForceCodec(rawCodec{}))
		switch code := status.Code(err); code {
		case codes.OK, codes.InvalidArgument, codes.Internal: // Internal is gRPC's own word for what it cannot decode
		default:
			t.Errorf("%v: %v", code, err)
		}
	})
}
