package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// TestExportIsWhole holds that an export of which something cannot be read is refused, with what it is, in all formats; and that one that may be partial says what it lacks.
func TestExportIsWhole(t *testing.T) {
	const lacks = "unsealed records of shard 3: it has no owner"
	source := &partsSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: {head(t, "h", spanBatch(t, map[telemetry.TraceID]string{{1}: "web \"GET /\" server @0 +5ms\n  db \"SELECT\" client @1ms +2ms\n"}))}}}
	s := serve(t, source, engine.Limits{CacheBytes: 1 << 20})
	server := httptest.NewServer(s)
	defer server.Close()
	get := func(path string) (*http.Response, string) {
		t.Helper()
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body bytes.Buffer
		if _, err := body.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		return res, body.String()
	}
	for _, format := range []string{"jsonl", "otlp", "parquet"} {
		source.partial = nil
		res, all := get("/api/v1/export?signal=spans&format=" + format)
		if res.StatusCode != http.StatusOK || res.Trailer.Get("Clew-Exported") == "" || res.Trailer.Get("Clew-Exported") == "0" {
			t.Fatalf("%s: %s, trailer %v: %s", format, res.Status, res.Trailer, all)
		}
		count := res.Trailer.Get("Clew-Exported")
		source.partial = []string{lacks}
		res, text := get("/api/v1/export?signal=spans&format=" + format)
		var failed struct{ Error ErrorDetail }
		if err := json.Unmarshal([]byte(text), &failed); err != nil || res.StatusCode != http.StatusServiceUnavailable || failed.Error.Code != "unavailable" ||
			!strings.Contains(failed.Error.Message, lacks) || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s of what is partial: %s: %s, %v", format, res.Status, text, err)
		}
		res, text = get("/api/v1/export?signal=spans&partial=true&format=" + format)
		if res.StatusCode != http.StatusOK || res.Trailer.Get("Clew-Exported") != count || res.Trailer.Get("Clew-Partial") != lacks || len(text) != len(all) {
			t.Errorf("%s that may be partial: %s, trailer %v", format, res.Status, res.Trailer)
		}
	}
	if res, text := get("/api/v1/export?signal=spans&partial=perhaps"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("%s: %s", res.Status, text)
	}
}
