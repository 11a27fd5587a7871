package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"clew/internal/ledger"
	"clew/query/api"
)

// finding is one thing that somebody should know. What says it, Do what to do about it.
type finding struct {
	Severity string `json:"severity"`       // problem, or notice: nothing is lost and nothing will be soon
	Area     string `json:"area"`           // server, disk, log, store, ingest, agent, ledger, clock, version, tenant
	Host     string `json:"host,omitempty"` // whose it is
	What     string `json:"what"`
	Do       string `json:"do"`
}

const (
	severityProblem = "problem"
	severityNotice  = "notice"
)

// What is worth a word.
const (
	doctorLag      = 60.0 // seconds that an agent is behind
	doctorClock    = 5.0  // seconds that a clock is off: records are in another order then
	doctorQueue    = 0.8  // of an agent's queue
	doctorHeld     = 15.0 // seconds that an agent's files wait for room in it
	doctorLog      = 0.8  // of the log
	doctorFree     = 2    // times the room at which senders are told to wait
	doctorMessages = 1000 // of the log that wait to be read
)

// examination is what a server has said of itself and its agents.
type examination struct {
	since      time.Duration
	notReady   string
	status     status
	ledger     api.Ledger
	me         api.Whoami
	clockAhead time.Duration // the server's clock against ours
	findings   []finding
}

func (x *examination) add(severity, area, host, do, what string, args ...any) {
	x.findings = append(x.findings, finding{severity, area, host, fmt.Sprintf(what, args...), do})
}

// diagnose lists the findings: problems first, the server's before the hosts'.
func (x *examination) diagnose() []finding {
	x.findings = []finding{}
	x.server()
	x.disk()
	x.ingest()
	for i := range x.ledger.Hosts {
		x.host(&x.ledger.Hosts[i])
	}
	x.senders()
	slices.SortStableFunc(x.findings, func(a, b finding) int { return strings.Compare(b.Severity, a.Severity) })
	return x.findings
}

func (x *examination) server() {
	if x.notReady != "" {
		x.add(severityProblem, "server", "", "wait a minute; if it stays so, the server's own log says why (docs/operate.md, At 3 a.m.)", "clew is not ready: %s", strings.TrimSpace(x.notReady))
	}
	if ahead := x.clockAhead.Seconds(); math.Abs(ahead) > doctorClock {
		x.add(severityNotice, "clock", "", "look at the time synchronisation (chronyc tracking, timedatectl) here and there", "the server's clock is %s this one", apart(ahead))
	}
	for _, port := range x.me.Open {
		x.add(severityProblem, "server", "", "say who may (access) and with which certificates (tls) in clew.yaml, or listen on 127.0.0.1: docs/security.md", "anyone who reaches it can use it: %s", port)
	}
	for _, a := range x.status.Aside {
		x.add(severityProblem, "store", "", "clew check says what is damaged; restore the files from a backup, or take the segment out with clew check --repair",
			"segment %s is damaged and left out of answers: %s", a.Segment, a.Reason)
	}
	if s := x.status.Store; s != nil && !s.Away.IsZero() {
		x.add(severityProblem, "store", "", "mend the way to the object store; until then segments wait on the local disk, and the log fills up",
			"the object store %s is away since %s: %s", s.URL, s.Away.Format(time.RFC3339), s.Error)
	}
}

