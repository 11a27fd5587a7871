package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// The data is the same for the same counts: a fixed seed, and needles at fixed places, so that every query has a known answer.

var services = []string{
	"frontend", "cart", "checkout", "payment", "shipping", "currency", "catalog", "recommendation", "email", "ads", "quote", "accounting",
}

var users = []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia", "peggy", "rupert", "sybil"}

var routes = []string{"/cart", "/cart/items", "/checkout", "/product/list", "/product/view", "/pay", "/ship/quote", "/user/login", "/user/logout", "/search"}

// Needles: what is planted, and how often (one in every).
const (
	rareWordEvery  = 1_000_000 // the word zanzibar
	phraseEvery    = 555       // the phrase circuit breaker opened
	regexEvery     = 1250      // retry N of 5 failed
	substringEvery = 1250      // ...OnnectionReset..., at another place
)

type generator struct {
	rng   *rand.Rand
	start time.Time
	// How many records have each needle.
	rare, phrase, retry, reset uint64
}

func newGenerator(seed uint64) *generator {
	return &generator{rng: rand.New(rand.NewPCG(seed, 42)), start: time.Now().Add(-50 * time.Minute)}
}

func (g *generator) hex(n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[g.rng.IntN(16)]
	}
	return string(b)
}

func (g *generator) traceID() (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:8], g.rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], g.rng.Uint64()|1)
	return id
}

func (g *generator) spanID() (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], g.rng.Uint64()|1)
	return id
}

func resource(r pcommon.Resource, service string, host int) {
	a := r.Attributes()
	a.PutStr("service.name", service)
	a.PutStr("service.version", "1.14.2")
	a.PutStr("service.namespace", "shop")
	a.PutStr("service.instance.id", fmt.Sprintf("%s-%d", service, host))
	a.PutStr("host.name", fmt.Sprintf("node-%02d", host))
	a.PutStr("k8s.pod.name", fmt.Sprintf("%s-7d9f8b6c5-x%dz4q", service, host))
	a.PutStr("deployment.environment.name", "production")
}

// body writes record i's text.
func (g *generator) body(i int) string {
	switch {
	case i%rareWordEvery == rareWordEvery/2:
		g.rare++
		return fmt.Sprintf("cache region zanzibar rebuilt in %dms", g.rng.IntN(900))
	case i%phraseEvery == 7:
		g.phrase++
		return fmt.Sprintf("upstream %s: circuit breaker opened after %d failures", services[g.rng.IntN(len(services))], 5+g.rng.IntN(20))
	case i%regexEvery == 11:
		g.retry++
		return fmt.Sprintf("order %s: retry %d of 5 failed, next in %dms", g.hex(12), 1+g.rng.IntN(5), 100*g.rng.IntN(50))
	case i%substringEvery == 13:
		g.reset++
		return fmt.Sprintf("java.net.ConnectionResetException: peer 10.0.%d.%d closed the stream", g.rng.IntN(255), g.rng.IntN(255))
	}
	switch g.rng.IntN(12) {
	case 0:
		return fmt.Sprintf("GET %s?id=%d HTTP/1.1 200 %d %dms", routes[g.rng.IntN(len(routes))], g.rng.IntN(100000), g.rng.IntN(40000), g.rng.IntN(800))
	case 1:
		return fmt.Sprintf("user %s logged in from 10.%d.%d.%d session %s", users[g.rng.IntN(len(users))], g.rng.IntN(255), g.rng.IntN(255), g.rng.IntN(255), g.hex(16))
	case 2:
		return fmt.Sprintf("SELECT * FROM orders WHERE id = %d AND state = 'open' took %d.%03dms rows=%d", g.rng.IntN(1e7), g.rng.IntN(90), g.rng.IntN(1000), g.rng.IntN(50))
	case 3:
		return fmt.Sprintf("published event OrderPlaced id=%s-%s-4%s partition=%d offset=%d", g.hex(8), g.hex(4), g.hex(3), g.rng.IntN(32), g.rng.IntN(1e8))
	case 4:
		return fmt.Sprintf("cache miss for key cart:%d, loading from store", g.rng.IntN(1e6))
	case 5:
		return fmt.Sprintf("connection pool stats: active=%d idle=%d waiting=%d max=64", g.rng.IntN(64), g.rng.IntN(64), g.rng.IntN(5))
	case 6:
		return fmt.Sprintf("worker-%d finished job %s in %ds", g.rng.IntN(64), g.hex(24), g.rng.IntN(60))
	case 7:
		return fmt.Sprintf("payment of %d.%02d %s authorised for card ending %04d", g.rng.IntN(500), g.rng.IntN(100), []string{"EUR", "USD", "GBP"}[g.rng.IntN(3)], g.rng.IntN(10000))
	case 8:
		return fmt.Sprintf("timeout after %dms calling %s (attempt %d)", 100*g.rng.IntN(50), services[g.rng.IntN(len(services))], 1+g.rng.IntN(3))
	case 9:
		return fmt.Sprintf("GC pause %d.%dms, heap %dMB of 2048MB", g.rng.IntN(30), g.rng.IntN(10), g.rng.IntN(2048))
	case 10:
		return fmt.Sprintf("request completed status=%d bytes=%d remote=172.16.%d.%d:%d", []int{200, 200, 200, 204, 404, 500}[g.rng.IntN(6)], g.rng.IntN(1e6), g.rng.IntN(255), g.rng.IntN(255), 1024+g.rng.IntN(60000))
	}
	return fmt.Sprintf("item %d added to basket of %s, total now %d", g.rng.IntN(10000), users[g.rng.IntN(len(users))], g.rng.IntN(40))
}

