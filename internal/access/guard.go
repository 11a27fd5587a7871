package access

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/telemetry"
)

// Recorder is told what is worth remembering. [audit.Log] is one. It is called concurrently and does not wait.
type Recorder interface {
	Record(e Event)
}

// Event is a line of the audit log.
type Event struct {
	Time    time.Time `json:"time"`
	Who     string    `json:"who"` // an identity, anonymous, or clew itself
	Address string    `json:"address,omitempty"`
	What    string    `json:"what"`            // login, logout, refused, or the method and route of a request
	Where   string    `json:"where,omitempty"` // api, otlp_http, otlp_grpc, jaeger, ...
	Tenant  string    `json:"tenant,omitempty"`
	Query   string    `json:"query,omitempty"` // of a deletion or an export
	Allowed bool      `json:"allowed"`
	Status  int       `json:"status,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// Deps are what the guard is given.
type Deps struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Recorder   Recorder         // nil: nothing is recorded
	Data       string           // the data directory
	Now        func() time.Time // nil: time.Now
}

// Guard stands at every door. It is safe for concurrent use. A nil guard asks nobody.
type Guard struct {
	deps     Deps
	policy   atomic.Pointer[policy]
	attempts *attempts
	decided  *prometheus.CounterVec
	now      func() time.Time
}

// policy is a configuration, ready to be asked. It never changes.
type policy struct {
	cfg      Config
	on       bool
	tokens   tokens
	provider *provider // nil: none
	vault    *vault
	proxies  []netip.Prefix
}

// New makes the guard of a validated configuration.
func New(cfg Config, deps Deps) (*Guard, error) {
	g := &Guard{deps: deps, attempts: newAttempts(), now: time.Now, decided: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clew_access_decisions_total", Help: "Requests that were asked who they are, by door and outcome: admitted, or why not.",
	}, []string{"where", "result"})}
	if deps.Now != nil {
		g.now = deps.Now
	}
	if err := g.Set(cfg); err != nil {
		return nil, err
	}
	if err := deps.Registerer.Register(g.decided); err != nil {
		return nil, err
	}
	return g, nil
}

// Set takes a validated configuration on, from the next request on. Sessions stay valid as far as who they are of may still do something.
func (g *Guard) Set(cfg Config) error {
	p := &policy{cfg: cfg, on: cfg.On(), tokens: tokens{}}
	if !p.on {
		g.policy.Store(p)
		return nil
	}
	for i := range cfg.Tokens {
		sum, err := tokenSum(cfg.Tokens[i].Hash)
		if err != nil {
			return fmt.Errorf("access.tokens[%d].hash: %w", i, err)
		}
		p.tokens[sum] = &cfg.Tokens[i]
	}
	var err error
	if p.proxies, err = parseProxies(cfg.Proxies); err != nil {
		return fmt.Errorf("access.proxies: %w", err)
	}
	if cfg.OIDC != nil {
		if p.provider, err = newProvider(*cfg.OIDC); err != nil {
			return fmt.Errorf("access.%w", err)
		}
	}
	key, err := sessionKey(cfg.SessionKeyFile, g.deps.Data)
	if err != nil {
		return fmt.Errorf("access: %w", err)
	}
	var ended *logouts
	flows := &spent{of: map[string]int64{}}
	if former := g.policy.Load(); former != nil && former.vault != nil {
		ended, flows = former.vault.ended, former.vault.spent
	} else if ended, err = openLogouts(g.deps.Data, g.now()); err != nil {
		return fmt.Errorf("access: %w", err)
	}
	if p.vault, err = newVault(key, ended, flows); err != nil {
		return fmt.Errorf("access: %w", err)
	}
	g.policy.Store(p)
	return nil
}

// On says whether anybody is asked.
func (g *Guard) On() bool { return g != nil && g.policy.Load().on }

// Presented is what somebody shows to be let in.
type Presented struct {
	Where         string   // the door, as counters name it
	Authorization []string // headers
	Session       string   // cookie
	Certificates  []*x509.Certificate
	Address       string   // of the client, without a port
	Tenants       []string // headers
}

// Check decides. Without a configuration everybody is let in, with a nil identity and the tenant that is asked for.
func (g *Guard) Check(ctx context.Context, shown *Presented, need Need) (*Admitted, *Refusal) {
	if !g.On() {
		a := &Admitted{Tenant: telemetry.DefaultTenant}
		if len(shown.Tenants) > 0 {
			a.Tenant = shown.Tenants[0]
		}
		return a, nil
	}
	p := g.policy.Load()
	id, refused := p.identify(ctx, shown, g.now())
	if refused == nil {
		var tenant string
		if tenant, refused = id.check(need, shown.Tenants); refused == nil {
			g.decided.WithLabelValues(shown.Where, "admitted").Inc()
			return &Admitted{Identity: id, Tenant: tenant}, nil
		}
	}
	return nil, g.refuse(shown, id, refused)
}

// refuse counts and records a refusal. An address that has failed too often is told to wait, and makes no more records.
func (g *Guard) refuse(shown *Presented, id *Identity, refused *Refusal) *Refusal {
	wait, first := time.Duration(0), true
	if refused.Reason != "missing" { // asking without credentials is how a browser begins
		wait, first = g.attempts.failed(shown.Address, g.now())
	}
	if wait == 0 || first {
		g.Record(Event{Who: id.String(), Address: shown.Address, What: "refused", Where: shown.Where, Status: refused.Status, Reason: refused.Reason, Detail: detail(wait)})
	}
	if wait > 0 && refused.Status == http.StatusUnauthorized {
		refused = &Refusal{Status: http.StatusTooManyRequests, Reason: "attempts", WaitSeconds: int(math.Ceil(wait.Seconds())), Message: refused.Message + "; too many wrong attempts from this address"}
	}
	g.decided.WithLabelValues(shown.Where, refused.Reason).Inc()
	return refused
}

func detail(wait time.Duration) string {
	if wait == 0 {
		return ""
	}
	return "further ones of this address are counted, not recorded"
}

// Record hands an event to the recorder.
func (g *Guard) Record(e Event) {
	if g == nil || g.deps.Recorder == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = g.now().UTC()
	}
	if !e.Allowed && e.Reason == "missing" {
		return // every visitor is one, before the login
	}
	g.deps.Recorder.Record(e)
}

// identify says who somebody is. What is shown first counts, and what is wrong is refused even if something else is right.
func (p *policy) identify(ctx context.Context, shown *Presented, now time.Time) (*Identity, *Refusal) {
	switch {
	case len(shown.Authorization) > 1:
		return nil, unauthenticated("malformed", "more than one Authorization header")
	case len(shown.Authorization) == 1 && shown.Authorization[0] != "":
		return p.authorization(ctx, shown.Authorization[0], now)
	case shown.Session != "":
		return p.session(shown.Session, now)
	case len(shown.Certificates) > 0:
		if id := identify(p.cfg.Certificates, shown.Certificates[0]); id != nil {
			return id, nil
		}
		return nil, unauthenticated("certificate", "the certificate's names are in no rule of access.certificates")
	}
	return nil, unauthenticated("missing", "credentials are needed: a token (Authorization: Bearer ...), a client certificate, or a login")
}

// authorization reads a header: "Bearer TOKEN", or Basic with the token as the password, for clients that know nothing else.
func (p *policy) authorization(ctx context.Context, header string, now time.Time) (*Identity, *Refusal) {
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	switch {
	case len(value) > credentialBytesMax:
		return nil, unauthenticated("malformed", "the credentials are too long")
	case strings.EqualFold(scheme, "Bearer"):
		return p.bearer(ctx, value, now)
	case strings.EqualFold(scheme, "Basic"):
		data, err := base64.StdEncoding.DecodeString(value)
		_, password, ok := strings.Cut(string(data), ":")
		if err != nil || !ok {
			return nil, unauthenticated("malformed", "Authorization: Basic cannot be read")
		}
		return p.bearer(ctx, password, now)
	}
	return nil, unauthenticated("malformed", "Authorization: want Bearer and a token, or Basic with the token as the password")
}

func (p *policy) bearer(ctx context.Context, token string, now time.Time) (*Identity, *Refusal) {
	if t, _ := p.tokens.find(token); t != nil {
		return t.check(now)
	}
	if p.provider == nil || !looksLikeJWT(token) {
		return nil, unauthenticated("wrong", "the token is not known here")
	}
	if id := p.provider.verified.find(token, now); id != nil {
		return id, nil
	}
	claims, refused := p.provider.verify(ctx, token, append([]string{p.cfg.OIDC.ClientID}, p.cfg.OIDC.Audiences...), "", now)
	if refused != nil {
		return nil, refused
	}
	id := p.provider.identity(claims)
	if ends, ok := claims["exp"].(float64); ok {
		p.provider.verified.keep(token, id, time.Unix(int64(ends), 0).Add(clockSkew), now)
	}
	return id, nil
}

func (p *policy) session(cookie string, now time.Time) (*Identity, *Refusal) {
	over := unauthenticated("session", "the session is over: log in again")
	s, err := p.vault.open(cookie, now)
	if err != nil {
		return nil, over
	}
	switch {
	case s.Kind == "token":
		for sum, t := range p.tokens {
			if fmt.Sprintf("%x", sum) == s.Hash {
				return t.check(now)
			}
		}
	case s.Kind == "oidc" && p.provider != nil:
		return p.provider.again(s.Claims), nil
	}
	return nil, over
}

// Mute gives the tenant of what comes by a protocol that carries no credentials, or says why nothing is taken.
func (g *Guard) Mute(protocol, address string) (string, *Refusal) {
	if !g.On() {
		return "", nil
	}
	if tenant := g.policy.Load().cfg.WithoutCredentials[protocol]; tenant != "" {
		return tenant, nil
	}
	shown := &Presented{Where: protocol, Address: address}
	return "", g.refuse(shown, nil, unauthenticated("mute", "%s carries no credentials: name the tenant of what comes by it in access.without_credentials", protocol))
}
