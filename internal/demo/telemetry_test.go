package demo

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
)

// receiver takes metrics over OTLP and keeps what a query of metrics would need.
type receiver struct {
	pmetricotlp.UnimplementedGRPCServer
	mu        sync.Mutex
	exemplars map[string]int // with a trace id, by metric
	services  map[string]map[string]bool
}

func (r *receiver) Export(_ context.Context, req pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rm := range req.Metrics().ResourceMetrics().All() {
		service, _ := rm.Resource().Attributes().Get("service.name")
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if r.services[m.Name()] == nil {
					r.services[m.Name()] = map[string]bool{}
				}
				r.services[m.Name()][service.Str()] = true
				if m.Type() != pmetric.MetricTypeHistogram {
					continue
				}
				for _, p := range m.Histogram().DataPoints().All() {
					for _, e := range p.Exemplars().All() {
						if !e.TraceID().IsEmpty() {
							r.exemplars[m.Name()]++
						}
					}
				}
			}
		}
	}
	return pmetricotlp.NewExportResponse(), nil
}

// Histograms carry exemplars that lead to traces, and each service tells its own metrics.
func TestMetrics(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{exemplars: map[string]int{}, services: map[string]map[string]bool{}}
	server := grpc.NewServer()
	pmetricotlp.RegisterGRPCServer(server, r)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	o := DefaultOptions()
	o.OTLP, o.Faults, o.Rate = l.Addr().String(), []string{NoFaults}, 20
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range []string{"http.server.request.duration", "rpc.server.call.duration", "db.client.operation.duration", "shop.order.value"} {
		if r.exemplars[name] == 0 {
			t.Errorf("%s has no exemplar with a trace; metrics: %v", name, r.services)
		}
	}
	for name, service := range map[string]string{
		"go.memory.used": "search", "cache.lookups": "catalog", "messaging.queue.depth": "broker", "shop.orders": "checkout", "db.client.connection.wait_time": "cart",
	} {
		if !r.services[name][service] {
			t.Errorf("%s does not tell %s: %v", service, name, r.services[name])
		}
	}
}
