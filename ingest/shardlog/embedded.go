package shardlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sys/unix"
)

// Embedded is a log on a NATS server within this process, on a directory of its own. It implements Log, Commits and Leases.
type Embedded struct {
	*client
	lock    *os.File
	disk    *disk // the client's
	reserve reserve

	mu  sync.Mutex
	srv *server.Server // nil while it is being restarted
}

var (
	_ Log     = (*Embedded)(nil)
	_ Commits = (*Embedded)(nil)
	_ Leases  = (*Embedded)(nil)
)

// Open starts the log on cfg.Dir, which is created if it does not exist. It fails if another process has it open. After a crash
// it reads all the log's bytes, about 1 GB/s.
//
// The server starts goroutines; those of the log itself run in Run, which is needed for the recovery from a failed write only.
func Open(ctx context.Context, cfg Config) (*Embedded, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open shard log: %w", err)
	}
	cfg = cfg.withDefaults()
	e := &Embedded{client: newClient(cfg, embeddedTiming)}
	e.stamped.Store(true)
	if err := e.open(ctx); err != nil {
		e.cancel()
		return nil, fmt.Errorf("open shard log %s: %w", cfg.Dir, err)
	}
	return e, nil
}

func (e *Embedded) open(ctx context.Context) error {
	if err := os.MkdirAll(e.cfg.Dir, 0o755); err != nil {
		return err
	}
	var err error
	if e.lock, err = LockDir(e.cfg.Dir); err != nil {
		return err
	}
	e.disk = newDisk(e.cfg.Dir, e.cfg.FreeBytesMin)
	e.client.disk = e.disk
	e.reserve = newReserve(e.cfg.Dir, e.disk)
	released, err := e.reserve.release()
	if err != nil {
		e.lock.Close()
		return err
	}
	if released {
		e.log.Warn("shard log: the disk is full, what was kept for a start on it is given up")
	}
	srv, s, err := e.start(ctx)
	if err != nil {
		e.lock.Close()
		return err
	}
	e.srv, e.link = srv, newLink(s)
	e.keepReserve()
	return nil
}

func (e *Embedded) keepReserve() {
	if err := e.reserve.keep(); err != nil {
		e.log.Warn("shard log: nothing is kept for a start on a full disk", "error", err)
	}
}

func (e *Embedded) start(ctx context.Context) (*server.Server, *session, error) {
	srv, err := startServer(storeDir(e.cfg.Dir), e.log)
	if err != nil {
		return nil, nil, err
	}
	s, stored, err := startSession(ctx, srv, e.cfg)
	if err != nil {
		stopServer(srv)
		return nil, nil, err
	}
	e.shards.Store(int64(e.cfg.Shards))
	e.stored.Store(int64(stored))
	return srv, s, nil
}

// LockDir takes the lock that makes dir this process's own: ErrInUse if another has it. The kernel releases it when the process ends, however it ends;
// closing the file does too.
func LockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f, nil
}

// OfCluster says whether dir is the log's directory of a process that had its log elsewhere: it was locked, and there is no log in it.
func OfCluster(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "LOCK")); err != nil {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(dir, "nats"))
	return errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0
}

// Close ends all calls and leases and stops the server. What has been acknowledged is on disk anyway; closing makes the
// next Open quick.
func (e *Embedded) Close() error {
	if !e.link.close() {
		return nil
	}
	e.cancel()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.srv != nil {
		stopServer(e.srv)
		e.srv = nil
	}
	return e.lock.Close()
}

// Stats returns the log's counters.
func (e *Embedded) Stats() Stats {
	s := e.counts.stats()
	s.FreeBytes, s.FreeBytesMin, _ = e.disk.space()
	if session, err := e.link.get(); err != nil || session.stuck.Load() != nil {
		s.Stuck = true
	}
	return s
}

// Run restarts the server when a stream has failed, as soon as there is space, until ctx ends or the log is closed. Meanwhile appends
// are refused, readers and commits wait; afterwards they go on by themselves. It also keeps the reserve.
func (e *Embedded) Run(ctx context.Context) error {
	again := time.NewTicker(reserveEvery)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			e.keepReserve()
			continue
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ctx.Done():
			return nil
		case <-e.kick:
		}
		if cause := e.anyFailure(); cause != nil {
			e.log.Warn("shard log: a stream has failed, NATS will be restarted", "cause", cause)
			if err := e.recover(ctx); err != nil {
				return err
			}
		}
	}
}

// anyFailure returns the failure of any stream, nil if there is none.
func (e *Embedded) anyFailure() error {
	s, err := e.link.get()
	if err != nil {
		return nil // closed: only Run itself takes the session away
	}
	for _, sc := range streamConfigs(e.ShardsStored(), 1, e.cfg.LogBytesMax, e.cfg.LeaseTTL) {
		if err := s.check(sc.Name); err != nil {
			return err
		}
	}
	return nil
}

// recover waits for space and restarts the server. The old one keeps serving readers until then.
func (e *Embedded) recover(ctx context.Context) error {
	for wait := spaceCheckEvery; ; wait = min(2*wait, restartBackoffMax) {
		for {
			free, least, err := e.disk.space()
			if err == nil && free >= least {
				break
			}
			if done, err := e.pauseOrDone(ctx, spaceCheckEvery); done {
				return err
			}
		}
		err := e.restart(ctx)
		if err == nil || errors.Is(err, ErrClosed) {
			return nil
		}
		e.log.Warn("shard log: NATS does not start, trying again", "wait", wait, "error", err)
		if done, err := e.pauseOrDone(ctx, wait); done {
			return err
		}
	}
}

// pauseOrDone waits for d. It returns true if Run is to end, with what it is to return.
func (e *Embedded) pauseOrDone(ctx context.Context, d time.Duration) (bool, error) {
	pause(ctx, d)
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	return e.ctx.Err() != nil, nil
}

// restart replaces the server, under the lock: Close waits for it.
func (e *Embedded) restart(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.link.swap(nil) {
		return ErrClosed
	}
	if e.srv != nil {
		stopServer(e.srv)
		e.srv = nil
	}
	srv, s, err := e.start(ctx)
	if err != nil {
		return err
	}
	e.srv = srv
	if !e.link.swap(s) {
		s.end()
		return ErrClosed // Close stops the server
	}
	e.counts.restarts.Add(1)
	e.log.Info("shard log: NATS has been restarted")
	return nil
}
