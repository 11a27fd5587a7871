// Package journal is the receiver of systemd's journal. It reads journalctl's export format, which is exact, and keeps the journal's own cursor: the
// cursor is written after the pipeline has taken the records before it, so that nothing between the journal and the queue can lose one.
// (The stock journald receiver saves a cursor before what it stands for is handed on, and once for each record.)
package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/adapter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"clew/agents/handover"
)

// Type is the receiver's name in a configuration.
var Type = component.MustNewType("journal")

// Config of the receiver.
type Config struct {
	// Storage is where the cursor is kept.
	Storage *component.ID `mapstructure:"storage"`
	// Directory of the journal's files; "" is the system's own.
	Directory string `mapstructure:"directory"`
	// Units are the systemd units that are read; none is all.
	Units []string `mapstructure:"units"`
	// Matches are further matches, as journalctl takes them: FIELD=value.
	Matches []string `mapstructure:"matches"`
	// Journalctl is the program; "" is the one in the path.
	Journalctl string `mapstructure:"journalctl"`
	// StartAt is "end" or "beginning", for the first start.
	StartAt string `mapstructure:"start_at"`
}

// Validate is part of xconfmap.Validator.
func (c *Config) Validate() error {
	if c.StartAt != "end" && c.StartAt != "beginning" {
		return fmt.Errorf("start_at %q: want end or beginning", c.StartAt)
	}
	for _, m := range c.Matches {
		if strings.HasPrefix(m, "-") || !strings.Contains(m, "=") {
			return fmt.Errorf("matches: %q: want FIELD=value", m)
		}
	}
	return nil
}

// NewFactory makes the receiver's factory.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(Type, func() component.Config { return &Config{StartAt: "end"} }, receiver.WithLogs(
		func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
			return &journalReceiver{set: set, cfg: cfg.(*Config), next: next}, nil
		}, component.StabilityLevelStable))
}

type journalReceiver struct {
	set    receiver.Settings
	cfg    *Config
	next   consumer.Logs
	client storage.Client
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

const cursorKey = "cursor"

// Start is part of component.Component.
func (r *journalReceiver) Start(ctx context.Context, host component.Host) (err error) {
	if r.client, err = adapter.GetStorageClient(ctx, host, r.cfg.Storage, r.set.ID); err != nil {
		return fmt.Errorf("cursor of the journal: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.wg.Go(func() { r.run(running) })
	return nil
}

// Shutdown is part of component.Component.
func (r *journalReceiver) Shutdown(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.wg.Wait()
	return r.client.Close(ctx)
}

// run keeps a journalctl running.
func (r *journalReceiver) run(ctx context.Context) {
	wait := restartMin
	for ctx.Err() == nil {
		began := time.Now()
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > restartMax {
			wait = restartMin
		}
		r.set.Logger.Warn("the journal cannot be read; trying again", zap.Duration("after", wait), zap.Error(err))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, restartMax)
	}
}

// arguments of journalctl.
func (c *Config) arguments(cursor string) []string {
	args := []string{"--output=export", "--follow", "--all"}
	switch {
	case cursor != "":
		args = append(args, "--no-tail", "--after-cursor="+cursor)
	case c.StartAt == "beginning":
		args = append(args, "--no-tail")
	default:
		args = append(args, "--lines=0")
	}
	if c.Directory != "" {
		args = append(args, "--directory="+c.Directory)
	}
	for _, u := range c.Units {
		args = append(args, "--unit="+u)
	}
	return append(args, c.Matches...)
}

// follow runs one journalctl to its end.
func (r *journalReceiver) follow(ctx context.Context) error {
	cursor, err := r.client.Get(ctx, cursorKey)
	if err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	program := r.cfg.Journalctl
	if program == "" {
		program = "journalctl"
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, r.cfg.arguments(string(cursor))...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var words tail
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = r.read(ctx, out)
	cancel()
	if waited := cmd.Wait(); waited != nil && (err == nil || errors.Is(err, io.EOF)) {
		err = fmt.Errorf("%s: %w: %s", program, waited, words.text)
	}
	return err
}

// read hands on what journalctl writes, in batches.
func (r *journalReceiver) read(ctx context.Context, out io.Reader) error {
	entries := make(chan entry, batchMax)
	failed := make(chan error, 1)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		buffered := bufio.NewReaderSize(out, 64<<10)
		for {
			e, err := readEntry(buffered)
			if err != nil {
				failed <- err
				close(entries)
				return
			}
			select {
			case entries <- e:
			case <-reading.Done():
				return
			}
		}
	}()
	for {
		batch, more := gather(ctx, entries)
		if len(batch) > 0 {
			observed := pcommon.NewTimestampFromTime(time.Now())
			if err := handover.Logs(ctx, r.next, r.set.Logger, "journal", func() plog.Logs { return logs(r.set.ID.String(), batch, observed) }); err != nil {
				return err
			}
			if cursor := batch[len(batch)-1]["__CURSOR"]; cursor != "" {
				if err := r.client.Set(ctx, cursorKey, []byte(cursor)); err != nil {
					return fmt.Errorf("cursor: %w", err)
				}
			}
		}
		if !more {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return <-failed
		}
	}
}

// gather waits for an entry, and for those that follow it at once. more is false at the end.
func gather(ctx context.Context, entries <-chan entry) (batch []entry, more bool) {
	var full <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil, false
		case <-full:
			return batch, true
		case e, ok := <-entries:
			if !ok {
				return batch, false
			}
			if batch = append(batch, e); len(batch) >= batchMax {
				return batch, true
			}
			if full == nil {
				full = time.After(batchWait)
			}
		}
	}
}

// tail keeps the last words of a program.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	const keep = 500
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-keep):]
	return len(p), nil
}
