package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"clew/internal/harness"
	account "clew/internal/ledger"
	"clew/query/api"
)

// numbered sends as an agent does: batches with numbers, one after the other, each until it is answered for good; and heartbeats that say so.
type numbered struct {
	instance string
	host     string
	next     uint64 // number of the next batch
	beat     account.HeartbeatSource
	ids      int64 // of records, from 0
}

// body makes a batch of n records, of which each has an id. Long ones make it span several messages of the log.
func (a *numbered) body(n, long int) []byte {
	ld := plog.NewLogs()
	for i := range n {
		// Two resources that take turns: the order of records in a message is not that of its resources.
		if i < 2 {
			rl := ld.ResourceLogs().AppendEmpty()
			rl.Resource().Attributes().PutStr("service.name", "numbered")
			rl.Resource().Attributes().PutStr("host.name", a.host)
			rl.Resource().Attributes().PutInt("process.pid", int64(i))
			rl.ScopeLogs().AppendEmpty()
		}
		r := ld.ResourceLogs().At(i % min(n, 2)).ScopeLogs().At(0).LogRecords().AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		var text strings.Builder
		for text.Len() < long {
			fmt.Fprintf(&text, "%x ", rand.Uint64())
		}
		r.Body().SetStr(fmt.Sprintf("record %d %s", a.ids, text.String()))
		r.Attributes().PutInt("test.id", a.ids)
		a.ids++
	}
	body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		panic(err) // pdata we made ourselves
	}
	return body
}

