package quota

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/collector/client"

	"clew/collector/refusal"
	"clew/internal/telemetry"
)

// Receipt is a receiver's copy of what was decided about its request further down. It travels in the request's context.
type Receipt struct {
	mu       sync.Mutex
	rejected map[string]int
}

// Rejected is how many records were rejected, by reason.
func (r *Receipt) Rejected() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.rejected)
}

func (r *Receipt) reject(reason string, records int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rejected == nil {
		r.rejected = map[string]int{}
	}
	r.rejected[reason] += records
}

type receiptKey struct{}

// Charge takes a request's bytes from its tenant's rate before the request is decoded, which a receiver of our own does: what is refused should
// cost little. The door, which every request passes, does not charge one with a receipt again, and writes into it what it rejects, so that the
// receiver can tell the sender.
func (q *Quota) Charge(ctx context.Context, bytes int, now time.Time) (context.Context, *Receipt, *refusal.Error) {
	if refused := q.Tenant(TenantOf(ctx), now).Receive(bytes, now); refused != nil {
		return ctx, nil, refused
	}
	r := &Receipt{}
	return context.WithValue(ctx, receiptKey{}, r), r, nil
}

// TenantOf is the tenant that the receiver has put into ctx. The exporter refuses a name that is none.
func TenantOf(ctx context.Context) string {
	if values := client.FromContext(ctx).Metadata.Get(telemetry.TenantHeader); len(values) > 0 {
		return values[0]
	}
	return telemetry.DefaultTenant
}
