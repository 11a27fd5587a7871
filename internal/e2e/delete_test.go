package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/query/api"
)

// sendNumbered sends n log records, every fifth of user 1, with numbers from first on.
func sendNumbered(t *testing.T, p *harness.Process, first, n int) {
	t.Helper()
	var records []string
	for i := first; i < first+n; i++ {
		records = append(records, fmt.Sprintf(`{"severityNumber":9,"body":{"stringValue":"order %d of user u%d is paid"},"attributes":[{"key":"user.id","value":{"intValue":%d}}]}`, i, i%5, i%5))
	}
	body := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[` + strings.Join(records, ",") + `]}]}]}`
	if code, text := postJSON(t, p.OTLP, "/v1/logs", body); code != 200 {
		t.Fatalf("%d: %s", code, text)
	}
}

// Records of a user are deleted from segments and heads, by the terminal and by a request that a kill -9 interrupts; what remains is exact, the audit
// record counts each record once, and a request that a web page could make does nothing.
func TestDelete(t *testing.T) {
	data := tempData(t)
	p := start(t, data, "")
	sent := 0
	send := func(rounds int) {
		for range rounds {
			sendNumbered(t, p, sent, 100)
			sent += 100
		}
	}
	send(3)
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	send(3)
	if code, text := postJSON(t, p.HTTP, "/api/v1/admin/delete?query=*", "{}"); code != 403 {
		t.Fatalf("a page's request: %d %s", code, text)
	}
	if out, code := clew(t, p, "delete", "--query", "user.id:1"); code != 0 || !strings.HasPrefix(out, "120 log records match") {
		t.Errorf("dry run: %d, %q", code, out)
	}
	if n := countLogs(t, p, ""); n != 600 {
		t.Errorf("%d records after a dry run, want 600", n)
	}
	if out, code := clew(t, p, "delete", "--query", "user.id:1", "--yes"); code != 0 || !strings.HasPrefix(out, "120 log records deleted") {
		t.Errorf("%d, %q", code, out)
	}
	if out, code := clew(t, p, "delete", "--query", "user.id:1", "--yes"); code != 1 {
		t.Errorf("again: %d, %q", code, out)
	}
	left := func(what string) {
		t.Helper()
		for query, want := range map[string]uint64{"": uint64(sent - sent/5), "user.id:1": 0, "/user u1 /": 0, "u2": uint64(sent / 5), "u1": 0} {
			if n := countLogs(t, p, query); n != want {
				t.Errorf("%s: %q counts %d, want %d", what, query, n, want)
			}
		}
	}
	left("deleted")
	for round := range 3 {
		send(2)
		if err := p.Post(t.Context(), "/api/v1/admin/delete?query=user.id:1&by=test", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(round) * 3 * time.Millisecond)
		p.Kill()
		p = start(t, data, "")
		var waiting api.DeletionList
		eventually(t, 20*time.Second, "the deletion goes on after kill -9", func() bool {
			get(t, p, "/api/v1/admin/delete", url.Values{}, &waiting)
			return len(waiting.Deletions) == 0
		})
		left(fmt.Sprint("killed ", round))
	}
	var audit api.DeletionList
	get(t, p, "/api/v1/admin/audit", url.Values{}, &audit)
	records := int64(0)
	for _, d := range audit.Deletions {
		records += d.Records
	}
	if len(audit.Deletions) != 5 || records != int64(sent/5) {
		t.Errorf("%d deletions of %d records are on record, want 5 of %d", len(audit.Deletions), records, sent/5)
	}
}

// Small segments are merged in the background, with exact counts at every moment, and a kill -9 does not matter.
func TestCompaction(t *testing.T) {
	data := tempData(t)
	p := start(t, data, "")
	segments := func() int {
		var s struct {
			Segments int `json:"segments"`
		}
		get(t, p, "/api/v1/status", url.Values{}, &s)
		return s.Segments
	}
	const seals = 12
	for i := range seals {
		sendNumbered(t, p, i*10, 10)
		if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 40*time.Second, "eight small segments are merged", func() bool {
		if n := countLogs(t, p, ""); n != 10*seals {
			t.Fatalf("%d records, want %d", n, 10*seals)
		}
		return segments() < seals
	})
	p.Kill()
	p = start(t, data, "")
	if n := countLogs(t, p, ""); n != 10*seals {
		t.Errorf("%d records after kill -9, want %d", n, 10*seals)
	}
}
