// Package clock is the wall clock as clew's processes read it where the time of day decides something: when a record was received, how old a segment or a head is,
// what "now" means in a query. A test can make a process's clock wrong, at its start or while it runs, and see what comes of it.
//
// What has to do with how long something takes (leases, timeouts, heartbeats, pauses) counts monotonic time, by package time.
package clock

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Variable is the environment variable that makes a process's clock wrong: a duration (90m, -3s), or the path of a file with one, which is read again every
// second, so that the clock jumps while the process runs. It is for tests of faults.
const Variable = "CLEW_CLOCK_OFFSET"

const followEvery = time.Second

var offset atomic.Int64

// Now is the time of day as this process sees it. It has no monotonic part: differences jump as the clock does.
func Now() time.Time { return time.Now().Round(0).Add(Offset()) }

// Offset is by how much this process's clock is wrong.
func Offset() time.Duration { return time.Duration(offset.Load()) }

// Set makes the clock as wrong as value says, a duration or a file's path. follow, if it is not nil, has to run for as long as the process does: it reads the file again.
func Set(value string) (follow func(ctx context.Context), err error) {
	if value == "" {
		return nil, nil
	}
	if !strings.ContainsRune(value, os.PathSeparator) {
		return nil, set(value)
	}
	if err := setFrom(value); err != nil {
		return nil, err
	}
	return func(ctx context.Context) {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = setFrom(value) // half written: the next look finds it whole
			case <-ctx.Done():
				return
			}
		}
	}, nil
}

func setFrom(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", Variable, err)
	}
	return set(strings.TrimSpace(string(text)))
}

func set(value string) error {
	d, err := time.ParseDuration(value)
	if err != nil {
		return fmt.Errorf("%s: %w", Variable, err)
	}
	offset.Store(int64(d))
	return nil
}
