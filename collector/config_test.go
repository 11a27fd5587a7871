package collector

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestValidate(t *testing.T) {
	if errs := DefaultConfig().Validate(); len(errs) != 0 {
		t.Errorf("the default configuration: %v", errs)
	}
	c := DefaultConfig()
	c.OTLP.GRPC = Listener{Endpoint: "nowhere", TLS: &TLS{CertFile: "/does/not/exist"}}
	c.OTLP.HTTP.Endpoint = "127.0.0.1:99999"
	c.OTLP.BodyBytesMax = 1
	c.OTLP.InFlightBytesMax = 0
	c.OTLP.RecordBytesMax = 0
	c.Log.Shards = 0
	got := errors.Join(c.Validate()...).Error()
	for _, key := range []string{
		"otlp.grpc.endpoint: ", "otlp.grpc.tls.cert_file: ", "otlp.grpc.tls.key_file: ", "otlp.http.endpoint: ", "otlp.body_bytes_max: ",
		"otlp.in_flight_bytes_max: ", "otlp.record_bytes_max: ", "log.shards: ",
	} {
		if !strings.Contains("\n"+got, "\n"+key) {
			t.Errorf("no problem named %s in:\n%s", key, got)
		}
	}
}

// TestOtelcolOverrides: what the user writes for the Collector is merged over what clew makes.
func TestOtelcolOverrides(t *testing.T) {
	r := start(t, newMemLog(1), func(c *Config) {
		c.Otelcol = map[string]any{"receivers": map[string]any{"otlp": map[string]any{"protocols": map[string]any{
			"http": map[string]any{"response_headers": map[string]any{"X-Served-By": "clew"}},
		}}}}
	})
	resp, body := r.post("/v1/logs", protobuf, protoLogs(t, logsOf(1)))
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Served-By") != "clew" {
		t.Errorf("status %d %q, headers %v", resp.StatusCode, body, resp.Header)
	}
}

func TestOtelcolMistakes(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Otelcol = map[string]any{"processors": map[string]any{"nonsense": map[string]any{}}}
	c, err := New(cfg, Deps{Log: newMemLog(1), Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("run: %v, want an error that names the processor", err)
	}
}