func (x *examination) disk() {
	d := &x.status.Disk
	switch {
	case d.Stuck && d.FreeBytesMin == 0: // the log is not on a disk of this process
		x.add(severityProblem, "log", "", "do the servers of nats.urls run, and reach each other? clew connects again by itself", "NATS can't be reached, and the log takes nothing")
	case d.Stuck:
		x.add(severityProblem, "disk", "", "make room on the disk of the data directory: clew takes records again by itself", "a write failed, and the log takes nothing")
	case d.FreeBytes < d.FreeBytesMin:
		x.add(severityProblem, "disk", "", "make room, or lower ingest.retention.total_bytes", "%s are free on the disk, senders are told to wait below %s", bytesText(d.FreeBytes), bytesText(d.FreeBytesMin))
	case d.FreeBytes < doctorFree*d.FreeBytesMin:
		x.add(severityNotice, "disk", "", "make room before it is too late, or lower ingest.retention.total_bytes", "%s are free on the disk; below %s senders are told to wait", bytesText(d.FreeBytes), bytesText(d.FreeBytesMin))
	}
	for reason, n := range d.Refused {
		if n > 0 {
			x.add(severityNotice, "log", "", "senders that can wait have sent again; those that cannot have lost it (docs/operate.md, Disk)", "%d appends were refused since the start, for want of room (%s)", n, reason)
		}
	}
	if l := &x.status.Log; l.BytesMax > 0 && float64(l.Bytes) > doctorLog*float64(l.BytesMax) {
		x.add(severityProblem, "log", "", "see why nothing is sealed: seal errors and the store above; or raise log.bytes_max",
			"the log holds %s of %s: senders are told to wait when it is full", bytesText(l.Bytes), bytesText(l.BytesMax))
	}
}

func (x *examination) ingest() {
	for _, s := range x.status.Ingest.Shards {
		if s.State != "owned" && !strings.HasPrefix(s.State, "served by ") && x.notReady == "" {
			x.add(severityProblem, "ingest", "", "the server's log says why", "shard %d is not served: %s %s", s.Shard, s.State, s.Error)
		}
		if s.SealError != "" {
			x.add(severityProblem, "ingest", "", "records are safe in the log and searchable; see the disk and the store", "shard %d cannot write segments since %s: %s", s.Shard, s.SealFailing.Format(time.RFC3339), s.SealError)
		}
		if s.Lag > doctorMessages {
			x.add(severityNotice, "ingest", "", "what has arrived is found late; it needs more CPU, or the store is slow", "shard %d is %d messages behind", s.Shard, s.Lag)
		}
		if s.Damaged > 0 {
			x.add(severityProblem, "log", "", "the disk gives back other bytes than were written: look at its SMART values, and at damaged_messages in /api/v1/status", "%d messages of shard %d's log were damaged and are lost", s.Damaged, s.Shard)
		}
	}
	for _, l := range x.status.Limits {
		for reason, n := range l.Refused {
			x.add(severityNotice, "tenant", "", "raise the tenant's limits (tenants in clew.yaml), or find out who sends so much: clew usage", "%d requests of tenant %s were refused since the start (%s)", n, l.Tenant, reason)
		}
	}
}

func (x *examination) host(h *ledger.HostAccount) {
	if h.Silent {
		x.add(severityProblem, "agent", h.Host, "is the host up? On it: systemctl status clew-agent; clew agent --check --collector HOST:PORT",
			"%s is silent since %s", h.Host, h.LastHeard.Format(time.RFC3339))
	}
	now := x.ledger.Now
	for i := range h.Agents {
		a := &h.Agents[i]
		if i > 0 && now.Sub(a.LastHeard) > ledger.SilentAfter {
			continue // it was replaced by another
		}
		x.agent(h, a)
	}
	for i := range h.Flows {
		f := &h.Flows[i]
		if !h.Silent && f.LagSeconds > doctorLag {
			x.add(severityProblem, "agent", h.Host, "its collectors are away or slow, or it was just started again: the agent's log says; what waits is on its disk",
				"%s of %s are %s behind", f.Signal, h.Host, time.Duration(f.LagSeconds*float64(time.Second)).Round(time.Second))
		}
		if f.Missing > 0 {
			x.add(severityProblem, "ledger", h.Host, "a backup was restored here, or another collector with a storage of its own has taken them; if neither, keep the data directory and report it",
				"%d %s of %s were acknowledged and are not stored", f.Missing, f.Signal, h.Host)
		}
		if f.MissingNumbers > 0 {
			x.add(severityNotice, "ledger", h.Host, "they went to another collector with a storage of its own, or were lost before they came: compare the ledgers of all collectors",
				"%d batches of %s of %s never came here: numbers %s", f.MissingNumbers, f.Signal, h.Host, rangesText(f.Gaps))
		}
	}
}

