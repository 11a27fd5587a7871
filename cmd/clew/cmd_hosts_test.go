package main

import (
	"strings"
	"testing"
	"time"

	"clew/query/api"
)

func TestPrintHosts(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	half, none := 0.5, 0.0
	var out strings.Builder
	err := printHosts(&out, []api.HostEntry{
		{Host: "gone", Status: "silent", LastHeard: "2026-11-18T09:00:00Z"},
		{
			Host: "web\x1b[31m\n1", Status: "up", LastHeard: "2026-11-21T11:59:57.5Z", Heartbeat: "2026-11-21T11:59:50Z", LagSeconds: 75, Lost: 12, OS: "linux",
			Load:    &api.HostLoad{CPU: &half, Memory: &none},
			Traffic: []api.HostTraffic{{Signal: "logs", PerSecond: 1234.5}, {Signal: "spans", PerSecond: 0.25}},
		},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"HOST", "STATUS", "HEARD", "CPU", "MEM", "DISK", "LOGS/S", "SPANS/S", "POINTS/S", "LAG", "LOST", "OS"},
		{"gone", "silent", "3d03h", "-", "-", "-", "-", "-", "-", "-", "-"},
		{"web", "[31m", "1", "up", "2s", "50%", "0%", "-", "1234", "0.25", "-", "1m15s", "12", "linux"},
	}
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	for i, line := range lines {
		if i >= len(want) || strings.Join(strings.Fields(line), "|") != strings.Join(want[i], "|") {
			t.Errorf("line %d: %q, want %q", i, line, want[min(i, len(want)-1)])
		}
	}
}
