package ledger

import (
	"fmt"
	"testing"
	"time"

	"clew/internal/telemetry"
)

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func beat(instance string, counts HeartbeatCounts) *Heartbeat {
	return &Heartbeat{
		Agent: "clew", Instance: instance, Host: "host-" + instance, Started: testNow.Add(-time.Hour), Time: testNow,
		Sources: []HeartbeatSource{{ID: instance + "/logs", Signal: "logs", Kind: "file", HeartbeatCounts: counts}},
	}
}

func TestParseNumber(t *testing.T) {
	for _, c := range []struct {
		source, seq []string
		ok          bool
	}{
		{nil, nil, true},
		{[]string{"a-1/logs"}, []string{"1"}, true},
		{[]string{"a/logs"}, []string{"18446744073709551615"}, true},
		{[]string{"a/logs"}, nil, false},
		{[]string{"a/logs", "b/logs"}, []string{"1"}, false},
		{[]string{"a/spans"}, []string{"1"}, false},
		{[]string{"A/logs"}, []string{"1"}, false},
		{[]string{"/logs"}, []string{"1"}, false},
		{[]string{"a/logs/1"}, []string{"1"}, false},
		{[]string{"a/logs"}, []string{"0"}, false},
		{[]string{"a/logs"}, []string{"-1"}, false},
		{[]string{"a/logs"}, []string{"18446744073709551616"}, false},
	} {
		if _, err := ParseNumber(c.source, c.seq, telemetry.Logs); (err == nil) != c.ok {
			t.Errorf("%q %q: %v", c.source, c.seq, err)
		}
	}
	if SourceID("default", "a/logs", 1) == SourceID("other", "a/logs", 1) {
		t.Error("a tenant can name another's source")
	}
}

// TestSettle: whatever the agent and the log say, of whatever moments, the account adds up.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		name   string
		read   uint64
		acked  uint64
		stored Stored
		whole  bool
		want   Counts
	}{
		{"all is stored", 10, 10, Stored{First: 1, Records: 10}, true, Counts{Read: 10, Stored: 10}},
		{"some waits", 10, 6, Stored{First: 1, Records: 6}, true, Counts{Read: 10, Stored: 6, InFlight: 4}},
		{"the log is ahead of the heartbeat", 10, 10, Stored{First: 1, Records: 15}, true, Counts{Read: 15, Stored: 15}},
		{"the log is not read yet", 10, 10, Stored{First: 1, Records: 6}, false, Counts{Read: 10, Stored: 6, InFlight: 4}},
		{"acknowledged and not there", 10, 10, Stored{First: 1, Records: 6}, true, Counts{Read: 10, Stored: 6, Missing: 4}},
		{"begun elsewhere", 10, 10, Stored{First: 5, Records: 6}, true, Counts{Read: 10, Stored: 6, Elsewhere: 4}},
	} {
		f := Flow{Counts: Counts{Read: c.read}}
		f.settle(c.stored, c.acked, c.whole, true)
		if f.Read != c.want.Read || f.Stored != c.want.Stored || f.InFlight != c.want.InFlight || f.Missing != c.want.Missing || f.Elsewhere != c.want.Elsewhere {
			t.Errorf("%s: %+v, want %+v", c.name, f.Counts, c.want)
		}
	}
}

// TestRestart: a book that is made again from what was kept, and from the log, says what the first said; numbers go on where they were.
func TestRestart(t *testing.T) {
	stored := map[string]Stored{}
	log := func() (map[string]Stored, bool) { return stored, true }
	b := NewBook(testNow)
	b.UseStored(log)
	for _, seq := range []uint64{1, 2, 4} {
		b.Begin("default", Number{"a/logs", seq}, testNow)
		b.Batch("default", Number{"a/logs", seq}, Outcome{Stored: 10}, testNow)
	}
	stored[SourceID("default", "a/logs", 1)] = Stored{First: 1, Last: 4, Records: 30}
	counts := HeartbeatCounts{Read: 40, Acked: 30, Dropped: map[string]uint64{"queue_full": 10}}
	if record, err := b.Heartbeat("default", beat("a", counts), testNow); err != nil || !record {
		t.Fatalf("the first heartbeat: record %t, %v", record, err)
	}
	_, data, err := b.Kept("default", "a", testNow)
	if err != nil {
		t.Fatal(err)
	}
	again := NewBook(testNow.Add(time.Minute))
	stored[SourceID("default", "a/logs", 1)] = Stored{First: 1, Last: 7, Records: 60} // what came after the heartbeat was kept
	again.UseStored(log)
	// The first heartbeat and batch since the start come before the restoring has ended.
	later := testNow.Add(2 * time.Minute)
	again.Begin("default", Number{"a/logs", 9}, later)
	again.Batch("default", Number{"a/logs", 9}, Outcome{Stored: 10}, later)
	counts.Read, counts.Acked, counts.Dropped = 75, 60, map[string]uint64{"queue_full": 15}
	if _, err := again.Heartbeat("default", beat("a", counts), later); err != nil {
		t.Fatal(err)
	}
	if err := again.Restore("default", data); err != nil {
		t.Fatal(err)
	}
	h := again.Hosts("default", "host-a", later)
	if len(h) != 1 || len(h[0].Flows) != 1 {
		t.Fatalf("hosts: %+v", h)
	}
	f := h[0].Flows[0]
	if f.Stored != 60 || f.Dropped["queue_full"] != 15 || f.Read != 75 || f.MissingNumbers != 2 || f.LastNumber != 9 {
		t.Errorf("after the restart: %+v", f)
	}
	var dropped uint64
	for _, l := range h[0].Agents[0].Losses {
		dropped += l.Records
	}
	if dropped != 15 {
		t.Errorf("losses are %+v: want 15 records", h[0].Agents[0].Losses)
	}
	if again.Restore("default", "{") == nil || again.Restore("default", "{}") == nil {
		t.Error("rubbish was restored")
	}
}

