package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"clew/internal/harness"
	"clew/query/api"
)

// ledger is the checker's own record of what clew has acknowledged. Ids are unique to one attempt to send.
type ledger struct {
	mu      sync.Mutex
	next    atomic.Int64
	acked   map[string]map[int64]bool // by signal
	unknown map[string]map[int64]bool // sent, no answer: may be there, once
	refused atomic.Int64              // requests answered 429

	logs, spans int64 // records a request
}

func newLedger() *ledger {
	return &ledger{
		acked:   map[string]map[int64]bool{"logs": {}, "spans": {}},
		unknown: map[string]map[int64]bool{"logs": {}, "spans": {}},
		logs:    40,
		spans:   20,
	}
}

// load sends logs and spans from several connections until ctx ends.
func (l *ledger) load(ctx context.Context, p *harness.Process, connections int) {
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				if i%2 == 0 {
					l.send(client, p, "logs")
				} else {
					l.send(client, p, "spans")
				}
			}
		})
	}
	wg.Wait()
}

// send makes one request and notes its outcome.
func (l *ledger) send(client *http.Client, p *harness.Process, signal string) {
	var first int64
	var body []byte
	var n int64
	if signal == "logs" {
		n = l.logs
		first = l.next.Add(n) - n
		body = ledgerLogBody(first, n)
	} else {
		n = l.spans
		first = l.next.Add(n) - n
		body = ledgerSpanBody(first, n)
	}
	path := map[string]string{"logs": "/v1/logs", "spans": "/v1/traces"}[signal]
	res, err := client.Post("http://"+p.OTLP+path, "application/x-protobuf", bytes.NewReader(body))
	outcome := l.unknown[signal]
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		switch {
		case res.StatusCode == http.StatusOK:
			// The status line is the acknowledgement, whether or not the rest of the answer arrived.
			outcome = l.acked[signal]
		case res.StatusCode == http.StatusTooManyRequests && err == nil:
			outcome = nil
			l.refused.Add(1)
		}
	}
	if outcome != nil {
		l.mu.Lock()
		for id := first; id < first+n; id++ {
			outcome[id] = true
		}
		l.mu.Unlock()
	}
	if err != nil || res.StatusCode != http.StatusOK {
		time.Sleep(20 * time.Millisecond)
	}
}

func (l *ledger) count(signal string) (acked, unknown int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked[signal]), len(l.unknown[signal])
}

func ledgerResource(r pcommon.Resource) {
	r.Attributes().PutStr("service.name", "ledger")
	r.Attributes().PutStr("service.instance.id", "ledger-1")
}

func ledgerLogBody(first, n int64) []byte {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	ledgerResource(rl.Resource())
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	now := time.Now()
	for id := first; id < first+n; id++ {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(id - first))))
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.Body().SetStr(fmt.Sprintf("ledger entry %d of kind %d written by user%d", id, id%7, id%5))
		r.Attributes().PutInt("test.id", id)
	}
	body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		panic(err) // pdata we made ourselves
	}
	return body
}

func ledgerSpanBody(first, n int64) []byte {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	ledgerResource(rs.Resource())
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	now := time.Now()
	var trace pcommon.TraceID
	binary.BigEndian.PutUint64(trace[:], uint64(first)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(trace[8:], uint64(first)+1)
	for id := first; id < first+n; id++ {
		s := spans.AppendEmpty()
		s.SetTraceID(trace)
		var span pcommon.SpanID
		binary.BigEndian.PutUint64(span[:], uint64(id)+1)
		s.SetSpanID(span)
		s.SetName("ledger " + strconv.Itoa(int(id%7)))
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Millisecond)))
		s.Attributes().PutInt("test.id", id)
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		panic(err) // pdata we made ourselves
	}
	return body
}

// check reads everything back and compares: every acknowledged record is there once, every unknown one at most once, nothing else.
func (l *ledger) check(t *testing.T, p *harness.Process) {
	t.Helper()
	for _, signal := range []string{"logs", "spans"} {
		if len(l.acked[signal]) == 0 {
			t.Fatalf("no %s were acknowledged: there is nothing to check\n%s", signal, p.Output())
		}
		found := readAll(t, p, signal)
		lost, twice, strange, late := 0, 0, 0, 0
		for id := range l.acked[signal] {
			if found[id] == 0 {
				lost++
			}
		}
		for id, n := range found {
			if n > 1 {
				twice++
			}
			if !l.acked[signal][id] {
				if l.unknown[signal][id] {
					late++
				} else {
					strange++
				}
			}
		}
		t.Logf("%s: %d acknowledged, %d unknown of which %d are there, %d found", signal, len(l.acked[signal]), len(l.unknown[signal]), late, len(found))
		if lost > 0 || twice > 0 || strange > 0 {
			t.Fatalf("%s: %d acknowledged records lost, %d records twice, %d never sent or refused\n%s", signal, lost, twice, strange, p.Output())
		}
		var c api.Count
		get(t, p, "/api/v1/count", url.Values{"signal": {signal}}, &c)
		if int(c.Count) != len(found) {
			t.Fatalf("%s: count says %d, reading gives %d", signal, c.Count, len(found))
		}
	}
}

func readAll(t *testing.T, p *harness.Process, signal string) map[int64]int {
	t.Helper()
	waitWhole(t, p, signal)
	found := map[int64]int{}
	params := url.Values{"signal": {signal}, "order": {"asc"}, "limit": {"5000"}}
	for {
		var page api.Search
		get(t, p, "/api/v1/search", params, &page)
		if page.Stats.Partial {
			t.Fatalf("search is partial: %v", page.Stats.Reasons)
		}
		note := func(attributes api.Attributes) {
			id, ok := attributes.Get("test.id").(float64)
			if !ok {
				t.Fatalf("a record without test.id: %v", attributes)
			}
			found[int64(id)]++
		}
		for i := range page.Logs {
			note(page.Logs[i].Attributes)
		}
		for i := range page.Spans {
			note(page.Spans[i].Attributes)
		}
		if page.Cursor == "" {
			return found
		}
		params.Set("cursor", page.Cursor)
	}
}
