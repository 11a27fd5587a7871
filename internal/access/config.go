package access

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"clew/internal/telemetry"
)

// Config is the section access of clew.yaml. Empty: nobody is asked who it is.
type Config struct {
	Tokens       []Token       `yaml:"tokens,omitempty"`
	Certificates []Certificate `yaml:"certificates,omitempty"`
	OIDC         *OIDC         `yaml:"oidc,omitempty"`
	// PublicURL is where browsers reach the web application, such as https://clew.example.com: logins come back to it.
	PublicURL string `yaml:"public_url,omitempty"`
	// Session is how long a login in the browser holds.
	Session time.Duration `yaml:"session"`
	// SessionKeyFile has 32 random bytes or more that sessions are encrypted with; several clews behind one address share it. Default: made in the data directory.
	SessionKeyFile string `yaml:"session_key_file,omitempty"`
	// WithoutCredentials says which tenant records are of that come by protocols that carry no credentials (syslog, fluent, and jaeger's UDP ports). One that is
	// not named takes nothing while there are credentials elsewhere.
	WithoutCredentials map[string]string `yaml:"without_credentials,omitempty"`
	// Proxies lists addresses or networks of proxies whose X-Forwarded-For names the client, for the audit log and the counting of failures.
	Proxies []string `yaml:"proxies,omitempty"`
	// AuditStdout says each event of the audit log on standard output too, as a line of JSON, for what collects the output of containers and services.
	AuditStdout bool `yaml:"audit_stdout,omitempty"`
}

// OIDC is an OpenID Connect provider, whose tokens are taken by API and OTLP, and that people log in at.
type OIDC struct {
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"client_id"`
	// ClientSecretFile has the secret; none for a public client. Logins use PKCE either way.
	ClientSecretFile string `yaml:"client_secret_file,omitempty"`
	// Audiences of bearer tokens beside the client id.
	Audiences []string `yaml:"audiences,omitempty"`
	Scopes    []string `yaml:"scopes,omitempty"`     // default: openid, profile, email
	NameClaim string   `yaml:"name_claim,omitempty"` // default: email, else preferred_username, else sub
	Grants    []Claim  `yaml:"grants"`
	// CAFile verifies the provider's certificate; default: the system's.
	CAFile string `yaml:"ca_file,omitempty"`
}

// Claim is what a claim of the provider's tokens brings.
type Claim struct {
	Claim   string   `yaml:"claim"` // "groups", "sub", "email", or a path such as realm_access.roles
	Value   string   `yaml:"value"` // that it has, or has among others
	Role    Role     `yaml:"role"`
	Tenants []string `yaml:"tenants"` // names, or "*"
}

// DefaultConfig asks nobody.
func DefaultConfig() Config { return Config{Session: 12 * time.Hour} }

// On says whether anybody is asked.
func (c *Config) On() bool { return len(c.Tokens) > 0 || len(c.Certificates) > 0 || c.OIDC != nil }

// Validate returns every problem, each starting with the key's path. Values that may be secrets are not repeated.
func (c *Config) Validate() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	names, sums := map[string]bool{}, map[[32]byte]bool{}
	for i := range c.Tokens {
		t := &c.Tokens[i]
		at := fmt.Sprintf("tokens[%d]", i)
		if t.Name == "" || names[t.Name] || len(t.Name) > 100 {
			bad("%s.name: want a name of its own, of at most 100 letters: the audit log has it", at)
		}
		names[t.Name] = true
		sum, err := tokenSum(t.Hash)
		if err != nil {
			bad("%s.hash: %w", at, err)
		} else if sums[sum] {
			bad("%s.hash: another token has the same", at)
		}
		sums[sum] = true
		if _, err := t.expiry(); err != nil {
			bad("%s.expires: %w", at, err)
		}
		errs = append(errs, checkGrant(at, t.Role, t.Tenants)...)
	}
	for i := range c.Certificates {
		at := fmt.Sprintf("certificates[%d]", i)
		if _, err := path.Match(c.Certificates[i].Name, ""); c.Certificates[i].Name == "" || err != nil {
			bad("%s.name: %q: want a name such as agent-*.example.com", at, c.Certificates[i].Name)
		}
		errs = append(errs, checkGrant(at, c.Certificates[i].Role, c.Certificates[i].Tenants)...)
	}
	if c.OIDC != nil {
		errs = append(errs, c.OIDC.validate("oidc")...)
		if c.PublicURL == "" {
			bad("public_url: want the address at which browsers reach clew: the provider sends people back to it")
		}
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "") {
		bad("public_url: %q: want an address without a path, such as https://clew.example.com", c.PublicURL)
	}
	if c.Session < sessionMin || c.Session > sessionMax {
		bad("session: %v: want %v to %v", c.Session, sessionMin, sessionMax)
	}
	for protocol, tenant := range c.WithoutCredentials {
		if !slices.Contains(mute, protocol) {
			bad("without_credentials.%s: want one of %s: others carry credentials", protocol, strings.Join(mute, ", "))
		}
		if err := telemetry.CheckTenant(tenant); err != nil {
			bad("without_credentials.%s: %w", protocol, err)
		}
	}
	if _, err := parseProxies(c.Proxies); err != nil {
		bad("proxies: %w", err)
	}
	return errs
}

// mute are the protocols that cannot say who sends; jaeger's over gRPC and HTTP can.
var mute = []string{"syslog", "fluent", "jaeger"}

func checkGrant(at string, role Role, tenants []string) []error {
	var errs []error
	if !slices.Contains([]Role{Read, Write, Admin}, role) {
		errs = append(errs, fmt.Errorf("%s.role: %q: want read, write or admin", at, role))
	}
	if len(tenants) == 0 {
		errs = append(errs, fmt.Errorf("%s.tenants: want names of tenants, or \"*\" for all", at))
	}
	for _, t := range tenants {
		if t != AllTenants {
			if err := telemetry.CheckTenant(t); err != nil {
				errs = append(errs, fmt.Errorf("%s.tenants: %w", at, err))
			}
		}
	}
	return errs
}

func (o *OIDC) validate(at string) []error {
	var errs []error
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		errs = append(errs, fmt.Errorf("%s.issuer: %q: want the provider's address, as its tokens name it", at, o.Issuer))
	case u.Scheme == "http" && !loopback(u.Hostname()):
		errs = append(errs, fmt.Errorf("%s.issuer: %q: want https: whoever is in between could make tokens", at, o.Issuer))
	}
	if o.ClientID == "" {
		errs = append(errs, fmt.Errorf("%s.client_id: want the name that the provider knows clew by", at))
	}
	if len(o.Grants) == 0 {
		errs = append(errs, fmt.Errorf("%s.grants: want claims and what they bring: without any, nobody may do anything", at))
	}
	for i := range o.Grants {
		g := &o.Grants[i]
		if g.Claim == "" || g.Value == "" {
			errs = append(errs, fmt.Errorf("%s.grants[%d]: want claim and value", at, i))
		}
		errs = append(errs, checkGrant(fmt.Sprintf("%s.grants[%d]", at, i), g.Role, g.Tenants)...)
	}
	return errs
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func parseProxies(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		if ip, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, errors.New("want addresses or networks such as 10.0.0.0/8")
		}
		out = append(out, p)
	}
	return out, nil
}
