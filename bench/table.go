package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// goal is what a row is to reach, and what others reached. Peers were measured in November 2026 on the same kind of machine from OTLP bodies
// of the same sizes, VictoriaTraces in July 2025; Jaeger had a quarter of the spans.
type goal struct {
	target  float64 // 0: none
	atLeast bool    // the target is a least, not a most
	peers   string
}

// goals are those of rows, by signal and row, at full scale.
var goals = map[string]goal{
	"logs: records per CPU-second": {150_000, true, "VictoriaLogs 1.26 87,000 (no fsync); Loki 3.8 29,000"},
	"logs: MB on disk":             {210, false, "VictoriaLogs 295; Loki 2,803 (380 settled)"},
	"logs: MB peak memory":         {600, false, "VictoriaLogs 427; Loki 3,600"},

	"logs: count of a rare word":                             {4, false, "VictoriaLogs 9; Loki 9,400"},
	"logs: count of a uuid":                                  {4, false, "VictoriaLogs 5; Loki 9,400"},
	"logs: count of a phrase of common words":                {5, false, "VictoriaLogs 69 (another phrase 153)"},
	"logs: count of a substring inside words":                {15, false, "VictoriaLogs 504"},
	"logs: count of a regex over words and numbers":          {30, false, "VictoriaLogs 61"},
	"logs: count of a regex with only a short literal":       {60, false, "VictoriaLogs 397"},
	"logs: log records of one trace id":                      {3, false, "VictoriaLogs 4"},
	"logs: last 100 ERROR records of a service":              {8, false, "VictoriaLogs 13"},
	"logs: count by service":                                 {1, false, "VictoriaLogs 1.0"},
	"logs: severity histogram in 5-minute steps":             {10, false, "VictoriaLogs 97"},
	"spans: records per CPU-second":                          {90_000, true, "VictoriaTraces 37,000; Tempo 3.0 14,700; Jaeger 2.20 3,400"},
	"spans: MB on disk":                                      {210, false, "VictoriaTraces 295; Tempo 2,721 (585 settled)"},
	"spans: MB peak memory":                                  {700, false, "VictoriaTraces 675; Tempo 7,300"},
	"spans: trace by id, all spans returned":                 {2, false, "Jaeger 1.4; VictoriaTraces 7; Tempo 49"},
	"spans: trace by id, first touch":                        {15, false, "Jaeger 13; Tempo 77; VictoriaTraces 187"},
	"spans: traces of a service with a span over a duration": {15, false, "Tempo 57; VictoriaTraces 98"},
	"spans: traces with a rare attribute value (order.id)":   {3, false, "Jaeger 1.7; VictoriaTraces 13; Tempo 246 (all with the service given)"},
	"metrics: records per CPU-second":                        {300_000, true, "Prometheus 3 over OTLP 370,000 (no fsync)"},
	"metrics: MB on disk":                                    {0, false, "Prometheus 3 36 in its WAL, 16 as a block"},
	"metrics: bytes a record, sealed":                        {2.8, false, "Prometheus 3 10.1 in its WAL, 4.4 as a block"},
	"metrics: MB peak memory":                                {400, false, ""},
	"metrics: instant sum over 200 series":                   {1, false, "Prometheus 3 1.0"},
	"metrics: sum(rate([5m])) over 200 series":               {3.4, false, "Prometheus 3 3.4"},
	"metrics: count of all series":                           {98, false, "Prometheus 3 98"},
	"metrics: CPU rate by node, 30 min in 15 s steps":        {108, false, "Prometheus 3 108"},
	"metrics: CPU rate by node, all states but idle":         {700, false, ""},
	"metrics: p95 over nodes":                                {27, false, "Prometheus 3 27"},
	"spans: spans by service":                                {2, false, "VictoriaTraces 2.7; Tempo 583"},
}

// table prints figures beside their goals, a row at a time, as a table of Markdown.
type table struct {
	out    io.Writer
	signal string
	// missed counts the rows that did not reach their goal.
	missed int
}

const rowFormat = "| %-52s | %12s | %10s | %-4s | %-34s | %s |\n"

// head begins a signal's table.
func (t *table) head(signal, conditions string) {
	t.signal = signal
	fmt.Fprintf(t.out, "\n%s\n\n", conditions)
	fmt.Fprintf(t.out, rowFormat, signal, "measured", "target", "", "", "peers")
	dashes := func(n int) string { return strings.Repeat("-", n) }
	fmt.Fprintf(t.out, rowFormat, dashes(52), dashes(11)+":", dashes(9)+":", dashes(4), dashes(34), dashes(5))
}

// row prints a figure.
func (t *table) row(name string, value float64, format, note string) {
	t.print(name, goals[t.signal+": "+name], value, format, note)
}

func (t *table) print(name string, g goal, value float64, format, note string) {
	target, verdict := "", ""
	if g.target > 0 {
		sign, met := "<= ", value <= g.target
		if g.atLeast {
			sign, met = ">= ", value >= g.target
		}
		target, verdict = sign+fmt.Sprintf(strings.TrimSuffix(format, " ms"), g.target), "met"
		if !met {
			verdict = "MISS"
			t.missed++
		}
	}
	fmt.Fprintf(t.out, rowFormat, name, fmt.Sprintf(format, value), target, verdict, note, g.peers)
}

// ingested prints what it took to take a corpus in.
func (t *table) ingested(in *ingested, beside *peer) {
	if beside != nil {
		other := beside.in
		t.beside("records per CPU-second", in.perSecond(), other.perSecond(), "%.0f", "Prometheus does not fsync requests")
		t.beside("MB on disk", float64(in.disk)/1e6, float64(other.disk)/1e6, "%.1f", "Prometheus: its WAL")
		t.beside("MB peak memory", float64(in.peak)/1e6, float64(other.peak)/1e6, "%.1f", "VmHWM, ingest")
		return
	}
	t.row("records per CPU-second", in.perSecond(), "%.0f", fmt.Sprintf("%.2f microseconds a record", in.cpu.Seconds()*1e6/float64(in.records)))
	t.row("MB on disk", float64(in.disk)/1e6, "%.1f", fmt.Sprintf("%.1f of them log/RESERVE", float64(in.reserve)/1e6))
	t.row("bytes a record, sealed", float64(in.sealed)/float64(in.records), "%.2f", "segments and commits")
	t.row("MB peak memory", float64(in.peak)/1e6, "%.1f", "VmHWM, ingest")
}

// beside prints a figure with what a peer had in the same run. For a time that is the target: both had the same machine.
func (t *table) beside(name string, value, theirs float64, format, note string) {
	key := t.signal + ": " + name
	g := goals[key]
	g.peers = fmt.Sprintf("Prometheus in this run "+format+", ratio %.2f", theirs, value/theirs)
	if strings.HasSuffix(format, " ms") {
		g.target = theirs
	}
	t.print(name, g, value, format, note)
}

// time prints a duration in milliseconds.
func (t *table) time(name string, d time.Duration, note string) { t.row(name, ms(d), "%.2f ms", note) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