func (x *examination) agent(h *ledger.HostAccount, a *ledger.AgentAccount) {
	if a.Heartbeat != nil && math.Abs(a.ClockAhead) > doctorClock {
		x.add(severityProblem, "clock", h.Host, "look at the time synchronisation on the host (chronyc tracking, timedatectl): its records are found at the wrong time",
			"the clock of %s is %s the server's", h.Host, apart(a.ClockAhead))
	}
	if a.Version != "" && x.status.Version != "" && a.Version != x.status.Version {
		x.add(severityNotice, "version", h.Host, "update the older one; agents may be a version behind", "the agent on %s is %s, the server %s", h.Host, a.Version, x.status.Version)
	}
	if q := a.Queue; q.BytesMax > 0 && float64(q.Bytes) > doctorQueue*float64(q.BytesMax) {
		x.add(severityProblem, "agent", h.Host, "bring its collectors back; when the queue is full, files and the journal wait and the rest is dropped (--queue-bytes)",
			"the queue of %s holds %s of %s", h.Host, bytesText(q.Bytes), bytesText(q.BytesMax))
	}
	if q := a.Queue; q.Held != "" && q.HeldSince != nil && a.Heartbeat != nil && a.Heartbeat.Sub(*q.HeldSince).Seconds()+a.ClockAhead > doctorHeld {
		x.add(severityProblem, "agent", h.Host, lossAdvice(q.Held), "files and the journal of %s wait since %s (%s): what is written since is read when there is room, if it has not been rotated away",
			h.Host, q.HeldSince.UTC().Format(time.RFC3339), q.Held)
	}
	since := x.ledger.Now.Add(-x.since)
	for _, l := range a.Losses {
		if l.To.Before(since) {
			continue
		}
		severity := severityProblem
		if ledger.Intended(l.Reason) {
			severity = severityNotice
		}
		x.add(severity, "ledger", h.Host, lossAdvice(l.Reason), "%d %s of %s were %s (%s), last at %s", l.Records, l.Signal, h.Host, l.What, l.Reason, l.To.Format(time.RFC3339))
	}
}

// lossAdvice says what to do about a reason for which records are lost.
func lossAdvice(reason string) string {
	switch reason {
	case "queue_full", "queue_full_oldest":
		return "the agent's queue was full: bring its collectors back sooner, or give it more room (--queue-bytes)"
	case "queue_disk", "queue_write_failed":
		return "the disk of the agent's data directory is almost full (128 MiB are left to others) or fails: make room"
	case "queue_damaged":
		return "the agent's disk does not give back what was written: look at its SMART values"
	case "sampled":
		return "nothing: the agent's configuration says so (processors.sample)"
	case "tenant_services", "tenant_series":
		return "the tenant has more services or series than it may: find the name with an id in it, or raise the limit (tenants in clew.yaml)"
	case "record_too_large", "too_large", "queue_entry_large":
		return "a record is larger than the collector takes: collector.otlp.record_bytes_max, body_bytes_max"
	}
	return "see the reason in docs/agent.md and the agent's log"
}

func (x *examination) senders() {
	since := x.ledger.Now.Add(-x.since)
	for i := range x.ledger.Senders {
		s := &x.ledger.Senders[i]
		if s.LastHeard.Before(since) {
			continue
		}
		for reason, n := range s.Refused {
			x.add(severityNotice, "ledger", "", "its SDK has sent it again, or given it up: there is no way to tell. An agent beside it keeps what is refused",
				"%d %s of service %q were refused since the server's start (%s)", n, s.Signal, s.Service, reason)
		}
	}
}

// apart says how far a clock is off.
func apart(seconds float64) string {
	d := time.Duration(math.Abs(seconds) * float64(time.Second)).Round(100 * time.Millisecond)
	if seconds < 0 {
		return d.String() + " behind"
	}
	return d.String() + " ahead of"
}

// rangesText names ranges of numbers that nobody explains, the latest ones.
func rangesText(gaps []ledger.NumberGap) string {
	const most = 5
	var parts []string
	for _, g := range gaps {
		switch {
		case g.Reason != "":
		case g.First == g.Last:
			parts = append(parts, fmt.Sprint(g.First))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", g.First, g.Last))
		}
	}
	if n := len(parts) - most; n > 0 {
		parts = append([]string{"..."}, parts[n:]...)
	}
	return strings.Join(parts, ", ")
}
