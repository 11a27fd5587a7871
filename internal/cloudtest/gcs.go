package cloudtest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// gcsBinary builds fake-gcs-server, or finds it built, in Go's cache.
var gcsBinary = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "tool", "-n", "fake-gcs-server")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..", "tools", "fakegcs")
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build fake-gcs-server: %w\n%s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
})

// StartGCS runs a server of Google's protocol until the test ends. Without fake-gcs-server, which needs the module proxy once, the test is skipped.
func StartGCS(t testing.TB) *Server {
	t.Helper()
	binary, err := gcsBinary()
	if err != nil {
		t.Skipf("no Google Cloud Storage to test against: %v", err)
	}
	dir := t.TempDir()
	s := start(t, func(host, port string) []string {
		// The public host has no port, so that a relay's is as good.
		return []string{
			binary, "-scheme", "http", "-host", host, "-port", port, "-public-host", host, "-backend", "filesystem",
			"-filesystem-root", dir, "-log-level", "error",
		}
	})
	res, err := http.Post("http://"+s.Address+"/storage/v1/b", "application/json", strings.NewReader(`{"name":"`+Bucket+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("create bucket %s: %s", Bucket, res.Status)
	}
	return s
}

// SetGCS points Google's clients in this process to an address until the test ends.
func SetGCS(t testing.TB, address string) { t.Setenv("STORAGE_EMULATOR_HOST", address) }

// GCSURL is a store's URL.
func GCSURL(bucket, prefix string) string { return "gs://" + bucket + "/" + prefix }
