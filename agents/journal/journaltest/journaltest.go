// Package journaltest runs systemd's own journald for tests.
package journaltest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Start runs a real systemd-journald with a journal of its own, until the test ends; write sends it a record as programs do. Where there is none the test is skipped.
func Start(t *testing.T) (dir string, write func(fields ...string)) {
	t.Helper()
	const program = "/lib/systemd/systemd-journald"
	machine, err := os.ReadFile("/etc/machine-id")
	if _, no := os.Stat(program); no != nil || err != nil || os.Getuid() != 0 {
		t.Skip("no systemd-journald, no /etc/machine-id, or not root")
	}
	if _, err := exec.LookPath("journalctl"); err != nil {
		t.Skip("no journalctl")
	}
	name := fmt.Sprintf("clewtest%d", os.Getpid())
	cmd := exec.Command(program, name)
	var words strings.Builder
	cmd.Stderr = &words
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	dir = filepath.Join("/run/log/journal", strings.TrimSpace(string(machine))+"."+name)
	sockets := "/run/systemd/journal." + name
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only if it has ended
		_ = cmd.Wait()         // killed: an error
		_ = os.RemoveAll(sockets)
		_ = os.RemoveAll(dir)
		_ = os.RemoveAll(filepath.Join("/var/log/journal", filepath.Base(dir)))
	})
	var conn net.Conn
	for deadline := time.Now().Add(10 * time.Second); conn == nil; {
		if conn, err = net.Dial("unixgram", sockets+"/socket"); err != nil {
			if time.Now().After(deadline) {
				t.Skipf("systemd-journald does not run here: %v %s", err, words.String())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	t.Cleanup(func() { _ = conn.Close() })
	write = func(fields ...string) {
		t.Helper()
		if _, err := conn.Write([]byte(strings.Join(fields, "\n") + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	write("MESSAGE=the first record makes the file")
	for deadline := time.Now().Add(10 * time.Second); ; {
		for _, base := range []string{"/run/log/journal", "/var/log/journal"} {
			files, err := filepath.Glob(filepath.Join(base, filepath.Base(dir), "*.journal"))
			if err == nil && len(files) > 0 {
				return filepath.Dir(files[0]), write
			}
		}
		if time.Now().After(deadline) {
			t.Skipf("systemd-journald writes no file here: %s", words.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}
