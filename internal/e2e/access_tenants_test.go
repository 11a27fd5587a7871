package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"clew/internal/access"
	"clew/internal/harness"
)

// Two tenants whose telemetry is alike: the same trace and span, service, host, metric. Only the marks tell whose it is.
const (
	sharedTrace = "0af7651916cd43dd8448eb211c80319c"
	sharedSpan  = "b7ad6b7169203331"
)

var neighbours = []string{"alpha", "beta"}

func markOf(tenant string) string { return tenant + "mark" }

// keysOf are the tokens of the two tenants' readers and senders ("alpha read", "alpha write", "alpha admin") and of who has all tenants ("root"), with their configuration.
func keysOf() (tokens map[string]string, config string) {
	tokens = map[string]string{}
	var b strings.Builder
	b.WriteString("access:\n  tokens:\n")
	add := func(name string, role access.Role, tenant string) {
		var hash string
		tokens[name], hash = access.NewToken()
		fmt.Fprintf(&b, "    - {name: %s, hash: \"%s\", role: %s, tenants: [\"%s\"]}\n", strings.ReplaceAll(name, " ", "-"), hash, role, tenant)
	}
	for _, tenant := range neighbours {
		for _, role := range []access.Role{access.Read, access.Write, access.Admin} {
			add(tenant+" "+string(role), role, tenant)
		}
	}
	add("root", access.Admin, "*")
	return tokens, b.String()
}

// alike sends a tenant's half of what is alike, as its sender.
func alike(t *testing.T, otlp, tenant, token string) {
	t.Helper()
	mark, now := markOf(tenant), time.Now().UnixNano()
	resource := `"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"node-1"}},{"key":"resource.` + mark + `","value":{"stringValue":"` + mark + `"}}]}`
	attributes := `"attributes":[{"key":"same","value":{"stringValue":"` + mark + `"}},{"key":"key.` + mark + `","value":{"stringValue":"x"}}]`
	for path, body := range map[string]string{
		"/v1/traces": fmt.Sprintf(`{"resourceSpans":[{%s,"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","name":"op %s","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","status":{"code":2,"message":"failed %s"},%s}]}]}]}`,
			resource, sharedTrace, sharedSpan, mark, now, now+1_000_000, mark, attributes),
		"/v1/logs": fmt.Sprintf(`{"resourceLogs":[{%s,"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d","traceId":"%s","spanId":"%s","severityNumber":17,"body":{"stringValue":"line of %s"},%s}]}]}]}`,
			resource, now, sharedTrace, sharedSpan, mark, attributes),
		"/v1/metrics": fmt.Sprintf(`{"resourceMetrics":[{%s,"scopeMetrics":[{"metrics":[{"name":"orders","gauge":{"dataPoints":[{"timeUnixNano":"%d","asDouble":7,%s}]}},{"name":"only.%s","description":"of %s","gauge":{"dataPoints":[{"timeUnixNano":"%d","asDouble":1}]}}]}]}]}`,
			resource, now, attributes, mark, mark, now),
	} {
		v := newVisitor(t)
		signal := map[string]string{"/v1/traces": "spans", "/v1/logs": "logs", "/v1/metrics": "metrics"}[path]
		if code := v.ask("POST", otlp+path, body, "Authorization", "Bearer "+token, "Content-Type", "application/json", "Clew-Source", mark+"/"+signal, "Clew-Seq", "1"); code != 200 {
			t.Fatalf("%s: %d %s", path, code, v.said.String())
		}
	}
}

// neighbourRules are a rule of each tenant on the metric that both have.
func neighbourRules(t *testing.T) string {
	var b strings.Builder
	b.WriteString("groups:\n")
	for _, tenant := range neighbours {
		fmt.Fprintf(&b, "  - name: group-%[1]s\n    tenant: %[2]s\n    interval: 1s\n    rules:\n      - {record: 'recorded:%[1]s', expr: max(orders)}\n      - {alert: Alert%[1]s, expr: orders > 0, annotations: {summary: 'of %[1]s'}}\n", markOf(tenant), tenant)
	}
	return write(t, "rules.yml", b.String())
}

