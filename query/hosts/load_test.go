package hosts

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"

	"clew/internal/telemetry"
)

// promQL is Metrics over Prometheus' own storage.
type promQL struct {
	engine  *promql.Engine
	storage storage.Storage
}

func (p promQL) Instant(ctx context.Context, _, expr string, at time.Time) (promql.Vector, error) {
	query, err := p.engine.NewInstantQuery(ctx, p.storage, nil, expr, at)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	vector, err := query.Exec(ctx).Vector()
	return slices.Clone(vector), err // the query's own is used again
}

// A host whose points are late has as many processors as before.
func TestProcessorsOfLatePoints(t *testing.T) {
	st := promqltest.LoadedStorage(t, `load 15s
		system_cpu_time_seconds_total{host_name="h", state="user"} 0+45x40
		system_cpu_time_seconds_total{host_name="h", state="idle"} 0+195x40`)
	defer st.Close()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000, Timeout: time.Minute})
	defer engine.Close()
	h := New(Deps{Metrics: promQL{engine, st}})
	last := time.Unix(40*15, 0)
	for _, late := range []time.Duration{0, 20 * time.Second, time.Minute, 2 * time.Minute} {
		all := map[string]*Host{"h": {Name: "h"}}
		if partial := h.load(t.Context(), telemetry.DefaultTenant, all, last.Add(late)); len(partial) > 0 {
			t.Fatal(partial)
		}
		if n := all["h"].CPUs; n != 16 {
			t.Errorf("%d processors %v after the last point, want 16", n, late)
		}
	}
}
