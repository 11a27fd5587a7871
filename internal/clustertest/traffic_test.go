package clustertest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"clew/internal/harness"
)

// A tick is one request: all of its records have the tick's time, so that "everything before a time" is a set of requests whose answers are known.
const (
	tickEvery    = time.Millisecond
	logsPerTick  = 20
	spansPerTick = 5
	hosts        = 8 // resources, over which what has no trace is spread
)

// tally is what there is before a time.
type tally struct {
	at                  time.Time
	logs, spans, points int
	trace, log          int // the newest ticks of these; -1: none
}

// traffic sends all three signals in ticks, and remembers what was acknowledged.
type traffic struct {
	base time.Time

	mu      sync.Mutex
	next    int
	done    map[int]bool // acknowledged, from all.ticks on
	all     tally        // of the ticks before edge
	edge    int
	settled tally
}

func newTraffic(base time.Time) *traffic {
	start := tally{at: base, trace: -1, log: -1}
	return &traffic{base: base, done: map[int]bool{}, all: start, settled: start}
}

// send sends the next tick, again and again until it is acknowledged, as a sender of OTLP does: to the next collector if one does not answer.
func (l *traffic) send(ctx context.Context, to []*harness.Process, retry bool) error {
	l.mu.Lock()
	tick := l.next
	l.next++
	l.mu.Unlock()
	path, body := l.request(tick)
	for try := tick; ; try++ {
		err := post(ctx, to[try%len(to)], path, body)
		if err == nil {
			break
		}
		if !retry || ctx.Err() != nil {
			return fmt.Errorf("tick %d: %w", tick, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[tick] = true
	for l.done[l.edge] {
		delete(l.done, l.edge)
		switch l.edge % 3 {
		case 0:
			l.all.logs += logsPerTick
			l.all.log = l.edge
		case 1:
			l.all.spans += spansPerTick
			l.all.trace = l.edge
		case 2:
			l.all.points++
		}
		l.edge++
	}
	l.all.at = l.time(l.edge)
	return nil
}

func post(ctx context.Context, to *harness.Process, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+to.OTLP+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s: %w", path, res.Status, text, err)
	}
	return nil
}

func (l *traffic) time(tick int) time.Time { return l.base.Add(time.Duration(tick) * tickEvery) }

// traceID is the trace of a tick's records.
func traceID(tick int) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:], uint64(tick+1)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[8:], uint64(tick+1))
	return id
}

// request is a tick's request, the same each time.
func (l *traffic) request(tick int) (path string, body []byte) {
	at := func(i int) pcommon.Timestamp {
		return pcommon.NewTimestampFromTime(l.time(tick).Add(time.Duration(i) * time.Microsecond))
	}
	about := func(r pcommon.Resource) {
		r.Attributes().PutStr("service.name", "checker")
		r.Attributes().PutStr("host.name", fmt.Sprintf("h%d", tick/3%hosts))
	}
	var err error
	switch tick % 3 {
	case 0:
		d := plog.NewLogs()
		rl := d.ResourceLogs().AppendEmpty()
		about(rl.Resource())
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for i := range logsPerTick {
			r := records.AppendEmpty()
			r.SetTimestamp(at(i))
			r.SetObservedTimestamp(at(i))
			r.SetSeverityNumber(plog.SeverityNumber(1 + 4*(i%6)))
			r.Body().SetStr(fmt.Sprintf("request %d of tick tick%d took %d ms", i, tick, tick%97))
			if i%2 == 0 {
				r.SetTraceID(traceID(tick + i%4/2))
			}
		}
		body, err = plogotlp.NewExportRequestFromLogs(d).MarshalProto()
		path = "/v1/logs"
	case 1:
		d := ptrace.NewTraces()
		rs := d.ResourceSpans().AppendEmpty()
		about(rs.Resource())
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for i := range spansPerTick {
			s := spans.AppendEmpty()
			s.SetTraceID(traceID(tick))
			s.SetSpanID(pcommon.SpanID{byte(i + 1), 1})
			if i > 0 {
				s.SetParentSpanID(pcommon.SpanID{byte(i), 1})
			}
			s.SetName(fmt.Sprintf("step %d", i))
			s.SetStartTimestamp(at(i))
			s.SetEndTimestamp(at(i + 1 + tick%50))
			if tick%11 == 0 && i == spansPerTick-1 {
				s.Status().SetCode(ptrace.StatusCodeError)
			}
		}
		body, err = ptraceotlp.NewExportRequestFromTraces(d).MarshalProto()
		path = "/v1/traces"
	case 2:
		d := pmetric.NewMetrics()
		rm := d.ResourceMetrics().AppendEmpty()
		about(rm.Resource())
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("checker_value")
		p := m.SetEmptyGauge().DataPoints().AppendEmpty()
		p.SetTimestamp(at(0))
		p.SetDoubleValue(float64(tick))
		body, err = pmetricotlp.NewExportRequestFromMetrics(d).MarshalProto()
		path = "/v1/metrics"
	}
	if err != nil {
		panic(err) // what was made here can be written
	}
	return path, body
}

// run sends from so many goroutines at once until stop is called, at a pace that the sealing of small heads keeps up with.
func (l *traffic) run(t *testing.T, to func() []*harness.Process, retry bool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := l.send(context.WithoutCancel(ctx), to(), retry); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(15 * time.Millisecond)
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// settle keeps what is known to have been read by the shards' owners: acknowledged records are found as soon as that has happened.
func (l *traffic) settle(ctx context.Context, c *Cluster, of func() *harness.Process) {
	for ctx.Err() == nil {
		l.settleOnce(ctx, c, of)
	}
}

func (l *traffic) settleOnce(ctx context.Context, c *Cluster, of func() *harness.Process) {
	l.mu.Lock()
	all := l.all
	l.mu.Unlock()
	var ends map[int]uint64
	for ctx.Err() == nil {
		s, err := c.Status(ctx, of())
		if err == nil && ends == nil {
			ends = map[int]uint64{}
			for _, shard := range s.List {
				ends[shard.Shard] = shard.Last
				if shard.Error != "" {
					ends = nil
					break
				}
			}
		}
		if err == nil && ends != nil && owned(s) == nil {
			read := true
			for _, shard := range s.List {
				read = read && max(shard.Consumed, shard.Floor) >= ends[shard.Shard]
			}
			if read {
				l.mu.Lock()
				if now := l.settled; all.logs+all.spans+all.points > now.logs+now.spans+now.points { // another call may have begun later, and be done
					l.settled = all
				}
				l.mu.Unlock()
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// known is what has settled.
func (l *traffic) known() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settled
}
