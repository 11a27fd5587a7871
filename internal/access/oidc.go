package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

// provider is an OpenID Connect provider, asked for its configuration and keys when they are first needed: clew starts without it.
type provider struct {
	cfg      OIDC
	http     *http.Client
	verified verified

	mu     sync.Mutex
	known  *oidc.Provider
	failed time.Time
	err    error
}

func newProvider(cfg OIDC) (*provider, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("oidc.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("oidc.ca_file: %s holds no certificate", cfg.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if cfg.ClientSecretFile != "" {
		if _, err := readSecret(cfg.ClientSecretFile); err != nil {
			return nil, fmt.Errorf("oidc.client_secret_file: %w", err)
		}
	}
	return &provider{cfg: cfg, http: &http.Client{Transport: &paced{transport, rate.NewLimiter(providerPerSecond, providerBurst)}, Timeout: providerTimeout}}, nil
}

// paced bounds how often the provider is asked: a token that names a key nobody knows makes clew ask for the keys again, and anybody can make such a token.
type paced struct {
	http.RoundTripper
	limit *rate.Limiter
}

// RoundTrip is part of http.RoundTripper.
func (p *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.limit.Allow() {
		return nil, errors.New("the provider is asked too often")
	}
	return p.RoundTripper.RoundTrip(r)
}

// readSecret reads a file that holds a secret and, perhaps, a newline.
func readSecret(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return text, nil
}

// errProvider says that the provider does not answer: it is not the asker's fault.
var errProvider = errors.New("the OpenID Connect provider does not answer")

func away() *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: "provider", WaitSeconds: int(providerAgain.Seconds()), Message: errProvider.Error()}
}

// discovered is the provider's configuration. The keys are fetched with the context that it is made with, which therefore does not end.
func (p *provider) discovered(now time.Time) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	if p.err != nil && now.Sub(p.failed) < providerAgain {
		return nil, p.err
	}
	known, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.http), p.cfg.Issuer)
	if err != nil {
		p.failed, p.err = now, fmt.Errorf("%w: %w", errProvider, err)
		return nil, p.err
	}
	p.known, p.err = known, nil
	return known, nil
}

// looksLikeJWT says whether a bearer token may be one of a provider's.
func looksLikeJWT(token string) bool { return strings.Count(token, ".") == 2 }

// verify gives the claims of a token that the provider has signed for one of audiences, and that is valid now. nonce, if not empty, must be in it.
func (p *provider) verify(ctx context.Context, raw string, audiences []string, nonce string, now time.Time) (map[string]any, *Refusal) {
	known, err := p.discovered(now)
	if err != nil {
		return nil, away()
	}
	// The provider's own set of keys, which it remembers: it is asked for them again only when a token names another.
	verifier := known.Verifier(&oidc.Config{SkipClientIDCheck: true, Now: func() time.Time { return now.Add(-clockSkew) }})
	token, err := verifier.Verify(ctx, raw)
	if expired, is := errors.AsType[*oidc.TokenExpiredError](err); is {
		return nil, unauthenticated("expired", "the token has expired (%v)", expired.Expiry.UTC().Format(time.RFC3339))
	}
	if err != nil && strings.Contains(err.Error(), "fetching keys") { // go-oidc has no type for it
		return nil, away()
	}
	if err != nil {
		return nil, unauthenticated("wrong", "the token is not one of the provider's: its signature, issuer or time is wrong")
	}
	if !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(audiences, a) }) {
		return nil, unauthenticated("audience", "the token is for somebody else: its audience is not among those of access.oidc")
	}
	if nonce != "" && token.Nonce != nonce {
		return nil, unauthenticated("nonce", "the token is of another login")
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, unauthenticated("wrong", "the token's claims cannot be read")
	}
	return claims, nil
}

// identity is what claims make of somebody: its name, and which of the configured claims it has.
func (p *provider) identity(claims map[string]any) *Identity {
	id := &Identity{Kind: "oidc"}
	for _, name := range []string{p.cfg.NameClaim, "email", "preferred_username", "sub"} {
		if name == "email" && unverified(claims) {
			continue // anybody may say any address
		}
		if text, ok := claimAt(claims, name).(string); ok && text != "" {
			id.Name = text
			break
		}
	}
	for i := range p.cfg.Grants {
		if g := &p.cfg.Grants[i]; holds(claimOf(claims, g.Claim), g.Value) {
			id.Grants = append(id.Grants, Grant{Role: g.Role, Tenants: g.Tenants})
		}
	}
	return id
}

// claimOf is a claim for a grant: an e-mail address that the provider has not verified is none.
func claimOf(claims map[string]any, name string) any {
	if name == "email" && unverified(claims) {
		return nil
	}
	return claimAt(claims, name)
}

// unverified says that the provider has not verified the e-mail address. Some say so in a text.
func unverified(claims map[string]any) bool {
	v := claims["email_verified"]
	return v == false || v == "false"
}

// claimAt finds a claim by its name, or else by a path of names.
func claimAt(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	var at any = claims
	for part := range strings.SplitSeq(name, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[part]
	}
	return at
}

// holds says whether a claim is the value, or a list that has it.
func holds(claim any, value string) bool {
	switch v := claim.(type) {
	case string:
		return v == value
	case bool:
		return fmt.Sprint(v) == value
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { s, ok := x.(string); return ok && s == value })
	}
	return false
}

// kept are the claims that a session keeps: those that grants ask for, with the values that they ask for, and the name. Groups may be hundreds.
func (p *provider) kept(claims map[string]any, id *Identity) map[string][]string {
	out := map[string][]string{"": {id.Name}}
	for i := range p.cfg.Grants {
		g := &p.cfg.Grants[i]
		if holds(claimOf(claims, g.Claim), g.Value) && !slices.Contains(out[g.Claim], g.Value) {
			out[g.Claim] = append(out[g.Claim], g.Value)
		}
	}
	return out
}

// again is the identity of kept claims, with the grants as they are configured now.
func (p *provider) again(kept map[string][]string) *Identity {
	id := &Identity{Kind: "oidc"}
	if len(kept[""]) == 1 {
		id.Name = kept[""][0]
	}
	for i := range p.cfg.Grants {
		if g := &p.cfg.Grants[i]; slices.Contains(kept[g.Claim], g.Value) {
			id.Grants = append(id.Grants, Grant{Role: g.Role, Tenants: g.Tenants})
		}
	}
	return id
}

// flow is the authorization code flow, back to redirect.
func (p *provider) flow(redirect string, now time.Time) (*oauth2.Config, error) {
	known, err := p.discovered(now)
	if err != nil {
		return nil, err
	}
	c := &oauth2.Config{ClientID: p.cfg.ClientID, Endpoint: known.Endpoint(), RedirectURL: redirect, Scopes: p.cfg.Scopes}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{oidc.ScopeOpenID, "profile", "email"}
	}
	if p.cfg.ClientSecretFile != "" {
		if c.ClientSecret, err = readSecret(p.cfg.ClientSecretFile); err != nil {
			return nil, fmt.Errorf("client secret: %w", err)
		}
	}
	return c, nil
}
