package agents

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/agents/host"
)

// compose makes the configuration for a host whose file system is below root.
func compose(t *testing.T, root, overrides string) *Composed {
	t.Helper()
	c := DefaultConfig()
	c.Root, c.Data = root, t.TempDir()
	var err error
	if c.Overrides, err = ParseOverrides("x.yaml", []byte(overrides)); err != nil {
		t.Fatal(err)
	}
	composed, err := Compose(c, host.Host{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	return composed
}

func problems(t *testing.T, c *Composed) string {
	t.Helper()
	// The receiver insists on one root for the whole process.
	for _, r := range []string{"host_metrics", "host_metrics/processes"} {
		delete(at(c.Config, "receivers", r), "root_path")
	}
	agent, err := New(c, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Validate(t.Context()); err != nil {
		return err.Error()
	}
	return ""
}

// tree makes the files of a host.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		path := filepath.Join(root, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The default is valid on a host that has everything, and on one that has nothing.
func TestDefaultIsValid(t *testing.T) {
	everything := tree(t, "var/log/syslog", "var/log/pods/ns_p_u/c/0.log", "var/lib/docker/containers/a/a-json.log", "var/log/journal/1/system.journal")
	c := compose(t, everything, "")
	if p := problems(t, c); p != "" {
		t.Error(p)
	}
	for _, r := range []string{"files/host", "files/pods", "files/docker", "host_metrics"} {
		if _, ok := at(c.Config, "receivers")[r]; !ok {
			t.Errorf("%s is missing: %v", r, c.Notes)
		}
	}
	include := at(c.Config, "receivers", "files/pods")["include"].([]any)[0]
	if include != filepath.Join(everything, "var/log/pods/*/*/*.log") {
		t.Errorf("include %v", include)
	}

	c = compose(t, t.TempDir(), "")
	if p := problems(t, c); p != "" {
		t.Error(p)
	}
	if _, ok := at(c.Config, "service", "pipelines")["logs/files"]; ok || len(c.Notes) < 4 {
		t.Errorf("pipelines of nothing; notes %q", c.Notes)
	}
}

func TestOverrides(t *testing.T) {
	c := compose(t, tree(t, "var/log/syslog"), `
receivers:
  files/host:
    include: [/srv/*.log]
    compression: null
  host_metrics: {collection_interval: 30s}
  syslog:
    udp: {listen_address: "127.0.0.1:7540"}
    protocol: rfc3164
processors:
  redact:
    rules:
      mails: {on: true}
      mine: {on: true, pattern: 'secret-\d+', with: hidden}
  sample: {traces: 0.1}
service:
  pipelines:
    logs:
      receivers: [syslog]
`)
	if p := problems(t, c); p != "" {
		t.Error(p)
	}
	files := at(c.Config, "receivers", "files/host")
	if _, ok := files["compression"]; ok || !cmp.Equal(files["include"], []any{"/srv/*.log"}) || files["poll_interval"] != "500ms" {
		t.Errorf("files/host: %v", files)
	}
	if scrapers := at(c.Config, "receivers", "host_metrics", "scrapers"); len(scrapers) < 8 {
		t.Errorf("scrapers %v", slices.Sorted(maps.Keys(scrapers)))
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseOverrides("printed", text)
	if err != nil || !cmp.Equal(again["processors"], c.Config["processors"]) {
		t.Errorf("what is printed is not what it is: %v", err)
	}
}

// Every way in that a collector has can be turned on.
func TestWaysIn(t *testing.T) {
	c := compose(t, tree(t, "var/log/syslog"), `
receivers:
  prometheus: {config: {scrape_configs: [{job_name: x, static_configs: [{targets: ["localhost:1"]}]}]}}
  zipkin: {}
  jaeger: {protocols: {grpc: {endpoint: "127.0.0.1:7790"}, thrift_compact: {endpoint: "127.0.0.1:7791"}}}
  loki: {endpoint: "127.0.0.1:7792"}
  elasticsearch: {endpoint: "127.0.0.1:7793"}
  remote_write: {endpoint: "127.0.0.1:7794"}
  fluent_forward: {endpoint: "127.0.0.1:7795"}
  syslog: {tcp: {listen_address: "127.0.0.1:7796"}, enable_octet_counting: true, protocol: rfc5424}
service:
  pipelines:
    traces: {receivers: [zipkin, jaeger]}
    logs: {receivers: [loki, elasticsearch, fluent_forward, syslog]}
    metrics: {receivers: [prometheus, remote_write]}
`)
	if p := problems(t, c); p != "" {
		t.Error(p)
	}
	zipkin := at(c.Config, "receivers", "zipkin")
	if _, ok := zipkin["middlewares"]; !ok || !slices.Contains(at(c.Config, "service")["extensions"].([]any), any("clew_answers/zipkin")) {
		t.Errorf("the answers of zipkin are not watched: %v", zipkin)
	}
}

func TestProblemsNameTheKey(t *testing.T) {
	root := tree(t, "var/log/syslog")
	for _, x := range []struct{ overrides, want string }{
		{"receivers: {files/host: {includ: [x]}}", "includ"},
		{"receivers: {files/host: {framing: cry}}", "receivers::files/host: framing"},
		{"receivers: {nothing: {}}", "nothing"},
		{"processors: {redact: {rules: {mine: {on: true, pattern: '('}}}}", "rules::mine::pattern"},
		{"processors: {sample: {traces: 7}}", "processors::sample: traces"},
		{"exporters: {clew: {collectors: [\"no port\"]}}", "no port"},
		{"service: {pipelines: {logs/files: {processors: [absent]}}}", "absent"},
	} {
		if p := problems(t, compose(t, root, x.overrides)); !strings.Contains(p, x.want) {
			t.Errorf("%s\n have %s\n want %s", x.overrides, p, x.want)
		}
	}
	for _, bad := range []string{"receiver: {}", "receivers: []", "a: 1\na: 2", "- x", "receivers: {a: {b: 1, b: 2}}"} {
		if _, err := ParseOverrides("x.yaml", []byte(bad)); err == nil || !strings.Contains(err.Error(), "x.yaml") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestMerge(t *testing.T) {
	base := map[string]any{"a": map[string]any{"x": 1, "y": 2}, "b": []any{1, 2}, "c": 3}
	over := map[string]any{"a": map[string]any{"y": nil, "z": map[string]any{"n": nil, "m": 1}}, "b": []any{9}, "c": nil}
	want := map[string]any{"a": map[string]any{"x": 1, "z": map[string]any{"m": 1}}, "b": []any{9}}
	if diff := cmp.Diff(want, merge(base, over)); diff != "" {
		t.Error(diff)
	}
	if len(base["a"].(map[string]any)) != 2 {
		t.Error("the base was changed")
	}
}

func TestSurvey(t *testing.T) {
	root := tree(t, "var/log/syslog", "var/log/nginx/access.log", "var/log/wtmp", "var/log/journal/1/system.journal")
	c := DefaultConfig()
	c.Root, c.Data, c.Collectors = root, t.TempDir(), []string{"127.0.0.1:1"}
	composed, err := Compose(c, host.Host{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	r := Survey(t.Context(), c, composed, host.Host{Name: "h"})
	if len(r.Files) != 1 || r.Files[0].Files != 2 || r.Files[0].Bytes != 4 || len(r.Warnings) != 1 || len(r.Fatal) != 0 {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"syslog", "nginx/access.log", "not reached", "host_metrics: cpu"} {
		if !strings.Contains(r.Text(), want) {
			t.Errorf("no %q in\n%s", want, r.Text())
		}
	}
	c.Data = filepath.Join(root, "var/log/syslog")
	if r := Survey(t.Context(), c, composed, host.Host{}); len(r.Fatal) != 1 {
		t.Errorf("a file as data directory: %+v", r.Fatal)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	bad := Config{Collectors: []string{"http://x:1", "x"}, Root: "rel", TLS: TLS{CertFile: "x"}}
	for _, want := range []string{"--collector \"http", "--collector \"x\"", "--data", "--root", "--queue-bytes", "--tls-key"} {
		if err := bad.Validate(); !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
}
