package ruleapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert"
	"clew/query/alert/rulefile"
)

func testAPI(t *testing.T) *API {
	t.Helper()
	f, problems := rulefile.Parse("f.yml", []byte(`groups:
- name: one
  rules:
  - {alert: Hot, expr: up, for: 2m, labels: {severity: page}}
  - {record: "a:b", expr: up}
- name: other
  tenant: acme
  rules: [{alert: Theirs, expr: up}]
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	hot := alert.Alert{Labels: labels.FromStrings("alertname", "Hot"), State: alert.Firing, Value: 7, Examples: []alert.Example{{Text: "boom"}}}
	over := alert.Alert{Labels: labels.FromStrings("alertname", "Hot", "x", "1"), State: alert.Inactive}
	status := func() alert.Status {
		return alert.Status{Groups: []alert.GroupStatus{
			{Group: &f.Groups[0], Interval: time.Minute, Rules: []alert.RuleStatus{
				{Rule: &f.Groups[0].Rules[0], State: alert.Firing, Alerts: []alert.Alert{hot, over}, Evaluated: time.Unix(1, 0)},
				{Rule: &f.Groups[0].Rules[1], Err: errors.New("it broke"), Evaluated: time.Unix(1, 0)},
			}},
			{Group: &f.Groups[1], Interval: time.Minute, Rules: []alert.RuleStatus{{Rule: &f.Groups[1].Rules[0], State: alert.Inactive}}},
		}}
	}
	return New(Deps{Status: status, Answers: &alert.Answers{}, Logger: slog.New(slog.DiscardHandler)})
}

func ask(h http.Handler, method, target, tenant, body string) (int, string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if tenant != "" {
		r.Header.Set("X-Scope-OrgID", tenant)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestRulesAsPrometheus(t *testing.T) {
	a := testAPI(t)
	for query, want := range map[string][]string{
		"":                           {"Hot", "a:b"},
		"?type=alert":                {"Hot"},
		"?type=record":               {"a:b"},
		"?rule_name[]=a:b":           {"a:b"},
		"?rule_group[]=x":            nil,
		"?file[]=f.yml&type=alert":   {"Hot"},
		`?match[]={severity="page"}`: {"Hot"},
	} {
		code, body := ask(a.Prometheus(), http.MethodGet, "/prometheus/api/v1/rules"+query, "", "")
		var answer struct {
			Status string `json:"status"`
			Data   struct {
				Groups []struct {
					Rules []map[string]any `json:"rules"`
				} `json:"groups"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 || answer.Status != "success" {
			t.Fatalf("%s: %d %v %s", query, code, err, body)
		}
		var have []string
		for _, g := range answer.Data.Groups {
			for _, r := range g.Rules {
				have = append(have, r["name"].(string))
				if _, has := r["alerts"]; has != (r["type"] == "alerting") {
					t.Errorf("alerts of %v", r)
				}
			}
		}
		if strings.Join(have, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", query, have, want)
		}
	}
	if code, body := ask(a.Prometheus(), http.MethodGet, "/prometheus/api/v1/rules?type=x", "", ""); code != 400 || !strings.Contains(body, "bad_data") {
		t.Errorf("%d %s", code, body)
	}
	if _, body := ask(a.Prometheus(), http.MethodGet, "/prometheus/api/v1/rules", "acme", ""); strings.Contains(body, "Hot") || !strings.Contains(body, "Theirs") {
		t.Errorf("tenant acme sees %s", body)
	}
	_, body := ask(a.Prometheus(), http.MethodGet, "/prometheus/api/v1/alerts", "", "")
	if strings.Count(body, "activeAt") != 1 || !strings.Contains(body, `"value":"7"`) || !strings.Contains(body, "boom") {
		t.Errorf("alerts %s", body)
	}
	_, body = ask(a.Native(), http.MethodGet, "/api/v1/rules", "", "")
	if !strings.Contains(body, `"lastError":"it broke"`) || !strings.Contains(body, `"problems":[]`) {
		t.Errorf("status %s", body)
	}
}

func TestBacktestRefuses(t *testing.T) {
	a := testAPI(t)
	for body, want := range map[string]string{
		`{`:                           "read the request",
		`{"contnt":""}`:               "contnt",
		`{"content":"","since":"x"}`:  "since",
		`{"content":"","since":"0s"}`: "start is not before end",
		`{"content":"groups: [{name: a, rulez: []}]"}`: "rules:1:20: groups[0].rulez: unknown key",
	} {
		if code, answer := ask(a.Native(), http.MethodPost, "/api/v1/rules/backtest", "", body); code != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s", body, code, answer)
		}
	}
	if code, body := ask(a.Native(), http.MethodPost, "/api/v1/rules/backtest", "", `{"content":""}`); code != 200 || !strings.Contains(body, `"rules":[]`) {
		t.Errorf("%d %s", code, body)
	}
}
