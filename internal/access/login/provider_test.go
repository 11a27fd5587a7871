package login

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/access"
	"clew/internal/harness"
)

// startProvider runs a real OpenID Connect provider until the test ends: oidc-provider, which is certified. Without Node, or before make deps, the test is skipped.
func startProvider(t testing.TB, redirect string) (issuer string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node")
	}
	dir := filepath.Join("testdata", "provider")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider")); err != nil {
		t.Skip("oidc-provider is not installed: make deps")
	}
	port := freePort(t)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, node, "provider.mjs", port, redirect)
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was ended
	})
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatal("the provider ended")
		}
		if lines.Text() == "ready" {
			return "http://127.0.0.1:" + port
		}
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(ports[0])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// site is clew's login with a page behind it that tells who came.
type site struct {
	*httptest.Server
	guard  *access.Guard
	cfg    access.Config
	issuer string
	ahead  atomic.Int64 // nanoseconds that clew's clock is
}

func startSite(t testing.TB) *site {
	t.Helper()
	s := &site{Server: httptest.NewUnstartedServer(nil)}
	public := "http://" + s.Listener.Addr().String()
	s.issuer = startProvider(t, public+access.CallbackPath)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("provider-secret-0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := access.DefaultConfig()
	cfg.PublicURL = public
	cfg.OIDC = &access.OIDC{
		Issuer: s.issuer, ClientID: "clew", ClientSecretFile: secret, Audiences: []string{"urn:clew"}, Scopes: []string{"openid", "email", "groups"},
		Grants: []access.Claim{
			{Claim: "groups", Value: "sre", Role: access.Admin, Tenants: []string{"shop"}},
			{Claim: "groups", Value: "agents", Role: access.Write, Tenants: []string{"shop"}},
		},
	}
	if errs := cfg.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	s.cfg = cfg
	var err error
	s.guard, err = access.New(cfg, access.Deps{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Data: t.TempDir(),
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(Prefix, Handler(s.guard))
	mux.Handle("/", s.guard.Handler("api", access.Need{Role: access.Read}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := access.From(r.Context())
		fmt.Fprintf(w, "%s at %s", a.Identity, a.Tenant)
	}), func(w http.ResponseWriter, _ *http.Request, no *access.Refusal) { http.Error(w, no.Message, no.Status) }))
	s.Config.Handler = mux
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *site) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func read(t testing.TB, res *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

var action = regexp.MustCompile(`action="([^"]+)"`)

// logIn goes through the provider's pages as a person does, and gives the page at the end.
func (s *site) logIn(t *testing.T, browser *http.Client, person string) (int, string) {
	t.Helper()
	res, err := browser.Get(s.URL + "/auth/provider?next=/trace/1%3Fspan=2")
	status, page := read(t, res, err)
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {person}, "password": {"any"}}, {"prompt": {"consent"}}} {
		to := action.FindStringSubmatch(page)
		if to == nil {
			t.Fatalf("no form: %d %s", status, page)
		}
		u, err := res.Request.URL.Parse(to[1])
		if err != nil {
			t.Fatal(err)
		}
		res, err = browser.PostForm(u.String(), form)
		status, page = read(t, res, err)
		if res.Request.URL.Host == s.Listener.Addr().String() {
			break
		}
	}
	return status, page
}

