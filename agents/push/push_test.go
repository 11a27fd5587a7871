package push

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"clew/internal/harness"
	"clew/internal/receivers/way"
)

// serve starts the receiver of a protocol and says where it listens.
func serve(t *testing.T, protocol string, next consumer.Logs) string {
	t.Helper()
	m, err := way.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var f receiver.Factory
	for _, have := range Factories(m) {
		if have.Type() == component.MustNewType(protocol) {
			f = have
		}
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	address := ports[0]
	cfg := f.CreateDefaultConfig().(*Config)
	cfg.NetAddr.Endpoint = address
	r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, next)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(t.Context()); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
	})
	return address
}

func post(t *testing.T, url, contentType, body string) (int, string, http.Header) {
	t.Helper()
	res, err := http.Post(url, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestLokiAndElasticsearch(t *testing.T) {
	sink := new(consumertest.LogsSink)
	address := serve(t, "loki", sink)
	const push = `{"streams":[{"stream":{"app":"cart"},"values":[["1700000000000000000","hello"]]}]}`
	if status, text, _ := post(t, "http://"+address+"/loki/api/v1/push", "application/json", push); status != http.StatusNoContent || sink.LogRecordCount() != 1 {
		t.Errorf("%d %s, %d records", status, text, sink.LogRecordCount())
	}
	if status, _, _ := post(t, "http://"+address+"/loki/api/v1/push", "application/json", "{{"); status != http.StatusBadRequest {
		t.Errorf("rubbish: %d", status)
	}
	if status, text, _ := post(t, "http://"+address+"/loki/api/v1/push", "application/json", strings.Repeat(" ", bodyBytesMax+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d %s", status, text)
	}
	address = serve(t, "elasticsearch", sink)
	if status, text, _ := post(t, "http://"+address+"/_bulk", "application/x-ndjson", "{\"index\":{\"_index\":\"x\"}}\n{\"message\":\"hi\"}\n"); status != http.StatusOK || sink.LogRecordCount() != 2 {
		t.Errorf("%d %s, %d records", status, text, sink.LogRecordCount())
	}
	full, err := consumer.NewLogs(consumertest.NewErr(errors.New("the queue is full")).ConsumeLogs)
	if err != nil {
		t.Fatal(err)
	}
	address = serve(t, "loki", full)
	if status, _, h := post(t, "http://"+address+"/loki/api/v1/push", "application/json", push); status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
		t.Errorf("a full queue: %d, Retry-After %q", status, h.Get("Retry-After"))
	}
}

func TestBudget(t *testing.T) {
	b := &budget{most: 100}
	x, y := b.Ticket(), b.Ticket()
	if x.Need(60) != nil || x.Need(50) != nil || y.Need(41) == nil || y.Need(40) != nil {
		t.Error("the bound is another")
	}
	x.Release()
	x.Release()
	if y.Need(100) != nil {
		t.Error("what was given back is not there")
	}
	y.Release()
	if b.used != 0 {
		t.Errorf("%d left", b.used)
	}
}
