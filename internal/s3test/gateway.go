// Package s3test runs a real S3 server for tests: versitygw (tools/versitygw) on a directory and a loopback port. It can be killed and
// started again on the same data, and reached through a [Relay] that is slow, counts, refuses or fails.
package s3test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clew/internal/harness"
)

// Credentials of every gateway, as the environment variables that S3 clients read.
const (
	AccessKey = "clew-test"
	SecretKey = "clew-test-secret"
)

// Bucket is the bucket that every gateway has.
const Bucket = "telemetry"

// Environment is what a client's environment needs.
func Environment() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey, "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"}
}

// SetEnvironment sets it for this process until the test ends.
func SetEnvironment(t testing.TB) {
	for _, pair := range Environment() {
		key, value, _ := strings.Cut(pair, "=")
		t.Setenv(key, value)
	}
}

// binary is versitygw, built or found built in Go's cache, held open for as long as the process runs: whoever empties the cache while tests run for an hour takes nothing from them.
var binary = sync.OnceValues(func() (*os.File, error) {
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "tool", "-n", "versitygw")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..", "tools", "versitygw")
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("build versitygw: %w\n%s", err, out)
	}
	return os.Open(strings.TrimSpace(string(out)))
})

// Build makes sure that versitygw is in Go's cache, where later processes find it without a network.
func Build() error {
	_, err := binary()
	return err
}

// Binary builds versitygw like Build, and is a path to run it by for as long as this process lives.
func Binary() (path string, err error) {
	file, err := binary()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()), nil
}

// Gateway is a running S3 server.
type Gateway struct {
	Address string // host:port
	dir     string
	cmd     *exec.Cmd
}

// Start runs a gateway until the test ends. Without versitygw, which needs the module proxy once, the test is skipped.
func Start(t testing.TB) *Gateway {
	t.Helper()
	if _, err := binary(); err != nil {
		t.Skipf("no S3 server to test against: %v", err)
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{Address: ports[0], dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(g.dir, Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Kill)
	g.Restart(t)
	return g
}

// Restart starts a gateway that was killed, at the same address and with the same objects.
func (g *Gateway) Restart(t testing.TB) {
	t.Helper()
	path, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--port", g.Address, "--access", AccessKey, "--secret", SecretKey, "--quiet", "--keep-alive", "posix", g.dir)
	// The gateway must not outlive a test process that is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.cmd = cmd
	deadline := time.Now().Add(20 * time.Second)
	for {
		res, err := http.Get("http://" + g.Address + "/")
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("versitygw does not answer at %s: %v", g.Address, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Kill ends the gateway. Its objects stay.
func (g *Gateway) Kill() {
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Kill() // fails only if it has ended
	_ = g.cmd.Wait()         // says that it was killed
	g.cmd = nil
}

// URL is the store's URL, as seen through an address (the gateway's own or a Relay's).
func URL(address, prefix string) string {
	return "s3://" + Bucket + "/" + prefix + "?region=us-east-1&endpoint=http://" + address
}

// Dir is where its objects are, as files below a directory for each bucket.
func (g *Gateway) Dir() string { return g.dir }

// Objects counts the objects below a prefix, as files.
func (g *Gateway) Objects(t testing.TB, prefix string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(g.dir, Bucket, prefix), func(_ string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
