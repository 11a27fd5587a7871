package deletion

import (
	"errors"
	"testing"
	"time"

	"clew/index/store"
	"clew/internal/telemetry"
)

func openStore(t *testing.T) store.Store {
	t.Helper()
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func request(id string) *Request {
	return &Request{Version: Version, ID: id, Tenant: telemetry.DefaultTenant, Signal: telemetry.Logs, Query: "*", To: 1}
}

// What was done after a time is to be done again, and its old outcome is kept aside; what was done before, and what is waiting, stays as it is.
func TestReopen(t *testing.T) {
	ctx, st := t.Context(), openStore(t)
	since := time.Unix(1_790_000_000, 0).UTC()
	for id, finished := range map[string]time.Time{"1-before": since.Add(-time.Second), "2-after": since.Add(time.Second), "3-waiting": {}} {
		if err := request(id).Put(ctx, st); err != nil {
			t.Fatal(err)
		}
		if finished.IsZero() {
			continue
		}
		if err := (&Outcome{Version: Version, ID: id, Finished: finished, Records: 5}).Put(ctx, st); err != nil {
			t.Fatal(err)
		}
	}
	moved, err := Reopen(ctx, st, since)
	if err != nil || len(moved) != 1 {
		t.Fatalf("moved %v, %v", moved, err)
	}
	if _, err := st.Size(ctx, moved[0]); err != nil {
		t.Errorf("the old outcome: %v", err)
	}
	waiting, err := List(ctx, st, true, 10)
	if err != nil || len(waiting) != 2 || waiting[0].ID != "3-waiting" || waiting[1].ID != "2-after" {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}
	all, err := List(ctx, st, false, 10)
	if err != nil || len(all) != 3 || all[2].Outcome == nil || all[2].Records != 5 {
		t.Errorf("all: %+v, %v", all, err)
	}
	if audit, err := Read(ctx, st); err != nil || audit.Waiting != 2 || audit.Requests != 3 || len(audit.Findings) != 0 {
		t.Errorf("audit %+v, %v", audit, err)
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"metrics": func(r *Request) { r.Signal = telemetry.Metrics },
		"query":   func(r *Request) { r.Query = "" },
		"long":    func(r *Request) { r.Query = string(make([]byte, queryBytesMax+1)) },
		"by":      func(r *Request) { r.By = string(make([]byte, byBytesMax+1)) },
	} {
		r := request("a")
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		if change(r); !errors.As(r.Check(), new(*RefusedError)) {
			t.Errorf("%s: %v, want a refusal", name, r.Check())
		}
	}
}
