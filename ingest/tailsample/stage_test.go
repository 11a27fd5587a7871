package tailsample

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

var logTime = time.Unix(1_800_000_000, 0)

// span describes a test's span.
type span struct {
	trace    uint64
	start    time.Duration
	duration time.Duration
	status   ptrace.StatusCode
	state    string
	resource map[string]any
	attrs    map[string]any
}

// batchOf builds the batch of a message, as the exporter does.
func batchOf(t testing.TB, spans ...span) *telemetry.Batch {
	t.Helper()
	b := telemetry.NewBuilder(telemetry.Spans, telemetry.DefaultTenant)
	for i, sp := range spans {
		res := pcommon.NewResource()
		if err := res.Attributes().FromRaw(sp.resource); err != nil {
			t.Fatal(err)
		}
		b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
		s := ptrace.NewSpan()
		s.SetTraceID(pcommon.TraceID(id(sp.trace)))
		var spanID pcommon.SpanID
		binary.BigEndian.PutUint64(spanID[:], uint64(i)+1)
		s.SetSpanID(spanID)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(logTime.Add(sp.start)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(logTime.Add(sp.start + sp.duration)))
		s.Status().SetCode(sp.status)
		s.TraceState().FromRaw(sp.state)
		if err := s.Attributes().FromRaw(sp.attrs); err != nil {
			t.Fatal(err)
		}
		b.AppendSpan(s, logTime.Add(time.Hour))
	}
	return b.Build()
}

func id(n uint64) (out telemetry.TraceID) {
	binary.BigEndian.PutUint64(out[:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(out[8:], n)
	return out
}

// message is a log's entry of a test.
type message struct {
	position uint64
	at       time.Duration
	spans    []span
}

// run gives messages to a stage and tells which spans of each were kept: a letter each, k or s.
type run struct {
	t     testing.TB
	stage *Stage
	out   map[uint64]string
}

func newRun(t testing.TB, cfg Config, base uint64) *run {
	t.Helper()
	m, err := NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(""); err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg, base, m)
	if err != nil {
		t.Fatal(err)
	}
	return &run{t: t, stage: s, out: map[uint64]string{}}
}

func (r *run) give(m message, passed bool) {
	r.t.Helper()
	r.stage.At(m.position, logTime.Add(m.at))
	b := batchOf(r.t, m.spans...)
	defer b.Release()
	e := shardlog.Entry{Position: m.position, Time: logTime.Add(m.at), Message: shardlog.Message{Batch: make([]byte, 100*len(m.spans))}}
	if err := r.stage.Take(&e, b, nil, passed); err != nil {
		r.t.Fatal(err)
	}
	r.drain()
}

func (r *run) drain() {
	for h := r.stage.Next(); h != nil; h = r.stage.Next() {
		var text []byte
		keep := h.Keep()
		for row := range h.rows {
			if keep == nil || keep[row] {
				text = append(text, 'k')
			} else {
				text = append(text, 's')
			}
		}
		r.out[h.Entry.Position] = string(text)
	}
}

func testConfig(policies ...Policy) Config {
	cfg := DefaultConfig()
	cfg.DecisionWait, cfg.Late = 10*time.Second, 60*time.Second
	cfg.Policies = policies
	return cfg
}

var errorsPolicy = Policy{Name: "errors", Type: "status_code", StatusCode: &StatusCode{StatusCodes: []string{"ERROR"}}}

func TestHeldUntilDecidedAndLateSpansFollow(t *testing.T) {
	r := newRun(t, testConfig(errorsPolicy), 0)
	failed := span{trace: 1, status: ptrace.StatusCodeError}
	r.give(message{1, 0, []span{{trace: 1}, {trace: 2}}}, false)
	r.give(message{2, 9 * time.Second, []span{{trace: 3}, failed}}, false)
	if len(r.out) != 0 || r.stage.First() != 1 {
		t.Fatalf("decided early: %v, first held %d", r.out, r.stage.First())
	}
	r.stage.Advance(logTime.Add(10 * time.Second))
	r.drain()
	if diff := cmp.Diff(map[uint64]string{1: "ks"}, r.out); diff != "" {
		t.Fatal(diff)
	}
	// Trace 2 fails too late: its decision stands. Trace 1 is kept whatever comes.
	r.give(message{3, 30 * time.Second, []span{{trace: 2, status: ptrace.StatusCodeError}, {trace: 1}}}, false)
	// After wait and late a trace begins anew.
	r.give(message{4, 71 * time.Second, []span{{trace: 2, status: ptrace.StatusCodeError}, {trace: 1}}}, false)
	r.stage.Advance(logTime.Add(time.Hour))
	r.drain()
	if diff := cmp.Diff(map[uint64]string{1: "ks", 2: "sk", 3: "sk", 4: "ks"}, r.out); diff != "" {
		t.Fatal(diff)
	}
	if traces, messages, bytes := r.stage.Usage(); traces != 0 || messages != 0 || bytes != 0 {
		t.Errorf("left behind: %d traces, %d messages, %d bytes", traces, messages, bytes)
	}
}

// A replay that begins at the floor decides alike about everything after the position that the floor was asked for, wherever the log is cut.
func TestReplayDecidesAlike(t *testing.T) {
	policies := []Policy{
		errorsPolicy,
		{Name: "slow", Type: "latency", Latency: &Latency{ThresholdMs: 900}},
		{Name: "some", Type: "probabilistic", Probabilistic: &Probabilistic{SamplingPercentage: 20}},
		{Name: "rate", Type: "rate_limiting", RateLimiting: &RateLimiting{SpansPerSecond: 6}},
	}
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		log := randomLog(rnd)
		cfg := testConfig(policies...)
		if seed%4 == 3 {
			cfg.HeldBytesMax = 1 << 20 // never reached here: the validated least
		}
		whole := newRun(t, cfg, 0)
		floors := map[uint64]uint64{}
		for _, m := range log {
			whole.give(m, false)
			floors[m.position] = whole.stage.Floor(m.position)
		}
		whole.stage.Advance(logTime.Add(time.Hour))
		whole.drain()
		for range 10 {
			cut := log[rnd.IntN(len(log))].position
			floor := floors[cut]
			again := newRun(t, cfg, floor)
			for _, m := range log {
				if m.position > floor {
					again.give(m, m.position <= cut)
				}
			}
			again.stage.Advance(logTime.Add(time.Hour))
			again.drain()
			for _, m := range log {
				if want := whole.out[m.position]; m.position > cut && again.out[m.position] != want {
					t.Fatalf("seed %d, cut at %d, floor %d, message %d: %s, want %s", seed, cut, floor, m.position, again.out[m.position], want)
				} else if m.position <= cut && again.out[m.position] != "" {
					t.Fatalf("message %d was passed and came again", m.position)
				}
			}
		}
		if floor := floors[log[len(log)-1].position]; floor == 0 {
			t.Fatalf("seed %d: the floor never moved", seed)
		}
	}
}

