package hosts

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"

	"clew/query/metrics"
)

// PromQL is Metrics by Prometheus' engine.
type PromQL struct {
	Engine  promql.QueryEngine
	Storage *metrics.Storage
}

// Instant implements Metrics.
func (p PromQL) Instant(ctx context.Context, tenant, expr string, at time.Time) (promql.Vector, error) {
	ctx = metrics.WithTenant(ctx, tenant)
	query, err := p.Engine.NewInstantQuery(ctx, p.Storage, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	vector, err := result.Vector()
	if err != nil {
		return nil, err
	}
	return append(promql.Vector(nil), vector...), nil // the query's own is used again
}