// offer sends a batch once. done says that it need not be sent again.
func (a *numbered) offer(p *harness.Process, seq uint64, body []byte) (status int, done bool) {
	req, err := http.NewRequest(http.MethodPost, "http://"+p.OTLP+"/v1/logs", bytes.NewReader(body))
	if err != nil {
		return 0, false
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set(account.SourceHeader, a.instance+"/logs")
	req.Header.Set(account.SeqHeader, strconv.FormatUint(seq, 10))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return 0, false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // the status is the answer
	return res.StatusCode, res.StatusCode == http.StatusOK || res.StatusCode == http.StatusBadRequest
}

func (a *numbered) heartbeat(t *testing.T, p *harness.Process) {
	t.Helper()
	s := a.beat
	s.ID, s.Signal, s.Kind, s.Name, s.LastSeq = a.instance+"/logs", "logs", "file", "/var/log/numbered.log", a.next-1
	body, err := json.Marshal(account.Heartbeat{Agent: "clew", Instance: a.instance, Host: a.host, Version: "test", Started: time.Now(), Time: time.Now(), Sources: []account.HeartbeatSource{s}})
	if err != nil {
		t.Fatal(err)
	}
	if status, text := postJSON(t, p.OTLP, "/api/v1/agents/heartbeat", string(body)); status != http.StatusNoContent {
		t.Fatalf("heartbeat: %d: %s", status, text)
	}
}

func ledgerAnswer(t *testing.T, p *harness.Process, host string) api.Ledger {
	t.Helper()
	var out api.Ledger
	params := url.Values{}
	if host != "" {
		params.Set("host", host)
	}
	get(t, p, "/api/v1/ledger", params, &out)
	return out
}

// flow is the only flow of a host.
func flow(t *testing.T, p *harness.Process, host string) account.Flow {
	t.Helper()
	l := ledgerAnswer(t, p, host)
	if len(l.Hosts) != 1 || len(l.Hosts[0].Flows) != 1 {
		t.Fatalf("host %s has not one flow: %+v", host, l.Hosts)
	}
	f := l.Hosts[0].Flows[0]
	if sum := f.Stored + account.Sum(f.Refused) + account.Sum(f.Dropped) + f.Elsewhere + f.Missing + f.InFlight; sum != f.Read {
		t.Fatalf("the account does not add up: %+v", f)
	}
	return f
}

// readNumbered counts the records by their ids.
func readNumbered(t *testing.T, p *harness.Process) map[int64]int {
	t.Helper()
	waitWhole(t, p, "logs")
	found := map[int64]int{}
	params := url.Values{"signal": {"logs"}, "query": {"service:numbered"}, "order": {"asc"}, "limit": {"5000"}}
	for {
		var page api.Search
		get(t, p, "/api/v1/search", params, &page)
		if page.Stats.Partial {
			t.Fatalf("search is partial: %v", page.Stats.Reasons)
		}
		for i := range page.Logs {
			id, ok := page.Logs[i].Attributes.Get("test.id").(float64)
			if !ok {
				t.Fatalf("a record without test.id: %v", page.Logs[i].Attributes)
			}
			found[int64(id)]++
		}
		if page.Cursor == "" {
			return found
		}
		params.Set("cursor", page.Cursor)
	}
}

// Batches that span several messages are sent while the collector is killed again and again, with and without a change of where they are cut; some are sent
// again after they were acknowledged. Each record is stored once, and the ledger knows it.
func TestNumberedExactlyOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	data := tempData(t)
	p := start(t, data, "")
	a := &numbered{instance: "exactly-once", host: "web-1", next: 1}
	kills := 8
	if soak {
		kills = 100
	}
	for k := range kills {
		doomed := p
		after := time.Duration(20+rand.IntN(250)) * time.Millisecond
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			time.Sleep(after)
			doomed.Kill()
		}()
		attempts := 0
		for done := false; !done || doomed == p; {
			n := 4000 // of a kilobyte: two or three messages
			body := a.body(n, 1000)
			a.beat.Read += uint64(n)
			a.beat.Queued += uint64(n)
			for done = false; !done; attempts++ {
				if _, done = a.offer(p, a.next, body); !done && p == doomed {
					<-killed
					p = start(t, data, "")
				}
			}
			if rand.IntN(3) == 0 {
				a.offer(p, a.next, body) // its answer got lost
			}
			a.beat.Acked += uint64(n)
			a.beat.Sent += uint64(n)
			a.next++
		}
		t.Logf("kill %d after %v, %d attempts, number %d", k, after, attempts, a.next-1)
	}
	a.heartbeat(t, p)
	check := func() {
		t.Helper()
		found := readNumbered(t, p)
		lost, twice := 0, 0
		for id := range a.ids {
			switch found[id] {
			case 0:
				lost++
			case 1:
			default:
				twice++
			}
		}
		if lost > 0 || twice > 0 || int64(len(found)) != a.ids {
			t.Fatalf("of %d records %d are lost and %d are there twice\n%s", a.ids, lost, twice, p.Output())
		}
		f := flow(t, p, a.host)
		if f.Stored != uint64(a.ids) || f.Read != f.Stored || f.MissingNumbers != 0 || f.Missing != 0 {
			t.Fatalf("%d records were sent and stored, the ledger says %+v", a.ids, f)
		}
	}
	check()
	replayed := flow(t, p, a.host).Replayed
	if replayed == 0 {
		t.Error("nothing was replayed: the test does not test")
	}
	p.Kill()
	p = start(t, data, "")
	eventually(t, 20*time.Second, "the ledger after a restart", func() bool { return len(ledgerAnswer(t, p, "").Hosts) == 1 })
	check()
	if again := flow(t, p, a.host).Replayed; again != replayed {
		t.Errorf("%d replayed after the restart, %d before", again, replayed)
	}
	t.Logf("%d records, %d replayed", a.ids, replayed)
}

