package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"time"

	"clew/internal/loggen"
)

const (
	recordsPerRequest = 1000
	podsPerRequest    = 4 // of the node whose agent sends
	logsSpan          = 4 * time.Hour
	histogramStep     = 5 * time.Minute
	newestKept        = 100 // ERROR records of a service that a query wants

	// Fields of LogRecord.
	logTime         = 1
	logSeverity     = 2
	logSeverityText = 3
	logBody         = 5
	logAttribute    = 6
	logFlags        = 8
	logTraceID      = 9
	logSpanID       = 10
	logObserved     = 11
)

var severityTexts = map[int]string{5: "DEBUG", 9: "INFO", 13: "WARN", 17: "ERROR"}

// needle is a text query with its truth: a body that matches holds the literal, and the test decides.
type needle struct {
	row     string // of the table
	query   string
	literal []byte
	matches func(body []byte) bool
	hits    uint64
}

func grep(row, query, literal, expr string) *needle {
	return &needle{row: row, query: query, literal: []byte(literal), matches: regexp.MustCompile(expr).Match}
}

// uuidNeedle is a request id that one record has.
const uuidNeedle = "5b0e4f5e-93d7-4c41-a6f2-71d9a4f0c3be"

func needles() []*needle {
	return []*needle{
		grep("count of a rare word", "zanzibar", "zanzibar", `\bzanzibar\b`),
		grep("count of a uuid", `"`+uuidNeedle+`"`, uuidNeedle, `\b`+uuidNeedle+`\b`),
		// Each of the words is in many records: of user, order, request and session there are hundreds of thousands.
		grep("count of a phrase of common words", `"user request order"`, "user request order", `\buser request order\b`),
		grep("count of a phrase over a variable", `"in from 10.0"`, " in from 10.0", `\bin from 10\.0\b`),
		grep("count of a substring inside words", `/nnectionRese/`, "nnectionRese", `nnectionRese`),
		grep("count of a regex over words and numbers", `/retry [0-9]+ of 5 failed/`, " of 5 failed", `retry [0-9]+ of 5 failed`),
		grep("count of a regex with only a short literal", `/[a-z]=[0-9]{5}ms/`, "ms", `[a-z]=[0-9]{5}ms`),
	}
}

// planted says which text is planted into record i of n, beside what loggen writes: the needles' numbers of the table at 5 million.
func planted(buf []byte, i, n int, rnd *rand.Rand) []byte {
	switch rare := max(n/5, 1); {
	case i%rare == rare/2:
		return fmt.Appendf(buf, "cache region zanzibar rebuilt in %dms", rnd.IntN(900))
	case i == n/3:
		return fmt.Appendf(buf, "request completed method=GET path=/healthz status=200 duration=0.310ms request_id=%s", uuidNeedle)
	case i%555 == 7:
		return fmt.Appendf(buf, "dropped user request order %d: queue %d is full", rnd.IntN(10_000_000), rnd.IntN(24))
	case i%1250 == 11:
		return fmt.Appendf(buf, "order %d: retry %d of 5 failed, next in %dms", rnd.IntN(10_000_000), 1+rnd.IntN(5), 100*rnd.IntN(50))
	case i%1250 == 13:
		return fmt.Appendf(buf, "java.net.ConnectionResetException: peer 10.0.%d.%d closed the stream", rnd.IntN(255), rnd.IntN(255))
	case i%2500 == 17:
		return fmt.Appendf(buf, "lock of cart %d held, wait=%dms", rnd.IntN(1_000_000), 10_000+rnd.IntN(90_000))
	case i%2500 == 19:
		return fmt.Appendf(buf, "lock of cart %d held, wait=%dms", rnd.IntN(1_000_000), 1000+rnd.IntN(9000))
	}
	return buf
}

// logs is the corpus of log records, about 275 bytes each on the wire: requests of node agents, each with the records of a few pods.
type logs struct {
	n, made  int
	gen      *loggen.Generator
	rnd      *rand.Rand
	rec      loggen.Record
	w        wire
	text     []byte
	needles  []*needle
	services map[string]uint64
	steps    map[string][]uint64 // by severity's number
	errors   []int64             // times of the newest ERROR records of errorsOf, ascending
	trace    [16]byte            // the first one
	ofTrace  uint64
}

// errorsOf is the service whose newest errors are asked for.
const errorsOf = "cart"

func newLogs(n int) *logs {
	return &logs{
		n: n, gen: loggen.New(seed), rnd: rand.New(rand.NewPCG(seed, 2)), needles: needles(),
		services: map[string]uint64{}, steps: map[string][]uint64{},
	}
}

