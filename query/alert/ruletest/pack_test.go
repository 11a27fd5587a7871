package ruletest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clew/query/alert/rulefile"
)

// The rules that are shipped pass their tests, and every alert of them is expected to fire in one.
func TestShippedRules(t *testing.T) {
	files, err := filepath.Glob("../../../deploy/rules/*_test.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		passes(t, file)
	}
}

func passes(t *testing.T, file string) {
	t.Helper()
	results, err := Run(t.Context(), file)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	for _, r := range results {
		if len(r.Failures) > 0 {
			t.Errorf("%s: %s:\n%s", file, r.Name, strings.Join(r.Failures, "\n"))
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := f.rules()
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		for i := range rule.Groups {
			for k := range rule.Groups[i].Rules {
				if name := rule.Groups[i].Rules[k].Alert; name != "" && !f.expects(name) {
					t.Errorf("%s: no test expects %s to fire", file, name)
				}
			}
		}
	}
}

// expects says whether a test expects an alert to fire.
func (f *file) expects(name string) bool {
	for _, t := range f.Tests {
		for _, c := range t.AlertRuleTest {
			if c.Alertname == name && len(c.ExpAlerts) > 0 {
				return true
			}
		}
	}
	return false
}

var block = regexp.MustCompile("(?s)```yaml\n(groups:.*?)```")

// The worked examples of the documentation are rules that do what it says.
func TestDocumentedRules(t *testing.T) {
	text, err := os.ReadFile("../../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text2, ok := strings.Cut(string(text), "## Ten worked examples")
	if !ok {
		t.Fatal("docs/rules.md has no worked examples")
	}
	dir := t.TempDir()
	all := block.FindAllStringSubmatch(text2, -1)
	if len(all) != 10 {
		t.Fatalf("%d worked examples", len(all))
	}
	merged := "groups:\n"
	for _, m := range all {
		if _, problems := rulefile.Parse("docs/rules.md", []byte(m[1])); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, m[1])
		}
		merged += strings.TrimPrefix(m[1], "groups:\n")
	}
	tests, err := os.ReadFile("testdata/docs_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"docs.yml": []byte(merged), "docs_test.yml": tests} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	passes(t, filepath.Join(dir, "docs_test.yml"))
}
