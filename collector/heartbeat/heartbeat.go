// Package heartbeat takes agents' heartbeats in, on the port of OTLP over HTTP: POST /api/v1/agents/heartbeat, JSON, answered with 204.
//
// A heartbeat goes into the book, which is memory, and now and then into the pipeline as a log record of its tenant, from which the book is made again after a restart and
// in which the past can be searched (service:clew.agent). That the log takes no records at the moment is no reason to call an agent silent: it is answered with 204 all
// the same, and the next heartbeat becomes the record.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/ledger"
	"clew/internal/receivers/way"
)

// Protocol is the name in counters.
const Protocol = "heartbeat"

// Path is where agents send to.
const Path = "/api/v1/agents/heartbeat"

// Mount serves heartbeats on a server.
func Mount(book *ledger.Book) func(mux *http.ServeMux, deps way.Deps, next consumer.Logs) {
	return func(mux *http.ServeMux, deps way.Deps, next consumer.Logs) {
		deps.BodyBytesMax = min(deps.BodyBytesMax, ledger.HeartbeatBytesMax)
		mux.Handle(Path, &handler{gate: &way.Gate{Protocol: Protocol, Deps: deps}, book: book, next: next})
	}
}

type handler struct {
	gate *way.Gate
	book *ledger.Book
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
		err = h.take(x, time.Now())
	}
	if err != nil {
		e := h.gate.Refused(w, err)
		http.Error(w, e.Message(), e.Status)
		return
	}
	x.Done()
	w.WriteHeader(http.StatusNoContent)
}

// decodedFactor is what a heartbeat takes decoded, of what it takes as JSON, at the most.
const decodedFactor = 8

func (h *handler) take(x *way.Exchange, now time.Time) error {
	if err := x.Charge(); err != nil {
		return err
	}
	if err := x.Need(decodedFactor * int64(len(x.Body))); err != nil {
		return err
	}
	beat, err := ledger.ParseHeartbeat(x.Body)
	if err != nil {
		return way.Malformed("%w", err)
	}
	tenant := x.Tenant()
	record, err := h.book.Heartbeat(tenant, beat, now)
	if errors.Is(err, ledger.ErrFull) {
		return &way.Error{Status: http.StatusTooManyRequests, Reason: "agents", WaitSeconds: 60, Err: err}
	}
	if err != nil || !record {
		return err
	}
	line, data, err := h.book.Kept(tenant, beat.Instance, now)
	if err != nil {
		return err
	}
	if err := x.Consume(1, func(ctx context.Context) error { return h.next.ConsumeLogs(ctx, recordOf(beat, line, data, now)) }); err != nil {
		h.book.NotKept(tenant, beat.Instance) // it is counted as refused
	}
	return nil
}

// recordOf is a heartbeat as a log record.
func recordOf(beat *ledger.Heartbeat, line, data string, now time.Time) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	resource := rl.Resource().Attributes()
	resource.PutStr("service.name", ledger.KeptService)
	resource.PutStr("service.version", beat.Version)
	if beat.Host != "" {
		resource.PutStr("host.name", beat.Host)
	}
	lr := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.SetTimestamp(pcommon.NewTimestampFromTime(now))
	lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
	lr.SetSeverityNumber(plog.SeverityNumberTrace)
	lr.Body().SetStr(line)
	lr.Attributes().PutStr(ledger.KeptInstanceAttribute, beat.Instance)
	lr.Attributes().PutStr(ledger.KeptAttribute, data)
	return ld
}
