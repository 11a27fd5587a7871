package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// CallbackPath is where the provider sends people back to; it is registered there with the public URL before it.
const CallbackPath = "/auth/callback"

// flowTime is how long a login at the provider may take.
const flowTime = 10 * time.Minute

// Cookie names of a login that has begun, as those of sessions are.
const (
	flowSecure = "__Host-clew-login"
	flowPlain  = "clew_login"
)

// Ways says how people can log in: by a token always, at a provider if there is one.
func (g *Guard) Ways() (provider bool) { return g.On() && g.policy.Load().provider != nil }

// SameOrigin says whether a form was sent by clew's own page.
func (g *Guard) SameOrigin(r *http.Request) bool { return g.sameOrigin(r) }

// LoginToken begins a session with a token, and gives its cookie.
func (g *Guard) LoginToken(r *http.Request, token string) (*http.Cookie, *Refusal) {
	p, now := g.policy.Load(), g.now()
	shown := &Presented{Where: "login", Address: g.Address(r)}
	t, sum := p.tokens.find(strings.TrimSpace(token))
	if t == nil {
		return nil, g.refuse(shown, nil, unauthenticated("wrong", "the token is not known here"))
	}
	id, refused := t.check(now)
	if refused != nil {
		return nil, g.refuse(shown, nil, refused)
	}
	return g.begin(r, id, &Session{Kind: "token", Hash: fmt.Sprintf("%x", sum)})
}

// begin gives a session its cookie.
func (g *Guard) begin(r *http.Request, id *Identity, s *Session) (*http.Cookie, *Refusal) {
	p, now := g.policy.Load(), g.now()
	s.ID, s.Begun, s.Expires = randomText(), now.UnixNano(), now.Add(p.cfg.Session).Unix()
	value, err := p.vault.seal(s)
	if err != nil {
		return nil, forbidden("session", "%v", err)
	}
	g.Record(Event{Who: id.String(), Address: g.Address(r), What: "login", Where: "login", Allowed: true})
	g.decided.WithLabelValues("login", "admitted").Inc()
	return g.cookie(r, g.sessionCookie(r), value, p.cfg.Session), nil
}

func (g *Guard) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(g.policy.Load().cfg.PublicURL, "https:")
}

func (g *Guard) sessionCookie(r *http.Request) string {
	if g.secure(r) {
		return cookieSecure
	}
	return cookiePlain
}

func (g *Guard) flowCookie(r *http.Request) string {
	if g.secure(r) {
		return flowSecure
	}
	return flowPlain
}

