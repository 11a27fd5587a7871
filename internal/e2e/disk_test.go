package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clew/internal/harness"
)

// mount is a file system of its own on a loop device.
type mount struct {
	image, device, dir string
	mounted            bool
}

func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// mountImage makes and mounts an ext4 file system of this size. The loop device does direct I/O, so that the image holds what has reached the
// device and not what waits in the page cache.
func mountImage(t *testing.T, size int64) *mount {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	for _, tool := range []string{"mkfs.ext4", "losetup", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	image := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if out, err := command("mkfs.ext4", "-q", "-F", image); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	return attach(t, image)
}

func mountCopy(t *testing.T, image string) *mount {
	t.Helper()
	return attach(t, image)
}

func attach(t *testing.T, image string) *mount {
	t.Helper()
	m := &mount{image: image, dir: t.TempDir()}
	out, err := command("losetup", "--find", "--show", "--direct-io=on", image)
	if err != nil {
		t.Skipf("no loop device with direct I/O here: %v: %s", err, out)
	}
	m.device = out
	t.Cleanup(func() { m.unmount(t) })
	if out, err := command("mount", m.device, m.dir); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	m.mounted = true
	return m
}

// unmount may be called twice: by the test and by its end.
func (m *mount) unmount(t *testing.T) {
	if m.mounted {
		if out, err := command("umount", m.dir); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
		m.mounted = false
	}
	if m.device != "" {
		if out, err := command("losetup", "-d", m.device); err != nil {
			t.Errorf("losetup -d: %v: %s", err, out)
		}
		m.device = ""
	}
}

// copyImage copies an image that is being written to, past the page cache.
func copyImage(t *testing.T, from, to string) {
	t.Helper()
	if out, err := command("dd", "if="+from, "of="+to, "bs=4M", "iflag=direct", "conv=sparse"); err != nil {
		t.Fatalf("dd: %v: %s", err, out)
	}
}

// snapshot copies the ledger as it is now.
func (l *ledger) snapshot() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newLedger()
	for _, signal := range []string{"logs", "spans"} {
		for id := range l.acked[signal] {
			c.acked[signal][id] = true
		}
		for id := range l.unknown[signal] {
			c.unknown[signal][id] = true
		}
	}
	return c
}

// checkWithin holds a power-cut image to what was acknowledged before its copy began. Records sent since may be there; none twice.
func (l *ledger) checkWithin(t *testing.T, p *harness.Process, after, all *ledger) {
	t.Helper()
	for _, signal := range []string{"logs", "spans"} {
		if len(l.acked[signal]) == 0 {
			t.Fatalf("no %s were acknowledged before the power cut: there is nothing to check", signal)
		}
		found := readAll(t, p, signal)
		lost := 0
		for id := range l.acked[signal] {
			if found[id] == 0 {
				lost++
			}
		}
		for id, n := range found {
			if n > 1 || id >= all.next.Load() {
				t.Fatalf("%s: record %d found %d times", signal, id, n)
			}
		}
		t.Logf("power cut: %s: %d acknowledged before, %d after the copy, %d found", signal, len(l.acked[signal]), len(after.acked[signal]), len(found))
		if lost > 0 {
			t.Fatalf("%s: %d of %d acknowledged records lost in the power cut\n%s", signal, lost, len(l.acked[signal]), p.Output())
		}
	}
}