// randomLog is four minutes of traces that take up to half a minute each, so that spans come before and after the decision.
func randomLog(rnd *rand.Rand) []message {
	var log []message
	at := time.Duration(0)
	for position := uint64(1); at < 4*time.Minute; position++ {
		at += time.Duration(rnd.IntN(1000)) * time.Millisecond
		m := message{position: position * 2, at: at}
		for range 1 + rnd.IntN(4) {
			newest := uint64(at/time.Second) + 1
			s := span{trace: newest - min(newest-1, uint64(rnd.IntN(30))), start: at, duration: time.Duration(rnd.IntN(1000)) * time.Millisecond}
			if rnd.IntN(20) == 0 {
				s.status = ptrace.StatusCodeError
			}
			m.spans = append(m.spans, s)
		}
		log = append(log, m)
	}
	return log
}

func TestBounds(t *testing.T) {
	cfg := testConfig(errorsPolicy)
	cfg.TracesMax = 10
	r := newRun(t, cfg, 0)
	for i := range uint64(50) {
		r.give(message{i + 1, time.Duration(i) * time.Millisecond, []span{{trace: i + 1, status: ptrace.StatusCode(2 * (i % 2))}}}, false)
	}
	if traces, messages, _ := r.stage.Usage(); traces != 10 || messages > 10 {
		t.Errorf("%d traces, %d messages, want 10 at the most", traces, messages)
	}
	for i := range uint64(40) {
		if want := string("sk"[i%2]); r.out[i+1] != want {
			t.Errorf("message %d: %q, want %q", i+1, r.out[i+1], want)
		}
	}

	cfg = testConfig(errorsPolicy)
	cfg.HeldBytesMax = 1 << 20
	r = newRun(t, cfg, 0)
	many := make([]span, 100)
	for i := range uint64(200) {
		for j := range many {
			many[j].trace = i + 1
		}
		r.give(message{i + 1, time.Duration(i) * time.Millisecond, many}, false)
		if _, _, bytes := r.stage.Usage(); bytes > 1<<20 {
			t.Fatalf("%d bytes held", bytes)
		}
	}
	if len(r.out) == 0 {
		t.Error("nothing was decided early")
	}
}

func TestSpansWithoutRecordsStay(t *testing.T) {
	r := newRun(t, testConfig(errorsPolicy), 0)
	b := batchOf(t, span{trace: 1}, span{trace: 2, status: ptrace.StatusCodeError})
	defer b.Release()
	r.stage.At(7, logTime)
	if err := r.stage.Take(&shardlog.Entry{Position: 7}, b, []bool{true, false}, false); err != nil {
		t.Fatal(err)
	}
	r.stage.Advance(logTime.Add(time.Minute))
	h := r.stage.Next()
	if h == nil || fmt.Sprint(h.Keep()) != "[false false]" {
		t.Fatalf("held %+v", h)
	}
}
