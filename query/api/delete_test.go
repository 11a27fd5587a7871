package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine"
)

// notes is a Deletions that notes what is asked.
type notes struct {
	requests []Deletion
	ranges   []engine.Request
}

func (n *notes) Request(_ context.Context, r engine.Request, query, by string) (Deletion, error) {
	if strings.Contains(query, "refuse") {
		return Deletion{}, &RefusedError{"too many wait"}
	}
	d := Deletion{ID: "1", Tenant: r.Tenant, Signal: r.Signal.String(), Query: query, By: by, State: "waiting"}
	n.requests, n.ranges = append(n.requests, d), append(n.ranges, r)
	return d, nil
}

func (n *notes) List(_ context.Context, waiting bool, limit int) ([]Deletion, error) {
	if waiting {
		return nil, nil
	}
	return n.requests[:min(limit, len(n.requests))], nil
}

func (n *notes) Get(_ context.Context, id string) (Deletion, bool, error) {
	for _, d := range n.requests {
		if d.ID == id {
			return d, true, nil
		}
	}
	return Deletion{}, false, nil
}

func post(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	h.ServeHTTP(w, r)
	return w
}

// TestDeliberate: what changes something is refused without the header that a foreign page cannot send.
func TestDeliberate(t *testing.T) {
	s := testServer(nil)
	noted, sealed := &notes{}, 0
	s.deps.Deletions = noted
	s.deps.Seal = func(context.Context) error { sealed++; return nil }
	for _, path := range []string{"/api/v1/admin/seal", "/api/v1/admin/delete?query=x"} {
		if w := post(s, path); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), RequestHeader) {
			t.Errorf("%s without the header: %d %s", path, w.Code, w.Body)
		}
		if w := post(s, path, "Content-Type", "text/plain", "Origin", "http://elsewhere.example"); w.Code != http.StatusForbidden {
			t.Errorf("%s from a foreign page: %d", path, w.Code)
		}
		if w := post(s, path, RequestHeader, "1"); w.Code/100 != 2 {
			t.Errorf("%s with the header: %d %s", path, w.Code, w.Body)
		}
		// What a browser asks before it sends the header for a foreign page; it goes on only after an Access-Control answer.
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, path, nil))
		if allowed := w.Header().Get("Access-Control-Allow-Headers"); allowed != "" || w.Code/100 == 2 {
			t.Errorf("%s: a preflight is answered with %d, %q", path, w.Code, allowed)
		}
	}
	if len(noted.requests) != 1 || sealed != 1 {
		t.Errorf("%d deletions, %d seals, want one each", len(noted.requests), sealed)
	}
}

// TestSealWaitsNotForever: while the store is away a seal cannot end, but the request for it does, and says so.
func TestSealWaitsNotForever(t *testing.T) {
	s := testServer(nil)
	s.sealWait = 20 * time.Millisecond
	s.deps.Seal = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if w := post(s, "/api/v1/admin/seal", RequestHeader, "1"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "/api/v1/status") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDelete(t *testing.T) {
	s := testServer(nil)
	noted := &notes{}
	s.deps.Deletions = noted
	for query, code := range map[string]int{
		"": http.StatusBadRequest, " ": http.StatusBadRequest, "((": http.StatusBadRequest, "refuse": http.StatusBadRequest, "service:a": http.StatusAccepted, "*": http.StatusAccepted,
	} {
		if w := post(s, "/api/v1/admin/delete?"+url.Values{"query": {query}}.Encode(), RequestHeader, "1"); w.Code != code {
			t.Errorf("query %q: %d %s, want %d", query, w.Code, w.Body, code)
		}
	}
	w := post(s, "/api/v1/admin/delete?signal=spans&query=status:error&start=5&end=9&by=me", RequestHeader, "1", telemetry.TenantHeader, "a")
	if w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	r := noted.ranges[len(noted.ranges)-1]
	if d := noted.requests[len(noted.requests)-1]; r.Tenant != "a" || r.Signal != telemetry.Spans || r.From != 5 || r.To != 9 || d.By != "me (192.0.2.1)" {
		t.Errorf("%+v, %+v", r, d)
	}
	for path, want := range map[string]int{"/api/v1/admin/audit": 3, "/api/v1/admin/audit?id=1": 1, "/api/v1/admin/audit?id=2": 0, "/api/v1/admin/audit?limit=2": 2, "/api/v1/admin/delete": 0} {
		var list DeletionList
		if err := json.Unmarshal([]byte(ask(s, path)), &list); err != nil || list.Deletions == nil || len(list.Deletions) != want {
			t.Errorf("%s: %d deletions (%v), want %d", path, len(list.Deletions), err, want)
		}
	}
}