// A number that never comes, one that comes late, refusals and drops: the ledger names them, and so do answers.
func TestLedgerNamesLosses(t *testing.T) {
	data := tempData(t)
	p := start(t, data, "")
	a := &numbered{instance: "holes", host: "web-2", next: 1}
	send := func(seq uint64, n int) {
		t.Helper()
		if status, done := a.offer(p, seq, a.body(n, 10)); !done || status != http.StatusOK {
			t.Fatalf("batch %d: %d", seq, status)
		}
	}
	send(1, 10)
	send(2, 10)
	a.next = 5
	a.beat.HeartbeatCounts = account.HeartbeatCounts{Read: 20, Queued: 20, Sent: 20, Acked: 20}
	a.heartbeat(t, p)
	eventually(t, 20*time.Second, "stored", func() bool { return flow(t, p, a.host).Stored == 20 })
	send(4, 10) // 3 never comes
	a.beat.HeartbeatCounts = account.HeartbeatCounts{
		Read: 60, Queued: 50, Sent: 40, Acked: 30, Refused: map[string]uint64{"invalid": 7}, Dropped: map[string]uint64{"queue_full_oldest": 5, "sampled": 8},
	}
	a.heartbeat(t, p)
	verify := func() {
		t.Helper()
		f := flow(t, p, a.host)
		if f.Stored != 30 || f.Read != 60 || account.Sum(f.Refused) != 7 || f.Dropped["queue_full_oldest"] != 5 || f.InFlight != 10 || f.MissingNumbers != 1 {
			t.Fatalf("the ledger says %+v", f)
		}
		if len(f.Gaps) != 1 || f.Gaps[0].First != 3 || f.Gaps[0].Last != 3 {
			t.Fatalf("gaps are %+v, want 3", f.Gaps)
		}
		var c api.Count
		get(t, p, "/api/v1/count", url.Values{"signal": {"logs"}, "query": {"service:numbered"}}, &c)
		if len(c.Stats.Notes) != 1 || !strings.Contains(c.Stats.Notes[0], "host web-2: 5 log records dropped (queue_full_oldest); 7 log records refused (invalid); 1 batches of logs never came") {
			t.Fatalf("notes are %q", c.Stats.Notes)
		}
		var other api.Count
		get(t, p, "/api/v1/count", url.Values{"signal": {"logs"}, "query": {"service:numbered host.name:web-1"}}, &other)
		if len(other.Stats.Notes) != 0 {
			t.Fatalf("notes about another host: %q", other.Stats.Notes)
		}
	}
	verify()
	// What the agent says of a number explains it.
	a.beat.Gaps = []account.NumberGap{{First: 3, Last: 3, Records: 5, Reason: "queue_full_oldest"}}
	a.heartbeat(t, p)
	if f := flow(t, p, a.host); f.MissingNumbers != 0 {
		t.Fatalf("a number that the agent dropped is missing: %+v", f)
	}
	a.beat.Gaps = nil
	a.heartbeat(t, p)
	// A late one is dropped as a repetition, because its sender has broken its promise: it stays missing.
	send(3, 10)
	verify()
	// Bad numbers are refused, and nothing else is.
	for _, h := range []map[string]string{{"clew-source": "x"}, {"clew-source": "holes/spans", "clew-seq": "9"}, {"clew-source": "holes/logs", "clew-seq": "0"}, {"clew-seq": "1"}} {
		req, err := http.NewRequest(http.MethodPost, "http://"+p.OTLP+"/v1/logs", bytes.NewReader(a.body(1, 1)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		for k, v := range maps.All(h) {
			req.Header.Set(k, v)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%v: %s", h, res.Status)
		}
	}
	for body, want := range map[string]int{"{}": 400, "": 400, `{"instance":"A"}`: 400, `{"instance":"a","sources":[{"id":"b/logs","signal":"logs"}]}`: 400, strings.Repeat(" ", 2<<20): 413} {
		if status, text := postJSON(t, p.OTLP, "/api/v1/agents/heartbeat", body); status != want {
			t.Errorf("heartbeat %.60q: %d %s, want %d", body, status, text, want)
		}
	}
	p.Kill()
	p = start(t, data, "")
	eventually(t, 20*time.Second, "the ledger after a restart", func() bool { return len(ledgerAnswer(t, p, "").Hosts) == 1 })
	verify()
}