// readPaths are what each path of the API that is read is asked, so that an answer would name what it holds; a path that is described and not here fails the test. Those
// of shown must name what is the reader's own.
func readPaths(now time.Time) (paths map[string][]string, shown []string) {
	at, from := strconv.FormatInt(now.Add(15*time.Second).Unix(), 10), strconv.FormatInt(now.Add(-time.Minute).Unix(), 10)
	paths = map[string][]string{
		"/api/v1/search":    {"", "?signal=spans", "?query=service:shop&signal=spans", "?query=any:line"},
		"/api/v1/count":     {"?by=same", "?signal=spans&by=name"},
		"/api/v1/explain":   {"?query=line", "?signal=spans&query=op"},
		"/api/v1/histogram": {"?by=same", "?signal=spans&by=name"},
		"/api/v1/fields":    {"", "?signal=spans"},
		"/api/v1/values":    {"?field=same", "?field=name&signal=spans", "?field=body"},
		"/api/v1/suggest":   {"?text=key", "?text=same:", "?text=op&signal=spans"},
		"/api/v1/complete":  {"?field=same", "?text=key.", "?text=op&field=name&signal=spans"},
		"/api/v1/usage":     {"?by=tenant", "?by=service", "?by=same", "?by=name&signal=spans"},
		"/api/v1/heatmap":   {""}, "/api/v1/traces": {"", "?query=service:shop"},
		"/api/v1/traces/{id}": {""}, "/api/v1/traces/{id}/skeleton": {""}, "/api/v1/traces/{id}/spans/{spanId}": {""},
		"/api/v1/context":       {""}, // with the id of a record of the other tenant
		"/api/v1/metrics/names": {""}, "/api/v1/metrics/labels": {"", "?label=same", "?label=__name__"}, "/api/v1/metrics/series": {"?match=orders"},
		"/api/v1/metrics/query_range": {"?query=orders&step=15s"},
		"/api/v1/ledger":              {""}, "/api/v1/status": {""}, "/api/v1/cluster": {""},
		"/api/v1/export":        {"", "?signal=spans", "?signal=spans&format=otlp", "?format=parquet"},
		"/api/v1/admin/catalog": {""}, "/api/v1/admin/delete": {""}, "/api/v1/admin/audit": {""}, "/api/v1/admin/audit/events": {""},
		"/api/v1/hosts": {""}, "/api/v1/hosts/{host}": {""}, "/api/v1/whoami": {""}, "/api/v1/openapi.yaml": {""}, "/metrics": {""}, "/healthz": {""}, "/readyz": {""}, "/auth/{page}": {""},
		"/api/v1/rules": {""}, "/prometheus/api/v1/rules": {""}, "/prometheus/api/v1/alerts": {""}, "/alertmanager/{path}": {""},
		// Not described one by one.
		"/alertmanager/api/v2/alerts": {"", "?filter=alertname%3D~%22.*%22", "?filter=tenant%3D~%22.*%22"}, "/alertmanager/api/v2/alerts/groups": {""}, "/alertmanager/api/v2/silences": {""},
		"/prometheus/api/v1/query":           {"?query=orders", "?query=ALERTS", "?query=count+by+(__name__,same)+(%7B__name__%3D~%22.%2B%22%7D)"},
		"/prometheus/api/v1/query_range":     {"?query=orders&step=15&start=" + from + "&end=" + at},
		"/prometheus/api/v1/query_exemplars": {"?query=traces_span_metrics_calls_total&start=" + from + "&end=" + at},
		"/prometheus/api/v1/labels":          {""}, "/prometheus/api/v1/label/same/values": {""}, "/prometheus/api/v1/label/__name__/values": {""}, "/prometheus/api/v1/series": {"?match[]=orders"},
		"/prometheus/api/v1/metadata": {""}, "/prometheus/api/v1/status/tsdb": {""}, "/prometheus/api/v1/targets": {""}, "/prometheus/federate": {"?match[]=%7B__name__%3D~%22.%2B%22%7D"},
		"/prometheus/api/v1/status/self_metrics": {""}, "/prometheus/api/v1/status/config": {""}, "/prometheus/api/v1/notifications": {""},
	}
	shown = []string{
		"/api/v1/search", "/api/v1/count", "/api/v1/histogram", "/api/v1/fields", "/api/v1/values", "/api/v1/complete", "/api/v1/traces", "/api/v1/traces/{id}", "/api/v1/traces/{id}/skeleton",
		"/api/v1/traces/{id}/spans/{spanId}", "/api/v1/metrics/names", "/api/v1/metrics/labels", "/api/v1/metrics/series", "/api/v1/metrics/query_range", "/api/v1/export", "/api/v1/rules",
		"/prometheus/api/v1/rules", "/prometheus/api/v1/alerts", "/alertmanager/api/v2/alerts", "/prometheus/api/v1/query", "/prometheus/api/v1/query_range", "/prometheus/api/v1/labels",
		"/prometheus/api/v1/label/same/values", "/prometheus/api/v1/series", "/prometheus/federate",
	}
	return paths, shown
}

// described are the paths of the API that can be read.
func described(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../query/api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil || len(document.Paths) < 30 {
		t.Fatalf("%d paths, %v", len(document.Paths), err)
	}
	var out []string
	for path, methods := range document.Paths {
		if methods["get"] != nil {
			out = append(out, path)
		}
	}
	return out
}

