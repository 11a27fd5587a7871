package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
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
