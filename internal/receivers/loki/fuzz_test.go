package loki

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"clew/internal/receivers/way"
)

// FuzzPush: whatever is sent, the answer is one of the protocol's, all memory is given back, and it was bounded.
func FuzzPush(f *testing.F) {
	f.Add(true, []byte(`{"streams":[{"stream":{"app":"x"},"values":[["1","line",{"trace_id":"0123456789abcdef0123456789abcdef"}]]}]}`))
	f.Add(true, []byte(`{"streams":[{"labels":"{app=\"x\"}","entries":[{"ts":"2026-11-21T10:00:00.123456789Z","line":"l","structuredMetadata":[{"name":"a","value":"b"}]}]}]}`))
	f.Add(false, []byte("\n\x1e\n\x0b{app=\"x\"}  \x12\x0f\n\x04\x08\x01\x10\x02\x12\x04line"))
	f.Add(false, []byte("\n\x02\x12\x00"))
	f.Fuzz(func(t *testing.T, json bool, body []byte) {
		const bodyBytesMax = 1 << 20
		m, err := way.NewMetrics(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		memory := way.NewBound(64 << 20)
		mux := http.NewServeMux()
		sink := new(consumertest.LogsSink)
		Mount(mux, way.Deps{Metrics: m, Memory: memory, BodyBytesMax: bodyBytesMax, RecordBytesMax: 64 << 10}, sink)
		contentType := "application/json"
		if !json {
			contentType, body = "application/x-protobuf", snappy.Encode(nil, body)
		}
		req := httptest.NewRequest(http.MethodPost, Paths[0], bytes.NewReader(body))
		req.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, req)
		switch w.Code {
		case http.StatusNoContent, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if n := memory.InUse(); n != 0 {
			t.Errorf("%d bytes are still taken", n)
		}
	})
}

func TestParseLabels(t *testing.T) {
	for text, want := range map[string]int{
		`{}`: 0, `{a="b"}`: 1, ` { a = "b" , c_1="d\"e" , } `: 2, "{a=`raw`}": 1,
		`{a}`: -1, `{a="b"`: -1, `a="b"`: -1, `{a="b" c="d"}`: -1, `{1a="b"}`: -1, `{a='b'}`: -1, ``: -1, `{a="\z"}`: -1,
	} {
		labels, err := parseLabels(text)
		if got := len(labels); err == nil && got != want || err != nil && want >= 0 {
			t.Errorf("%s: %v, %v; want %d labels", text, labels, err, want)
		}
	}
}
