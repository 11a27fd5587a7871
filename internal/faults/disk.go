package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// smallDisk puts a file system of its own, on a loop device, at a directory of the cluster's.
func smallDisk(at string, size int64) func(*testing.T, *Cluster) {
	return func(t *testing.T, c *Cluster) {
		t.Helper()
		image := c.image(at)
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(image, size); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(run("mkfs.ext4", "-q", "-F", image), os.MkdirAll(filepath.Join(c.dir, at), 0o750), c.mount(image, at)); err != nil {
			t.Skipf("no file system of our own here: %v", err)
		}
		t.Cleanup(func() {
			c.Kill()
			if err := run("umount", filepath.Join(c.dir, at)); err != nil {
				t.Error(err)
			}
		})
	}
}

// smallDisks are of a size that some seconds of load fill.
func smallDisks(at ...string) func(*testing.T, *Cluster) {
	return func(t *testing.T, c *Cluster) {
		for _, dir := range at {
			smallDisk(dir, 768<<20)(t, c)
		}
	}
}

func (c *Cluster) image(at string) string {
	return filepath.Join(c.dir, strings.ReplaceAll(at, "/", "-")+".img")
}

// mount mounts an image. The loop device does direct I/O, so that the image holds what has reached the device and not what waits in the page cache; and it goes with the
// mount, which goes with this process.
func (c *Cluster) mount(image, at string) error {
	out, err := exec.Command("losetup", "--find", "--show", "--direct-io=on", image).Output()
	if err != nil {
		return fmt.Errorf("losetup: %w", err)
	}
	device := strings.TrimSpace(string(out))
	err = run("mount", device, filepath.Join(c.dir, at))
	return errors.Join(err, run("losetup", "-d", device)) // detached when it is mounted no more
}

// fill fills the disk at a directory, but for so much, and returns the file to remove.
func (c *Cluster) fill(at string) (ballast string) {
	ballast = filepath.Join(c.dir, at, "ballast")
	_ = exec.Command("sh", "-c", "cat /dev/zero > "+ballast+"; sync "+ballast).Run() // it ends when the disk is full
	return ballast
}

// diskFullNATS fills the disk of a NATS server. Room alone does not bring a server back that has given up its JetStream: whoever made room restarts it.
func diskFullNATS(ctx context.Context, r *Run) error {
	r.inject(ctx, "")
	ballast := r.fill("log/nats-2")
	time.Sleep(held)
	if err := os.Remove(ballast); err != nil {
		return err
	}
	r.heal()
	r.NATS.Servers[1].Kill()
	return r.NATS.Servers[1].Start()
}

// diskFullSpool takes the object store away and fills the disk where an owner's segments wait for it.
func diskFullSpool(ctx context.Context, r *Run) error {
	r.inject(ctx, "")
	r.Gateway.Kill()
	ballast := r.fill("ingest-1")
	time.Sleep(held)
	if err := os.Remove(ballast); err != nil {
		return err
	}
	r.Gateway.Restart(r.t)
	r.heal()
	return nil
}

// diskFullSpools does so to all owners, so that nobody has room, and kills one of them, which starts on its full disk when the store is back.
func diskFullSpools(ctx context.Context, r *Run) error {
	r.inject(ctx, "")
	r.Gateway.Kill()
	ballast := []string{r.fill("ingest-1"), r.fill("ingest-2")}
	time.Sleep(held)
	r.Processes["ingest-1"].Kill()
	r.Gateway.Restart(r.t)
	if err := r.Launch("ingest-1"); err != nil {
		return err
	}
	if err := r.Processes["ingest-1"].WaitReady(time.Minute); err != nil {
		return fmt.Errorf("a start on a full disk: %w", err)
	}
	for _, file := range ballast {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	r.heal()
	return nil
}

// killAll kills everything but the object store, and starts it again.
func killAll(ctx context.Context, r *Run) error {
	r.inject(ctx, "")
	r.Kill()
	return r.again()
}

// powerCut is killAll on a disk that has lost what was not on the device. The copy of the disk is of one moment: all that writes is stopped first.
func powerCut(ctx context.Context, r *Run) error {
	r.inject(ctx, "")
	at := "log"
	if r.oneNode {
		at = "node-1"
	}
	if err := r.pauseDisk(); err != nil {
		return err
	}
	if err := r.losePower(at, r.Kill); err != nil {
		return err
	}
	return r.again()
}

// losePower takes from the disk at a directory what had not reached the device. Who writes there has been stopped, and kill ends it.
func (c *Cluster) losePower(at string, kill func()) error {
	image, cut := c.image(at), c.image(at+"-cut")
	if err := run("dd", "if="+image, "of="+cut, "bs=4M", "iflag=direct", "conv=sparse"); err != nil {
		return err
	}
	kill()
	if err := run("umount", filepath.Join(c.dir, at)); err != nil {
		return err
	}
	if err := os.Remove(image); err != nil {
		return err
	}
	return c.mount(cut, at)
}

// powerCutOne is what Jepsen did to NATS 2.12.1 without sync_interval: always: the third server lags, the first loses power, and these two go on without the second, which has everything.
func powerCutOne(ctx context.Context, r *Run) error {
	first, second, third := r.NATS.Servers[0], r.NATS.Servers[1], r.NATS.Servers[2]
	r.inject(ctx, "")
	if err := third.Pause(); err != nil {
		return err
	}
	time.Sleep(held)
	if err := errors.Join(first.Pause(), second.Pause(), r.losePower("log/nats-1", first.Kill), first.Start(), third.Resume()); err != nil {
		return err
	}
	time.Sleep(held)
	r.heal()
	return second.Resume()
}

// pauseDisk stops whoever writes to the disk whose power will be cut.
func (r *Run) pauseDisk() error {
	if r.oneNode {
		return r.Processes["node-1"].Pause()
	}
	for _, s := range r.NATS.Servers {
		if err := s.Pause(); err != nil {
			return err
		}
	}
	return nil
}

// again starts everything that was killed.
func (r *Run) again() error {
	r.heal()
	if !r.oneNode {
		for _, s := range r.NATS.Servers {
			if err := s.Start(); err != nil {
				return err
			}
		}
		if err := r.NATS.WaitReady(time.Minute); err != nil {
			return err
		}
	}
	for name := range r.Processes {
		if err := r.Launch(name); err != nil {
			return err
		}
	}
	return r.Ready(time.Minute)
}