// A person logs in at a real provider, works, logs out; the session holds as long as it may, and no longer.
func TestLoginAtProvider(t *testing.T) {
	s := startSite(t)
	browser := s.browser(t)
	if status, page := s.logIn(t, browser, "ada"); status != http.StatusOK || page != "oidc:ada@example.com at shop" {
		t.Fatalf("%d %s", status, page)
	}
	ask := func(method, origin string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		res, err := browser.Do(req)
		status, _ := read(t, res, err)
		return status
	}
	for _, test := range []struct {
		method, origin string
		want           int
	}{
		{"GET", "", 200}, {"POST", s.URL, 200}, {"POST", "", 403}, {"POST", "https://evil.example", 403}, {"DELETE", "null", 403}, {"GET", "https://evil.example", 200},
	} {
		if have := ask(test.method, test.origin); have != test.want {
			t.Errorf("%s from %q: %d, want %d", test.method, test.origin, have, test.want)
		}
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	kept := browser.Jar.Cookies(u)
	res, err := browser.Post(s.URL+"/auth/logout", "", nil)
	if status, _ := read(t, res, err); status != http.StatusForbidden || ask("GET", "") != 200 {
		t.Errorf("another site's page can log people out: %d", status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/auth/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", s.URL)
	res, err = browser.Do(req)
	if status, page := read(t, res, err); status != http.StatusOK || !strings.Contains(page, "logged out") || ask("GET", "") != 401 {
		t.Errorf("after the logout: %d %s", status, page)
	}
	browser.Jar.SetCookies(u, kept) // somebody has copied the session
	if ask("GET", "") != 401 {
		t.Error("a session is good after its logout")
	}
	again := s.browser(t)
	s.logIn(t, again, "ada")
	browser = again
	if s.ahead.Store(int64(11 * time.Hour)); ask("GET", "") != 200 {
		t.Error("the session is over before its time")
	}
	if s.ahead.Store(int64(13 * time.Hour)); ask("GET", "") != 401 {
		t.Error("the session does not end")
	}
}

// Who the provider knows and no rule names is somebody without rights; a login that was not begun here is none.
func TestLoginRefused(t *testing.T) {
	s := startSite(t)
	if status, page := s.logIn(t, s.browser(t), "bob"); status != http.StatusForbidden || !strings.Contains(page, "no rule of access.oidc.grants") {
		t.Errorf("%d %s", status, page)
	}
	browser := s.browser(t)
	for _, query := range []string{"", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"} {
		res, err := browser.Get(s.URL + access.CallbackPath + query)
		if status, page := read(t, res, err); status != http.StatusUnauthorized || !strings.Contains(page, "begin again") {
			t.Errorf("callback%s: %d %s", query, status, page)
		}
	}
	// The state of a login that was begun here, with a code that the provider has not given.
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := browser.Get(s.URL + "/auth/provider")
	if _, _ = read(t, res, err); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || to.Query().Get("code_challenge_method") != "S256" || to.Query().Get("nonce") == "" {
		t.Fatalf("%v %v", to, err)
	}
	callback := s.URL + access.CallbackPath + "?code=forged&state=" + to.Query().Get("state")
	for _, want := range []string{"does not take the login", "begin again"} { // a state is good once
		res, err = browser.Get(callback)
		if status, page := read(t, res, err); status != http.StatusUnauthorized || !strings.Contains(page, want) {
			t.Errorf("%d %s, want %q", status, page, want)
		}
	}
}

// machine is a token of the provider's for a program.
func (s *site) machine(t testing.TB, resource string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("agent", "agent-secret-0123456789abcdef")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	_, body := read(t, res, err)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || strings.Count(answer.Token, ".") != 2 {
		t.Fatalf("%v %s", err, body)
	}
	return answer.Token
}

// A program's JWT is taken while it is valid, for us, and as it was signed.
func TestBearerOfProvider(t *testing.T) {
	s := startSite(t)
	token, foreign := s.machine(t, "urn:clew"), s.machine(t, "urn:other")
	parts := strings.Split(token, ".")
	unsigned := "eyJhbGciOiJub25lIn0." + parts[1] + "."
	check := func(token string, role access.Role) int {
		_, no := s.guard.Check(t.Context(), &access.Presented{Where: "test", Authorization: []string{"Bearer " + token}}, access.Need{Role: role})
		if no == nil {
			return http.StatusOK
		}
		for _, part := range parts {
			if strings.Contains(no.Message, part) {
				t.Errorf("the refusal repeats the token: %s", no.Message)
			}
		}
		return no.Status
	}
	for name, test := range map[string]struct {
		token string
		role  access.Role
		want  int
	}{
		"right":           {token, access.Write, 200},
		"another role":    {token, access.Read, 403},
		"for another":     {foreign, access.Write, 401},
		"unsigned":        {unsigned, access.Write, 401},
		"signature of":    {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), access.Write, 401},
		"claims of other": {parts[0] + "." + strings.Split(foreign, ".")[1] + "." + parts[2], access.Write, 401},
	} {
		if have := check(test.token, test.role); have != test.want {
			t.Errorf("%s: %d, want %d", name, have, test.want)
		}
	}
	// The provider is asked for its keys once, and not with each token: more of them come than it may be asked.
	for range 30 {
		if have := check(s.machine(t, "urn:clew"), access.Write); have != http.StatusOK {
			t.Fatalf("another right token: %d", have)
		}
	}
	if s.ahead.Store(int64(12 * time.Minute)); check(token, access.Write) != http.StatusUnauthorized {
		t.Error("an expired token is taken")
	}
}

// What it costs to ask who sends: a token of ours, and a JWT of the provider.
func BenchmarkCheck(b *testing.B) {
	s := startSite(b)
	own, hash := access.NewToken()
	cfg := s.cfg
	cfg.Tokens = []access.Token{{Name: "a", Hash: hash, Role: access.Write, Tenants: []string{"shop"}}}
	if err := s.guard.Set(cfg); err != nil {
		b.Fatal(err)
	}
	for name, token := range map[string]string{"token": own, "jwt": s.machine(b, "urn:clew")} {
		b.Run(name, func(b *testing.B) {
			shown := &access.Presented{Where: "test", Authorization: []string{"Bearer " + token}}
			b.ReportAllocs()
			for b.Loop() {
				if _, no := s.guard.Check(b.Context(), shown, access.Need{Role: access.Write}); no != nil {
					b.Fatal(no)
				}
			}
		})
	}
}

// A provider that does not answer is not the asker's fault, and does not keep tokens of our own out.
func TestProviderAway(t *testing.T) {
	cfg := access.DefaultConfig()
	token, hash := access.NewToken()
	cfg.Tokens = []access.Token{{Name: "a", Hash: hash, Role: access.Read, Tenants: []string{"*"}}}
	cfg.PublicURL = "http://127.0.0.1:1"
	cfg.OIDC = &access.OIDC{Issuer: "http://127.0.0.1:1", ClientID: "clew", Grants: []access.Claim{{Claim: "sub", Value: "a", Role: access.Read, Tenants: []string{"*"}}}}
	if err := errors.Join(cfg.Validate()...); err != nil {
		t.Fatal(err)
	}
	guard, err := access.New(cfg, access.Deps{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, no := guard.Check(t.Context(), &access.Presented{Authorization: []string{"Bearer a.b.c"}}, access.Need{Role: access.Read}); no == nil || no.Status != http.StatusServiceUnavailable {
		t.Errorf("%v", no)
	}
	if _, no := guard.Check(t.Context(), &access.Presented{Authorization: []string{"Bearer " + token}}, access.Need{Role: access.Read}); no != nil {
		t.Error(no)
	}
	w := httptest.NewRecorder()
	Handler(guard).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/auth/provider", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "does not answer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// After a login one lands at a page of clew's, whatever a link says.
func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"/trace/1?span=2": "/trace/1?span=2", "": "/", "https://evil.example/": "/", "//evil.example": "/", "/\\evil.example": "/", "javascript:alert(1)": "/", "/auth/logout": "/", "/\tx": "/",
	} {
		if have := access.LocalPath(next); have != want {
			t.Errorf("%q leads to %q", next, have)
		}
	}
}
