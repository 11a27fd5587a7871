package otlpreceiver

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/client"

	"clew/collector/refusal"
	"clew/internal/telemetry"
)

// withTenant puts the request's tenant where the exporter looks for it: the client's metadata, as every receiver of the
// Collector does with include_metadata. values are those of the tenant's header.
func withTenant(ctx context.Context, values []string) (context.Context, error) {
	if len(values) == 0 {
		return ctx, nil
	}
	invalid := func(err error) error {
		return &refusal.Error{Kind: refusal.Invalid, Reason: "tenant", Err: fmt.Errorf("header %s: %w", telemetry.TenantHeader, err)}
	}
	if len(values) > 1 {
		return ctx, invalid(fmt.Errorf("want one value, have %d: %.100q", len(values), values))
	}
	if err := telemetry.CheckTenant(values[0]); err != nil {
		return ctx, invalid(err)
	}
	info := client.FromContext(ctx)
	if slices.Equal(info.Metadata.Get(telemetry.TenantHeader), values) {
		return ctx, nil
	}
	metadata := map[string][]string{telemetry.TenantHeader: values}
	for key := range info.Metadata.Keys() {
		metadata[key] = info.Metadata.Get(key)
	}
	info.Metadata = client.NewMetadata(metadata)
	return client.NewContext(ctx, info), nil
}
