package main

import (
	"strings"
	"testing"
	"time"

	"clew/ingest"
	"clew/internal/ledger"
	"clew/query/api"
)

// Each thing that is wrong is found, once, and with what to do; a clew that is well has no findings.
func TestDoctor(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	heard := now.Add(-5 * time.Second)
	for name, c := range map[string]struct {
		ail  func(x *examination, h *ledger.HostAccount)
		want string
	}{
		"well":      {func(*examination, *ledger.HostAccount) {}, ""},
		"not ready": {func(x *examination, _ *ledger.HostAccount) { x.notReady = "the log is being replayed" }, "problem clew is not ready: the log is being replayed"},
		"disk":      {func(x *examination, _ *ledger.HostAccount) { x.status.Disk.FreeBytes = 1 << 20 }, "problem 1.0 MiB are free"},
		"disk soon": {func(x *examination, _ *ledger.HostAccount) { x.status.Disk.FreeBytes = 3 << 29 }, "notice 1.5 GiB are free"},
		"log":       {func(x *examination, _ *ledger.HostAccount) { x.status.Log.Bytes = 95 }, "problem the log holds 95 B of 100 B"},
		"shard":     {func(x *examination, _ *ledger.HostAccount) { x.status.Ingest.Shards[0].SealError = "no" }, "problem shard 0 cannot write segments"},
		"silent":    {func(_ *examination, h *ledger.HostAccount) { h.Silent = true }, "problem web is silent since"},
		"lag":       {func(_ *examination, h *ledger.HostAccount) { h.Flows[0].LagSeconds = 600 }, "problem logs of web are 10m0s behind"},
		"missing":   {func(_ *examination, h *ledger.HostAccount) { h.Flows[0].Missing = 3 }, "problem 3 logs of web were acknowledged and are not stored"},
		"numbers": {func(_ *examination, h *ledger.HostAccount) {
			h.Flows[0].MissingNumbers = 3
			h.Flows[0].Gaps = []ledger.NumberGap{{First: 1, Last: 4, Reason: "queue_full"}, {First: 7, Last: 8}, {First: 11, Last: 11}}
		}, "notice 3 batches of logs of web never came here: numbers 7-8, 11"},
		"clock":   {func(_ *examination, h *ledger.HostAccount) { h.Agents[0].ClockAhead = -90 }, "problem the clock of web is 1m30s behind the server's"},
		"version": {func(_ *examination, h *ledger.HostAccount) { h.Agents[0].Version = "0" }, "notice the agent on web is 0, the server 1"},
		"queue": {func(_ *examination, h *ledger.HostAccount) {
			h.Agents[0].Queue = ledger.AgentQueue{Bytes: 90, BytesMax: 100}
		}, "problem the queue of web holds 90 B of 100 B"},
		"held": {func(_ *examination, h *ledger.HostAccount) {
			since := heard.Add(-time.Minute)
			h.Agents[0].Queue = ledger.AgentQueue{Bytes: 1, BytesMax: 100, Held: "queue_disk", HeldSince: &since}
		}, "problem files and the journal of web wait since 2026-11-21T11:58:55Z (queue_disk)"},
		"held for a moment": {func(_ *examination, h *ledger.HostAccount) {
			h.Agents[0].Queue = ledger.AgentQueue{Bytes: 1, BytesMax: 100, Held: "queue_full", HeldSince: &heard}
		}, ""},
		"loss": {func(_ *examination, h *ledger.HostAccount) {
			h.Agents[0].Losses = []ledger.Loss{{To: heard, Signal: "logs", What: "dropped", Reason: "queue_full", Records: 5}}
		}, "problem 5 logs of web were dropped (queue_full)"},
		"an old loss": {func(_ *examination, h *ledger.HostAccount) {
			h.Agents[0].Losses = []ledger.Loss{{To: now.Add(-48 * time.Hour), Signal: "logs", What: "dropped", Reason: "queue_full", Records: 5}}
		}, ""},
		"sampling": {func(_ *examination, h *ledger.HostAccount) {
			h.Agents[0].Losses = []ledger.Loss{{To: heard, Signal: "spans", What: "dropped", Reason: "sampled", Records: 5}}
		}, "notice 5 spans of web were dropped (sampled)"},
		"a replaced agent": {func(_ *examination, h *ledger.HostAccount) {
			h.Agents = append(h.Agents, ledger.AgentAccount{Version: "0", LastHeard: now.Add(-time.Hour)})
		}, ""},
		"sender": {func(x *examination, _ *ledger.HostAccount) {
			x.ledger.Senders = []ledger.SenderAccount{{Service: "shop", Signal: "spans", LastHeard: heard, Refused: map[string]uint64{"disk": 4}}}
		}, `notice 4 spans of service "shop" were refused`},
	} {
		h := ledger.HostAccount{
			Host: "web", LastHeard: heard, Flows: []ledger.Flow{{Signal: "logs"}},
			Agents: []ledger.AgentAccount{{Instance: "a", Version: "1", Heartbeat: &heard, LastHeard: heard}},
		}
		x := examination{since: 24 * time.Hour}
		x.status.Version = "1"
		x.status.Disk = diskStatus{FreeBytes: 10 << 30, FreeBytesMin: 1 << 30}
		x.status.Log = logStatus{Bytes: 5, BytesMax: 100}
		x.status.Ingest.Shards = []ingest.ShardStatus{{State: "owned"}}
		x.ledger = api.Ledger{Now: now}
		c.ail(&x, &h)
		x.ledger.Hosts = []ledger.HostAccount{h}
		findings := x.diagnose()
		if c.want == "" {
			if len(findings) > 0 {
				t.Errorf("%s: %+v", name, findings)
			}
			continue
		}
		if len(findings) != 1 || !strings.HasPrefix(findings[0].Severity+" "+findings[0].What, c.want) || findings[0].Do == "" {
			t.Errorf("%s: %+v, want %q", name, findings, c.want)
		}
	}
}
