package e2e

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/internal/access"
	"clew/internal/access/testca"
	"clew/internal/harness"
)

// visitor asks a clew and remembers everything that it said.
type visitor struct {
	t    *testing.T
	http *http.Client
	said strings.Builder
}

func newVisitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, http: &http.Client{Jar: jar}}
}

// ask sends a request with headers, in pairs, and gives the status.
func (v *visitor) ask(method, url, body string, headers ...string) int {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	fmt.Fprintf(&v.said, "%s %s: %s %s\n", method, url, res.Status, data)
	return res.StatusCode
}

// Secrets appear in no log, metric, error, page, record or printed configuration, whatever is done with them, right or wrong.
func TestSecretsStaySecret(t *testing.T) {
	data := tempData(t)
	admin, adminHash := access.NewToken()
	writer, writerHash := access.NewToken()
	clientSecret := "client-secret-" + base64.RawURLEncoding.EncodeToString([]byte(adminHash[7:31]))
	secretFile := data + ".secret"
	if err := os.WriteFile(secretFile, []byte(clientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`
access:
  public_url: http://127.0.0.1:1
  tokens:
    - {name: root, hash: "%s", role: admin, tenants: ["*"]}
    - {name: sender, hash: "%s", role: write, tenants: [shop]}
  oidc:
    issuer: http://127.0.0.1:1
    client_id: clew
    client_secret_file: %s
    grants: [{claim: groups, value: sre, role: admin, tenants: ["*"]}]
`, adminHash, writerHash, secretFile)
	p, err := harness.Start(harness.Options{Binary: clewBinary, Data: data, Config: config, Args: []string{"--log-level", "debug"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.WaitReady(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t)
	ui, otlp := "http://"+p.HTTP, "http://"+p.OTLP
	bearer, sends := "Bearer "+admin, "Bearer "+writer
	const logs = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a line"}}]}]}]}`
	for _, step := range []struct {
		want    int
		method  string
		url     string
		body    string
		headers []string
	}{
		{200, "POST", otlp + "/v1/logs", logs, []string{"Authorization", sends, "Content-Type", "application/json"}},
		{400, "POST", otlp + "/v1/logs", "{", []string{"Authorization", sends, "Content-Type", "application/json"}},
		{403, "POST", otlp + "/v1/logs", logs, []string{"Authorization", sends, "Content-Type", "application/json", "X-Scope-OrgID", "other"}},
		{401, "POST", otlp + "/v1/logs", logs, []string{"Authorization", sends + "x", "Content-Type", "application/json"}},
		{401, "GET", ui + "/api/v1/search", "", []string{"Authorization", bearer + "x"}},
		{401, "GET", ui + "/api/v1/search", "", []string{"Authorization", "Token " + admin}},
		{401, "GET", ui + "/api/v1/search?token=" + admin, "", nil},
		{401, "GET", ui + "/api/v1/search", "", []string{"Authorization", "Basic " + admin}},
		{200, "GET", ui + "/api/v1/search", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("any:"+admin))}},
		{400, "GET", ui + "/api/v1/search?query=(", "", []string{"Authorization", bearer}},
		{200, "GET", ui + "/api/v1/status", "", []string{"Authorization", bearer}},
		{200, "GET", ui + "/metrics", "", []string{"Authorization", bearer}},
		{200, "GET", ui + "/debug/pprof/goroutine?debug=2", "", []string{"Authorization", bearer}},
		{200, "GET", ui + "/facts.json", "", []string{"Authorization", bearer}},
		{200, "POST", ui + "/api/v1/admin/seal", "", []string{"Authorization", bearer, "X-Clew-Request", "1"}},
		{401, "POST", ui + "/auth/token", url.Values{"token": {admin + "x"}}.Encode(), []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", ui}},
		{503, "GET", ui + "/auth/provider", "", nil},
		{200, "POST", ui + "/auth/token", url.Values{"token": {admin}}.Encode(), []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", ui}},
		{200, "GET", ui + "/api/v1/whoami", "", nil},
		{200, "GET", ui + "/", "", []string{"Accept", "text/html"}},
		{200, "GET", ui + "/prometheus/api/v1/query?query=up", "", nil},
		{200, "GET", ui + "/api/v1/search?query=password", "", nil},
	} {
		if have := v.ask(step.method, step.url, step.body, step.headers...); have != step.want {
			t.Errorf("%s %.60s: %d, want %d", step.method, step.url, have, step.want)
		}
	}
	u, err := url.Parse(ui)
	if err != nil {
		t.Fatal(err)
	}
	session := ""
	for _, c := range v.http.Jar.Cookies(u) {
		session = c.Value
	}
	printed, err := exec.Command(clewBinary, "config", "print", data+".yaml").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	refused := exec.Command(clewBinary, "grep", "--server", ui, "x")
	refused.Env = append(os.Environ(), "CLEW_TOKEN="+admin+"x")
	words, err := refused.CombinedOutput()
	if err == nil || !strings.Contains(string(words), "--token-file") {
		t.Errorf("a wrong token in the terminal: %v %s", err, words)
	}
	help, err := exec.Command(clewBinary, "grep", "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Hangup(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the reload in the audit log", func() bool {
		text, err := os.ReadFile(filepath.Join(data, "audit", "audit.jsonl"))
		return err == nil && strings.Contains(string(text), "configuration read again")
	})
	record, err := os.ReadFile(filepath.Join(data, "audit", "audit.jsonl"))
	if err != nil || !strings.Contains(string(record), `"who":"token:root"`) || !strings.Contains(string(record), "/api/v1/admin/seal") {
		t.Errorf("the audit log lacks what was done: %v %s", err, record)
	}
	key, err := os.ReadFile(filepath.Join(data, "access", "session.key"))
	if err != nil {
		t.Fatal(err)
	}
	for secret, what := range map[string]string{admin: "admin's token", writer: "writer's token", clientSecret: "client secret", session: "session", string(key): "key of sessions"} {
		if len(secret) < 20 {
			t.Fatalf("no %s", what)
		}
		for place, text := range map[string]string{
			"log": p.Output(), "answer": withoutLine(v.said.String(), "?token="), "audit log": string(record), "configuration": string(printed), "terminal": string(words) + string(help),
		} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("the %s is in the %s: ...%.200s", what, place, text[max(0, at-150):])
			}
		}
	}
}

// withoutLine leaves out what the visitor wrote itself.
func withoutLine(text, mark string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, mark) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// With one certificate for all listeners, a program is known by its own, on every port; the terminal shows it too.
func TestOneCertificateForAll(t *testing.T) {
	ca := testca.New(t)
	cert, key := ca.Issue(t, "clew", time.Hour)
	clientCert, clientKey := ca.Issue(t, "ops.example", time.Hour)
	data := tempData(t)
	config := fmt.Sprintf("tls: {cert_file: %s, key_file: %s, client_ca_file: %s}\naccess: {certificates: [{name: ops.example, role: admin, tenants: [\"*\"]}]}\n", cert, key, ca.File)
	p, err := harness.Start(harness.Options{Binary: clewBinary, Data: data, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	pair, err := tls.LoadX509KeyPair(clientCert, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	trusted := ca.Client(t, "", "")
	trusted.Certificates = []tls.Certificate{pair}
	v := newVisitor(t)
	v.http.Transport = &http.Transport{TLSClientConfig: trusted, ForceAttemptHTTP2: true}
	eventually(t, 30*time.Second, "readiness over TLS", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+p.HTTP+"/readyz", nil)
		if err != nil {
			return false
		}
		res, err := v.http.Do(req)
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	if code := v.ask("POST", "https://"+p.OTLP+"/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"by certificate"}}]}]}]}`, "Content-Type", "application/json"); code != 200 {
		t.Errorf("OTLP: %d\n%s", code, v.said.String())
	}
	out, err := exec.Command(clewBinary, "grep", "--server", "https://"+p.HTTP, "--tls-ca", ca.File, "--tls-cert", clientCert, "--tls-key", clientKey, "by certificate").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "by certificate") {
		t.Errorf("the terminal: %v %s", err, out)
	}
	if out, err := exec.Command(clewBinary, "grep", "--server", "https://"+p.HTTP, "--tls-ca", ca.File, "x").CombinedOutput(); err == nil {
		t.Errorf("without a certificate: %s", out)
	}
	res, err := http.Get("http://" + p.HTTP + "/healthz")
	if err == nil {
		if res.Body.Close(); res.StatusCode == http.StatusOK {
			t.Error("plain HTTP is answered")
		}
	}
}

// Who has one tenant is not told of the others, not even their names.
func TestTenantsSeeThemselves(t *testing.T) {
	admin, adminHash := access.NewToken()
	reader, readerHash := access.NewToken()
	p := start(t, tempData(t), fmt.Sprintf(`
access:
  tokens:
    - {name: root, hash: "%s", role: admin, tenants: ["*"]}
    - {name: reader, hash: "%s", role: read, tenants: [shop]}
`, adminHash, readerHash))
	for _, tenant := range []string{"shop", "hidden-tenant"} {
		v := newVisitor(t)
		body := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"of-` + tenant + `"}}]},"scopeLogs":[{"logRecords":[{"body":{"stringValue":"line of ` + tenant + `"}}]}]}]}`
		if code := v.ask("POST", "http://"+p.OTLP+"/v1/logs", body, "Authorization", "Bearer "+admin, "X-Scope-OrgID", tenant, "Content-Type", "application/json"); code != 200 {
			t.Fatalf("%d %s", code, v.said.String())
		}
	}
	eventually(t, 20*time.Second, "what was sent", func() bool {
		v := newVisitor(t)
		v.ask("GET", "http://"+p.HTTP+"/api/v1/usage?by=tenant", "", "Authorization", "Bearer "+admin)
		return strings.Contains(v.said.String(), "hidden-tenant") && strings.Contains(v.said.String(), "shop") || sealAll(t, p, admin)
	})
	v := newVisitor(t)
	for _, path := range []string{
		"/api/v1/usage?by=tenant", "/api/v1/usage?by=service", "/api/v1/status", "/api/v1/search", "/api/v1/fields", "/api/v1/values?field=service", "/api/v1/suggest?text=of",
		"/api/v1/complete?field=service", "/api/v1/hosts", "/api/v1/ledger", "/api/v1/rules", "/api/v1/export", "/api/v1/explain?query=line", "/api/v1/metrics/names",
		"/prometheus/api/v1/labels", "/prometheus/api/v1/status/tsdb", "/alertmanager/api/v2/alerts", "/metrics", "/api/v1/admin/audit", "/api/v1/admin/catalog", "/api/v1/whoami",
	} {
		v.ask("GET", "http://"+p.HTTP+path, "", "Authorization", "Bearer "+reader)
	}
	if at := strings.Index(v.said.String(), "hidden"); at >= 0 {
		t.Errorf("another tenant shows: ...%.300s", v.said.String()[max(0, at-200):])
	}
	if !strings.Contains(v.said.String(), "line of shop") {
		t.Errorf("its own records do not: %s", v.said.String())
	}
}

// sealAll makes what is in memory segments, which usage counts; it is never enough by itself.
func sealAll(t *testing.T, p *harness.Process, token string) bool {
	newVisitor(t).ask("POST", "http://"+p.HTTP+"/api/v1/admin/seal", "", "Authorization", "Bearer "+token, "X-Clew-Request", "1")
	return false
}