var severities = []struct {
	number plog.SeverityNumber
	text   string
}{{9, "INFO"}, {9, "INFO"}, {9, "INFO"}, {9, "INFO"}, {9, "INFO"}, {5, "DEBUG"}, {5, "DEBUG"}, {13, "WARN"}, {17, "ERROR"}, {9, "INFO"}}

// logs makes the bodies of n records, batch records a request, one service a request; span is the time they cover.
func (g *generator) logs(n, batch int, span time.Duration) [][]byte {
	var bodies [][]byte
	for from := 0; from < n; from += batch {
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		resource(rl.Resource(), services[(from/batch)%len(services)], g.rng.IntN(20))
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName("shop/" + services[(from/batch)%len(services)])
		records := sl.LogRecords()
		records.EnsureCapacity(batch)
		for i := from; i < min(from+batch, n); i++ {
			r := records.AppendEmpty()
			at := g.start.Add(time.Duration(float64(span) * float64(i) / float64(n))).Add(time.Duration(g.rng.IntN(1e6)))
			r.SetTimestamp(pcommon.NewTimestampFromTime(at))
			r.SetObservedTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Millisecond)))
			sev := severities[g.rng.IntN(len(severities))]
			r.SetSeverityNumber(sev.number)
			r.SetSeverityText(sev.text)
			r.Body().SetStr(g.body(i))
			r.Attributes().PutStr("logger.name", "com.shop."+services[(from/batch)%len(services)])
			r.Attributes().PutInt("thread.id", int64(g.rng.IntN(64)))
			r.Attributes().PutStr("http.route", routes[g.rng.IntN(len(routes))])
			if g.rng.IntN(10) < 4 {
				r.SetTraceID(g.traceID())
				r.SetSpanID(g.spanID())
			}
		}
		body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
		if err != nil {
			panic(err) // pdata we made ourselves
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// spansPerTrace is how many spans a trace has.
const spansPerTrace = 20

// spans makes the bodies of n spans, perRequest traces a request, and returns some of the trace ids.
func (g *generator) spans(n, perRequest int, span time.Duration) (bodies [][]byte, traces []string) {
	total := n / spansPerTrace
	for from := 0; from < total; from += perRequest {
		td := ptrace.NewTraces()
		byService := map[string]ptrace.SpanSlice{}
		slice := func(service string) ptrace.SpanSlice {
			s, ok := byService[service]
			if !ok {
				rs := td.ResourceSpans().AppendEmpty()
				resource(rs.Resource(), service, g.rng.IntN(20))
				ss := rs.ScopeSpans().AppendEmpty()
				ss.Scope().SetName("otelhttp")
				ss.Scope().SetVersion("0.61.0")
				s = ss.Spans()
				byService[service] = s
			}
			return s
		}
		for t := from; t < min(from+perRequest, total); t++ {
			id := g.traceID()
			if t%1000 == 0 {
				traces = append(traces, id.String())
			}
			g.trace(id, slice, g.start.Add(time.Duration(float64(span)*float64(t)/float64(total))))
		}
		body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
		if err != nil {
			panic(err) // pdata we made ourselves
		}
		bodies = append(bodies, body)
	}
	return bodies, traces
}

func (g *generator) trace(id pcommon.TraceID, slice func(string) ptrace.SpanSlice, at time.Time) {
	type hop struct {
		id    pcommon.SpanID
		start time.Time
		dur   time.Duration
	}
	hops := make([]hop, 0, spansPerTrace)
	for k := range spansPerTrace {
		service := services[(k/2)%len(services)]
		s := slice(service).AppendEmpty()
		s.SetTraceID(id)
		h := hop{id: g.spanID(), start: at, dur: time.Duration(50+g.rng.IntN(900)) * time.Millisecond}
		if k > 0 {
			p := hops[g.rng.IntN(k)]
			s.SetParentSpanID(p.id)
			h.dur = p.dur * time.Duration(30+g.rng.IntN(60)) / 100
			h.start = p.start.Add((p.dur - h.dur) / 2)
		}
		hops = append(hops, h)
		s.SetSpanID(h.id)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(h.start))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(h.start.Add(h.dur)))
		route := routes[g.rng.IntN(len(routes))]
		s.SetName([]string{"GET ", "POST "}[k%2] + route)
		s.SetKind([]ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindClient}[k%2])
		a := s.Attributes()
		a.PutStr("http.request.method", []string{"GET", "POST"}[k%2])
		a.PutStr("http.route", route)
		code := []int64{200, 200, 200, 200, 204, 301, 404, 500}[g.rng.IntN(8)]
		a.PutInt("http.response.status_code", code)
		a.PutStr("url.path", fmt.Sprintf("%s/%d", route, g.rng.IntN(1000)))
		a.PutStr("server.address", service+".shop.svc")
		a.PutInt("server.port", 8080)
		a.PutStr("network.protocol.version", "1.1")
		a.PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) shop/1.0")
		if k%4 == 0 {
			a.PutStr("order.id", g.hex(16))
		}
		if code == 500 {
			s.Status().SetCode(ptrace.StatusCodeError)
			s.Status().SetMessage("internal error")
			if g.rng.IntN(4) == 0 {
				e := s.Events().AppendEmpty()
				e.SetName("exception")
				e.SetTimestamp(pcommon.NewTimestampFromTime(h.start.Add(h.dur / 2)))
				e.Attributes().PutStr("exception.type", "java.lang.IllegalStateException")
				e.Attributes().PutStr("exception.message", "no stock for item "+g.hex(6))
			}
		}
	}
}
