package access

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"clew/internal/telemetry"
)

// Role is what somebody may do.
type Role string

// The roles. Admin includes the other two, which do not include each other: who sends telemetry has no business reading it.
const (
	Read  Role = "read"
	Write Role = "write"
	Admin Role = "admin"
)

// AllTenants stands for every tenant.
const AllTenants = "*"

// Grant is a role at tenants.
type Grant struct {
	Role    Role     `yaml:"role" json:"role"`
	Tenants []string `yaml:"tenants" json:"tenants"` // names, or "*"
}

// Allows says whether the grant holds what role asks for at tenant; AllTenants asks for all.
func (g *Grant) allows(role Role, tenant string) bool {
	return (g.Role == role || g.Role == Admin) && (slices.Contains(g.Tenants, AllTenants) || slices.Contains(g.Tenants, tenant))
}

// Identity is somebody who has shown who it is.
type Identity struct {
	Name   string  // of a token or certificate by configuration, of a person by the provider
	Kind   string  // token, certificate, oidc; the same in a session
	Grants []Grant // what it may
}

// String names the identity for records and people.
func (id *Identity) String() string {
	if id == nil {
		return "anonymous"
	}
	return id.Kind + ":" + id.Name
}

// May says whether the identity holds a role at a tenant; AllTenants: at all of them.
func (id *Identity) May(role Role, tenant string) bool {
	return slices.ContainsFunc(id.Grants, func(g Grant) bool { return g.allows(role, tenant) })
}

// Tenants are those at which the identity has the role, sorted; AllTenants alone: all. With no role: any role.
func (id *Identity) Tenants(role Role) []string {
	var out []string
	for i := range id.Grants {
		if g := &id.Grants[i]; role == "" || g.Role == role || g.Role == Admin {
			out = append(out, g.Tenants...)
		}
	}
	if slices.Contains(out, AllTenants) {
		return []string{AllTenants}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// roles are the identity's.
func (id *Identity) roles() []string {
	var out []string
	for _, r := range []Role{Read, Write, Admin} {
		if len(id.Tenants(r)) > 0 {
			out = append(out, string(r))
		}
	}
	return out
}

// Scope is which tenants a need is about.
type Scope uint8

// The scopes.
const (
	OneTenant  Scope = iota // the one that the request names
	EachTenant              // all of them: what is asked for tells or changes something of everybody's
	NoTenant                // none: what is asked for is about nobody
)

// Need is what a request needs.
type Need struct {
	Role  Role // empty: any
	Scope Scope
}

func (n Need) String() string {
	role := string(n.Role)
	if role == "" {
		role = "any role"
	}
	if n.Scope == EachTenant {
		return role + " at all tenants"
	}
	return role
}

// tenantFor is the tenant of a request: the one that it names, else the only one that the identity has, else the default one if it is among them.
func (id *Identity) tenantFor(role Role, named []string) (string, *Refusal) {
	switch {
	case len(named) > 1:
		return "", &Refusal{Status: 400, Reason: "tenant", Message: fmt.Sprintf("header %s: want one value, have %d", telemetry.TenantHeader, len(named))}
	case len(named) == 1 && named[0] != "":
		name := named[0]
		if err := telemetry.CheckTenant(name); err != nil {
			return "", &Refusal{Status: 400, Reason: "tenant", Message: fmt.Sprintf("header %s: %v", telemetry.TenantHeader, err)}
		}
		if !slices.ContainsFunc(id.Grants, func(g Grant) bool { return slices.Contains(g.Tenants, AllTenants) || slices.Contains(g.Tenants, name) }) {
			return "", forbidden("tenant", "%s has nothing to do with tenant %s", id, name)
		}
		return name, nil
	}
	tenants := id.Tenants(role)
	switch {
	case len(tenants) == 1 && tenants[0] != AllTenants:
		return tenants[0], nil
	case len(tenants) == 0, len(tenants) == 1, slices.Contains(tenants, telemetry.DefaultTenant):
		return telemetry.DefaultTenant, nil // without tenants the role is what is missing, and the refusal says so
	}
	return "", forbidden("tenant", "%s has several tenants: name one in the header %s (%s)", id, telemetry.TenantHeader, strings.Join(tenants, ", "))
}

// check says which tenant a request is about, or why the identity may not.
func (id *Identity) check(need Need, named []string) (string, *Refusal) {
	if need.Scope == EachTenant {
		if !id.May(need.Role, AllTenants) {
			return "", forbidden("role", "this needs the role %s, which %s has not (it has %s at %s)", need, id, orNone(id.roles()), orNone(id.Tenants("")))
		}
	}
	if need.Scope == NoTenant {
		return telemetry.DefaultTenant, nil
	}
	tenant, refused := id.tenantFor(need.Role, named)
	if refused != nil {
		return "", refused
	}
	if need.Scope == OneTenant && !id.May(need.Role, tenant) {
		return "", forbidden("role", "this needs the role %s at tenant %s, which %s has not (it has %s at %s)", need.Role, tenant, id, orNone(id.roles()), orNone(id.Tenants("")))
	}
	return tenant, nil
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

type admittedKey struct{}

// Admitted is a request that was let in.
type Admitted struct {
	Identity *Identity // nil: nobody is asked
	Tenant   string

	authorization string // the header, if it was shown by one
}

// Forward lets a request that clew passes on to another door of its own show there what it showed at this one.
func (a *Admitted) Forward(h http.Header) {
	if a != nil && a.authorization != "" {
		h.Set("Authorization", a.authorization)
	}
}

// With puts who was let in into ctx, for what happens behind the door.
func With(ctx context.Context, a *Admitted) context.Context {
	return context.WithValue(ctx, admittedKey{}, a)
}

// From is who was let in; nil: nobody was asked.
func From(ctx context.Context) *Admitted {
	a, _ := ctx.Value(admittedKey{}).(*Admitted)
	return a
}

// Sees says whether the request in ctx may be told of a tenant. Where nobody is asked, everybody may.
func Sees(ctx context.Context, tenant string) bool {
	a := From(ctx)
	return a == nil || a.Identity == nil || a.Identity.May(Read, tenant)
}
