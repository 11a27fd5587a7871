package otlpreceiver

import (
	"context"

	"clew/collector/refusal"
	"clew/internal/ledger"
	"clew/internal/receivers/way"
	"clew/internal/telemetry"
)

// withTenant puts the request's tenant where the exporter looks for it. values are those of the tenant's header.
func withTenant(ctx context.Context, values []string) (context.Context, error) {
	ctx, err := way.WithTenant(ctx, values)
	if err != nil {
		return ctx, &refusal.Error{Kind: refusal.Invalid, Reason: "tenant", Err: err}
	}
	return ctx, nil
}

// withNumber puts the request's number, if it has one, where the exporter looks for it.
func withNumber(ctx context.Context, signal telemetry.Signal, source, seq []string) (context.Context, error) {
	n, err := ledger.ParseNumber(source, seq, signal)
	if err != nil {
		return ctx, &refusal.Error{Kind: refusal.Invalid, Reason: "number", Err: err}
	}
	if n == nil {
		return ctx, nil
	}
	return ledger.WithNumber(ctx, n), nil
}
