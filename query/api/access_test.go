package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/access"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// events remembers what was recorded.
type events struct{ list []access.Event }

func (e *events) Record(x access.Event) { e.list = append(e.list, x) }

// keys are the tokens of a guarded server, and what it has recorded.
type keys struct {
	token map[string]string
	seen  *events
}

// guarded makes a server whose routes can all be asked, and tokens by name.
func guarded(t *testing.T) (*Server, keys) {
	t.Helper()
	k := keys{token: map[string]string{}, seen: &events{}}
	cfg := access.DefaultConfig()
	add := func(name string, role access.Role, expires string, tenants ...string) {
		token, hash := access.NewToken()
		k.token[name] = token
		cfg.Tokens = append(cfg.Tokens, access.Token{Name: name, Hash: hash, Role: role, Tenants: tenants, Expires: expires})
	}
	add("reader", access.Read, "", "acme")
	add("writer", access.Write, "", "acme")
	add("admin", access.Admin, "", "acme")
	add("stranger", access.Admin, "", "other")
	add("expired", access.Admin, "2026-01-01", "*")
	add("watcher", access.Read, "", "*")
	add("root", access.Admin, "", "*")
	if errs := cfg.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	guard, err := access.New(cfg, access.Deps{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Recorder: k.seen, Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Tenant", r.Header.Get(telemetry.TenantHeader))
		w.Header().Set("X-Query", r.URL.RawQuery)
		if r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
			t.Errorf("%s: credentials came through the door", r.URL.Path)
		}
	})
	e := engine.New(&partsSource{}, engine.Limits{}, slog.New(slog.DiscardHandler))
	t.Cleanup(e.Close)
	return New(Deps{
		Engine: e, Registry: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler), Access: guard,
		Ready: func() error { return nil }, Status: func(context.Context) any { return 1 }, Seal: func(context.Context) error { return nil },
		Catalog: func() ([]byte, error) { return nil, nil }, Deletions: noDeletions{},
		UI: echo, Pprof: echo, Metrics: echo, Prometheus: echo, Rules: echo, Alertmanager: echo,
	}), k
}

type noDeletions struct{}

func (noDeletions) Request(_ context.Context, r engine.Request, query, by string) (Deletion, error) {
	return Deletion{Tenant: r.Tenant, Query: query, By: by}, nil
}

func (noDeletions) List(context.Context, bool, int) ([]Deletion, error) { return nil, nil }

func (noDeletions) Get(context.Context, string) (Deletion, bool, error) {
	return Deletion{}, false, nil
}

