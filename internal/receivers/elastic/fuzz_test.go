package elastic

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"clew/internal/receivers/way"
)

// FuzzBulk: whatever is sent, the answer is JSON of the protocol, has a result for each record that was stored, and all memory is given back.
func FuzzBulk(f *testing.F) {
	f.Add([]byte("{\"index\":{\"_id\":1}}\n{\"@timestamp\":1,\"message\":\"x\",\"a\":{\"b\":[1,2.5,null,true]}}\n{\"delete\":{\"_id\":\"x\"}}\n"))
	f.Add([]byte("{\"create\":{}}\n{\"@timestamp\":\"2024-01-01T00:00:00Z\",\"log\":{\"level\":\"warn\"},\"trace.id\":\"zz\"}\n"))
	f.Add([]byte("{\"create\":{}}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := way.NewMetrics(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		memory := way.NewBound(64 << 20)
		mux := http.NewServeMux()
		sink := new(consumertest.LogsSink)
		Mount(mux, way.Deps{Metrics: m, Memory: memory, BodyBytesMax: 1 << 20, RecordBytesMax: 64 << 10}, sink)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/i/_bulk", bytes.NewReader(body)))
		var answer struct {
			Items []map[string]struct{ Status int }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("status %d: %v in %s", w.Code, err, w.Body)
		}
		stored := 0
		for _, item := range answer.Items {
			for _, a := range item {
				if a.Status == http.StatusCreated {
					stored++
				}
			}
		}
		if got := sink.LogRecordCount(); got != stored {
			t.Errorf("%d records stored, %d reported", got, stored)
		}
		if n := memory.InUse(); n != 0 {
			t.Errorf("%d bytes are still taken", n)
		}
	})
}
