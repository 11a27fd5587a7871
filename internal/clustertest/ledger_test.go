package clustertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/internal/harness"
	"clew/internal/ledger"
	"clew/query/api"
)

// sender is an agent's part of the protocol: numbered batches, and heartbeats that say what was acknowledged.
type sender struct {
	t     *testing.T
	seq   uint64
	acked uint64
}

const (
	senderHost  = "vm-1"
	senderBatch = 20
)

func (s *sender) post(ctx context.Context, to *harness.Process, path string, header http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+to.OTLP+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode >= 300 {
		return fmt.Errorf("%s: %s %w", res.Status, text, err)
	}
	return nil
}

// send sends a batch until it is acknowledged, to the processes in turn, the second time to the same one: a retry whose first attempt was acknowledged unheard.
func (s *sender) send(ctx context.Context, to ...*harness.Process) {
	s.t.Helper()
	s.seq++
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"resourceLogs":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":%q}}]},"scopeLogs":[{"logRecords":[`, senderHost)
	for i := range uint64(senderBatch) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timeUnixNano":"%d","traceId":"%032x","body":{"stringValue":"record %d"}}`, time.Now().UnixNano(), (s.seq*senderBatch+i)*2654435761+1, s.seq*senderBatch+i)
	}
	b.WriteString(`]}]}]}`)
	header := http.Header{ledger.SourceHeader: {"vm-1-agent/logs"}, ledger.SeqHeader: {strconv.FormatUint(s.seq, 10)}}
	for i := 0; ; i++ {
		err := s.post(ctx, to[i%len(to)], "/v1/logs", header.Clone(), b.Bytes())
		if err == nil {
			s.acked += senderBatch
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("batch %d: %v", s.seq, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *sender) beat(ctx context.Context, to *harness.Process) {
	s.t.Helper()
	body, err := json.Marshal(ledger.Heartbeat{
		Agent: "clew", Instance: "vm-1-agent", Host: senderHost, Version: "test", Started: time.Now().Add(-time.Hour), Time: time.Now(),
		Sources: []ledger.HeartbeatSource{{
			ID: "vm-1-agent/logs", Signal: "logs", Kind: "file", Name: "/var/log/syslog", LastSeq: s.seq,
			HeartbeatCounts: ledger.HeartbeatCounts{Read: s.acked + 3, Sent: s.acked, Acked: s.acked, Dropped: map[string]uint64{"too_large": 3}},
		}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.post(ctx, to, "/api/v1/agents/heartbeat", http.Header{}, body); err != nil {
		s.t.Fatalf("heartbeat: %v", err)
	}
}

// waitLedger waits until all processes give the account of the sender that it is to be.
func (s *sender) waitLedger(ctx context.Context, when string, of ...*harness.Process) {
	s.t.Helper()
	want := ledger.Counts{Read: s.acked + 3, Sent: s.acked, Stored: s.acked, Dropped: map[string]uint64{"too_large": 3}}
	began := time.Now()
	for _, p := range of {
		for {
			var l api.Ledger
			err := p.Get(ctx, "/api/v1/ledger", url.Values{}, &l)
			why := fmt.Sprint(err)
			if err == nil {
				why = fmt.Sprintf("%d hosts", len(l.Hosts))
				if len(l.Hosts) == 1 && len(l.Hosts[0].Flows) == 1 {
					h := &l.Hosts[0]
					f := &h.Flows[0]
					got := f.Counts
					got.Replayed = 0
					if h.Host == senderHost && !h.Silent && f.MissingNumbers == 0 && f.LastNumber == s.seq && cmp.Equal(got, want) {
						break
					}
					why = fmt.Sprintf("silent %t, %+v; want %+v", h.Silent, f, want)
				}
			}
			if ctx.Err() != nil || time.Since(began) > time.Minute {
				s.t.Fatalf("%s: %s says %s", when, p.Data, why)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	s.t.Logf("%s: after %.1f s", when, time.Since(began).Seconds())
}

// TestLedger: an agent sends to two collectors in turn. Every process that answers gives the same account of it, which adds up over the shards, before anything is in a
// segment, after restarts of each role, and after one of all.
func TestLedger(t *testing.T) {
	t.Parallel()
	c := startWith(t, Options{Shards: 2, Roles: map[string]int{"collector": 2, "ingest": 2, "query": 2}})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	if _, err := c.WaitOwned(ctx, c.Of("query")[0], fair); err != nil {
		t.Fatal(err)
	}
	s := &sender{t: t}
	ship := func() {
		collectors := c.Of("collector")
		for i := range 10 {
			s.send(ctx, collectors[i%2], collectors[(i+1)%2])
		}
		s.beat(ctx, collectors[1])
	}
	again := func(name string) {
		t.Helper()
		c.Processes[name].Kill()
		if err := c.Run(name); err != nil {
			t.Fatal(err)
		}
	}
	ready := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := c.Processes[name].WaitReady(time.Minute); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	ship()
	s.waitLedger(ctx, "nothing is in segments", c.Of("query")...)
	again("query-1")
	ready("query-1")
	s.waitLedger(ctx, "a query process that was killed is back", c.Of("query")...)
	for _, p := range c.Of("ingest") {
		if err := p.Post(ctx, "/api/v1/admin/seal", nil); err != nil {
			t.Fatal(err)
		}
	}
	ship()
	again("collector-1")
	c.Processes["ingest-1"].Kill() // its shard has another owner
	ready("collector-1")
	ship()
	s.waitLedger(ctx, "a collector was killed, and an owner of shards", c.Of("query")...)
	names := []string{"collector-1", "collector-2", "ingest-1", "ingest-2", "query-1", "query-2"}
	for _, name := range names {
		c.Processes[name].Kill()
	}
	for _, name := range names {
		if err := c.Run(name); err != nil {
			t.Fatal(err)
		}
	}
	ready(names...)
	ship()
	s.waitLedger(ctx, "all were killed", c.Of("query")...)
}