// TestSilence: an agent that is not heard of is silent after a minute, in its host's account, in the summary, and in notes, but not for ever.
func TestSilence(t *testing.T) {
	b := NewBook(testNow)
	if _, err := b.Heartbeat("default", beat("a", HeartbeatCounts{}), testNow); err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]bool{30 * time.Second: false, 2 * time.Minute: true} {
		now := testNow.Add(after)
		if s := b.Hosts("default", "", now)[0].Silent; s != want {
			t.Errorf("after %v: silent %t", after, s)
		}
		if notes := b.Notes(Question{Tenant: "default", Signal: "logs", From: now.Add(-15 * time.Minute), To: now}, now); (len(notes) > 0) != want {
			t.Errorf("after %v: notes %q", after, notes)
		}
	}
	week := testNow.Add(7 * 24 * time.Hour)
	if notes := b.Notes(Question{Tenant: "default", Signal: "logs", From: week.Add(-time.Hour), To: week}, week); len(notes) > 0 {
		t.Errorf("after a week: %q", notes)
	}
	if notes := b.Notes(Question{Tenant: "other", Signal: "logs"}, week); len(notes) > 0 {
		t.Errorf("another tenant is told: %q", notes)
	}
}

// TestBounds: however many agents and services there are, the book holds so many.
func TestBounds(t *testing.T) {
	b := NewBook(testNow)
	for i := range agentsMax {
		if _, err := b.Heartbeat("default", beat(fmt.Sprint("a", i), HeartbeatCounts{}), testNow); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Heartbeat("default", beat("one-more", HeartbeatCounts{}), testNow); err == nil {
		t.Error("more agents than the bound")
	}
	if _, err := b.Heartbeat("default", beat("one-more", HeartbeatCounts{}), testNow.Add(2*agentKeep)); err != nil {
		t.Errorf("a silent agent does not make room: %v", err)
	}
	for i := range sendersMax + 10 {
		b.Sent("default", fmt.Sprint("s", i), telemetry.Logs, Outcome{Stored: 1}, testNow)
	}
	senders := b.Senders("default")
	var sum uint64
	for _, s := range senders {
		sum += s.Stored
	}
	if len(senders) != sendersMax+1 || sum != sendersMax+10 {
		t.Errorf("%d senders, %d records", len(senders), sum)
	}
	var n numbers
	for i := range uint64(1000) {
		n.add(1+3*i, testNow)
	}
	if _, missing := n.missing(nil, testNow); len(n.Holes) != holesMax || missing != 999*2 {
		t.Errorf("%d holes, %d missing", len(n.Holes), missing)
	}
	n.add(1<<64-1, testNow)
	n.add(1<<64-1, testNow)
}

// FuzzParseHeartbeat: nothing from outside panics, and what is taken can be kept and restored.
func FuzzParseHeartbeat(f *testing.F) {
	f.Add([]byte(`{"instance":"a","host":"h","sources":[{"id":"a/logs","signal":"logs","kind":"file","read":5,"refused":{"x":1},"gaps":[{"first":1,"last":2,"reason":"r"}]}]}`))
	f.Add([]byte(`{"instance":"a","k8s":{"x":"y"},"time":"2026-11-21T12:00:00Z","queue":{"bytes":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ParseHeartbeat(body)
		if err != nil {
			return
		}
		b := NewBook(testNow)
		if _, err := b.Heartbeat("default", h, testNow); err != nil {
			t.Fatal(err)
		}
		b.Hosts("default", "", testNow)
		b.Notes(Question{Tenant: "default", Signal: "logs"}, testNow)
		_, data, err := b.Kept("default", h.Instance, testNow)
		if err != nil {
			t.Skip("a time that JSON does not hold")
		}
		if err := NewBook(testNow).Restore("default", data); err != nil {
			t.Fatalf("restore: %v", err)
		}
	})
}
