// Package loki takes log records in as Loki does: POST /loki/api/v1/push, in protobuf (compressed with snappy) or JSON, with structured metadata.
//
// A stream's labels are its resource's attributes, under their own names; in addition the resource gets the service.name that Loki would
// discover from them, and a host.name. An entry's structured metadata are the record's attributes, but for trace and span ids and the level, which are the record's own.
// A stream whose labels cannot be read is rejected by itself.
package loki

import (
	"context"
	"fmt"
	"mime"
	"net/http"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/receivers/way"
)

// Protocol is the name in counters and configuration.
const Protocol = "loki"

// Paths are where clients push to; the second is that of the oldest ones.
var Paths = []string{"/loki/api/v1/push", "/api/prom/push"}

// Mount serves the protocol on a server's paths.
func Mount(mux *http.ServeMux, deps way.Deps, next consumer.Logs) {
	h := &handler{gate: &way.Gate{Protocol: Protocol, Deps: deps}, next: next}
	for _, path := range Paths {
		mux.Handle(path, h)
	}
}

type handler struct {
	gate *way.Gate
	next consumer.Logs
}

func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		h.gate.Metrics.Request(Protocol, "method")
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, fmt.Sprintf("method %s: want POST", req.Method), http.StatusMethodNotAllowed)
		return
	}
	x, err := h.gate.Read(req)
	if err == nil {
		defer x.Close()
		err = h.push(x, req.Header.Get("Content-Type"))
	}
	if err != nil {
		e := h.gate.Refused(w, err)
		http.Error(w, e.Message(), e.Status)
		return
	}
	x.Done()
	if n, why := x.Rejected(); n > 0 {
		// As Loki answers when it takes a part: what it says is final, and clients do not send again.
		http.Error(w, fmt.Sprintf("rejected %d log records, the others are stored: %s", n, why), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *handler) push(x *way.Exchange, contentType string) error {
	decode := decodeProto
	switch media, _, err := mime.ParseMediaType(contentType); {
	case err != nil && contentType != "":
		return way.Malformed("content type %.100q: %w", contentType, err)
	case media == "application/json":
		decode = decodeJSON
	case media == "application/x-protobuf", media == "":
		if err := x.Unsnappy(); err != nil {
			return err
		}
	default:
		return &way.Error{
			Status: http.StatusUnsupportedMediaType, Reason: "content_type",
			Err: fmt.Errorf("content type %.100q: want application/x-protobuf or application/json", contentType),
		}
	}
	if err := x.Charge(); err != nil {
		return err
	}
	b := &builder{x: x, recordBytesMax: h.gate.RecordBytesMax, logs: plog.NewLogs()}
	if err := b.decode(decode); err != nil {
		return err
	}
	return x.Consume(b.logs.LogRecordCount(), func(ctx context.Context) error { return h.next.ConsumeLogs(ctx, b.logs) })
}
