package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	"clew/internal/harness"
	"clew/query/api"
)

// An app with the stock OpenTelemetry Go SDK sends a trace and a log record; both are found, by API and in the terminal.
func TestStockSDK(t *testing.T) {
	p := start(t, tempData(t), "")
	ctx := context.Background()
	traceGRPC, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(p.GRPC), otlptracegrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	logGRPC, err := otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(p.GRPC), otlploggrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	traceHTTP, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(p.OTLP), otlptracehttp.WithInsecure(), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	logHTTP, err := otlploghttp.New(ctx, otlploghttp.WithEndpoint(p.OTLP), otlploghttp.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("grpc", func(t *testing.T) { sendAndFind(t, p, "shop-grpc", traceGRPC, logGRPC) })
	t.Run("http", func(t *testing.T) { sendAndFind(t, p, "shop-http", traceHTTP, logHTTP) })
}

func sendAndFind(t *testing.T, p *harness.Process, service string, spans trace.SpanExporter, logs sdklog.Exporter) {
	ctx := context.Background()
	res := resource.NewSchemaless(attribute.String("service.name", service), attribute.String("host.name", "laptop"))
	tp := trace.NewTracerProvider(trace.WithResource(res), trace.WithBatcher(spans))
	lp := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)))
	tracer := tp.Tracer("e2e")

	ctx, root := tracer.Start(ctx, "GET /cart")
	child, inner := tracer.Start(ctx, "SELECT cart")
	inner.SetAttributes(attribute.String("db.system.name", "postgresql"), attribute.Int("db.rows", 3))
	inner.RecordError(fmt.Errorf("no stock of item 42"))
	inner.SetStatus(codes.Error, "no stock")
	var record log.Record
	record.SetTimestamp(time.Now())
	record.SetSeverity(log.SeverityError)
	record.SetBody(log.StringValue("cannot fill cart of " + service + ": no stock of item 42"))
	lp.Logger("e2e").Emit(child, record)
	inner.End()
	root.End()
	id := root.SpanContext().TraceID().String()
	if err := tp.ForceFlush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := lp.ForceFlush(ctx); err != nil {
		t.Fatal(err)
	}

	var got api.Trace
	eventually(t, 20*time.Second, "trace with its log record by id", func() bool {
		got = api.Trace{}
		return p.Get(ctx, "/api/v1/traces/"+id, nil, &got) == nil && len(got.Spans) == 2 && len(got.Logs) == 1
	})
	if got.Nodes[1].Parent != 0 || got.Nodes[1].Name != "SELECT cart" || !got.Nodes[1].Error || got.Missing != 0 {
		t.Errorf("chain: %+v", got.Nodes)
	}
	if a := got.Spans[got.Nodes[1].Span].Attributes.Get("db.rows"); a != 3.0 {
		t.Errorf("db.rows = %v", a)
	}
	if e := got.Spans[got.Nodes[1].Span].Events; len(e) != 1 || e[0].Attributes.Get("exception.message") != "no stock of item 42" {
		t.Errorf("events: %+v", e)
	}
	if got.LogNodes[0] != 1 {
		t.Errorf("the log record belongs to node %d, want 1", got.LogNodes[0])
	}
	out, code := clew(t, p, "trace", id)
	for _, want := range []string{"GET /cart", "SELECT cart", "no stock of item 42", "error began in " + service} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("clew trace: exit code %d, no %q in:\n%s", code, want, out)
		}
	}
	out, code = clew(t, p, "grep", "no stock of item [0-9]+", "--service", service)
	if code != 0 || !strings.Contains(out, "cannot fill cart of "+service) {
		t.Errorf("clew grep: exit code %d:\n%s", code, out)
	}
	var found api.Search
	get(t, p, "/api/v1/search", url.Values{"signal": {"spans"}, "query": {`service:` + service + ` status:error "no stock"`}}, &found)
	if len(found.Spans) != 1 || found.Spans[0].TraceID != id {
		t.Errorf("search for the failed span: %+v", found.Spans)
	}
}

// A trace is found by its id within two seconds of being sent, by API and in the terminal. On a busy machine most may take longer: one in twenty has to do it.
func TestSearchableSoon(t *testing.T) {
	const soon, tries = 2 * time.Second, 20
	p := start(t, tempData(t), "")
	best := time.Hour
	for i := 1; i <= tries && best > soon; i++ {
		id, now := fmt.Sprintf("%032x", i), time.Now()
		if code, text := postJSON(t, p.OTLP, "/v1/traces", oneSpan(id, now)); code != http.StatusOK {
			t.Fatalf("%d: %s", code, text)
		}
		eventually(t, time.Minute, "the trace by its id", func() bool {
			var got api.Trace
			return p.Get(t.Context(), "/api/v1/traces/"+id, nil, &got) == nil && len(got.Spans) == 1
		})
		if out, code := clew(t, p, "trace", id); code != 0 || !strings.Contains(out, "I did it") {
			t.Fatalf("the terminal does not know what the API knows: exit code %d:\n%s", code, out)
		}
		best = min(best, time.Since(now))
	}
	t.Logf("found in %v", best.Round(time.Millisecond))
	if best > soon {
		t.Errorf("of %d traces none was found within %v; the soonest took %v", tries, soon, best)
	}
}

// oneSpan is OTLP/JSON, with a field of a later version.
func oneSpan(traceID string, at time.Time) string {
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"by-hand"}}]},
		"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"eee19b7ec3c1b174","name":"I did it","kind":2,
		"startTimeUnixNano":"%d","endTimeUnixNano":"%d","futureField":{"a":1}}]}]}]}`, traceID, at.UnixNano(), at.UnixNano()+1e6)
}

// A span by hand: OTLP/JSON with curl.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	p := start(t, tempData(t), "")
	const id = "5b8efff798038103d269b633813fc60c"
	out, err := exec.Command(curl, "-sS", "--fail-with-body", "-H", "Content-Type: application/json", "-d", oneSpan(id, time.Now()), "http://"+p.OTLP+"/v1/traces").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	eventually(t, 20*time.Second, "the span by its trace id", func() bool {
		out, code := clew(t, p, "trace", id)
		return code == 0 && strings.Contains(out, "I did it")
	})
	if _, code := clew(t, p, "trace", "00000000000000000000000000000001"); code != 1 {
		t.Errorf("an unknown trace: exit code %d, want 1", code)
	}
}
