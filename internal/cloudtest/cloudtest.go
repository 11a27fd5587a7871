// Package cloudtest runs servers of Google's and Azure's blob protocols for tests: fake-gcs-server (tools/fakegcs) and Azurite (package.json beside this
// file), each on a directory and a loopback port. They are other people's programs, which clew's clients have to get along with: no mocks. S3's is
// internal/s3test.
package cloudtest

import (
	"net"
	"net/http"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"clew/internal/harness"
)

// Bucket is the bucket (Azure: the container) that every server has.
const Bucket = "telemetry"

// startTimeout is for a server to answer: Azurite compiles half a megabyte of JavaScript first, on a machine that runs other tests too.
const startTimeout = 60 * time.Second

// stopTimeout is for a server to end when it is asked to.
const stopTimeout = 5 * time.Second

// Server is a running server. It can be killed, and started again on the same objects at the same address.
type Server struct {
	Address string // host:port
	command []string
	cmd     *exec.Cmd
}

// start runs a command, made for an address, until the test ends.
func start(t testing.TB, command func(host, port string) []string) *Server {
	t.Helper()
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(ports[0])
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: ports[0], command: command(host, port)}
	t.Cleanup(s.Kill)
	s.Restart(t)
	return s
}

// Restart starts a server that was killed, and returns once it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	cmd := exec.Command(s.command[0], s.command[1:]...)
	// It must not outlive a test process that is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.cmd = cmd
	deadline := time.Now().Add(startTimeout)
	for {
		res, err := http.Get("http://" + s.Address + "/")
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer at %s: %v", s.command[0], s.Address, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Kill ends the server. Its objects stay: it is asked to end first, because Azurite writes down what it has then and every few seconds only.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	late := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait() // says that it was ended
	late.Stop()
	s.cmd = nil
}
