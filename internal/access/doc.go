// Package access decides who may do what.
//
// Whoever asks presents something: a token, a JWT of an OpenID Connect provider, a client certificate, or the session of a browser that logged in with one
// of them. From it comes an [Identity], which has grants: a role at tenants. What is asked has a [Need]: a role, at the tenant that the request names or at
// all of them. The [Guard] brings the two together, at every door of clew in the same way:
//
//	presented ──▶ Guard.Check ──▶ Admitted{Identity, Tenant}  or  *Refusal{401, 403, 429}
//
// It fails closed: what no rule knows needs an administrator of all tenants, and a door that cannot carry credentials takes nothing unless the configuration
// says whose it is. Without a configuration nobody is asked, and clew listens on loopback.
package access
