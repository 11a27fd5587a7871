package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// Hosts that spans name are listed, told one by one, and what cannot be meant is refused by name.
func TestHosts(t *testing.T) {
	traces := map[telemetry.TraceID]string{{1}: "web \"GET /\" server @0 +5ms host=node-1\n  db \"SELECT\" client @1ms +2ms host=rack/2%\n"}
	part := head(t, "hosts", spanBatch(t, traces))
	server := serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: {sealed(t, part)}}}, engine.Limits{})
	var list HostList
	get(t, server, "/api/v1/hosts", &list)
	if len(list.Hosts) != 2 || list.Matched != 2 || list.Up+list.Silent != 2 || list.Hosts[0].Traffic[0].Signal != "spans" {
		t.Errorf("list: %+v", list)
	}
	get(t, server, "/api/v1/hosts?search=e&limit=1", &list)
	if len(list.Hosts) != 1 || list.Matched != 2 {
		t.Errorf("a limit of 1: %d of %d", len(list.Hosts), list.Matched)
	}
	var one HostDetail
	get(t, server, "/api/v1/hosts/rack%2F2%25", &one)
	if one.Host.Host != "rack/2%" || len(one.Agents) != 0 {
		t.Errorf("one: %+v", one)
	}
	for target, want := range map[string]string{
		"/api/v1/hosts?status=odd":          "want up or silent",
		"/api/v1/hosts?limit=0":             "limit",
		"/api/v1/hosts?start=yesterday-ish": "start",
		"/api/v1/hosts/nobody":              "not_found",
	} {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code/100 != 4 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}
