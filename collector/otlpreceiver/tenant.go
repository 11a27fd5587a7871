package otlpreceiver

import (
	"context"

	"clew/collector/refusal"
	"clew/internal/receivers/way"
)

// withTenant puts the request's tenant where the exporter looks for it. values are those of the tenant's header.
func withTenant(ctx context.Context, values []string) (context.Context, error) {
	ctx, err := way.WithTenant(ctx, values)
	if err != nil {
		return ctx, &refusal.Error{Kind: refusal.Invalid, Reason: "tenant", Err: err}
	}
	return ctx, nil
}
