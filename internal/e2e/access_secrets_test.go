package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"clew/internal/access/testca"
	"clew/internal/harness"
	"clew/internal/s3test"
)

// holder is a clew whose every secret is known, and what it was heard to say.
type holder struct {
	*harness.Process
	base    string
	ca      *testca.CA
	secrets map[string]string // by what they are
	tokens  map[string]string
	out     *told
	config  string
	visitor *visitor
	heard   map[string]string // by place
}

// startHolder runs one with all that has a secret: tokens, a provider, certificates, NATS, an S3 server, an Alertmanager elsewhere.
func startHolder(t *testing.T) *holder {
	t.Helper()
	s3test.SetEnvironment(t)
	s3 := s3test.Start(t)
	h := &holder{ca: testca.New(t), secrets: map[string]string{"NATS password": natsPassword, "S3 key": s3test.SecretKey}, out: &told{}, visitor: newVisitor(t), heard: map[string]string{}}
	var keys string
	h.tokens, keys = keysOf()
	for name, token := range h.tokens {
		h.secrets["token of "+name] = token
	}
	file := func(what, secret string) string {
		h.secrets[what] = secret
		return write(t, "secret", secret+"\n")
	}
	cert, key := h.ca.Issue(t, "clew", time.Hour)
	pem, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	h.secrets["TLS key"] = strings.Split(string(pem), "\n")[1]
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "who are you, "+r.Header.Get("Authorization"), http.StatusUnauthorized) // it repeats what it was shown
	}))
	t.Cleanup(refuses.Close)
	url := startNATS(t, h.ca)
	h.config = fmt.Sprintf("tls: {cert_file: %s, key_file: %s}\n", cert, key) +
		fmt.Sprintf("nats: {urls: [\"%s\"], replicas: 1, user: clew, password_file: %s, tls: {ca_file: %s}}\nlog: {bytes_max: 268435456}\n", url, file("NATS password", natsPassword), h.ca.File) +
		fmt.Sprintf("store: %s\n", s3test.URL(s3.Address, "clew")) +
		fmt.Sprintf("alertmanager: {urls: [\"%s\"], access: {user: clew, password_file: %s}}\n", refuses.URL, file("Alertmanager password", "alertmanager-password-5e1c")) +
		keys + "  audit_stdout: true\n" + fmt.Sprintf("  public_url: https://127.0.0.1:1\n  oidc: {issuer: \"http://127.0.0.1:1\", client_id: clew, client_secret_file: %s, grants: [{claim: groups, value: sre, role: admin, tenants: [\"*\"]}]}\n",
		file("client secret", "client-secret-0b9d7714aa"))
	h.secrets["Alertmanager password, encoded"] = base64.StdEncoding.EncodeToString([]byte("clew:alertmanager-password-5e1c"))
	if h.Process, err = harness.Start(harness.Options{Binary: clewBinary, Data: tempData(t), Config: h.config, Log: h.out, Args: []string{"--log-level", "debug", "--name", "holder", "--rules", neighbourRules(t)}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Kill)
	h.base = "https://" + h.HTTP
	h.visitor.http.Transport = &http.Transport{TLSClientConfig: h.ca.Client(t, "", "")}
	t.Cleanup(h.visitor.http.CloseIdleConnections)
	eventually(t, time.Minute, "readiness", func() bool {
		if !h.Running() {
			t.Fatal(h.Output())
		}
		res, err := h.visitor.http.Get(h.base + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return h
}

// ask remembers all that is answered, and wants a status.
func (h *holder) ask(t *testing.T, want int, method, url, body string, headers ...string) {
	t.Helper()
	if have := h.visitor.ask(method, url, body, headers...); have != want {
		t.Errorf("%s %.80s: %d, want %d", method, url, have, want)
	}
}

// run runs a command of clew's as root, with a token in its environment, and remembers what it says.
func (h *holder) run(t *testing.T, token string, args ...string) {
	t.Helper()
	cmd := exec.Command(clewBinary, args...)
	cmd.Env = append(os.Environ(), "CLEW_SERVER="+h.base, "CLEW_TLS_CA="+h.ca.File, "CLEW_TOKEN="+token)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() > 1 && token == h.tokens["root"] {
		t.Errorf("clew %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	h.heard["what clew "+args[0]+" says"] += string(out)
}

// Secrets appear in no log, metric, error, page, profile, record, backup or printed configuration, whatever is done with them, right or wrong.
func TestSecretsStaySecret(t *testing.T) {
	h := startHolder(t)
	otlp := "https://" + h.OTLP
	root, sends := "Bearer "+h.tokens["root"], "Bearer "+h.tokens["alpha write"]
	const logs = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a line"}}]}]}]}`
	form := "application/x-www-form-urlencoded"
	for _, step := range []struct {
		want    int
		method  string
		url     string
		body    string
		headers []string
	}{
		{200, "POST", otlp + "/v1/logs", logs, []string{"Authorization", sends, "Content-Type", "application/json"}},
		{200, "POST", otlp + "/v1/metrics", `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"orders","gauge":{"dataPoints":[{"timeUnixNano":"` + fmt.Sprint(time.Now().UnixNano()) + `","asDouble":7}]}}]}]}]}`, []string{"Authorization", sends, "Content-Type", "application/json"}},
		{400, "POST", otlp + "/v1/logs", "{", []string{"Authorization", sends, "Content-Type", "application/json"}},
		{403, "POST", otlp + "/v1/logs", logs, []string{"Authorization", sends, "Content-Type", "application/json", "X-Scope-OrgID", "other"}},
		{401, "POST", otlp + "/v1/logs", logs, []string{"Authorization", sends + "x", "Content-Type", "application/json"}},
		{401, "GET", h.base + "/api/v1/search", "", []string{"Authorization", root + "x"}},
		{401, "GET", h.base + "/api/v1/search", "", []string{"Authorization", "Token " + h.tokens["root"]}},
		{401, "GET", h.base + "/api/v1/search?token=" + h.tokens["root"], "", nil},
		{401, "GET", h.base + "/api/v1/search", "", []string{"Authorization", "Basic " + h.tokens["root"]}},
		{200, "GET", h.base + "/api/v1/search", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("any:"+h.tokens["root"]))}},
		{400, "GET", h.base + "/api/v1/search?query=(", "", []string{"Authorization", root}},
		{200, "POST", h.base + "/api/v1/admin/seal", "", []string{"Authorization", root, "X-Clew-Request", "1"}},
		{401, "POST", h.base + "/auth/token", url.Values{"token": {h.tokens["root"] + "x"}}.Encode(), []string{"Content-Type", form, "Origin", h.base}},
		{503, "GET", h.base + "/auth/provider", "", nil},
		{200, "POST", h.base + "/auth/token", url.Values{"token": {h.tokens["root"]}}.Encode(), []string{"Content-Type", form, "Origin", h.base}},
		{200, "GET", h.base + "/", "", []string{"Accept", "text/html"}},
		{200, "GET", h.base + "/facts.json", "", nil},
		{200, "GET", h.base + "/api/v1/search?query=password", "", nil},
		{200, "GET", h.base + "/debug/pprof/goroutine?debug=2", "", nil},
		{404, "GET", h.base + "/debug/pprof/cmdline", "", nil}, // a command line may have a token
		{200, "GET", h.base + "/debug/pprof/heap?debug=1", "", nil},
		{200, "GET", h.base + "/debug/pprof/trace?seconds=1", "", nil},
		{200, "GET", h.base + "/debug/pprof/profile?seconds=1", "", nil},
	} {
		h.ask(t, step.want, step.method, step.url, step.body, step.headers...)
	}
	u, err := url.Parse(h.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range h.visitor.http.Jar.Cookies(u) {
		h.secrets["session"] = c.Value
	}
	paths, _ := readPaths(time.Now())
	for path, queries := range paths { // by the session, at all tenants
		for _, query := range queries {
			h.visitor.ask("GET", h.base+strings.NewReplacer("{id}", sharedTrace, "{spanId}", sharedSpan, "{host}", "node-1", "{page}", "login", "{path}", "api/v2/status").Replace(path)+query, "")
		}
	}
	eventually(t, time.Minute, "an alert is told to the Alertmanager, which refuses it", func() bool { return len(h.out.lines("401")) > 0 })
	h.everywhere(t)
	for what, secret := range h.secrets {
		if len(secret) < 10 {
			t.Fatalf("no %s", what)
		}
		for place, text := range h.heard {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("the %s is in %s: ...%.300s", what, place, text[max(0, at-200):])
			}
		}
	}
}

// everywhere collects what there is to read of a clew: terminal, files, logs.
func (h *holder) everywhere(t *testing.T) {
	t.Helper()
	printed, err := exec.Command(clewBinary, "config", "print", h.Data+".yaml").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	h.run(t, h.tokens["root"], "backup", "--seal", h.base, regexp.MustCompile(`store: (\S+)`).FindStringSubmatch(h.config)[1], backup)
	h.run(t, h.tokens["root"], "doctor")
	h.run(t, h.tokens["root"], "doctor", "--json")
	h.run(t, h.tokens["root"], "cluster", "status")
	h.run(t, h.tokens["root"]+"x", "grep", "x")
	h.run(t, h.tokens["root"]+"x", "doctor")
	h.run(t, h.tokens["root"], "grep", "--help")
	if words := h.heard["what clew grep says"]; !strings.Contains(words, "--token-file") {
		t.Errorf("a wrong token in the terminal: %s", words)
	}
	if err := h.Hangup(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the reload in the audit log", func() bool {
		text, err := os.ReadFile(filepath.Join(h.Data, "audit", "audit.jsonl"))
		return err == nil && strings.Contains(string(text), "configuration read again")
	})
	h.visitor.said.WriteString("\n")
	h.ask(t, 200, "GET", h.base+"/api/v1/admin/audit/events?limit=1000", "")
	if said := h.visitor.said.String(); !strings.Contains(said, `"who":"token:root"`) || !strings.Contains(said, "/api/v1/admin/seal") {
		t.Errorf("the audit log lacks what was done")
	}
	if len(h.out.lines(`"who":"token:root"`, `"what":"login"`)) != 1 {
		t.Error("the login is not on standard output")
	}
	key, err := os.ReadFile(filepath.Join(h.Data, "access", "session.key"))
	if err != nil {
		t.Fatal(err)
	}
	h.secrets["key of sessions"] = string(key)
	h.heard["answers"] = withoutLine(h.visitor.said.String(), "?token=")
	h.heard["the printed configuration"] = string(printed)
	h.out.mu.Lock()
	h.heard["the log"] = h.out.text.String()
	h.out.mu.Unlock()
	files := 0
	for _, dir := range []string{h.Data, backup} {
		if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || entry.Name() == "session.key" {
				return err
			}
			text, err := os.ReadFile(path)
			if os.IsNotExist(err) { // a cache's
				return nil
			}
			files++
			h.heard["files"] += path + "\n" + string(bytes.ToValidUTF8(text, nil)) + "\n"
			h.heard["files, as they are"] += string(text)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if files < 5 {
		t.Errorf("%d files", files)
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