func (l *logs) signal() string { return "logs" }
func (l *logs) path() string   { return "/v1/logs" }

func (l *logs) next(buf []byte) ([]byte, int) {
	count := min(recordsPerRequest, l.n-l.made)
	if count <= 0 {
		return buf, 0
	}
	l.w.buf = buf
	each := float64(logsSpan) / float64(l.n)
	from := epoch.UnixNano() + int64(each*float64(l.made))
	first := l.made / recordsPerRequest * podsPerRequest % loggen.Pods
	left := count
	for k := range podsPerRequest {
		share := left / (podsPerRequest - k)
		left -= share
		if share > 0 {
			l.pod(first+k, share, from, each*float64(count))
		}
	}
	return l.w.buf, count
}

// pod writes count records of a pod that are spread over window nanoseconds.
func (l *logs) pod(pod, count int, from int64, window float64) {
	w, rec := &l.w, &l.rec
	l.gen.NextOf(rec, pod)
	service, logger := rec.Service, "com.shop."+rec.Service+"."
	of := w.begin(requestResources)
	w.resource(service, rec.Instance, "node-"+strconv.Itoa(pod/podsPerRequest))
	scopes := w.begin(resourceScopes)
	w.scope("shop/"+service, "1.14.2")
	for k := range count {
		if k > 0 {
			l.gen.NextOf(rec, pod)
		}
		l.text = planted(l.text[:0], l.made, l.n, l.rnd)
		if len(l.text) == 0 {
			l.text = append(l.text, rec.Body...)
		}
		rec.Time = from + int64(window*(float64(k)+l.rnd.Float64())/float64(count))
		l.note()
		l.record(logger)
		l.made++
	}
	w.end(scopes)
	w.end(of)
}

var (
	classes = []string{"Handler", "OrderService", "Repository", "HttpClient", "EventPublisher", "Scheduler"}
	regions = []string{"eu-west", "eu-west", "eu-west", "us-east", "ap-south"}
	threads = numbered("exec-", 64)
)

func (l *logs) record(logger string) {
	w, rec := &l.w, &l.rec
	r := w.begin(scopeRecords)
	w.fixed64(logTime, uint64(rec.Time))
	w.fixed64(logObserved, uint64(rec.Time+1_000_000+int64(l.rnd.IntN(5_000_000))))
	w.uint(logSeverity, uint64(rec.Severity))
	w.str(logSeverityText, severityTexts[rec.Severity])
	body := w.begin(logBody)
	w.bytes(1, l.text)
	w.end(body)
	class := classes[l.rnd.IntN(len(classes))]
	kv := w.begin(logAttribute)
	w.str(1, "logger.name")
	v := w.begin(2)
	n := w.begin(1)
	w.buf = append(append(w.buf, logger...), class...)
	w.end(n)
	w.end(v)
	w.end(kv)
	w.attr(logAttribute, "thread.name", threads[l.rnd.IntN(len(threads))])
	w.attrInt(logAttribute, "code.line.number", 20+l.rnd.IntN(8)*31)
	w.attr(logAttribute, "cloud.region", regions[l.rnd.IntN(len(regions))])
	if rec.HasTrace {
		w.bytes(logTraceID, rec.TraceID[:])
		w.bytes(logSpanID, rec.SpanID[:])
		w.tag(logFlags, typeFixed32)
		w.buf = append(w.buf, 1, 0, 0, 0) // sampled
	}
	w.end(r)
}

// note keeps the truth about the record that is being made.
func (l *logs) note() {
	rec := &l.rec
	for _, n := range l.needles {
		if bytes.Contains(l.text, n.literal) && n.matches(l.text) {
			n.hits++
		}
	}
	l.services[rec.Service]++
	severity := strconv.Itoa(rec.Severity)
	steps := l.steps[severity]
	if steps == nil {
		steps = make([]uint64, logsSpan/histogramStep)
		l.steps[severity] = steps
	}
	steps[(rec.Time-epoch.UnixNano())/int64(histogramStep)]++
	if rec.HasTrace {
		if l.ofTrace == 0 {
			l.trace = rec.TraceID
		}
		if rec.TraceID == l.trace {
			l.ofTrace++
		}
	}
	if rec.Service == errorsOf && severityTexts[rec.Severity] == "ERROR" {
		at, _ := slices.BinarySearch(l.errors, rec.Time)
		l.errors = slices.Insert(l.errors, at, rec.Time)
		if len(l.errors) > newestKept {
			l.errors = slices.Delete(l.errors, 0, 1)
		}
	}
}
