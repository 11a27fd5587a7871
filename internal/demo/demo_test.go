package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"clew/internal/access/testca"
	"clew/internal/harness"
	"clew/query/api"
)

// words is what the demo says, readable while it speaks.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// The shop under all its faults, watched by a real clew: everything docs/demo.md promises is found through the API.
func TestShopWatchedByClew(t *testing.T) {
	dir := t.TempDir()
	binary, err := harness.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := harness.Start(harness.Options{Binary: binary, Data: filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.WaitReady(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	said := &words{}
	o := DefaultOptions()
	o.OTLP, o.Rate, o.Turn, o.Pause, o.Out = p.GRPC, 25, 2500*time.Millisecond, 300*time.Millisecond, said
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := watcher{p}
	w.healthy(t, o)
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()

	open := w.promises()
	// Faults take turns until each has shown itself, chances permitting: nearly always in the first round of 20 seconds.
	for deadline := time.Now().Add(2 * time.Minute); len(open) > 0 && time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		for what, check := range open {
			if check(ctx) == nil {
				delete(open, what)
			}
		}
	}
	for what, check := range open {
		t.Errorf("%s: %v", what, check(ctx))
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(stopTimeout + flushTimeout + 5*time.Second):
		t.Fatal("the shop does not close")
	}
	if got := said.String(); !strings.Contains(got, "all telemetry is sent") || strings.Contains(got, "nothing takes") {
		t.Errorf("said:\n%s", got)
	}
}

// watcher asks clew what it has seen of the shop.
type watcher struct{ p *harness.Process }

type check = func(context.Context) error

// healthy runs the shop without faults: there are orders, and nothing is found of what only faults make.
func (w watcher) healthy(t *testing.T, o Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	o.Faults = []string{NoFaults}
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	// What was acknowledged is found at once; the shop has ended, so all was.
	if err := w.atLeast(context.Background(), "spans", `service:payment name:"authorize card"`, 1); err != nil {
		t.Error(err)
	}
	for _, f := range Faults {
		if w.atLeast(context.Background(), f.Signal, f.Query, 1) == nil {
			t.Errorf("a healthy shop has the fault %s: %s", f.Name, f.Query)
		}
	}
}

// promises are what must be found, by what it is.
func (w watcher) promises() map[string]check {
	checks := map[string]check{
		"services in spans": func(ctx context.Context) error { return w.services(ctx, "spans") },
		"services in logs":  func(ctx context.Context) error { return w.services(ctx, "logs") },
		"logs of traces":    func(ctx context.Context) error { return w.atLeast(ctx, "logs", "trace_id:* span_id:*", 100) },
		"every severity":    w.severities,
		"metrics":           w.metrics,
		"who asks, in the deep": func(ctx context.Context) error {
			return w.atLeast(ctx, "spans", "service:postgres tenant.id:* session.id:*", 10)
		},
		"who asks, in logs": func(ctx context.Context) error { return w.atLeast(ctx, "logs", "service:catalog tenant.id:*", 10) },
		"batch with links": func(ctx context.Context) error {
			return w.atLeast(ctx, "spans", "service:shipping kind:consumer links:*", 1)
		},
		"order across services": func(ctx context.Context) error {
			return w.trace(ctx, `service:mailer kind:consumer`, func(t *api.Trace) error {
				if len(t.Services) < 8 {
					return fmt.Errorf("%d services", len(t.Services))
				}
				return nil
			})
		},
		"payment: the error began there":            w.paymentOrigin,
		"retry-storm: repeats in one trace":         w.repeats,
		"uninstrumented-hop: tax has a lost parent": w.lostParent,
		"skewed-clock: the host's clock was moved":  w.movedClock,
		"noisy-neighbour: others wait for the pool": func(ctx context.Context) error {
			return w.atLeast(ctx, "logs", `service:catalog "for a database connection" -tenant.id:globex-import`, 1)
		},
		"slow-database: queries of users are slow": func(ctx context.Context) error {
			return w.atLeast(ctx, "spans", "service:postgres duration>100ms -tenant.id:globex-import", 3)
		},
		"memory-leak: the heap is told, with growth": func(ctx context.Context) error {
			return w.atLeast(ctx, "logs", `service:search severity>=warn "result cache holds"`, 2)
		},
	}
	for _, f := range Faults {
		checks[f.Name+": "+f.Query] = func(ctx context.Context) error { return w.atLeast(ctx, f.Signal, f.Query, 1) }
		checks[f.Name+": the trail"] = func(ctx context.Context) error {
			return w.atLeast(ctx, "logs", fmt.Sprintf("service:%s change=%q body:%q", f.Service, f.Change, f.On), 1)
		}
	}
	return checks
}

func (w watcher) atLeast(ctx context.Context, signal, query string, n uint64) error {
	var c api.Count
	if err := w.p.Get(ctx, "/api/v1/count", url.Values{"signal": {signal}, "query": {query}}, &c); err != nil {
		return err
	}
	if c.Count < n {
		return fmt.Errorf("%d %s of %s, want at least %d", c.Count, signal, query, n)
	}
	return nil
}

func (w watcher) services(ctx context.Context, signal string) error {
	var c api.Count
	if err := w.p.Get(ctx, "/api/v1/count", url.Values{"signal": {signal}, "by": {"service"}}, &c); err != nil {
		return err
	}
	if len(c.Groups) != len(kinds) {
		return fmt.Errorf("%d services, want %d: %v", len(c.Groups), len(kinds), c.Groups)
	}
	return nil
}

func (w watcher) severities(ctx context.Context) error {
	for _, s := range []string{"trace", "debug", "info", "warn", "error"} {
		if err := w.atLeast(ctx, "logs", "severity:"+s, 1); err != nil {
			return err
		}
	}
	return nil
}

func (w watcher) metrics(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.p.HTTP+"/metrics", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if !regexp.MustCompile(`clew_collector_records_accepted_total\{signal="metrics"\} [1-9]\d\d`).Match(text) {
		return fmt.Errorf("no 100 data points accepted")
	}
	return nil
}

// trace looks for a trace that has a span of query and satisfies want.
func (w watcher) trace(ctx context.Context, query string, want func(*api.Trace) error) error {
	var found api.Search
	if err := w.p.Get(ctx, "/api/v1/search", url.Values{"signal": {"spans"}, "query": {query}, "limit": {"30"}}, &found); err != nil {
		return err
	}
	err := fmt.Errorf("no span of %s", query)
	for _, s := range found.Spans {
		var t api.Trace
		if err = w.p.Get(ctx, "/api/v1/traces/"+s.TraceID, nil, &t); err != nil {
			return err
		}
		if err = want(&t); err == nil {
			return nil
		}
	}
	return err
}

// The failing hop is the deepest: the chain says that the error began there, and its callers, web among them, failed too.
func (w watcher) paymentOrigin(ctx context.Context) error {
	return w.trace(ctx, Faults[payment].Query, func(t *api.Trace) error {
		if len(t.ErrorOrigins) != 1 || t.Nodes[t.ErrorOrigins[0]].Service != "payment" || t.Nodes[t.ErrorOrigins[0]].Name != "authorize card" {
			return fmt.Errorf("errors began at %v", t.ErrorOrigins)
		}
		failed := map[string]bool{}
		for _, n := range t.Nodes {
			if n.Error {
				failed[n.Service] = true
			}
		}
		told := false
		for _, l := range t.Logs {
			told = told || l.Service == "payment" && l.SeverityNumber >= 17 && strings.Contains(l.Body, "certificate has expired")
		}
		if !failed["web"] || !failed["checkout"] || !told {
			return fmt.Errorf("failed: %v, told: %v", failed, told)
		}
		return nil
	})
}

func (w watcher) repeats(ctx context.Context) error {
	return w.trace(ctx, Faults[retryStorm].Query, func(t *api.Trace) error {
		quotes := 0
		for _, n := range t.Nodes {
			if n.Service == "shipping" && n.Name == "GET /quote" {
				quotes++
			}
		}
		if quotes < 3 {
			return fmt.Errorf("%d quotes", quotes)
		}
		return nil
	})
}

func (w watcher) lostParent(ctx context.Context) error {
	return w.trace(ctx, "service:tax kind:server", func(t *api.Trace) error {
		for _, n := range t.Nodes {
			if n.Service == "tax" && n.Parent >= 0 && t.Nodes[n.Parent].Reason == "missing" {
				return nil
			}
		}
		return fmt.Errorf("%d parents missing", t.Missing)
	})
}

func (w watcher) movedClock(ctx context.Context) error {
	return w.trace(ctx, "service:recommendations kind:server", func(t *api.Trace) error {
		for _, c := range t.Clocks {
			if c.Process == skewedHost && time.Duration(c.OffsetNano).Round(time.Second) == skew {
				return nil
			}
		}
		return fmt.Errorf("clocks: %v", t.Clocks)
	})
}

// A receiver that is away is mentioned once, and neither the shop nor its end waits for it.
func TestNobodyListens(t *testing.T) {
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	said := &words{}
	o := DefaultOptions()
	o.OTLP, o.Faults, o.Out = ports[0], []string{NoFaults}, said
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	begin := time.Now()
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 7*time.Second {
		t.Errorf("closed after %v", took)
	}
	if n := strings.Count(said.String(), "nothing takes telemetry at "+ports[0]); n != 1 {
		t.Errorf("said %d times that nobody listens:\n%s", n, said)
	}
	if !strings.Contains(said.String(), "connection refused") {
		t.Errorf("it is not said why:\n%s", said)
	}
}

// TestReceiverOfItsOwn: a receiver that wants TLS and a token takes what is sent with them, and without them it is said what is wrong.
func TestReceiverOfItsOwn(t *testing.T) {
	ca := testca.New(t)
	cert, key := ca.Issue(t, "localhost", time.Hour)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&pair)), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		if md, _ := metadata.FromIncomingContext(s.Context()); !slices.Equal(md.Get("authorization"), []string{"Bearer secret"}) {
			return status.Error(codes.Unauthenticated, "no credentials are shown")
		}
		if err := s.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		return s.SendMsg(&emptypb.Empty{})
	}))
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() {
		server.Stop()
		<-served
	}()
	for _, c := range []struct {
		name, token, want string
		tls               *tls.Config
	}{
		{"without TLS", "secret", "it may want TLS", nil},
		{"of another authority", "secret", "--tls-ca names the authority", testca.New(t).Client(t, "", "")},
		{"without a token", "", "--token-file", ca.Client(t, "", "")},
		{"with both", "secret", "", ca.Client(t, "", "")},
	} {
		said := &words{}
		s := &shop{options: Options{OTLP: l.Addr().String(), TLS: c.tls, Token: c.token, Out: said}}
		conn, err := s.dialReceiver()
		if err != nil {
			t.Fatal(err)
		}
		askReceiver(t.Context(), conn)
		askReceiver(t.Context(), conn)
		conn.Close()
		if text := said.String(); c.want == "" && text != "" || strings.Count(text, "nothing takes telemetry") > 1 || !strings.Contains(text, c.want) || strings.Contains(text, "secret") {
			t.Errorf("%s: %q, want %q once", c.name, text, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no port", func(o *Options) { o.OTLP = "localhost" }, `otlp "localhost": want host:port`},
		{"no load", func(o *Options) { o.Rate = 0 }, "rate 0"},
		{"too much load", func(o *Options) { o.Rate = 1e6 }, "at most 200"},
		{"no turn", func(o *Options) { o.Turn = 0 }, "turn 0s"},
		{"unknown fault", func(o *Options) { o.Faults = []string{"gremlins"} }, `fault "gremlins": want payment, slow-database`},
		{"none and one", func(o *Options) { o.Faults = []string{NoFaults, "payment"} }, `fault "none": want`},
		{"good", func(o *Options) { o.Faults = []string{"payment", "skewed-clock"} }, ""},
		{"none", func(o *Options) { o.Faults = []string{NoFaults} }, ""},
	} {
		o := DefaultOptions()
		c.change(&o)
		if err := o.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// The same seed lets the same users in.
func TestSeed(t *testing.T) {
	users := func(seed uint64) string {
		s := &shop{options: Options{Seed: seed}}
		var all []string
		for i := range 20 {
			u := s.newUser(nil, i)
			all = append(all, fmt.Sprint(u.header, pick(u.dice, productIDs)))
		}
		return strings.Join(all, "\n")
	}
	if again := users(1); users(1) != again {
		t.Error("seed 1 gives different users each time")
	}
	if users(1) == users(2) {
		t.Error("seeds 1 and 2 give the same users")
	}
}

// docs/demo.md tells of every fault, with the query that finds it.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/demo.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Faults {
		for _, want := range []string{"## " + f.Name + "\n", f.Query + "\n", f.On} {
			if !strings.Contains(string(data), want) {
				t.Errorf("docs/demo.md does not tell of fault %s: %q", f.Name, want)
			}
		}
	}
	for _, k := range kinds {
		if !strings.Contains(string(data), "| "+k.name+" |") {
			t.Errorf("docs/demo.md does not tell of service %s", k.name)
		}
	}
}
