package check

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// dockerfile reads a Dockerfile as BuildKit does: what that warns of fails the test.
func dockerfile(t *testing.T, path string) []instructions.Stage {
	t.Helper()
	ast, err := parser.Parse(strings.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ast.Warnings {
		t.Errorf("%s: %s", path, w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, _ []parser.Range) { t.Errorf("%s: %s: %s", path, rule, message) }})
	stages, _, err := instructions.Parse(ast.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

func TestDockerfiles(t *testing.T) {
	for _, path := range []string{"Dockerfile", "deploy/agent/Dockerfile"} {
		t.Run(path, func(t *testing.T) {
			noSecret(t, path, read(t, path))
			stages := dockerfile(t, path)
			var entry, cmd, health []string
			user := ""
			for _, c := range stages[len(stages)-1].Commands {
				switch c := c.(type) {
				case *instructions.EntrypointCommand:
					entry = c.CmdLine
				case *instructions.CmdCommand:
					cmd = c.CmdLine
				case *instructions.HealthCheckCommand:
					health = c.Health.Test
				case *instructions.UserCommand:
					user = c.User
				}
			}
			if len(entry) == 0 || !strings.HasSuffix(entry[0], "/clew") {
				t.Fatalf("entrypoint %q", entry)
			}
			checkCommand(t, path, slices.Concat(entry[1:], cmd))
			if path != "Dockerfile" {
				return // the agent is root to read the host
			}
			if user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
				t.Errorf("it runs as %q", user)
			}
			if len(health) < 3 || health[0] != "CMD" || health[1] != entry[0] {
				t.Fatalf("health is asked by %q", health)
			}
			checkCommand(t, "health", health[2:])
		})
	}
}

// TestCopiedFilesAreThere follows what Dockerfiles copy from the context, past .dockerignore.
func TestCopiedFilesAreThere(t *testing.T) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, ".dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	gone := func(path string) bool {
		match, err := ignored.MatchesOrParentMatches(path)
		if err != nil {
			t.Fatal(err)
		}
		return match
	}
	for _, path := range []string{"Dockerfile", "deploy/agent/Dockerfile"} {
		for _, stage := range dockerfile(t, path) {
			for _, c := range stage.Commands {
				copied, ok := c.(*instructions.CopyCommand)
				if !ok || copied.From != "" {
					continue
				}
				for _, source := range copied.SourcePaths {
					if _, err := os.Stat(top(source)); err != nil || source != "." && gone(filepath.Clean(source)) {
						t.Errorf("%s copies %s: %v, or .dockerignore leaves it out", path, source, err)
					}
				}
			}
		}
	}
	// What the program embeds and is built of goes along; what is secret or large does not.
	for path, want := range map[string]bool{
		"cmd/clew/main.go": false, "query/api/openapi.yaml": false, "agents/default.yaml": false, "query/alert/manager/default.yml": false, "internal/access/login/login.html": false,
		"ui/placeholder/index.html": false, "ui/package-lock.json": false, "ui/src/main.tsx": false,
		".git/HEAD": true, "clew-data/log/x": true, "ui/node_modules/react/index.js": true, "deploy/compose/.env": true, "tls.key": true, "some/agents.token": true,
	} {
		if gone(path) != want {
			t.Errorf("%s is left out: %v, want %v", path, gone(path), want)
		}
	}
	if err := builds(t.Context(), gone); err != nil {
		t.Error(err)
	}
}

// builds says which Go source that clew is built of would be left out.
func builds(ctx context.Context, gone func(string) bool) error {
	return filepath.WalkDir(top(""), func(path string, entry os.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return err
		}
		inside, err := filepath.Rel(top(""), path)
		if err != nil {
			return err
		}
		if entry.IsDir() && (inside != "." && strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || entry.Name() == "testdata" || inside == "deploy" || inside == "tools") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && gone(inside) {
			return &os.PathError{Op: "build", Path: inside, Err: os.ErrNotExist}
		}
		return nil
	})
}
