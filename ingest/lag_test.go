package ingest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// What is known of a lag by where the log ended at several looks, and by what was read since.
func TestLag(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	log := func(first, last uint64) shardlog.State { return shardlog.State{First: first, Last: last} }
	var l lag
	check := func(when string, now int, read uint64, want time.Duration) {
		t.Helper()
		if by, _ := l.behind(at(now), read); by != want {
			t.Errorf("%s: %v behind, want %v", when, by, want)
		}
	}
	l.ends(at(0), log(1, 10))
	check("all is read", 100, 10, 0)
	l.ends(at(100), log(1, 10))
	check("an idle shard", 200, 10, 0)
	l.ends(at(200), log(1, 20))
	l.ends(at(201), log(1, 20))
	l.ends(at(202), log(1, 30))
	check("nothing is read", 203, 10, 3*time.Second)
	check("some is read", 203, 19, 3*time.Second)
	check("what was there at the first look is read", 204, 20, 2*time.Second)
	check("everything is read", 205, 30, 0)
	l.ends(at(300), log(51, 50))
	check("a trim has moved the end, and nothing is there to be read", 400, 30, 0)

	// However long it lasts, the lag is never told smaller than it is, and is over when all is read.
	l = lag{}
	const most = 10_000
	for i := range most {
		l.ends(at(i), log(1, uint64(i+1)))
	}
	if n := len(l.marks); n >= marksMax {
		t.Errorf("%d marks are kept", n)
	}
	check("hours without a message read", most, 0, most*time.Second)
	for _, read := range []uint64{1, 100, 5000, most - 1} {
		if by, _ := l.behind(at(most), read); by < time.Duration(most-read)*time.Second {
			t.Errorf("message %d of %d is read: %v behind", read, most, by)
		}
	}
	check("the last message is read", most, most, 0)

	l.touch(at(0))
	if _, unseen := l.behind(at(7), most); unseen != 7*time.Second {
		t.Errorf("nobody has looked for %v", unseen)
	}
}

// An owner that does not come to place what it reads says by how much it is behind, in views, status and metrics, and no more once it is not.
func TestHeadsBehind(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	await := func(what string, ok func(err error) bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			_, err := r.Heads(ctx, telemetry.DefaultTenant, telemetry.Logs)
			if ok(err) {
				return
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	whole := func(err error) bool { return err == nil }
	r.send(t, logBatch(telemetry.DefaultTenant, 0, 10))
	await("an owner that reads", whole)

	o := r.owner(0)
	held := time.Now()
	o.turn.Lock()
	r.send(t, logBatch(telemetry.DefaultTenant, 10, 10))
	var behind *BehindError
	await("an owner that does not", func(err error) bool {
		// A machine that does not let the process run for seconds has it say that nobody has looked.
		return errors.As(err, &behind) && behind.By > 0
	})
	owned, status := r.Owned()[0], r.Status(t.Context()).Shards[0]
	o.turn.Unlock()
	if most := time.Since(held); behind.Shard != 0 || behind.By <= BehindMax || behind.By > most {
		t.Errorf("%+v, want shard 0, and more than %v and at most %v", behind, BehindMax, most)
	}
	if text := behind.Error(); !strings.Contains(text, "shard 0: its owner is ") || !strings.Contains(text, "s behind") {
		t.Error(text)
	}
	if owned.BehindSeconds < behind.By.Seconds() || status.Behind < behind.By.Seconds() || status.Lag != 1 {
		t.Errorf("owned %+v, status %+v, views say %v", owned, status, behind.By)
	}
	await("an owner that reads again", whole)
	if by, err := o.behind(time.Now()); by != 0 || err != nil {
		t.Errorf("%v behind: %v", by, err)
	}

	// Nobody looks any more, as in a process that was stopped.
	o.lag.touch(time.Now().Add(-time.Hour))
	if _, err := o.behind(time.Now()); !errors.As(err, &behind) || behind.By != 0 || !strings.Contains(err.Error(), "has not looked for 1h0m") {
		t.Errorf("%v", err)
	}
}
