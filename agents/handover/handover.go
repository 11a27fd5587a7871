// Package handover gives log records to the pipeline until it takes them: the receivers of sources that can wait (files, the journal) do
// not read on before that, so that the source is the buffer and a checkpoint covers only what has been taken.
package handover

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
)

// waitMin and waitMax bound the pause before records are offered again: soon enough that a short stall is not seen, seldom enough that hundreds of
// waiting files cost nothing.
const (
	waitMin = 20 * time.Millisecond
	waitMax = time.Second
)

// Logs returns once next has taken the records or refused them for good, which whoever refused them has counted; its error is ctx's. records makes
// them anew for each offer: processors change what they are given.
func Logs(ctx context.Context, next consumer.Logs, logger *zap.Logger, source string, records func() plog.Logs) error {
	wait, complained := waitMin, false
	for {
		err := next.ConsumeLogs(ctx, records())
		if err == nil {
			return nil
		}
		if consumererror.IsPermanent(err) {
			logger.Error("records were refused", zap.String("source", source), zap.Error(err))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !complained {
			complained = true
			logger.Warn("reading waits: the agent cannot take records", zap.String("source", source), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, waitMax)
	}
}
