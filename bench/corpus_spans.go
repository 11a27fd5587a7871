package main

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"clew/internal/loggen"
)

const (
	spansSpan       = 2 * time.Hour
	spansPerRequest = 512 // the batch that SDKs send
	podsOfService   = 3

	// spansPerTrace is the mean: 8 to 32 spans, and 20 more in one trace of a hundred.
	spansPerTrace = 20.2

	// Traces with a span of slowOf over slowOver are asked for.
	slowOf    = "payment"
	slowOver  = 400 * time.Millisecond
	slowLimit = 20
	// orderEvery is how many traces there are for one that has an order, whose id three spans or so have.
	orderEvery = 5

	// Fields of Span.
	spanTraceID   = 1
	spanSpanID    = 2
	spanParent    = 4
	spanName      = 5
	spanKind      = 6
	spanStart     = 7
	spanEnd       = 8
	spanAttribute = 9
	spanEvent     = 11
	spanStatus    = 15
	spanFlags     = 16
)

// Kinds of spans, as OTLP numbers them.
const (
	kindInternal = 1
	kindServer   = 2
	kindClient   = 3
)

// span is a hop while a trace is made.
type span struct {
	id, parent uint64
	service    int
	kind       int
	start, end int64
}

// traceTruth is what is asked about a trace.
type traceTruth struct {
	id    string
	spans int
	order string // of the first order's
	hits  int    // spans that have it
}

type slowTrace struct {
	id     string
	newest int64
}

// spans is the corpus of spans: requests of SDKs, each with spans of one pod, so that a trace arrives in a dozen of them.
type spans struct {
	traces, made int
	rnd          *rand.Rand
	pods         []wire // spans of each pod that have not been sent
	waiting      []int  // how many
	hops         []span
	num          []byte

	byService [12]uint64
	total     uint64
	probes    []traceTruth // some traces, spread over time
	ordered   traceTruth
	slow      []slowTrace
}

func newSpans(n int) *spans {
	pods := len(loggen.Services) * podsOfService
	return &spans{traces: max(int(float64(n)/spansPerTrace), 1), rnd: rand.New(rand.NewPCG(seed, 3)), pods: make([]wire, pods), waiting: make([]int, pods)}
}

func (s *spans) signal() string { return "spans" }
func (s *spans) path() string   { return "/v1/traces" }

func (s *spans) next(buf []byte) ([]byte, int) {
	for s.made < s.traces {
		if pod := slices.IndexFunc(s.waiting, func(n int) bool { return n >= spansPerRequest }); pod >= 0 {
			return s.flush(buf, pod)
		}
		s.trace()
		s.made++
	}
	if pod := slices.IndexFunc(s.waiting, func(n int) bool { return n > 0 }); pod >= 0 {
		return s.flush(buf, pod)
	}
	return buf, 0
}

// flush makes the request of a pod.
func (s *spans) flush(buf []byte, pod int) ([]byte, int) {
	service := loggen.Services[pod/podsOfService]
	w := wire{buf: buf}
	of := w.begin(requestResources)
	w.resource(service, service+"-7d9f8b6c5-"+strconv.Itoa(pod*7919%90000), "node-"+strconv.Itoa(pod%podsOfService))
	scopes := w.begin(resourceScopes)
	w.scope("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.63.0")
	w.buf = append(w.buf, s.pods[pod].buf...)
	w.end(scopes)
	w.end(of)
	n := s.waiting[pod]
	s.pods[pod].buf, s.waiting[pod] = s.pods[pod].buf[:0], 0
	return w.buf, n
}

