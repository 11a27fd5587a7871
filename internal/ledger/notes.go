package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// reasonSampled is what agents call records that were left out because their configuration says so.
const reasonSampled = "sampled"

// Intended says whether records are dropped for this reason because somebody has decided so: they are in the account and not lost.
func Intended(reason string) bool { return reason == reasonSampled }

// lostOf is Sum without what was intended.
func lostOf(reasons map[string]uint64) uint64 {
	var n uint64
	for reason, v := range reasons {
		if !Intended(reason) {
			n += v
		}
	}
	return n
}

// Question is what an answer is about.
type Question struct {
	Tenant   string
	Signal   string    // logs, spans, metrics
	Hosts    []string  // empty: all
	From, To time.Time // zero: unbounded
}

func (q *Question) overlaps(from, to time.Time) bool {
	return (q.To.IsZero() || from.Before(q.To)) && (q.From.IsZero() || !to.Before(q.From))
}

// Notes says what is known to be missing from an answer, a sentence for each host: records lost in its time range, agents that went silent, lag. They are as
// sharp as heartbeats are: what was lost in one was lost within ten seconds.
func (b *Book) Notes(q Question, now time.Time) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var notes []string
	for key, a := range b.agents {
		if key.tenant != q.Tenant || len(q.Hosts) > 0 && !slices.Contains(q.Hosts, a.name(key)) {
			continue
		}
		if parts := a.lacks(&q, b.silentLocked(a.heard, now), now); len(parts) > 0 {
			notes = append(notes, fmt.Sprintf("host %s: %s", a.name(key), strings.Join(parts, "; ")))
		}
	}
	slices.Sort(notes)
	if s := b.shared; s != nil && s.listening.IsZero() && now.Sub(b.started) > deafAfter {
		notes = append([]string{"what agents say is not known: this process does not hear the others"}, notes...)
	}
	if more := len(notes) - notesMax; more > 0 {
		notes = append(notes[:notesMax], fmt.Sprintf("and %d more hosts: see /api/v1/ledger", more))
	}
	return notes
}

// lacks says what a part of an answer lacks, which is of an agent that is silent or not.
func (a *agentState) lacks(q *Question, silent bool, now time.Time) []string {
	var parts []string
	by := map[string]uint64{}
	var kinds []string
	for _, l := range a.losses {
		if l.Signal != q.Signal || Intended(l.Reason) || !q.overlaps(l.From, l.To) {
			continue
		}
		kind := l.What + " (" + l.Reason + ")"
		if by[kind] == 0 {
			kinds = append(kinds, kind)
		}
		by[kind] += l.Records
	}
	for _, kind := range kinds {
		parts = append(parts, fmt.Sprintf("%d %s %s", by[kind], noun(q.Signal), kind))
	}
	var told []NumberGap
	lag := 0.0
	if a.heartbeat != nil {
		for i := range a.heartbeat.Sources {
			if s := &a.heartbeat.Sources[i]; s.Signal == q.Signal {
				told = s.Gaps
				lag = max(lag, s.LagSeconds)
			}
		}
	}
	if lane := a.lanes[q.Signal]; lane != nil {
		holes, _ := lane.missing(told, now)
		var n uint64
		for _, h := range holes {
			if h.Seen == nil || q.overlaps(*h.Seen, *h.Seen) {
				n += h.Last - h.First + 1
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d batches of %s never came", n, q.Signal))
		}
	}
	switch {
	case silent && (q.To.IsZero() || a.heard.Before(q.To)) && (q.From.IsZero() || a.heard.After(q.From.Add(-silentNoted))):
		parts = append(parts, fmt.Sprintf("silent since %s", a.heard.UTC().Format(time.RFC3339)))
	case !silent && lag > SilentAfter.Seconds() && (q.To.IsZero() || q.To.After(now.Add(-time.Duration(lag*float64(time.Second))))):
		parts = append(parts, fmt.Sprintf("%s behind, what is younger is on its way", time.Duration(lag*float64(time.Second)).Round(time.Second)))
	}
	return parts
}

func noun(signal string) string {
	switch signal {
	case "spans":
		return "spans"
	case "metrics":
		return "data points"
	}
	return "log records"
}
