package shardlog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"clew/ingest/shardlog"
	"clew/ingest/shardlog/shardlogtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		appendUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// small is a configuration for tests: two shards, and a watermark that is no obstacle.
func small(dir string) shardlog.Config {
	return shardlog.Config{
		Dir: dir, Shards: 2, LogBytesMax: 1 << 30, FreeBytesMin: 1 << 20,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// open opens a log with its Run, both until the test ends.
func open(t testing.TB, cfg shardlog.Config) *shardlog.Embedded {
	t.Helper()
	e, err := shardlog.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func TestContract(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"sole": 0, "ttl": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			shardlogtest.RunContract(t, func(t *testing.T) (shardlog.Log, shardlog.Commits, shardlog.Leases) {
				cfg := small(t.TempDir())
				cfg.LeaseTTL = ttl
				e := open(t, cfg)
				return e, e, e
			})
		})
	}
}

const childEnv = "CLEW_SHARDLOG_CHILD"

func appendUntilKilled(string) {}