// trace makes the spans of one trace: calls nested in time, each of a client span here and a server span there.
func (s *spans) trace() {
	r := s.rnd
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], r.Uint64())
	binary.BigEndian.PutUint64(id[8:], r.Uint64()|1)
	count := 8 + r.IntN(25)
	if s.made%100 == 7 {
		count += 20
	}
	at := epoch.UnixNano() + int64(float64(spansSpan)*float64(s.made)/float64(s.traces))
	order := ""
	if s.made%orderEvery == 2 {
		order = hex.EncodeToString(binary.BigEndian.AppendUint64(nil, r.Uint64()))
	}
	truth := traceTruth{id: hex.EncodeToString(id[:]), spans: count, order: order}
	newestSlow := int64(0)
	s.hops = s.hops[:0]
	for k := range count {
		h := s.hop(k, at)
		s.hops = append(s.hops, h)
		mine := ""
		if order != "" && (k == 0 || r.IntN(8) == 0) {
			mine = order
			truth.hits++
		}
		s.write(&id, h, mine)
		s.byService[h.service]++
		s.total++
		if loggen.Services[h.service] == slowOf && h.end-h.start > int64(slowOver) {
			newestSlow = max(newestSlow, h.start)
		}
	}
	if newestSlow > 0 {
		s.slow = append(s.slow, slowTrace{truth.id, newestSlow})
	}
	if s.made%max(s.traces/probesKept, 1) == s.traces/probesKept/2 {
		s.probes = append(s.probes, truth)
	}
	if order != "" && s.made >= s.traces/2 && s.ordered.id == "" {
		s.ordered = truth
	}
}

// probesKept is about how many traces are remembered, to be asked for.
const probesKept = 16

func (s *spans) hop(k int, at int64) span {
	r := s.rnd
	h := span{id: r.Uint64() | 1, kind: kindServer, start: at}
	if k == 0 {
		h.end = at + int64(20+r.IntN(1<<(4+r.IntN(8))))*1e6 + r.Int64N(1e6)
		return h
	}
	p := s.hops[max(0, k-1-r.IntN(6))]
	h.parent, h.service = p.id, p.service
	if p.kind == kindClient {
		h.service = r.IntN(len(loggen.Services))
	} else if h.kind = kindClient; r.IntN(4) == 0 {
		h.kind = kindInternal
	}
	length := p.end - p.start
	took := length/8 + r.Int64N(length*3/4+1)
	h.start = p.start + r.Int64N(length-took+1)
	h.end = h.start + took
	return h
}

var (
	spanRoutes = []string{"/cart", "/cart/{id}/items", "/checkout", "/products", "/products/{id}", "/payments", "/quotes", "/users/login", "/users/{id}", "/search"}
	tables     = []string{"orders", "order_items", "users", "carts", "payments", "products", "stock", "shipments"}
	tasks      = []string{"apply discounts", "render template", "validate cart", "price parcel", "check for fraud", "rank results"}
	spanCodes  = []int{200, 200, 200, 200, 200, 200, 201, 204, 301, 404, 429, 500}
	browsers   = []string{
		"Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0.0.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6)", "Go-http-client/2.0", "okhttp/5.1.0",
	}
)

// write writes a span into the request of its pod.
func (s *spans) write(id *[16]byte, h span, order string) {
	r := s.rnd
	pod := h.service*podsOfService + r.IntN(podsOfService)
	w := &s.pods[pod]
	s.waiting[pod]++
	m := w.begin(scopeRecords)
	w.bytes(spanTraceID, id[:])
	w.bytes(spanSpanID, binary.BigEndian.AppendUint64(s.num[:0], h.id))
	if h.parent != 0 {
		w.bytes(spanParent, binary.BigEndian.AppendUint64(s.num[:0], h.parent))
	}
	w.uint(spanKind, uint64(h.kind))
	w.fixed64(spanStart, uint64(h.start))
	w.fixed64(spanEnd, uint64(h.end))
	failed := false
	switch {
	case h.kind == kindInternal:
		s.task(w)
	case h.kind == kindClient && r.IntN(3) == 0:
		s.statement(w)
	default:
		failed = s.http(w, h)
	}
	w.attr(spanAttribute, "thread.name", threads[r.IntN(len(threads))])
	if order != "" {
		w.attr(spanAttribute, "order.id", order)
	}
	if failed {
		s.failure(w, h)
	}
	w.tag(spanFlags, typeFixed32)
	w.buf = append(w.buf, 1, 1, 0, 0) // sampled; whether the parent is remote is known
	w.end(m)
}

