package access

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/strictyaml"
)

// Every problem is named by its key, and what may be a secret is not repeated.
func TestValidate(t *testing.T) {
	const text = `
tokens:
  - {name: a, hash: clew_this-is-the-token-itself, role: reader, tenants: []}
  - {name: a, hash: "", role: read, tenants: ["x/y"], expires: tomorrow}
certificates:
  - {name: "[", role: write, tenants: ["*"]}
oidc: {issuer: "http://id.example", client_id: "", grants: [{claim: groups, value: "", role: admin, tenants: ["*"]}]}
public_url: clew.example
session: 1s
without_credentials: {loki: acme, syslog: "x/y"}
proxies: [here]
`
	cfg := DefaultConfig()
	if err := strictyaml.Decode("clew.yaml", []byte(text), &cfg); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, err := range cfg.Validate() {
		fmt.Fprintln(&all, err)
	}
	for _, key := range []string{
		"tokens[0].hash", "tokens[0].role", "tokens[0].tenants", "tokens[1].name", "tokens[1].hash", "tokens[1].tenants", "tokens[1].expires", "certificates[0].name",
		"oidc.issuer", "oidc.client_id", "oidc.grants[0]", "public_url", "session", "without_credentials.loki", "without_credentials.syslog", "proxies",
	} {
		if !strings.Contains(all.String(), key+":") {
			t.Errorf("nothing is said of %s:\n%s", key, all.String())
		}
	}
	if strings.Contains(all.String(), "itself") {
		t.Errorf("a token is repeated:\n%s", all.String())
	}
}

func newGuard(t *testing.T, cfg Config) *Guard {
	t.Helper()
	g, err := New(cfg, Deps{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A token that is taken out of the configuration is worth nothing from then on, and so are the sessions that it began; others stay.
func TestRevocation(t *testing.T) {
	one, hash1 := NewToken()
	two, hash2 := NewToken()
	cfg := DefaultConfig()
	cfg.Tokens = []Token{{Name: "one", Hash: hash1, Role: Read, Tenants: []string{"*"}}, {Name: "two", Hash: hash2, Role: Read, Tenants: []string{"*"}}}
	g := newGuard(t, cfg)
	session := func(token string) string {
		r := httptest.NewRequest(http.MethodPost, "/auth/token", nil)
		c, no := g.LoginToken(r, token)
		if no != nil {
			t.Fatal(no)
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			t.Errorf("%+v", c)
		}
		return c.Value
	}
	s1, s2 := session(one), session(two)
	may := func(p Presented) bool {
		_, no := g.Check(t.Context(), &p, Need{Role: Read})
		return no == nil
	}
	if !may(Presented{Session: s1}) || !may(Presented{Session: s2}) {
		t.Fatal("sessions are not taken")
	}
	cfg.Tokens = cfg.Tokens[1:]
	if err := g.Set(cfg); err != nil {
		t.Fatal(err)
	}
	if may(Presented{Session: s1}) || may(Presented{Authorization: []string{"Bearer " + one}}) {
		t.Error("a token that was taken out is taken")
	}
	if !may(Presented{Session: s2}) || !may(Presented{Authorization: []string{"Bearer " + two}}) {
		t.Error("the other token is not taken any more")
	}
	for i := range len(s2) {
		forged := []byte(s2)
		forged[i] ^= 1
		if may(Presented{Session: string(forged)}) && i < len(s2)-1 { // the last letter has bits that mean nothing
			t.Fatalf("a session that was changed at %d is taken", i)
		}
	}
}

// Over TLS the session's cookie is one that browsers send to nobody else.
func TestSecureCookie(t *testing.T) {
	token, hash := NewToken()
	cfg := DefaultConfig()
	cfg.Tokens = []Token{{Name: "a", Hash: hash, Role: Read, Tenants: []string{"*"}}}
	for public, secure := range map[string]bool{"": false, "http://clew.example": false, "https://clew.example": true} {
		cfg.PublicURL = public
		c, no := newGuard(t, cfg).LoginToken(httptest.NewRequest(http.MethodPost, "/auth/token", nil), token)
		if no != nil || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("%q: %+v %v", public, c, no)
		}
	}
}

// What fails is bounded in memory and in words, and time heals it.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttempts()
		told, waits := 0, 0
		for range 1000 {
			wait, first := a.failed("10.0.0.1", time.Now())
			if first {
				told++
			}
			if wait > 0 {
				waits++
			}
		}
		if told != 1 || waits != 1000-failuresBurst {
			t.Errorf("told %d times, %d waits", told, waits)
		}
		if wait, _ := a.failed("10.0.0.2", time.Now()); wait > 0 {
			t.Error("another address waits too")
		}
		time.Sleep(time.Minute)
		if wait, _ := a.failed("10.0.0.1", time.Now()); wait > 0 {
			t.Error("a minute heals nothing")
		}
		for i := range 3 * addressesMax {
			a.failed(fmt.Sprint(i), time.Now())
		}
		if len(a.of) > addressesMax || a.order.Len() != len(a.of) {
			t.Errorf("%d addresses are remembered", len(a.of))
		}
	})
}

// The client's address is the last one that no proxy of ours has.
func TestAddress(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Proxies = []string{"10.0.0.0/8"}
	_, hash := NewToken()
	cfg.Tokens = []Token{{Name: "a", Hash: hash, Role: Read, Tenants: []string{"*"}}}
	g := newGuard(t, cfg)
	for _, test := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:5", "203.0.113.9", "192.0.2.1"},
		{"10.1.2.3:5", "203.0.113.9", "203.0.113.9"},
		{"10.1.2.3:5", "203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"},
		{"10.1.2.3:5", "rubbish", "10.1.2.3"},
		{"10.1.2.3:5", "", "10.1.2.3"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.remote
		r.Header.Set("X-Forwarded-For", test.forwarded)
		if have := g.Address(r); have != test.want {
			t.Errorf("%+v: %s", test, have)
		}
	}
}

func FuzzPresented(f *testing.F) {
	token, hash := NewToken()
	cfg := DefaultConfig()
	cfg.Tokens = []Token{{Name: "a", Hash: hash, Role: Read, Tenants: []string{"*"}}}
	g, err := New(cfg, Deps{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Data: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Bearer x", "", "a")
	f.Add("Basic YTpi", "AAAA", "")
	f.Add("", "AAAAAAAAAAAAAAAAAAAAAAAA", "x/y")
	f.Fuzz(func(t *testing.T, header, session, tenant string) {
		if strings.Contains(header, token) {
			t.Skip()
		}
		if _, no := g.Check(t.Context(), &Presented{Authorization: []string{header}, Session: session, Tenants: []string{tenant}}, Need{Role: Read}); no == nil {
			t.Errorf("%q and %q are taken", header, session)
		}
	})
}
