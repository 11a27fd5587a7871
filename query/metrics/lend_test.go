package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"clew/index/catalog"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/fanout"
	"clew/query/metrics/lent"
	"clew/query/metrics/pointstest"
	"clew/query/parts"
)

// shared is a storage over the parts whose segments are shared out among n processes, this one among them.
func shared(t testing.TB, p *partSource, n int) *Storage {
	t.Helper()
	s := storageOf(p)
	s.UseReaders(coordinator(t, n, func(int) fanout.Lender { return storageOf(p) }))
	return s
}

// coordinator shares out segments among n processes, of which the first is the one that asks. lender is what lends in the others.
func coordinator(t testing.TB, n int, lender func(i int) fanout.Lender) *fanout.Coordinator {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	of := fanout.Membership{Self: "query-0", Members: []fanout.Member{{Name: "query-0", Query: true}}}
	for i := 1; i < n; i++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := fanout.NewServer(nil, nil, log)
		server.UseMetrics(lender(i))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- server.Run(ctx, l) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		of.Members = append(of.Members, fanout.Member{Name: fmt.Sprintf("query-%d", i), Address: l.Addr().String(), Query: true})
	}
	source := parts.NewSegments(catalog.New(), nil, nil, nil, log)
	e := engine.New(source, engine.Limits{CacheBytes: 1 << 20}, log)
	t.Cleanup(e.Close)
	c := fanout.NewCoordinator(e, source, fanout.Static{Membership: of}, log, grpc.WithTransportCredentials(insecure.NewCredentials()))
	t.Cleanup(c.Close)
	return c
}

// randomSegments are points of all kinds in heads and in twelve segments.
func randomSegments(t *testing.T) *partSource {
	rnd := rand.New(rand.NewPCG(11, 7))
	p := newParts(t)
	for round := range 13 {
		h := p.head()
		for range 5 {
			if err := h.Append(pointstest.Random(rnd, testStart, round), receivedAt); err != nil {
				t.Fatal(err)
			}
		}
		if round > 0 {
			p.seal(h)
		}
	}
	return p
}

// What is lent is what is read here: series and their points, exemplars, names and values of labels, metrics and how many series they have.
func TestLent(t *testing.T) {
	p := randomSegments(t)
	here := storageOf(p)
	alike(t, here, shared(t, p, 3))
}

// alike holds that two storages give the same answers.
func alike(t *testing.T, here, far *Storage) {
	t.Helper()
	for _, m := range []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchRegexp, "__name__", "..+"),
		labels.MustNewMatcher(labels.MatchEqual, "color", "1"),
		labels.MustNewMatcher(labels.MatchNotEqual, "color", "1"),
		labels.MustNewMatcher(labels.MatchEqual, "__name__", "target_info"),
	} {
		have, want := ends(ask(t, far, m)), ends(ask(t, here, m))
		if len(want) == 0 {
			t.Fatalf("%s matches nothing", m)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Fatalf("%s: -here +lent\n%s", m, diff)
		}
	}
	if have, want := exemplarsOf(t, far), exemplarsOf(t, here); !slices.Equal(have, want) {
		t.Fatalf("exemplars %v, want %v", have, want)
	}
	for _, name := range []string{"__name__", "color", "le", "job"} {
		if diff := cmp.Diff(valuesAt(t, here, name), valuesAt(t, far, name)); diff != "" {
			t.Fatalf("values of %s: -here +lent\n%s", name, diff)
		}
	}
	for _, set := range [][]*labels.Matcher{nil, {labels.MustNewMatcher(labels.MatchEqual, "color", "1")}} {
		var all [2]any
		for i, s := range []*Storage{here, far} {
			q, err := s.Querier(math.MinInt64, math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			names, _, err := q.LabelNames(t.Context(), nil, set...)
			if err != nil {
				t.Fatal(err)
			}
			metrics, _, err := s.Names(t.Context(), math.MinInt64, math.MaxInt64, set)
			if err != nil {
				t.Fatal(err)
			}
			counts, err := s.Cardinality(t.Context(), math.MinInt64, math.MaxInt64, 100)
			if err != nil {
				t.Fatal(err)
			}
			all[i] = []any{names, metrics, counts}
			_ = q.Close()
		}
		if diff := cmp.Diff(all[0], all[1]); diff != "" {
			t.Fatalf("names: -here +lent\n%s", diff)
		}
	}
}

// refusing lends nothing, for a reason.
type refusing struct{ err error }

// Lend implements fanout.Lender.
func (r refusing) Lend(context.Context, string, *lent.Question) (*lent.Answer, error) {
	return nil, r.err
}

// What others do not lend is read here; what is too much is an error, whoever says so.
func TestNotLent(t *testing.T) {
	p := randomSegments(t)
	far := storageOf(p)
	far.UseReaders(coordinator(t, 3, func(i int) fanout.Lender {
		if i == 1 {
			return refusing{fmt.Errorf("out of order")}
		}
		return storageOf(p)
	}))
	alike(t, storageOf(p), far)
	far.UseReaders(coordinator(t, 2, func(int) fanout.Lender { return refusing{&lent.LimitError{Max: 7}} }))
	q, err := far.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", "..+"))
	if err := set.Err(); !lent.Refused(err) {
		t.Errorf("an answer that is too large: %v", err)
	}
}

// What does not fit together is an error, and no panic.
func TestLentRubbish(t *testing.T) {
	p := randomSegments(t)
	whole, err := storageOf(p).Lend(t.Context(), telemetry.DefaultTenant, &lent.Question{
		Op: lent.OpSelect, Mint: math.MinInt64, Maxt: math.MaxInt64, Segments: []lent.Segment{{ID: p.sealed[0].Info().ID, From: math.MinInt64, To: math.MaxInt64}},
		Matchers: []lent.Matcher{{Type: labels.MatchRegexp, Name: "__name__", Value: "..+"}},
	})
	if err != nil || len(whole.Rows) == 0 || len(whole.Origins) == 0 {
		t.Fatalf("%d rows: %v", len(whole.Rows), err)
	}
	for name, change := range map[string]func(a *lent.Answer){
		"family":  func(a *lent.Answer) { a.Bases[0].Family = len(a.Families) },
		"rows":    func(a *lent.Answer) { a.Bases[0].Rows += len(a.Rows) },
		"base":    func(a *lent.Answer) { a.Origins[0].Base = -1 },
		"view":    func(a *lent.Answer) { a.Origins[0].View = 99 },
		"origins": func(a *lent.Answer) { a.Series[0].Origins += len(a.Origins) },
		"segment": func(a *lent.Answer) { a.Series[0].Segment = 1 },
		"labels":  func(a *lent.Answer) { a.Series[0].Labels = "\xff" },
	} {
		a := &lent.Answer{
			Families: slices.Clone(whole.Families), Bases: slices.Clone(whole.Bases), Rows: slices.Clone(whole.Rows), Series: slices.Clone(whole.Series),
			Origins: slices.Clone(whole.Origins),
		}
		change(a)
		if _, err := newBorrowed(&loan{answer: a, segments: []*staged{{segment: &catalog.Segment{}}}}); err == nil {
			t.Errorf("%s: nothing was wrong", name)
		}
	}
}
