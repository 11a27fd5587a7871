package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/internal/s3test"
	"clew/query/api"
)

// storeStatus is what /api/v1/status says of a store that is not a directory.
type storeStatus struct {
	Segments int `json:"segments"`
	Store    struct {
		Away time.Time `json:"away_since"`
	} `json:"store"`
	Log struct {
		HoursLeft float64 `json:"hours_left"`
	} `json:"log"`
	Ingest struct {
		Ready bool `json:"ready"`
		Spool struct {
			Segments int    `json:"segments"`
			Bytes    int64  `json:"bytes"`
			Error    string `json:"error"`
		} `json:"spool"`
		Shards []struct {
			Floor   uint64 `json:"floor"`
			LogLast uint64 `json:"log_last"`
		} `json:"shards"`
	} `json:"ingest"`
}

func statusOf(t *testing.T, p *harness.Process) (s storeStatus) {
	t.Helper()
	get(t, p, "/api/v1/status", nil, &s)
	return s
}

// exactly waits until the counts are whole and those of the ledger. (An answer may be partial for a moment: a shard's lease can be lost on a busy machine.)
func (l *ledger) exactly(t *testing.T, p *harness.Process, what string) {
	t.Helper()
	for _, signal := range []string{"logs", "spans"} {
		acked, unknown := l.count(signal)
		if acked == 0 {
			t.Fatalf("%s: no %s were acknowledged, %d are without an answer", what, signal, unknown)
		}
		var c api.Count
		deadline := time.Now().Add(30 * time.Second)
		for {
			get(t, p, "/api/v1/count", url.Values{"signal": {signal}}, &c)
			if !c.Stats.Partial && int(c.Count) >= acked && int(c.Count) <= acked+unknown {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d %s found, %d acknowledged, %d without an answer; partial: %v\n%s",
					what, c.Count, signal, acked, unknown, c.Stats.Reasons, p.Output())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (l *ledger) loadFor(t *testing.T, p *harness.Process, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	l.load(ctx, p, 2)
}

// waitUploaded waits until nothing waits for the store, and everything is committed and trimmed.
func waitUploaded(t *testing.T, p *harness.Process) {
	t.Helper()
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	s := statusOf(t, p)
	if s.Ingest.Spool.Segments != 0 || s.Ingest.Spool.Bytes != 0 || s.Ingest.Spool.Error != "" || !s.Store.Away.IsZero() {
		t.Errorf("after everything was sealed: %+v", s)
	}
	for _, shard := range s.Ingest.Shards {
		if shard.Floor != shard.LogLast {
			t.Errorf("floor %d, the log ends at %d", shard.Floor, shard.LogLast)
		}
	}
}

// The object store goes away under load, clew is killed -9 while it is, and the store comes back: counts are exact all along, nothing is lost or there twice, and
// in the end everything is in the store.
func TestStoreAway(t *testing.T) {
	s3test.SetEnvironment(t)
	g := s3test.Start(t)
	relay := s3test.NewRelay(t, g)
	data, l := tempData(t), newLedger()
	config := sealOften + "store: " + s3test.URL(relay.Address, "clew") + "\n"
	p := start(t, data, config)
	l.loadFor(t, p, 2*time.Second)
	eventually(t, 20*time.Second, "segments in the store", func() bool { return statusOf(t, p).Segments > 2 })
	l.exactly(t, p, "the store is there")

	g.Kill()
	l.loadFor(t, p, 3*time.Second)
	eventually(t, 20*time.Second, "the store is away, and segments wait", func() bool {
		s := statusOf(t, p)
		return !s.Store.Away.IsZero() && s.Ingest.Spool.Segments > 2 && s.Ingest.Spool.Error != "" && s.Ingest.Ready
	})
	l.exactly(t, p, "the store is away")
	if n := strings.Count(p.Output(), "the object store is away"); n != 1 {
		t.Errorf("said %d times that the store is away, want once:\n%s", n, p.Output())
	}

	p.Kill()
	p = start(t, data, config)
	l.exactly(t, p, "restarted while the store is away")
	l.loadFor(t, p, 2*time.Second)
	l.exactly(t, p, "sent while the store is away")
	p.Kill()
	p = start(t, data, config)
	l.exactly(t, p, "restarted again")

	g.Restart(t)
	stop, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.load(stop, p, 2); close(done) }()
	relay.Answer(503) // it is back, and overloaded for a while
	time.Sleep(time.Second)
	relay.Answer(0)
	relay.Delay(50 * time.Millisecond)
	time.Sleep(time.Second)
	cancel()
	<-done
	relay.Delay(0)
	waitUploaded(t, p)
	l.exactly(t, p, "everything is uploaded")
	p.Kill()
	p = start(t, data, config)
	l.exactly(t, p, "started on what is in the store")
	l.check(t, p)
}

// The log is full while the store is away: senders are told to wait, and the reason; when the store is back they are not any more, and nothing was lost.
func TestLogFullWhileStoreIsAway(t *testing.T) {
	s3test.SetEnvironment(t)
	g := s3test.Start(t)
	data, l := tempData(t), newLedger()
	l.logs, l.spans = 1000, 400
	p := start(t, data, sealOften+"log: {bytes_max: 16777216}\nstore: "+s3test.URL(g.Address, "clew")+"\n")
	l.loadFor(t, p, time.Second)
	g.Kill()
	deadline := time.Now().Add(60 * time.Second)
	for l.refused.Load() == 0 && time.Now().Before(deadline) {
		l.loadFor(t, p, time.Second)
	}
	if l.refused.Load() == 0 {
		t.Fatal("no request was refused in a minute without a store")
	}
	res, err := http.Post("http://"+p.OTLP+"/v1/logs", "application/x-protobuf", bytes.NewReader(ledgerLogBody(1<<40, 10_000)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 429 || !strings.Contains(string(text), "bytes") || res.Header.Get("Retry-After") == "" {
		t.Errorf("full log: %s: %q, %v; want 429 that says so and when to come back", res.Status, text, err)
	}
	l.exactly(t, p, "the log is full")
	g.Restart(t)
	waitUploaded(t, p)
	refused := l.refused.Load()
	before, _ := l.count("logs")
	l.loadFor(t, p, time.Second)
	if after, _ := l.count("logs"); after == before {
		t.Errorf("no record was taken after the store was back; %d requests refused", l.refused.Load()-refused)
	}
	l.exactly(t, p, "the store is back")
}
