package clients

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	zipkinmodel "github.com/openzipkin/zipkin-go/model"
	zipkinhttp "github.com/openzipkin/zipkin-go/reporter/http"
	jaeger "github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/transport"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// TestZipkin sends both sides of one call, which share a span id as Zipkin's tracers have it: both are kept.
func TestZipkin(t *testing.T) {
	reporter := zipkinhttp.NewReporter("http://"+clew.ports["zipkin"]+"/api/v2/spans", zipkinhttp.BatchInterval(10*time.Millisecond),
		zipkinhttp.RequestCallback(func(r *http.Request) { r.Header.Set("X-Scope-OrgID", "zipkin") }))
	at := time.Now().Add(-time.Second).Truncate(time.Microsecond)
	parent := zipkinmodel.ID(0x11)
	span := zipkinmodel.SpanModel{
		SpanContext: zipkinmodel.SpanContext{TraceID: zipkinmodel.TraceID{High: 1, Low: 2}, ID: 0x22, ParentID: &parent},
		Name:        "get /cart", Timestamp: at, Duration: 1500 * time.Microsecond, Kind: zipkinmodel.Client,
		LocalEndpoint: &zipkinmodel.Endpoint{ServiceName: "web"}, Tags: map[string]string{"http.path": "/cart"},
	}
	reporter.Send(span)
	span.Kind, span.Shared, span.LocalEndpoint = zipkinmodel.Server, true, &zipkinmodel.Endpoint{ServiceName: "cart"}
	reporter.Send(span)
	if err := reporter.Close(); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, s := range find(t, "zipkin", "spans", `name:"get /cart"`, 2) {
		kinds[s.text("kind")] = s.text("service")
		check(t, s, "00000000000000010000000000000002", "traceId")
		check(t, s, "0000000000000022", "spanId")
		check(t, s, "0000000000000011", "parentSpanId")
		check(t, s, "/cart", "attributes", "http.path")
		check(t, s, fmt.Sprint(at.UnixNano()), "startUnixNano")
	}
	if len(kinds) != 2 {
		t.Errorf("kinds and services %v, want the client's and the server's", kinds)
	}
	resp, err := http.Post("http://"+clew.ports["zipkin"]+"/api/v2/spans", "application/json", strings.NewReader(`[{"id":`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("malformed: status %d, want 400", resp.StatusCode)
	}
}

// TestJaegerLibrary sends by Thrift over UDP and HTTP, with the library that Jaeger had.
func TestJaegerLibrary(t *testing.T) {
	udp, err := jaeger.NewUDPTransport(clew.ports["jaeger compact"], 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, sender := range map[string]jaeger.Transport{"udp": udp, "http": transport.NewHTTPTransport("http://" + clew.ports["jaeger http"] + "/api/traces")} {
		tracer, closer := jaeger.NewTracer("jaeger-"+name, jaeger.NewConstSampler(true), jaeger.NewRemoteReporter(sender))
		span := tracer.StartSpan("charge")
		span.SetTag("amount", 42)
		span.SetTag("error", true)
		span.LogKV("event", "declined")
		id := span.Context().(jaeger.SpanContext)
		span.Finish()
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
		got := find(t, "default", "spans", "service:jaeger-"+name, 1)[0]
		check(t, got, "charge", "name")
		check(t, got, fmt.Sprintf("%032s", id.TraceID().String()), "traceId")
		check(t, got, "42", "attributes", "amount")
	}
}

// TestJaegerGRPC sends as Jaeger's agent did, for a tenant.
func TestJaegerGRPC(t *testing.T) {
	conn, err := grpc.NewClient(clew.ports["jaeger grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "x-scope-orgid", "jaeger"), 10*time.Second)
	defer cancel()
	span := &model.Span{
		TraceID: model.NewTraceID(3, 4), SpanID: model.NewSpanID(5), OperationName: "ship", StartTime: time.Now().Add(-time.Second), Duration: time.Millisecond,
		Tags: []model.KeyValue{model.String("parcel", "p-1")},
	}
	batch := model.Batch{Process: model.NewProcess("shipping", nil), Spans: []*model.Span{span}}
	if _, err := api_v2.NewCollectorServiceClient(conn).PostSpans(ctx, &api_v2.PostSpansRequest{Batch: batch}); err != nil {
		t.Fatal(err)
	}
	got := find(t, "jaeger", "spans", "service:shipping", 1)[0]
	check(t, got, "00000000000000030000000000000004", "traceId")
	check(t, got, "p-1", "attributes", "parcel")
}
