package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestGauges(t *testing.T) {
	now := time.Now()
	b := NewBook(now)
	for instance, at := range map[string]time.Time{"a": now, "b": now.Add(-2 * time.Minute)} {
		beat := &Heartbeat{Instance: instance, Host: instance, Time: at, Sources: []HeartbeatSource{{ID: instance + "/logs", Signal: "logs", Kind: "file", LagSeconds: 7}}}
		beat.Sources[0].Dropped = map[string]uint64{"queue_full": 3}
		beat.Sources[0].Refused = map[string]uint64{"too_large": 1}
		if _, err := b.Heartbeat("default", beat, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, seq := range []uint64{1, 2, 5} {
		b.Batch("default", Number{Source: "a/logs", Seq: seq}, Outcome{Stored: 1}, now)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(b); err != nil {
		t.Fatal(err)
	}
	want := `# HELP clew_ledger_agents Agents that are known, of all tenants, by state: up, or silent for longer than a minute.
# TYPE clew_ledger_agents gauge
clew_ledger_agents{state="silent"} 1
clew_ledger_agents{state="up"} 1
# HELP clew_ledger_lag_seconds The largest age of a record that waits in an agent that is not silent.
# TYPE clew_ledger_lag_seconds gauge
clew_ledger_lag_seconds{signal="logs"} 7
clew_ledger_lag_seconds{signal="metrics"} 0
clew_ledger_lag_seconds{signal="spans"} 0
# HELP clew_ledger_lost_records Records that the agents that are known have refused or dropped since they were installed, by reason (sampled was intended).
# TYPE clew_ledger_lost_records gauge
clew_ledger_lost_records{reason="queue_full",signal="logs",what="dropped"} 6
clew_ledger_lost_records{reason="too_large",signal="logs",what="refused"} 2
# HELP clew_ledger_missing_numbers Batches of agents that never came and that no agent tells of.
# TYPE clew_ledger_missing_numbers gauge
clew_ledger_missing_numbers{signal="logs"} 2
clew_ledger_missing_numbers{signal="metrics"} 0
clew_ledger_missing_numbers{signal="spans"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
