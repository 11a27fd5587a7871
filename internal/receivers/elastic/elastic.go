// Package elastic takes log records in as Elasticsearch takes documents: POST /_bulk and /<index>/_bulk, with a result for each item, and the
// questions that Filebeat, Vector, Fluent Bit and the client libraries ask before (version, license, templates, lifecycle policies).
//
// A document is a log record: @timestamp is its time, message its body, log.level its severity, trace.id and span.id its ids; service.name,
// service.version, host.name and the index are its resource; everything else are attributes. A document without a message is kept whole as the body.
// Documents are added, never changed: update and delete are refused, each by its item.
package elastic

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/receivers/way"
)

// Protocol is the name in counters and configuration.
const Protocol = "elasticsearch"

// Mount serves the protocol on all of a server's paths that nobody else serves: an index may have any name.
func Mount(mux *http.ServeMux, deps way.Deps, next consumer.Logs) {
	mux.Handle("/", &handler{gate: &way.Gate{Protocol: Protocol, Deps: deps}, next: next})
}

type handler struct {
	gate *way.Gate
	next consumer.Logs
}

func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	switch last := parts[len(parts)-1]; {
	case last == "_bulk" && len(parts) == 1:
		h.bulk(w, req, "")
	case last == "_bulk" && len(parts) == 2:
		h.bulk(w, req, parts[0])
	case questions[parts[0]]:
		h.question(w, req, last)
	default:
		http.NotFound(w, req)
	}
}

// productHeader is what client libraries look for before they trust a server.
const productHeader = "X-Elastic-Product"

func (h *handler) bulk(w http.ResponseWriter, req *http.Request, index string) {
	w.Header().Set(productHeader, "Elasticsearch")
	if req.Method != http.MethodPost && req.Method != http.MethodPut {
		h.gate.Metrics.Request(Protocol, "method")
		w.Header().Set("Allow", "POST, PUT")
		writeError(w, http.StatusMethodNotAllowed, "illegal_argument_exception", fmt.Sprintf("method %s: want POST", req.Method))
		return
	}
	x, err := h.gate.Read(req)
	var b *builder
	if err == nil {
		defer x.Close()
		b = newBuilder(x, index, h.gate.RecordBytesMax)
		err = h.store(x, b)
	}
	if err != nil {
		e := h.gate.Refused(w, err)
		writeError(w, e.Status, errorType(e), e.Message())
		return
	}
	x.Done()
	b.answer(w)
}

// errorType is Elasticsearch's name for the kind of error.
func errorType(e *way.Error) string {
	switch e.Status {
	case http.StatusTooManyRequests:
		return "es_rejected_execution_exception" // clients wait, and send again
	case http.StatusServiceUnavailable:
		return "unavailable_shards_exception"
	}
	return "illegal_argument_exception"
}

func (h *handler) store(x *way.Exchange, b *builder) error {
	if err := x.Charge(); err != nil {
		return err
	}
	if err := b.decode(); err != nil {
		return err
	}
	if err := x.Consume(b.logs.LogRecordCount(), func(ctx context.Context) error { return h.next.ConsumeLogs(ctx, b.logs) }); err != nil {
		return err
	}
	b.findRejected()
	return nil
}

// findRejected finds which items' resources the tenant's limits have taken out of what was passed on.
func (b *builder) findRejected() {
	left := make(map[string]bool, b.logs.ResourceLogs().Len())
	for _, rl := range b.logs.ResourceLogs().All() {
		left[serviceOf(rl)] = true
	}
	for i := range b.items {
		it := &b.items[i]
		if it.stored && !left[it.service] {
			it.fail(http.StatusBadRequest, "tenant_services", "the tenant may not send records of one more service")
		}
	}
}

func serviceOf(rl plog.ResourceLogs) string {
	v, ok := rl.Resource().Attributes().Get("service.name")
	if !ok {
		return ""
	}
	return strings.Clone(v.Str())
}
