package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"clew/index"
	"clew/index/catalog"
	"clew/internal/points"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/fanout"
	"clew/query/metrics/pointstest"
	"clew/query/parts"
)

// headsOf are a partSource's heads as an owner of a shard gives them. Those that are beyond the first are read by their columns, as what is being sealed is.
type headsOf struct{ *partSource }

// Heads implements parts.Heads.
func (h headsOf) Heads(ctx context.Context, _ string, _ telemetry.Signal) ([]index.HeadView, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := index.HeadView{Shard: 0, Signal: telemetry.Metrics, Epoch: 1}
	for i, head := range h.heads {
		g := index.Generation{From: uint64(i), To: uint64(i + 1)}
		if points.WantsLive(ctx) && i == 0 {
			g.Part = head.Live()
		} else {
			var err error
			if g.Part, err = head.Snapshot(ctx); err != nil {
				return nil, err
			}
		}
		v.Generations = append(v.Generations, g)
	}
	return []index.HeadView{v}, nil
}

// elsewhere is a storage in a process whose shards are owned by another one.
func elsewhere(t *testing.T, p *partSource) *Storage {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fanout.NewServer(nil, headsOf{p}, log).Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	source := parts.NewSegments(catalog.New(), p.store, nil, nil, log)
	e := engine.New(source, engine.Limits{CacheBytes: 1 << 20}, log)
	t.Cleanup(e.Close)
	c := fanout.NewCoordinator(e, source, fanout.Static{Membership: fanout.Membership{
		Self:    "query",
		Members: []fanout.Member{{Name: "query", Query: true}, {Name: "ingest", Address: l.Addr().String()}},
		Shards:  []fanout.ShardOwner{{Shard: 0, Owner: "ingest", Epoch: 1}},
	}}, log, grpc.WithTransportCredentials(insecure.NewCredentials()))
	t.Cleanup(c.Close)
	return storageOf(source)
}

// What is read of heads in another process is what is read of them where they are, while they grow: of points of all kinds.
func TestElsewhere(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	p := newParts(t)
	h, other := p.head(), p.head()
	here, far := storageOf(p), elsewhere(t, p)
	for round := range 60 {
		to := h
		if round%5 == 4 {
			to = other
		}
		if err := to.Append(pointstest.Random(rnd, testStart, round), receivedAt); err != nil {
			t.Fatal(err)
		}
		if round%6 != 5 {
			continue
		}
		for _, m := range []*labels.Matcher{
			labels.MustNewMatcher(labels.MatchRegexp, "__name__", "..+"),
			labels.MustNewMatcher(labels.MatchEqual, "color", "1"),
			labels.MustNewMatcher(labels.MatchEqual, "__name__", "target_info"),
		} {
			have, want := ends(ask(t, far, m)), ends(ask(t, here, m))
			if len(want) == 0 {
				t.Fatalf("round %d: %s matches nothing", round, m)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Fatalf("round %d %s: -here +elsewhere\n%s", round, m, diff)
			}
		}
		if have, want := exemplarsOf(t, far), exemplarsOf(t, here); !slices.Equal(have, want) {
			t.Fatalf("round %d: exemplars %v, want %v", round, have, want)
		}
		for _, name := range []string{"__name__", "color", "le"} {
			if diff := cmp.Diff(valuesAt(t, here, name), valuesAt(t, far, name)); diff != "" {
				t.Fatalf("round %d: values of %s: -here +elsewhere\n%s", round, name, diff)
			}
		}
	}
}

func valuesAt(t *testing.T, s *Storage, label string) []string {
	t.Helper()
	q, err := s.Querier(testStart.UnixMilli()-3_600_000, testStart.UnixMilli()+3_600_000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	values, warnings, err := q.LabelValues(t.Context(), label, nil)
	if err != nil || len(warnings) > 0 {
		t.Fatal(fmt.Errorf("%w, warnings %v", err, warnings))
	}
	return values
}
