package handover

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
)

func TestLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, made := 0, 0
		next, err := consumer.NewLogs(func(_ context.Context, l plog.Logs) error {
			if calls++; l.ResourceLogs().Len() != 1 {
				t.Error("not made anew")
			}
			l.ResourceLogs().RemoveIf(func(plog.ResourceLogs) bool { return true })
			if calls < 5 {
				return errors.New("full")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		records := func() plog.Logs {
			made++
			l := plog.NewLogs()
			l.ResourceLogs().AppendEmpty()
			return l
		}
		if err := Logs(t.Context(), next, zap.NewNop(), "x", records); err != nil || calls != 5 || made != 5 {
			t.Errorf("%v after %d calls", err, calls)
		}
		calls = -1e6
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := Logs(ctx, next, zap.NewNop(), "x", records); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without end: %v", err)
		}
		refusing, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return consumererror.NewPermanent(errors.New("never")) })
		if err != nil {
			t.Fatal(err)
		}
		if err := Logs(t.Context(), refusing, zap.NewNop(), "x", records); err != nil {
			t.Errorf("refused for good: %v", err)
		}
	})
}
