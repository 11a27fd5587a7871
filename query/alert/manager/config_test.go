package manager

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What is wrong is said with its place, all unknown keys at once.
func TestBrokenConfigurations(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // line:column: what, each in a line
	}{
		"unknown keys": {
			"global:\n  smtp_smarthostt: a:25\nroute:\n  receiver: a\n  group_wiat: 1s\nreceivers:\n  - name: a\n    webhook_configs:\n      - {urll: http://a}\n",
			[]string{`:2: unknown key "smtp_smarthostt" here; did you mean "smtp_smarthost"?`, `:5: unknown key "group_wiat" here; did you mean "group_wait"?`, `:9: unknown key "urll" here; did you mean "url"?`},
		},
		"no YAML":            {"route: {receiver: a\nreceivers: []\n", []string{":1: did not find expected ',' or '}'"}},
		"no such receiver":   {"route:\n  receiver: a\n  routes:\n    - matchers: [severity=\"page\"]\n      receiver: b\nreceivers:\n  - name: a\n", []string{`:5:7: undefined receiver "b" used in route`}},
		"receiver twice":     {"route: {receiver: a}\nreceivers:\n  - name: a\n  - name: a\n", []string{`:3:5: notification config name "a" is not unique`}},
		"integration":        {"route: {receiver: a}\nreceivers:\n  - name: a\n    webhook_configs:\n      - url: http://a\n      - send_resolved: true\n", []string{":6:9: one of url or url_file must be configured"}},
		"a duration":         {"route:\n  receiver: a\n  group_wait: soon\nreceivers: [{name: a}]\n", []string{`:3:3: not a valid duration string: "soon"`}},
		"a matcher":          {"route:\n  receiver: a\n  routes:\n    - matchers: ['a=~\"(\"']\nreceivers: [{name: a}]\n", []string{":4:18: error parsing regexp"}},
		"a template":         {"route: {receiver: a}\nreceivers:\n  - name: a\n    slack_configs:\n      - api_url: http://a\n        text: '{{ .Foo '\n", []string{":6:15: template: line 1: unclosed action"}},
		"a template's words": {"route: {receiver: a}\nreceivers:\n  - name: a\n    slack_configs:\n      - api_url: http://a\n        text: '{{ toUper .X }}'\n", []string{`:6:15: template: line 1: function "toUper" not defined`}},
		"nothing":            {"", []string{": no route provided in config"}},
	} {
		file := writeConfig(t, c.text)
		_, err := Summarize(file)
		if err == nil {
			t.Errorf("%s: nothing is wrong", name)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, file+c.want[i]) {
				t.Errorf("%s: %q, want %q", name, line, c.want[i])
			}
		}
	}
}

// Every integration that Alertmanager has can be configured.
func TestAllIntegrations(t *testing.T) {
	s, err := Summarize("testdata/all.yml")
	if err != nil {
		t.Fatal(err)
	}
	if s.Integrations != 18 || s.Receivers != 2 || s.Routes != 3 || s.InhibitRules != 1 || s.TimeIntervals != 1 || s.Templates != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDefaultConfiguration(t *testing.T) {
	if s, err := Summarize(""); err != nil || s.Integrations != 0 || s.Receivers != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// A file of templates is part of the configuration: changed, it is read again, and broken, it is refused.
func TestTemplatesCount(t *testing.T) {
	file := writeConfig(t, "route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: ['*.tmpl']\n")
	tmpl := filepath.Join(filepath.Dir(file), "x.tmpl")
	if err := os.WriteFile(tmpl, []byte(`{{ define "x" }}one{{ end }}`), 0o600); err != nil {
		t.Fatal(err)
	}
	one, err := load(file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tmpl, []byte(`{{ define "x" }}two{{ end }}`), 0o600); err != nil {
		t.Fatal(err)
	}
	two, err := load(file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if one.sum == two.sum {
		t.Error("a changed template is no change")
	}
	if err := os.WriteFile(tmpl, []byte(`{{ define "x" }}two`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(file, quiet); err == nil || !strings.Contains(err.Error(), "x.tmpl") {
		t.Errorf("a broken template: %v", err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("route: {receiver: a}\nreceivers: [{name: a}]\n")
	f.Add("route: {receiver: a, routes: [{matchers: ['a=b']}]}\nreceivers: [{name: a, webhook_configs: [{url: 'http://a'}]}]\n")
	all, err := os.ReadFile("testdata/all.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(all))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 {
			t.Skip()
		}
		if _, err := parse("", text); err != nil && err.Error() == "" {
			t.Error("an error says nothing")
		}
		checkTemplates("", text)
	})
}