// http writes an HTTP span and says whether it failed.
func (s *spans) http(w *wire, h span) (failed bool) {
	r := s.rnd
	method, route := []string{"GET", "GET", "GET", "POST"}[r.IntN(4)], spanRoutes[r.IntN(len(spanRoutes))]
	w.str(spanName, method+" "+route)
	w.attr(spanAttribute, "http.request.method", method)
	w.attrInt(spanAttribute, "http.response.status_code", spanCodes[r.IntN(len(spanCodes))])
	host := loggen.Services[r.IntN(len(loggen.Services))] + ".shop.svc.cluster.local"
	w.attr(spanAttribute, "server.address", host)
	w.attrInt(spanAttribute, "server.port", 8080)
	w.attr(spanAttribute, "network.protocol.version", "1.1")
	number := strconv.Itoa(r.IntN(100_000))
	if h.kind == kindClient {
		w.attr(spanAttribute, "url.full", "http://"+host+":8080"+route+"?id="+number)
		w.attr(spanAttribute, "network.peer.address", "10.0."+strconv.Itoa(r.IntN(4))+"."+strconv.Itoa(r.IntN(250)))
	} else {
		w.attr(spanAttribute, "http.route", route)
		w.attr(spanAttribute, "url.scheme", "http")
		w.attr(spanAttribute, "url.path", route+"/"+number)
		w.attr(spanAttribute, "client.address", "10.0."+strconv.Itoa(r.IntN(4))+"."+strconv.Itoa(r.IntN(250)))
		w.attr(spanAttribute, "user_agent.original", browsers[r.IntN(len(browsers))])
	}
	w.attrInt(spanAttribute, "http.response.body.size", r.IntN(40_000))
	return r.IntN(40) == 0
}

// statement writes a database's span.
func (s *spans) statement(w *wire) {
	r := s.rnd
	table := tables[r.IntN(len(tables))]
	w.str(spanName, "SELECT "+table)
	w.attr(spanAttribute, "db.system.name", "postgresql")
	w.attr(spanAttribute, "db.namespace", "shop")
	w.attr(spanAttribute, "db.operation.name", "SELECT")
	w.attr(spanAttribute, "db.collection.name", table)
	w.attr(spanAttribute, "db.query.text", "SELECT * FROM "+table+" WHERE id = "+strconv.Itoa(r.IntN(10_000_000))+" AND tenant = 'shop' LIMIT 50")
	w.attr(spanAttribute, "server.address", "postgres-"+strconv.Itoa(r.IntN(3))+".shop.svc")
	w.attrInt(spanAttribute, "server.port", 5432)
	w.attrInt(spanAttribute, "db.response.returned_rows", r.IntN(50))
}

// task writes the attributes of work within a process.
func (s *spans) task(w *wire) {
	r := s.rnd
	w.str(spanName, tasks[r.IntN(len(tasks))])
	w.attr(spanAttribute, "code.function.name", "com.shop."+tables[r.IntN(len(tables))]+".Service.apply")
	w.attr(spanAttribute, "code.file.path", "/src/"+tables[r.IntN(len(tables))]+"/service.go")
	w.attrInt(spanAttribute, "code.line.number", 20+31*r.IntN(9))
	w.attr(spanAttribute, "feature_flag.key", "new-basket")
	w.attr(spanAttribute, "user.id", "u-"+strconv.Itoa(r.IntN(20_000)))
	w.attrInt(spanAttribute, "items", r.IntN(40))
}

func (s *spans) failure(w *wire, h span) {
	status := w.begin(spanStatus)
	w.str(2, "internal error")
	w.uint(3, 2)
	w.end(status)
	e := w.begin(spanEvent)
	w.fixed64(1, uint64(h.start+(h.end-h.start)/2))
	w.str(2, "exception")
	w.attr(3, "exception.type", "java.lang.IllegalStateException")
	w.attr(3, "exception.message", "no stock for item "+strconv.Itoa(s.rnd.IntN(100_000)))
	w.end(e)
}
