package way

import (
	"context"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"clew/internal/access"
)

// NotAdmitted is a refusal at the door in the terms of the ways in.
func NotAdmitted(no *access.Refusal) *Error {
	return &Error{Status: no.Status, Reason: "access_" + no.Reason, WaitSeconds: no.WaitSeconds, Err: no}
}

// Tenant gives ctx the tenant that its request was admitted for. What no door has admitted came by a protocol that carries no credentials: its tenant is the
// one that the configuration names, and without one nothing is taken. The error is permanent: sending again does not help.
func Tenant(ctx context.Context, guard *access.Guard, protocol, address string) (context.Context, error) {
	if !guard.On() {
		return ctx, nil
	}
	tenant := ""
	if a := access.From(ctx); a != nil {
		tenant = a.Tenant
	} else {
		var no *access.Refusal
		if tenant, no = guard.Mute(protocol, address); no != nil {
			return ctx, consumererror.NewPermanent(NotAdmitted(no))
		}
	}
	return WithTenant(ctx, []string{tenant})
}
