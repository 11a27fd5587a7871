package catalog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLosses: a loss is kept by commits and snapshots, once; what has none is written as processes of before read it.
func TestLosses(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	loss := func(from uint64) Loss {
		return Loss{From: from, To: from + 2, Reason: "lost", Since: at, Until: at.Add(time.Second), Noticed: at.Add(time.Minute)}
	}
	c := New()
	last := uint64(0)
	commit := func(lost ...Loss) string {
		t.Helper()
		cm := Commit{Version: CommitVersion, Reason: "seal", Last: last, Epoch: 1, Lost: lost}
		data, err := cm.Encode()
		if err != nil {
			t.Fatal(err)
		}
		read, err := DecodeCommit(data)
		if err != nil {
			t.Fatal(err)
		}
		last++
		if err := c.Apply(last, read); err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	snapshot := func() string {
		t.Helper()
		data, err := c.Current().Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if data := commit(); !strings.Contains(data, `"version":4,`) || !strings.HasPrefix(snapshot(), "clew-catalog 4 ") {
		t.Errorf("a commit without losses, %s, or its snapshot, is of a newer version than need be", data)
	}
	if data := commit(loss(7), loss(20)); !strings.Contains(data, `"version":5,`) || !strings.HasPrefix(snapshot(), "clew-catalog 5 ") {
		t.Errorf("a commit with losses is %s", data)
	}
	commit(loss(7)) // a replay notices it again
	commit()
	again := New()
	if err := again.Load([]byte(snapshot())); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Catalog{c, again} {
		if lost := c.Current().Shard(0).Lost; len(lost) != 2 || lost[0] != loss(7) || lost[1] != loss(20) {
			t.Errorf("losses are %v", lost)
		}
	}
	accepted := loss(7)
	accepted.Accepted, accepted.By = at.Add(time.Hour), "anna"
	if data := commit(accepted); !strings.Contains(data, `"version":6,`) || !strings.HasPrefix(snapshot(), "clew-catalog 6 ") {
		t.Errorf("a commit that accepts a loss is %s", data)
	}
	commit(loss(7)) // a replay notices it once more
	later := New()
	if err := later.Load([]byte(snapshot())); err != nil {
		t.Fatal(err)
	}
	if lost := later.Current().Shard(0).Lost; len(lost) != 2 || lost[0] != accepted || lost[1] != loss(20) {
		t.Errorf("losses are %v, want the first to be accepted", lost)
	}
	for i := range uint64(2 * lossesMax) {
		commit(loss(100 + i))
	}
	if lost := c.Current().Shard(0).Lost; len(lost) != lossesMax || lost[lossesMax-1].From != 100+2*lossesMax-1 {
		t.Errorf("%d losses are kept, to %v", len(lost), lost[len(lost)-1])
	}
	for _, bad := range []string{`[{"from":5,"to":4,"reason":"x"}]`, `[{"from":5,"to":5}]`, `[{"from":5,"to":5,"reason":"x","accepted":"2026-03-01T12:00:00Z"}]`, `[{"from":5,"to":5,"reason":"x","by":"a"}]`} {
		if _, err := DecodeCommit(fmt.Appendf(nil, `{"version":5,"reason":"seal","lost":%s}`, bad)); err == nil {
			t.Errorf("decoded: %s", bad)
		}
	}
	if _, err := DecodeCommit([]byte(`{"version":4,"reason":"seal","lost":[{"from":5,"to":5,"reason":"x"}]}`)); err == nil {
		t.Error("decoded: a loss in a version that has none")
	}
}

// TestLossOverlaps: a loss is said where records of its time are asked for, and of a little before it.
func TestLossOverlaps(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := Loss{From: 3, To: 3, Reason: "lost", Since: at, Until: at.Add(time.Second)}
	for offset, want := range map[time.Duration]bool{-time.Hour: false, -lossLag: true, 0: true, time.Second: true, 2 * time.Second: false} {
		n := at.Add(offset).UnixNano()
		if l.Overlaps(n, n) != want {
			t.Errorf("%v: %v, want %v", offset, !want, want)
		}
	}
}
