package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"clew/internal/harness"
	"clew/internal/loggen"
	"clew/query/api"
)

// counts are of what was written or found.
type counts struct{ lines, spans atomic.Int64 }

// writeLines appends records to files, each with a write of its own as programs do, until ctx ends.
func (o *options) writeLines(ctx context.Context, dir string, n *counts) error {
	var files []*os.File
	for i := range o.files {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("bench%d.log", i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, f)
	}
	gen := loggen.New(1)
	var rec loggen.Record
	var line []byte
	return paced(ctx, o.lines, func(i int) error {
		gen.Next(&rec)
		severity := "INFO"
		if rec.Severity >= 17 {
			severity = "ERROR"
		}
		line = fmt.Appendf(line[:0], "%s %s [%s] ", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), severity, rec.Service)
		body := bytes.ReplaceAll(bytes.ReplaceAll(rec.Body, []byte("\n\n"), []byte("\n")), []byte("\n"), []byte("\n\t"))
		line = append(line, body...) // stack traces are indented: one record
		_, err := files[i%len(files)].Write(append(line, '\n'))
		n.lines.Add(1)
		return err
	})
}

// paced calls do so often a second, until ctx ends.
func paced(ctx context.Context, rate int, do func(i int) error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for i := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(rate)); i < due; i++ {
			if err := do(i); err != nil {
				return err
			}
		}
	}
}

// sendSpans runs applications that each have the stock SDK with its default batches.
func (o *options) sendSpans(ctx context.Context, to string, n *counts) error {
	var g errgroup.Group
	for app := range o.apps {
		g.Go(func() error { return o.application(ctx, to, app, n) })
	}
	return g.Wait()
}

func (o *options) application(ctx context.Context, to string, app int, n *counts) error {
	exporter, err := otlptracegrpc.New(context.WithoutCancel(ctx), otlptracegrpc.WithEndpoint(to), otlptracegrpc.WithInsecure())
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", fmt.Sprintf("bench-app-%d", app)))))
	tracer := provider.Tracer("bench")
	const each = 4 // spans a request
	err = paced(ctx, o.spans/o.apps/each, func(i int) error {
		at, root := tracer.Start(context.Background(), "GET /orders/{id}", trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", "GET"), attribute.String("url.path", fmt.Sprint("/orders/", i)), attribute.Int("http.response.status_code", 200)))
		for range each - 1 {
			_, child := tracer.Start(at, "SELECT orders", trace.WithSpanKind(trace.SpanKindClient),
				trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.query.text", "SELECT * FROM orders WHERE id = $1")))
			child.End()
		}
		root.End()
		n.spans.Add(each)
		return nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return provider.Shutdown(ctx)
}

// await waits until everything that was written is found, and returns what is.
func (o *options) await(p *harness.Process, written *counts) (*counts, error) {
	found := &counts{}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		for query, into := range map[string]*atomic.Int64{"service:bench*": &found.lines, "service:bench-app-*": &found.spans} {
			signal := map[*atomic.Int64]string{&found.lines: "logs", &found.spans: "spans"}[into]
			var c api.Count
			if err := p.Get(context.Background(), "/api/v1/count", url.Values{"signal": {signal}, "query": {query}}, &c); err != nil {
				return nil, err
			}
			into.Store(int64(c.Count))
		}
		if (found.lines.Load() >= written.lines.Load() && found.spans.Load() >= written.spans.Load()) || time.Now().After(deadline) {
			return found, nil
		}
	}
}
