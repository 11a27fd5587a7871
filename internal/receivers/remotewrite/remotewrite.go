// Package remotewrite takes metrics in as Prometheus writes them: POST /api/v1/write, remote write 1.0 and 2.0.
//
// A series' labels job and instance are its resource (service.namespace, service.name, service.instance.id), __name__ is the metric, the others are
// attributes of its points. A series is a gauge unless its metadata say that it is a counter; a native histogram with exponential buckets is an
// exponential histogram, one with custom buckets a histogram. Values are kept to the bit; a staleness marker has the flag "no recorded value".
package remotewrite

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strconv"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/receivers/way"
)

// Protocol is the name in counters and configuration.
const Protocol = "remote_write"

// Path is where Prometheus' own receiver listens.
const Path = "/api/v1/write"

// Mount serves the protocol on a server's path.
func Mount(mux *http.ServeMux, deps way.Deps, next consumer.Metrics) {
	mux.Handle(Path, &handler{gate: &way.Gate{Protocol: Protocol, Deps: deps}, next: next})
}

type handler struct {
	gate *way.Gate
	next consumer.Metrics
}

func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		h.gate.Metrics.Request(Protocol, "method")
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, fmt.Sprintf("method %s: want POST", req.Method), http.StatusMethodNotAllowed)
		return
	}
	x, err := h.gate.Read(req)
	b := newBuilder(x)
	if err == nil {
		defer x.Close()
		err = h.write(x, b, req.Header)
	}
	if err != nil {
		e := h.gate.Refused(w, err)
		http.Error(w, e.Message(), e.Status)
		return
	}
	x.Done()
	n, why := x.Rejected()
	if b.version2 {
		// What a 2.0 sender compares with what it has sent. Limits of the tenant may have taken points of any kind: then nothing is claimed.
		written := b.written
		if n > b.rejected {
			written = counts{}
		}
		w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(written.samples))
		w.Header().Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(written.histograms))
		w.Header().Set("X-Prometheus-Remote-Write-Exemplars-Written", strconv.Itoa(written.exemplars))
	}
	if n > 0 {
		// The specification's answer to a partial write; senders do not send again.
		http.Error(w, fmt.Sprintf("rejected %d samples, the others are stored: %s", n, why), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *handler) write(x *way.Exchange, b *builder, header http.Header) error {
	unsupported := func(format string, args ...any) error {
		return &way.Error{Status: http.StatusUnsupportedMediaType, Reason: "content_type", Err: fmt.Errorf(format, args...)}
	}
	media, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != "application/x-protobuf" {
		return unsupported("content type %.100q: want application/x-protobuf", header.Get("Content-Type"))
	}
	if coding := header.Get("Content-Encoding"); coding != "" && coding != "snappy" {
		return unsupported("content encoding %.40q: want snappy", coding)
	}
	switch params["proto"] {
	case "", "prometheus.WriteRequest":
	case "io.prometheus.write.v2.Request":
		b.version2 = true
	default:
		return unsupported("message %.100q: want prometheus.WriteRequest or io.prometheus.write.v2.Request", params["proto"])
	}
	if err := x.Unsnappy(); err != nil {
		return err
	}
	if err := x.Charge(); err != nil {
		return err
	}
	if err := b.decode(x.Body); err != nil {
		return err
	}
	return x.Consume(b.metrics.DataPointCount(), func(ctx context.Context) error { return h.next.ConsumeMetrics(ctx, b.metrics) })
}

// decode is guarded: the histograms' decoder is not ours.
func (b *builder) decode(body []byte) (err error) {
	defer way.Guard(&err)
	b.metrics = pmetric.NewMetrics()
	if b.version2 {
		err = b.decode2(body)
	} else {
		err = b.decode1(body)
	}
	if err == nil {
		b.adopt()
	}
	return err
}
