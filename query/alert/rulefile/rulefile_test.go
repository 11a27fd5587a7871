package rulefile

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
)

var update = flag.Bool("update", false, "rewrite the expected problems in testdata")

// What is wrong is said with its place, all of it at once. (-update rewrites; read the difference.)
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, problems := Parse(filepath.Base(file), data)
		have := ""
		if len(problems) > 0 {
			have = problems.Error() + "\n"
		}
		if (f == nil) != (len(problems) > 0) {
			t.Errorf("%s: a file %v and %d problems", file, f, len(problems))
		}
		golden := strings.TrimSuffix(file, ".yml") + ".want"
		if *update {
			if err := os.WriteFile(golden, []byte(have), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), have); diff != "" {
			t.Errorf("%s (-want +have):\n%s", file, diff)
		}
	}
}

// Prometheus' own files of good and bad rules are judged as Prometheus judges them.
func TestJudgesAsPrometheus(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/prometheus/prometheus/model/rulefmt").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "testdata", "*.yaml"))
	if len(files) < 10 {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		_, theirs := rulefmt.ParseFile(file, false, model.UTF8Validation, promQL, promslog.NewNopLogger())
		_, ours := Load([]string{file})
		if (len(theirs) > 0) != (len(ours) > 0) {
			t.Errorf("%s: Prometheus finds %v\nwe find %v", filepath.Base(file), theirs, ours)
		}
	}
}

func TestPlaces(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"plain":   {"expr: up + upp(x)", "1:12"},
		"quoted":  {`expr: "up + upp(x)"`, "1:13"},
		"single":  {`expr: 'up + upp(x)'`, "1:13"},
		"block":   {"expr: |\n  sum(\n    upp(x))\n", "3:5"},
		"folded":  {"expr: >-\n  sum(\n  upp(x))\n", "3:3"},
		"goes on": {"expr: sum(\n    upp(x))\n", "2:5"},
	} {
		text := "groups:\n- name: x\n  rules:\n  - alert: A\n    " + strings.ReplaceAll(c.yaml, "\n", "\n    ") + "\n"
		_, problems := Parse("f", []byte(text))
		if len(problems) == 0 {
			t.Errorf("%s: no problem", name)
			continue
		}
		p := problems[0]
		var line, column int
		for i, r := range []*int{&line, &column} {
			n := 0
			for _, d := range strings.Split(c.want, ":")[i] {
				n = n*10 + int(d-'0')
			}
			*r = n
		}
		if p.Line != line+4 || p.Column != column+4 {
			t.Errorf("%s: %v, want %d:%d\n%s", name, p, line+4, column+4, text)
		}
	}
}

func FuzzRuleFile(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yml", "../../../deploy/rules/*.yml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil {
				f.Add(data)
			}
		}
	}
	f.Add([]byte("groups: [&a {name: x, rules: [{alert: A, expr: up, labels: *a}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, problems := Parse("f.yml", data)
		if (file == nil) != (len(problems) > 0) {
			t.Fatalf("a file %v and %d problems", file, len(problems))
		}
		for _, p := range problems {
			if p.Error() == "" || p.Line < 0 || p.Column < 0 {
				t.Fatalf("problem %+v", p)
			}
		}
		if file == nil {
			return
		}
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				if r.Name() == "" || r.String() == "" || (r.Lang == PromQL) != (r.PromQL != nil) || (r.Lang != PromQL) != (r.Query != nil) {
					t.Fatalf("rule %+v", r)
				}
			}
		}
	})
}
