package access

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"clew/internal/telemetry"
)

// Cookie names of a session; the first is one that browsers take over TLS only, and for this host and nobody else.
const (
	cookieSecure = "__Host-clew"
	cookiePlain  = "clew_session"
)

// Request is what an HTTP request shows, with where as the door's name.
func (g *Guard) Request(r *http.Request, where string) *Presented {
	shown := &Presented{Where: where, Authorization: r.Header.Values("Authorization"), Address: g.Address(r), Tenants: r.Header.Values(telemetry.TenantHeader)}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		shown.Certificates = r.TLS.PeerCertificates
	}
	if g.On() {
		// The plain one does not count where there is the other: whoever serves a neighbouring host, or is in between without TLS, can plant it.
		if c, err := r.Cookie(g.sessionCookie(r)); err == nil {
			shown.Session = c.Value
		}
	}
	return shown
}

// Admit checks an HTTP request. With nobody asked the request is returned as it is; else it names the tenant that it was admitted for, and its context
// whom. A request that changes something and is a browser's by its cookie must come from clew's own pages; so must one by certificate, if a browser sent it.
func (g *Guard) Admit(r *http.Request, where string, need Need) (*http.Request, *Refusal) {
	if !g.On() {
		return r, nil
	}
	shown := g.Request(r, where)
	if !safe(r.Method) && foreign(g, r, shown) {
		return nil, g.refuse(shown, nil, forbidden("cross_site", "the request is of another site's page"))
	}
	a, refused := g.Check(r.Context(), shown, need)
	if refused != nil {
		return nil, refused
	}
	a.authorization = r.Header.Get("Authorization")
	r = r.WithContext(With(r.Context(), a))
	r.Header = r.Header.Clone()
	r.Header.Set(telemetry.TenantHeader, a.Tenant)
	// What is behind the door has no use for them, and might show them.
	r.Header.Del("Authorization")
	r.Header.Del("Cookie")
	return r, nil
}

// foreign says whether a request may be of another site's page: the browser adds a session or a certificate to it by itself, and it does not come from clew's
// own pages. Programs with certificates say nothing of where they come from.
func foreign(g *Guard, r *http.Request, shown *Presented) bool {
	if strings.Join(shown.Authorization, "") != "" {
		return false
	}
	browsers := r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
	return (shown.Session != "" || len(shown.Certificates) > 0 && browsers) && !g.sameOrigin(r)
}

func safe(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method)
}

// sameOrigin says whether a browser's request is of clew's own pages. All browsers of these years say so in one way or another.
func (g *Guard) sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || origin.Host == "" {
		return false
	}
	public, err := url.Parse(g.policy.Load().cfg.PublicURL)
	return origin.Host == r.Host || err == nil && public.Host != "" && origin.Host == public.Host
}

// Address is the client's. Behind proxies that are configured it is the last one in X-Forwarded-For that is none of them.
func (g *Guard) Address(r *http.Request) string {
	address := Host(r.RemoteAddr)
	p := g.policy.Load()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for ; p.trusted(address) && len(hops) > 0; hops = hops[:len(hops)-1] {
		ip, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1]))
		if err != nil {
			break
		}
		address = ip.String()
	}
	return address
}

func (p *policy) trusted(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(p.proxies, func(n netip.Prefix) bool { return n.Contains(ip.Unmap()) })
}

// Host is an address without its port.
func Host(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// Challenge adds to an answer what a client may do about a refusal.
func (r *Refusal) Challenge(h http.Header) {
	switch r.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="clew"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(max(r.WaitSeconds, 1)))
	}
}

// Handler lets requests through to next that may do what need says; refused answers the others.
func (g *Guard) Handler(where string, need Need, next http.Handler, refused func(http.ResponseWriter, *http.Request, *Refusal)) http.Handler {
	if g == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admitted, no := g.Admit(r, where, need)
		if no != nil {
			no.Challenge(w.Header())
			refused(w, r, no)
			return
		}
		next.ServeHTTP(w, admitted)
	})
}

// Identified says who a session or what else a request shows is, whatever it may do.
func (g *Guard) Identified(ctx context.Context, shown *Presented) (*Identity, *Refusal) {
	return g.policy.Load().identify(ctx, shown, g.now())
}
