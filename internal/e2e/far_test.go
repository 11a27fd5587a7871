package e2e

import (
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/internal/s3test"
	"clew/query/api"
)

// A store 30 ms away: how many requests a question takes, and how long, when nothing is here, when its blocks are on the local disk, and when it was asked before.
func TestFarStore(t *testing.T) {
	s3test.SetEnvironment(t)
	g := s3test.Start(t)
	relay := s3test.NewRelay(t, g)
	data, l := tempData(t), newLedger()
	l.logs, l.spans = 1000, 400
	config := "ingest: {seal_rows: 40000, compaction: {share: 0}}\nstore: " + s3test.URL(relay.Address, "clew") + "\n"
	p := start(t, data, config)
	for l.next.Load() < 400_000 {
		l.loadFor(t, p, 200*time.Millisecond)
	}
	if status, text := postJSON(t, p.OTLP, "/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"one xylophone in all of this"}}]}]}]}`); status != 200 {
		t.Fatal(status, text)
	}
	l.loadFor(t, p, 200*time.Millisecond)
	waitUploaded(t, p)
	segments := statusOf(t, p).Segments
	trace := ledgerTrace(l)

	questions := []struct {
		name string
		ask  func(p *harness.Process) uint64
		want uint64
	}{
		{"count of a rare word", func(p *harness.Process) uint64 { return countLogs(t, p, "xylophone") }, 1},
		{"trace by id", func(p *harness.Process) uint64 {
			var tr api.Trace
			get(t, p, "/api/v1/traces/"+trace, url.Values{}, &tr)
			return uint64(len(tr.Spans))
		}, uint64(l.spans)},
	}
	for _, q := range questions {
		for _, state := range []string{"cold", "on disk", "warm"} {
			if state != "warm" {
				p.Kill()
				if state == "cold" {
					if err := os.RemoveAll(filepath.Join(data, "cache")); err != nil {
						t.Fatal(err)
					}
				}
				// Cold is asked at once, while the start reads too; otherwise what reads at the start has done so.
				relay.Delay(30 * time.Millisecond)
				p = start(t, data, config)
				if state == "on disk" {
					time.Sleep(2 * time.Second)
				}
			}
			relay.Reset()
			began := time.Now()
			got := q.ask(p)
			took, requests, bytes := time.Since(began), relay.Requests(), relay.Bytes()
			t.Logf("%s, %s: %v, %d requests, %d KiB, of %d segments", q.name, state, took.Round(100*time.Microsecond), requests, bytes>>10, segments)
			if got != q.want {
				t.Errorf("%s, %s: %d, want %d", q.name, state, got, q.want)
			}
			if state != "cold" && requests > 0 {
				t.Errorf("%s, %s: %d requests, want none", q.name, state, requests)
			}
		}
	}
}

// ledgerTrace is the id of a trace that was acknowledged: one that follows a request for logs.
func ledgerTrace(l *ledger) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := int64(0)
	for !l.acked["spans"][first] || !l.acked["logs"][first-1] {
		first++
	}
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(first)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[8:], uint64(first)+1)
	return hex.EncodeToString(id[:])
}