// knock asks with a token ("" is none) for a tenant ("" is none named).
func knock(h http.Handler, method, target, token, tenant string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if tenant != "" {
		r.Header.Set(telemetry.TenantHeader, tenant)
	}
	r.Header.Set(RequestHeader, "1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// routes are all that the router knows, and what it passes on without a route of its own.
func routes(s *Server) []gin.RouteInfo {
	list := s.router.Routes()
	for _, r := range []string{
		"GET /", "GET /search", "GET /facts.json", "GET /assets/x.js", "HEAD /trace/1", "POST /", "GET /api/v2/x", "GET /debug/vars", "PUT /api/v1/search", "DELETE /metrics", "POST /api/v1/nothing",
		"GET /prometheus/api/v1/query", "POST /prometheus/api/v1/query_range", "POST /prometheus/api/v1/read", "GET /prometheus/federate", "GET /prometheus/-/ready", "GET /prometheus/api/v1/status/config",
		"GET /prometheus/api/v1/status/self_metrics", "GET /prometheus/api/v1/status/self_metrics/", "GET /prometheus//api/v1/status/self_metrics", "GET /prometheus/api/v1/status%2Fself_metrics",
		"GET /prometheus/api/v1/label/..%2Fstatus%2Fself_metrics", "GET /prometheus/api/v1/later", "GET /prometheus/api/v1/label/job/values", "GET /prometheus/../api/v1/admin/catalog",
		"POST /prometheus/api/v1/write", "POST /prometheus/api/v1/otlp/v1/metrics", "POST /prometheus/api/v1/admin/tsdb/delete_series", "PUT /prometheus/api/v1/admin/tsdb/snapshot", "DELETE /prometheus/api/v1/series",
		"GET /alertmanager/api/v2/alerts", "GET /alertmanager/api/v2/alerts/groups", "GET /alertmanager/api/v2/silences", "GET //api/v1/search", "GET /api/v1/../v1/search",
	} {
		method, path, _ := strings.Cut(r, " ")
		list = append(list, gin.RouteInfo{Method: method, Path: path})
	}
	return list
}

// The credential matrix of this port: every route that the router knows, so that one that is added later is in it too, with every kind of credentials.
func TestCredentialMatrix(t *testing.T) {
	s, k := guarded(t)
	asked := 0
	for _, route := range routes(s) {
		target := strings.NewReplacer(":id", "1", ":spanId", "2", ":host", "h", "*any", "cmdline", "*path", "api/v2/silences", "*page", "login").Replace(route.Path)
		if strings.HasSuffix(route.Path, "/admin/delete") && route.Method == http.MethodPost {
			target += "?query=x"
		}
		name := route.Method + " " + target
		status := func(token, tenant string) int {
			asked++
			return knock(s, route.Method, target, token, tenant).Code
		}
		want := func(what string, have int, refusals ...int) {
			t.Helper()
			for _, r := range refusals {
				if have == r {
					return
				}
			}
			t.Errorf("%s: %s: %d, want one of %v", name, what, have, refusals)
		}
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if open(u.Path) {
			if code := status("", ""); code == http.StatusUnauthorized || code == http.StatusForbidden {
				t.Errorf("%s is open, and answers %d", name, code)
			}
			continue
		}
		want("no credentials", status("", ""), 401)
		want("no credentials, a tenant", status("", "acme"), 401)
		for _, wrong := range []string{"clew_wrong", k.token["root"][:len(k.token["root"])-1], k.token["root"] + "x", strings.ToLower(k.token["root"]), "a.b.c"} {
			want("wrong token", status(wrong, "acme"), 401, 429)
		}
		want("expired token", status(k.token["expired"], "acme"), 401, 429)
		need := needOf(route.Method, patternOf(route), u.Path)
		if need != anybody {
			want("stranger at another's tenant", status(k.token["stranger"], "acme"), 403)
			want("reader at another tenant", status(k.token["reader"], "other"), 403)
			if need != writes {
				want("writer", status(k.token["writer"], "acme"), 403)
			}
		}
		if need.Role == access.Admin || need.Role == access.Write {
			want("reader", status(k.token["reader"], "acme"), 403)
		}
		if need.Scope == access.EachTenant {
			want("an administrator of one tenant", status(k.token["admin"], "acme"), 403)
		}
		right := map[access.Need]string{anybody: "writer", reads: "reader", readsAll: "watcher", writes: "writer", administer: "admin", runsClew: "root"}[need]
		if right == "" {
			t.Fatalf("%s: a need that this test does not know: %v", name, need)
		}
		for _, who := range []string{right, "root"} {
			if code := status(k.token[who], "acme"); code == 401 || code == 403 || code == 429 {
				t.Errorf("%s: %s is refused: %d", name, who, code)
			}
		}
	}
	if asked < 500 {
		t.Errorf("only %d requests: is the list of routes empty?", asked)
	}
}

// patternOf is what gin calls the route; what is passed on has none.
func patternOf(r gin.RouteInfo) string {
	if r.Handler == "" {
		for _, prefix := range []string{"/alertmanager/"} {
			if strings.HasPrefix(r.Path, prefix) {
				return prefix + "*path"
			}
		}
		return ""
	}
	return r.Path
}

// The tenant that a request is admitted for is the one that is asked.
func TestTenantOfIdentity(t *testing.T) {
	s, k := guarded(t)
	for _, test := range []struct {
		token, named, want string
		code               int
	}{
		{"reader", "", "acme", 200},
		{"reader", "acme", "acme", 200},
		{"reader", "default", "", 403},
		{"reader", "no/tenant", "", 400},
		{"watcher", "", "default", 200},
		{"watcher", "anyone", "anyone", 200},
	} {
		w := knock(s, http.MethodGet, "/prometheus/api/v1/query", k.token[test.token], test.named)
		if w.Code != test.code || w.Header().Get("X-Tenant") != test.want {
			t.Errorf("%+v: %d for %q: %s", test, w.Code, w.Header().Get("X-Tenant"), w.Body)
		}
		if test.code == 403 && !strings.Contains(w.Body.String(), test.named) {
			t.Errorf("the refusal does not name the tenant: %s", w.Body)
		}
	}
	w := knock(s, http.MethodGet, "/alertmanager/api/v2/alerts?active=true&filter=a%3D%22b%22", k.token["reader"], "")
	if q, err := url.ParseQuery(w.Header().Get("X-Query")); err != nil || len(q["filter"]) != 2 || q["filter"][1] != `tenant="acme"` {
		t.Errorf("alerts of all tenants: %v", w.Header())
	}
	if w := knock(s, http.MethodGet, "/alertmanager/api/v2/alerts", k.token["watcher"], "acme"); w.Header().Get("X-Query") != "" {
		t.Errorf("who may see all alerts does not: %v", w.Header())
	}
}

// A page leads to the login, and an API says what is missing.
func TestWhereRefusalsLead(t *testing.T) {
	s, k := guarded(t)
	r := httptest.NewRequest(http.MethodGet, "/trace/1?span=2", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/auth/login?next=%2Ftrace%2F1%3Fspan%3D2" {
		t.Errorf("%d to %q", w.Code, to)
	}
	w = knock(s, http.MethodGet, "/api/v1/search", "", "")
	var e Error
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error.Code != "unauthenticated" || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("%v %s %v", err, w.Body, w.Header())
	}
	for range 30 {
		w = knock(s, http.MethodGet, "/api/v1/search", "clew_wrong", "")
	}
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("the thirtieth wrong token: %d", w.Code)
	}
	if w := knock(s, http.MethodGet, "/api/v1/whoami", k.token["reader"], ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"name":"reader"`) {
		t.Errorf("a right token after others' wrong ones: %d %s", w.Code, w.Body)
	}
	var recorded int
	for _, e := range k.seen.list {
		if e.What == "refused" {
			recorded++
		}
	}
	if recorded < 1 || recorded > 22 {
		t.Errorf("%d refusals were recorded of 30", recorded)
	}
}

// What changes something is recorded with who did it, and nothing that is recorded holds a token.
func TestWhatIsRecorded(t *testing.T) {
	s, k := guarded(t)
	w := knock(s, http.MethodPost, "/api/v1/admin/delete?query=secret:1&signal=logs", k.token["admin"], "")
	if w.Code != http.StatusAccepted || !strings.Contains(w.Body.String(), `"by":"token:admin`) || !strings.Contains(w.Body.String(), `"tenant":"acme"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if knock(s, http.MethodDelete, "/alertmanager/api/v2/silence/1", k.token["root"], ""); len(k.seen.list) != 2 {
		t.Fatalf("recorded: %+v", k.seen.list)
	}
	e := k.seen.list[0]
	if e.Who != "token:admin" || e.What != "POST /api/v1/admin/delete" || e.Query != "secret:1" || e.Tenant != "acme" || !e.Allowed || e.Status != 202 || e.Address != "192.0.2.1" {
		t.Errorf("%+v", e)
	}
	knock(s, http.MethodGet, "/api/v1/search", k.token["admin"], "")
	if len(k.seen.list) != 2 {
		t.Errorf("a question was recorded: %+v", k.seen.list[2])
	}
	text, err := json.Marshal(k.seen.list)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range k.token {
		if strings.Contains(string(text), token) {
			t.Errorf("the token %s is recorded", name)
		}
	}
}