// apart asks everything that can be read, as each of two tenants' readers, and holds that nothing of the other shows.
func apart(t *testing.T, base string, tokens map[string]string) {
	t.Helper()
	paths, shown := readPaths(time.Now())
	for _, path := range described(t) {
		if paths[path] == nil {
			t.Errorf("%s is not among what tenants are kept apart at", path)
		}
	}
	for i, tenant := range neighbours {
		other := neighbours[1-i]
		record := recordOf(t, base, tokens[other+" read"])
		for path, queries := range paths {
			answers := newVisitor(t)
			for _, query := range queries {
				target := strings.NewReplacer("{id}", sharedTrace, "{spanId}", sharedSpan, "{host}", "node-1", "{page}", "login", "{path}", "api/v2/status").Replace(path) + query
				if path == "/api/v1/context" {
					target += "?id=" + url.QueryEscape(record)
				}
				// As its reader, who names no tenant or his own; as who has every tenant, and asks for this one.
				answers.ask("GET", base+target, "", "Authorization", "Bearer "+tokens[tenant+" read"])
				answers.ask("GET", base+target, "", "Authorization", "Bearer "+tokens[tenant+" read"], "X-Scope-OrgID", tenant)
				if code := answers.ask("GET", base+target, "", "Authorization", "Bearer "+tokens[tenant+" read"], "X-Scope-OrgID", other); code != http.StatusForbidden && !openToAll(path) {
					t.Errorf("%s of %s as %s: %d", target, other, tenant, code)
				}
			}
			said := answers.said.String()
			if at := strings.Index(said, markOf(other)); at >= 0 {
				t.Errorf("%s tells %s of %s: ...%.300s", path, tenant, other, said[max(0, at-200):])
			}
			if slices.Contains(shown, path) && !strings.Contains(said, markOf(tenant)) {
				t.Errorf("%s does not tell %s of its own: %.600s", path, tenant, said)
			}
		}
	}
}

// openToAll are paths that are about no tenant: who is known, or anybody, is answered.
func openToAll(path string) bool {
	return slices.Contains([]string{"/api/v1/whoami", "/api/v1/openapi.yaml", "/healthz", "/readyz", "/auth/{page}"}, path)
}

// recordOf is the id of a tenant's log record.
func recordOf(t *testing.T, base, token string) string {
	t.Helper()
	v := newVisitor(t)
	v.ask("GET", base+"/api/v1/search?limit=1", "", "Authorization", "Bearer "+token)
	_, rest, ok := strings.Cut(v.said.String(), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	if !ok || id == "" {
		t.Fatalf("no record: %s", v.said.String())
	}
	return id
}

// rulesMade waits until both tenants' rules have fired and recorded.
func rulesMade(t *testing.T, base string, tokens map[string]string) {
	t.Helper()
	for _, tenant := range neighbours {
		for path, want := range map[string]string{"/alertmanager/api/v2/alerts": "Alert" + markOf(tenant), "/prometheus/api/v1/query?query=recorded:" + markOf(tenant): `"value":`} {
			eventually(t, 90*time.Second, "what "+tenant+"'s rules make is at "+path, func() bool {
				v := newVisitor(t)
				v.ask("GET", base+path, "", "Authorization", "Bearer "+tokens[tenant+" read"])
				return strings.Contains(v.said.String(), want)
			})
		}
	}
}

// Two tenants' telemetry that is alike stays apart on every way to read it, in heads and in segments, and a deletion of one takes nothing of the other.
func TestTenantsApart(t *testing.T) {
	tokens, config := keysOf()
	p, err := harness.Start(harness.Options{Binary: clewBinary, Data: tempData(t), Config: config, Args: []string{"--rules", neighbourRules(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.WaitReady(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	base := "http://" + p.HTTP
	for _, tenant := range neighbours {
		alike(t, "http://"+p.OTLP, tenant, tokens[tenant+" write"])
	}
	rulesMade(t, base, tokens)
	apart(t, base, tokens)
	sealAll(t, p, tokens["root"])
	apart(t, base, tokens)
	deleted := newVisitor(t)
	if code := deleted.ask("POST", base+"/api/v1/admin/delete?signal=logs&query=*", "", "Authorization", "Bearer "+tokens["alpha admin"], "X-Clew-Request", "1"); code != http.StatusAccepted {
		t.Fatalf("delete: %d %s", code, deleted.said.String())
	}
	count := func(tenant string) string {
		v := newVisitor(t)
		v.ask("GET", base+"/api/v1/count", "", "Authorization", "Bearer "+tokens[tenant+" read"])
		return v.said.String()
	}
	eventually(t, 60*time.Second, "alpha's records are gone", func() bool { return strings.Contains(count("alpha"), `"count":0`) })
	if said := count("beta"); !strings.Contains(said, `"count":1`) {
		t.Errorf("a deletion of alpha's took beta's: %s", said)
	}
}
