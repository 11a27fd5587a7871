// Package e2e drives real clew processes as their users do: stock OpenTelemetry SDKs and curl send, the API and the terminal find, and processes are
// killed, cut off from power and run out of disk while a checker of its own remembers what was acknowledged.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/query/api"
)

// clewBinary is the clew under test, built once.
var clewBinary string

// soak asks for the long forms.
var soak = os.Getenv("CLEW_SOAK") != ""

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "clew-e2e-")
	if err != nil {
		panic(err)
	}
	if clewBinary, err = harness.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// start runs a clew on data until the test ends.
func start(t *testing.T, data, config string) *harness.Process {
	t.Helper()
	p, err := harness.Start(harness.Options{Binary: clewBinary, Data: data, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.WaitReady(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	return p
}

// clew runs a client command and returns its output and exit code.
func clew(t *testing.T, p *harness.Process, args ...string) (stdout string, code int) {
	t.Helper()
	var out, words bytes.Buffer
	cmd := exec.Command(clewBinary, args...)
	cmd.Env = append(os.Environ(), "CLEW_SERVER=http://"+p.HTTP, "TZ=UTC")
	cmd.Stdout, cmd.Stderr = &out, &words
	err := cmd.Run()
	if code = cmd.ProcessState.ExitCode(); code > 1 || code < 0 {
		t.Fatalf("clew %s: exit code %d: %v\n%s", strings.Join(args, " "), code, err, words.String())
	}
	return out.String(), code
}

func get(t *testing.T, p *harness.Process, path string, params url.Values, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.Get(ctx, path, params, into); err != nil {
		t.Fatalf("%v\n%s", err, p.Output())
	}
}

func countLogs(t *testing.T, p *harness.Process, query string) uint64 {
	t.Helper()
	var c api.Count
	get(t, p, "/api/v1/count", url.Values{"signal": {"logs"}, "query": {query}}, &c)
	if c.Stats.Partial {
		t.Fatalf("count of %q is partial: %v", query, c.Stats.Reasons)
	}
	return c.Count
}

// eventually repeats f until it is true.
func eventually(t *testing.T, within time.Duration, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func postJSON(t *testing.T, address, path, body string) (int, string) {
	t.Helper()
	res, err := http.Post("http://"+address+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func tempData(t *testing.T) string { return filepath.Join(t.TempDir(), "data") }

// waitWhole waits until answers are not partial: on a busy machine acknowledged records may wait to be read while heads are being sealed, and answers say so.
func waitWhole(t *testing.T, p *harness.Process, signal string) {
	t.Helper()
	eventually(t, time.Minute, "whole answers", func() bool {
		var c api.Count
		get(t, p, "/api/v1/count", url.Values{"signal": {signal}}, &c)
		return !c.Stats.Partial
	})
}
