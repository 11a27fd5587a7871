package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/adapter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/fileconsumer"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"

	"clew/agents/handover"
)

// NewFactory makes the receiver's factory.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(Type, defaultConfig, receiver.WithLogs(
		func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
			return newReceiver(set, cfg.(*Config), next), nil
		}, component.StabilityLevelStable))
}

type filesReceiver struct {
	set      receiver.Settings
	cfg      *Config
	next     consumer.Logs
	maker    *maker
	gatherer *gatherer
	manager  *fileconsumer.Manager
	keeper   *keeper
	closer   func(context.Context) error
}

func newReceiver(set receiver.Settings, cfg *Config, next consumer.Logs) *filesReceiver {
	r := &filesReceiver{set: set, cfg: cfg, next: next, maker: newMaker(cfg)}
	r.gatherer = &gatherer{hand: r.hand}
	return r
}

// Start is part of component.Component.
func (r *filesReceiver) Start(ctx context.Context, host component.Host) error {
	client, err := adapter.GetStorageClient(ctx, host, r.cfg.Storage, r.set.ID)
	if err != nil {
		return fmt.Errorf("checkpoints of files: %w", err)
	}
	r.closer = client.Close
	r.keeper = &keeper{Persister: client, gatherer: r.gatherer}
	cfg := r.cfg.Config
	if r.cfg.Storage != nil {
		// "end" is about what was there before the agent first ran. A file that came while it was down is new.
		const begunKey = "begun"
		begun, err := client.Get(ctx, begunKey)
		if err != nil {
			return fmt.Errorf("checkpoints of files: %w", err)
		}
		if begun != nil {
			cfg.StartAt = "beginning"
		} else if err := client.Set(ctx, begunKey, []byte("1")); err != nil {
			return fmt.Errorf("checkpoints of files: %w", err)
		}
	}
	if r.manager, err = cfg.Build(r.set.TelemetrySettings, r.emit, fileconsumer.WithSplitFunc(r.maker.splitter.Split)); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return r.manager.Start(r.keeper)
}

// Shutdown is part of component.Component. A read that it interrupts is not checkpointed: the file consumer counts what it
// could not hand on as read.
func (r *filesReceiver) Shutdown(ctx context.Context) error {
	if r.manager == nil {
		return nil
	}
	r.keeper.stopped.Store(true)
	return errors.Join(r.manager.Stop(), r.closer(ctx))
}

// emit takes a batch of a file's records. The file consumer goes on behind the batch whatever it returns; so after a failure, which only the end of ctx
// can cause, no checkpoint is written any more.
func (r *filesReceiver) emit(ctx context.Context, tokens [][]byte, attributes map[string]any, _ int64, offsets []int64) error {
	return r.gatherer.add(ctx, chunk{tokens, attributes, offsets, time.Now()})
}

// hand hands on chunks, and does not return before they are taken.
func (r *filesReceiver) hand(ctx context.Context, chunks []chunk) error {
	return handover.Logs(ctx, r.next, r.set.Logger, r.set.ID.String(), func() plog.Logs { return r.maker.logs(chunks) })
}
