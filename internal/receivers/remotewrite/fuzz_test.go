package remotewrite

import (
	"bytes"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/prometheus"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"clew/internal/receivers/way"
)

const type2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"

// server is the protocol with a sink behind it.
func server(t testing.TB) (*http.ServeMux, *consumertest.MetricsSink, *way.Bound) {
	m, err := way.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	memory, mux, sink := way.NewBound(64<<20), http.NewServeMux(), new(consumertest.MetricsSink)
	Mount(mux, way.Deps{Metrics: m, Memory: memory, BodyBytesMax: 1 << 20, RecordBytesMax: 64 << 10}, sink)
	return mux, sink, memory
}

func post(mux *http.ServeMux, contentType string, plain []byte) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, Path, bytes.NewReader(snappy.Encode(nil, plain)))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Content-Encoding", "snappy")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, req)
	return w
}

func request2(t testing.TB) []byte {
	r := writev2.Request{
		Symbols: []string{"", "__name__", "hits", "job", "web", "code", "200", "Hits.", "1", "latency"},
		Timeseries: []writev2.TimeSeries{
			{
				LabelsRefs: []uint32{1, 2, 3, 4, 5, 6}, Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: 7, UnitRef: 8},
				Samples: []writev2.Sample{{Value: math.Pi, Timestamp: 1_700_000_000_000, StartTimestamp: 1_600_000_000_000}},
			},
			{
				LabelsRefs: []uint32{1, 9, 3, 4},
				Histograms: []writev2.Histogram{
					{
						Count: &writev2.Histogram_CountInt{CountInt: 3}, Sum: 4, Schema: schemaCustom, CustomValues: []float64{1, 2},
						PositiveSpans: []writev2.BucketSpan{{Offset: 1, Length: 2}}, PositiveDeltas: []int64{1, 1}, Timestamp: 1,
					},
					{Count: &writev2.Histogram_CountFloat{CountFloat: 0.5}, Timestamp: 1}, // OTLP cannot say half
					{
						Count: &writev2.Histogram_CountInt{CountInt: 1}, Timestamp: 1, // gigabytes of empty buckets
						PositiveSpans: []writev2.BucketSpan{{Length: 1}, {Offset: math.MaxInt32, Length: 1}}, PositiveDeltas: []int64{1, 0},
					},
				},
			},
		},
	}
	plain, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestVersion2: what is good is kept, and the sender is told how much of what.
func TestVersion2(t *testing.T) {
	mux, sink, _ := server(t)
	w := post(mux, type2, request2(t))
	if got := w.Header().Get("X-Prometheus-Remote-Write-Samples-Written") + w.Header().Get("X-Prometheus-Remote-Write-Histograms-Written"); w.Code != http.StatusBadRequest || got != "11" {
		t.Errorf("status %d, written %q: %s", w.Code, got, w.Body)
	}
	if want := "rejected 2 samples, the others are stored: 1 float_histogram, 1 malformed_histogram\n"; w.Body.String() != want {
		t.Errorf("answer %q, want %q", w.Body, want)
	}
	if sink.DataPointCount() != 2 {
		t.Fatalf("%d points, want 2", sink.DataPointCount())
	}
	metrics := sink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	hits, latency := metrics.At(0), metrics.At(1).Histogram().DataPoints().At(0)
	p := hits.Sum().DataPoints().At(0)
	if hits.Description() != "Hits." || hits.Unit() != "1" || p.DoubleValue() != math.Pi || p.StartTimestamp() != 1_600_000_000_000_000_000 {
		t.Errorf("hits: %q %q %v from %v", hits.Description(), hits.Unit(), p.DoubleValue(), p.StartTimestamp())
	}
	if got := latency.BucketCounts().AsRaw(); len(got) != 3 || got[0] != 0 || got[1] != 1 || got[2] != 2 || latency.ExplicitBounds().At(1) != 2 {
		t.Errorf("latency: buckets %v, bounds %v", got, latency.ExplicitBounds().AsRaw())
	}
}

// FuzzWrite: whatever is sent, the answer is one of the protocol's, and all memory is given back.
func FuzzWrite(f *testing.F) {
	f.Add(true, request2(f))
	f.Add(false, []byte("\n\x1a\n\x0f\n\b__name__\x12\x03abc\x12\a\t\x00\x00\x00\x00\x00\x00\xf0?"))
	f.Fuzz(func(t *testing.T, second bool, plain []byte) {
		mux, _, memory := server(t)
		contentType := "application/x-protobuf"
		if second {
			contentType = type2
		}
		w := post(mux, contentType, plain)
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
