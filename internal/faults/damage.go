package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"clew/internal/natstest"
)

// flip flips one bit of a file, and flips it back when it is called again for the same bit.
func flip(file string, bit int64) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], bit/8); err != nil {
		return err
	}
	b[0] ^= 1 << (bit % 8)
	_, err = f.WriteAt(b[:], bit/8)
	return err
}

// files are those below a directory whose paths a filter takes, by size.
func files(dir string, want func(path string) bool) (map[string]int64, error) {
	found := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !want(path) {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > 0 {
			found[path] = info.Size()
		}
		return err
	})
	return found, err
}

// flipsPerFile are spread over the last megabyte of each file: what is older has been consumed and is not read again.
const flipsPerFile, flipBytes = 10, 1 << 20

// flipLog kills the NATS server that leads, flips bits in the blocks of all shards' streams on it, and starts it again.
func flipLog(ctx context.Context, r *Run) error {
	leader, err := r.Leader()
	if err != nil {
		return err
	}
	r.inject(ctx, "")
	s := r.NATS.Servers[leader]
	s.Kill()
	if err := r.damageLog(s); err != nil {
		return err
	}
	time.Sleep(held / 3)
	r.heal()
	return s.Start()
}

// flipUnread does so while an owner is killed: who takes its shards has to read what is damaged on one server, the other one of three being stopped.
func flipUnread(ctx context.Context, r *Run) error {
	leader, err := r.Leader()
	if err != nil {
		return err
	}
	owner, err := r.owner(ctx)
	if err != nil {
		return err
	}
	r.inject(ctx, owner)
	damaged, away := r.NATS.Servers[leader], r.NATS.Servers[(leader+1)%3]
	damaged.Kill()
	r.Processes[owner].Kill()
	if err := r.damageLog(damaged); err != nil {
		return err
	}
	if err := errors.Join(damaged.Start(), r.NATS.WaitReady(held), away.Pause()); err != nil {
		return err
	}
	time.Sleep(held)
	r.heal()
	return errors.Join(away.Resume(), r.Launch(owner))
}

// damageLog flips bits in the blocks of all shards' streams.
func (r *Run) damageLog(s *natstest.Server) error {
	blocks, err := files(s.Dir, func(path string) bool {
		return strings.Contains(path, "CLEW_LOG_") && strings.HasSuffix(path, ".blk") && !strings.Contains(path, "obs")
	})
	if err != nil {
		return err
	}
	return r.damage(blocks)
}

// damage flips bits in files of a server, which has some.
func (r *Run) damage(files map[string]int64) error {
	for file, size := range files {
		for range flipsPerFile {
			if err := flip(file, 8*max(0, size-1-rand.Int64N(flipBytes))); err != nil {
				return err
			}
		}
	}
	r.note, r.flipped = fmt.Sprintf("%d bits in %d files", flipsPerFile*len(files), len(files)), true
	if len(files) == 0 {
		return errors.New("the server has no files to damage")
	}
	return nil
}

// flipSnapshots stops the NATS server that leads, flips bits in all that it has written down of the cluster and of its Raft groups, and starts it again. Then another one is stopped,
// so that nothing goes on without the damaged one, which may come to lead.
func flipSnapshots(ctx context.Context, r *Run) error {
	leader, err := r.Leader()
	if err != nil {
		return err
	}
	r.inject(ctx, "")
	damaged, away := r.NATS.Servers[leader], r.NATS.Servers[(leader+1)%3]
	if err := damaged.Stop(held); err != nil {
		return err
	}
	snapshots, err := files(damaged.Dir, func(path string) bool { return strings.Contains(path, "$SYS") && strings.Contains(path, "/snapshots/") })
	if err != nil {
		return err
	}
	if err := r.damage(snapshots); err != nil {
		return err
	}
	if err := errors.Join(damaged.Start(), r.NATS.WaitReady(held), away.Pause()); err != nil {
		return err
	}
	time.Sleep(held)
	r.heal()
	return away.Resume()
}

// flipSegment flips a bit in the largest object while no query process has a copy: what is read then has to say so. With the bit back, as after a restore from a
// backup, everything is there again.
func flipSegment(ctx context.Context, r *Run) error {
	time.Sleep(held) // for some segments
	objects, err := files(r.Gateway.Dir(), func(path string) bool { return strings.HasSuffix(path, ".parquet") })
	if err != nil {
		return err
	}
	largest, size := "", int64(0)
	for path, bytes := range objects {
		if bytes > size {
			largest, size = path, bytes
		}
	}
	if largest == "" {
		return errors.New("there is no segment to damage yet")
	}
	r.inject(ctx, "")
	bit := size / 2 * 8
	if err := flip(largest, bit); err != nil {
		return err
	}
	if err := r.forgetful(); err != nil {
		return err
	}
	_, err = r.Checker.ReadBack(ctx, r.Processes["query-1"])
	if err == nil {
		return errors.New("everything was read back as if no bit were wrong")
	}
	r.note = "while the bit was wrong: " + err.Error()
	if err := flip(largest, bit); err != nil {
		return err
	}
	r.heal()
	return r.forgetful()
}

// forgetful starts the query processes without what they had on disk.
func (r *Run) forgetful() error {
	for _, name := range []string{"query-1", "query-2"} {
		r.Processes[name].Kill()
		if err := os.RemoveAll(filepath.Join(r.dir, name)); err != nil {
			return err
		}
		if err := r.Launch(name); err != nil {
			return err
		}
	}
	return r.Ready(time.Minute)
}