// cookie makes a cookie that pages' scripts cannot read and other sites' requests do not bring. Lax, not Strict: a link to clew in a mail finds the login.
func (g *Guard) cookie(r *http.Request, name, value string, holds time.Duration) *http.Cookie {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: g.secure(r), SameSite: http.SameSiteLaxMode, MaxAge: int(holds.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// Logout ends the request's session and gives the cookies that take it out of the browser.
func (g *Guard) Logout(r *http.Request) []*http.Cookie {
	var out []*http.Cookie
	for _, name := range []string{cookieSecure, cookiePlain} {
		c, err := r.Cookie(name)
		if err != nil {
			continue
		}
		out = append(out, g.cookie(r, name, "", 0))
		p, now := g.policy.Load(), g.now()
		s, err := p.vault.open(c.Value, now)
		if err != nil {
			continue
		}
		id, _ := p.session(c.Value, now)
		if err := p.vault.ended.end(s, now); err != nil {
			g.deps.Logger.Error("a logout is not on the disk: its session would be good again after a restart", "error", err)
		}
		g.Record(Event{Who: id.String(), Address: g.Address(r), What: "logout", Where: "login", Allowed: true})
	}
	return out
}

// BeginProvider begins a login at the provider: where to send the browser, and the cookie that it comes back with.
func (g *Guard) BeginProvider(r *http.Request, next string) (string, *http.Cookie, *Refusal) {
	p, now := g.policy.Load(), g.now()
	if p.provider == nil {
		return "", nil, forbidden("provider", "there is no provider to log in at")
	}
	flow, err := p.provider.flow(strings.TrimRight(p.cfg.PublicURL, "/")+CallbackPath, now)
	if err != nil {
		g.deps.Logger.Error("a login cannot begin", "error", err)
		return "", nil, away()
	}
	f := &Flow{State: randomText(), Nonce: randomText(), Verifier: oauth2.GenerateVerifier(), Next: LocalPath(next)}
	value, err := p.vault.seal(&Session{ID: f.State, Kind: flowKind, Flow: f, Expires: now.Add(flowTime).Unix()})
	if err != nil {
		f.Next = "/" // an address that is longer than a cookie
		if value, err = p.vault.seal(&Session{ID: f.State, Kind: flowKind, Flow: f, Expires: now.Add(flowTime).Unix()}); err != nil {
			return "", nil, forbidden("session", "%v", err)
		}
	}
	to := flow.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return to, g.cookie(r, g.flowCookie(r), value, flowTime), nil
}

// FinishProvider is where a login at the provider comes back to: the session's cookies, and where the person wanted to go.
func (g *Guard) FinishProvider(r *http.Request) ([]*http.Cookie, string, *Refusal) {
	shown := &Presented{Where: "login", Address: g.Address(r)}
	cookie, next, refused := g.finish(r)
	if refused != nil {
		return []*http.Cookie{g.cookie(r, g.flowCookie(r), "", 0)}, "/", g.refuse(shown, nil, refused)
	}
	return []*http.Cookie{g.cookie(r, g.flowCookie(r), "", 0), cookie}, next, nil
}

func (g *Guard) finish(r *http.Request) (*http.Cookie, string, *Refusal) {
	p, now := g.policy.Load(), g.now()
	again := unauthenticated("flow", "the login took too long, or was begun elsewhere: begin again")
	c, err := r.Cookie(g.flowCookie(r))
	if err != nil || p.provider == nil {
		return nil, "", again
	}
	begun, err := p.vault.open(c.Value, now)
	q := r.URL.Query()
	if err != nil || begun.Kind != flowKind || subtle.ConstantTimeCompare([]byte(begun.Flow.State), []byte(q.Get("state"))) != 1 {
		return nil, "", again
	}
	p.vault.spent.add(begun, now) // a code is good for one login
	if q.Get("error") != "" {
		return nil, "", unauthenticated("provider_refused", "the provider says: %.200s", q.Get("error")+" "+q.Get("error_description"))
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*providerTimeout)
	defer cancel()
	claims, refused := p.provider.exchange(ctx, p, q.Get("code"), begun.Flow, now)
	if refused != nil {
		return nil, "", refused
	}
	id := p.provider.identity(claims)
	if len(id.Grants) == 0 {
		return nil, "", forbidden("no_grant", "%s may log in, but no rule of access.oidc.grants says what it may do", id)
	}
	cookie, refused := g.begin(r, id, &Session{Kind: "oidc", Claims: p.provider.kept(claims, id)})
	return cookie, begun.Flow.Next, refused
}

// exchange gives the claims for a code. Those that rules ask for and the identity token has not are asked for at the userinfo endpoint.
func (p *provider) exchange(ctx context.Context, of *policy, code string, f *Flow, now time.Time) (map[string]any, *Refusal) {
	config, err := p.flow(strings.TrimRight(of.cfg.PublicURL, "/")+CallbackPath, now)
	if err != nil {
		return nil, away()
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if refused, is := errors.AsType[*oauth2.RetrieveError](err); is {
		return nil, unauthenticated("provider_refused", "the provider does not take the login's code: %.100s", refused.ErrorCode)
	}
	if err != nil {
		return nil, away()
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, unauthenticated("provider_refused", "the provider gave no identity token")
	}
	claims, refused := p.verify(ctx, raw, []string{p.cfg.ClientID}, f.Nonce, now)
	if refused != nil {
		return nil, refused
	}
	missing := false
	for i := range p.cfg.Grants {
		missing = missing || claimAt(claims, p.cfg.Grants[i].Claim) == nil
	}
	known, err := p.discovered(now)
	if err != nil || !missing || known.UserInfoEndpoint() == "" {
		return claims, nil
	}
	info, err := known.UserInfo(ctx, oauth2.StaticTokenSource(token))
	more := map[string]any{}
	if err != nil || info.Subject != claims["sub"] || info.Claims(&more) != nil {
		return claims, nil // what the identity token says is enough, or is not
	}
	for name, value := range more {
		if _, has := claims[name]; !has {
			claims[name] = value
		}
	}
	return claims, nil
}

// LocalPath is where to go after a login: a path of clew's, whatever else was asked for.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") || strings.HasPrefix(u.Path, "/auth/") {
		return "/"
	}
	return next
}
