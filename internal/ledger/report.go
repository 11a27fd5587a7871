package ledger

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"clew/internal/telemetry"
)

// logCounts are what the log says of all sources, by source and tenant's mark.
type logCounts struct {
	by    map[string]Stored
	whole bool
}

func (b *Book) logCounts() logCounts {
	b.mu.Lock()
	stored := b.stored
	b.mu.Unlock()
	accounts, whole := stored()
	c := logCounts{by: make(map[string]Stored, len(accounts)), whole: whole}
	for id, s := range accounts {
		source, mark, ok := splitSourceID(id)
		if !ok {
			continue
		}
		sum, known := c.by[source+"/"+mark]
		if !known || s.First != 0 && s.First < sum.First {
			sum.First = s.First
		}
		sum.Last = max(sum.Last, s.Last)
		sum.Records += s.Records
		sum.Repeated += s.Repeated
		c.by[source+"/"+mark] = sum
	}
	return c
}

func (c *logCounts) of(tenant, source string) Stored { return c.by[source+"/"+tenantMark(tenant)] }

// Hosts lists a tenant's hosts by name. host, if not empty, chooses one.
func (b *Book) Hosts(tenant, host string, now time.Time) []HostAccount {
	return b.settle(b.drafts(now, func(key agentKey, a *agentState) bool {
		return key.tenant == tenant && (host == "" || a.name(key) == host)
	}), now)
}

// draft is an agent's account without what the log says. It is made first: what was acknowledged before the log is asked must be in the log.
type draft struct {
	AgentAccount
	key    agentKey
	host   string
	silent bool
	told   bool // it has sent a heartbeat
	flows  map[string]*Flow
	acked  map[string]uint64
}

func (b *Book) drafts(now time.Time, wanted func(key agentKey, a *agentState) bool) []draft {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []draft
	for key, a := range b.agents {
		if wanted(key, a) {
			d := a.draft(key, now)
			d.silent = b.silentLocked(a.heard, now)
			list = append(list, d)
		}
	}
	return list
}

// settle makes hosts of drafts, by tenant and name.
func (b *Book) settle(drafts []draft, now time.Time) []HostAccount {
	type hostKey struct{ tenant, name string }
	log := b.logCounts()
	hosts := map[hostKey]*HostAccount{}
	for i := range drafts {
		d := &drafts[i]
		k := hostKey{d.key.tenant, d.host}
		h := hosts[k]
		if h == nil {
			h = &HostAccount{Host: d.host, Silent: true}
			hosts[k] = h
		}
		h.Silent = h.Silent && d.silent
		h.Agents = append(h.Agents, d.settle(&log))
	}
	list := make([]HostAccount, 0, len(hosts))
	for _, k := range slices.SortedFunc(maps.Keys(hosts), func(x, y hostKey) int { return cmp.Or(cmp.Compare(x.tenant, y.tenant), cmp.Compare(x.name, y.name)) }) {
		h := hosts[k]
		slices.SortFunc(h.Agents, func(x, y AgentAccount) int {
			return cmp.Or(y.LastHeard.Compare(x.LastHeard), cmp.Compare(x.Instance, y.Instance))
		})
		h.sum(now)
		list = append(list, *h)
	}
	return list
}

// sum adds the agents of a host up.
func (h *HostAccount) sum(now time.Time) {
	by := map[string]*Flow{}
	for i := range h.Agents {
		a := &h.Agents[i]
		if a.LastHeard.After(h.LastHeard) {
			h.LastHeard = a.LastHeard
		}
		for j := range a.Flows {
			f := &a.Flows[j]
			sum := by[f.Signal]
			if sum == nil {
				sum = &Flow{Signal: f.Signal}
				by[f.Signal] = sum
			}
			sum.add(&f.Counts)
			sum.RatePerSecond += f.RatePerSecond
			if i == 0 || now.Sub(a.LastHeard) <= SilentAfter { // what an agent said last that has been replaced waits for nobody
				sum.LagSeconds = max(sum.LagSeconds, f.LagSeconds)
			}
			sum.LastNumber = max(sum.LastNumber, f.LastNumber)
			sum.MissingNumbers += f.MissingNumbers
			sum.Gaps = append(sum.Gaps, f.Gaps...)
		}
	}
	h.Flows = flowsOf(by)
}

func flowsOf(by map[string]*Flow) []Flow {
	flows := make([]Flow, 0, len(by))
	for _, s := range telemetry.Signals {
		if f := by[s.String()]; f != nil {
			flows = append(flows, *f)
		}
	}
	return flows
}

// name is what the agent's host is called.
func (a *agentState) name(k agentKey) string {
	if a.heartbeat != nil && a.heartbeat.Host != "" {
		return a.heartbeat.Host
	}
	return k.instance
}

// flow is the account of a signal, which is made if there is none.
func (d *draft) flow(signal string) *Flow {
	f := d.flows[signal]
	if f == nil {
		f = &Flow{Signal: signal}
		d.flows[signal] = f
	}
	return f
}

func (a *agentState) draft(k agentKey, now time.Time) draft {
	d := draft{key: k, host: a.name(k), told: a.heartbeat != nil, flows: map[string]*Flow{}, acked: map[string]uint64{}}
	d.Instance, d.LastHeard, d.Losses, d.Sources = k.instance, a.heard.UTC(), slices.Clone(a.losses), []SourceAccount{}
	gaps := map[string][]NumberGap{}
	if h := a.heartbeat; h != nil {
		d.Version, d.OS, d.CPUs, d.MemoryBytes = h.Version, h.OS, h.CPUs, h.MemoryBytes
		d.Container, d.K8s, d.Started, d.Queue = h.Containers, h.K8s, &h.Started, h.Queue
		received := a.received.UTC()
		d.Heartbeat, d.ClockAhead = &received, a.ahead.Seconds()
		for i := range h.Sources {
			s := &h.Sources[i]
			f := d.flow(s.Signal)
			f.Read += s.Read
			f.Sent += s.Sent
			d.acked[s.Signal] += s.Acked
			addAll(&f.Refused, s.Refused)
			addAll(&f.Dropped, s.Dropped)
			f.LagSeconds = max(f.LagSeconds, s.LagSeconds)
			f.LastNumber = max(f.LastNumber, s.LastSeq)
			gaps[s.Signal] = s.Gaps
			gone := s.Acked + Sum(s.Refused) + Sum(s.Dropped)
			d.Sources = append(d.Sources, SourceAccount{
				Signal: s.Signal, Kind: s.Kind, Name: s.Name, Read: s.Read, Sent: s.Sent, Acked: s.Acked, Refused: maps.Clone(s.Refused), Dropped: maps.Clone(s.Dropped),
				Waiting: s.Read - min(gone, s.Read), LagSeconds: s.LagSeconds,
			})
		}
	}
	for signal, lane := range a.lanes {
		f := d.flow(signal)
		holes, missing := lane.missing(gaps[signal], now)
		f.MissingNumbers = missing
		f.Gaps = holes
		f.LastNumber = max(f.LastNumber, lane.Last)
	}
	for signal, f := range d.flows {
		f.RatePerSecond = a.rate(signal)
		f.Gaps = append(slices.Clone(gaps[signal]), f.Gaps...)
	}
	return d
}

// settle adds what the log says.
func (d *draft) settle(log *logCounts) AgentAccount {
	for _, s := range telemetry.Signals {
		signal := s.String()
		stored := log.of(d.key.tenant, d.Instance+"/"+signal)
		if d.flows[signal] == nil && stored.Last == 0 {
			continue
		}
		f := d.flow(signal)
		f.settle(stored, d.acked[signal], log.whole, d.told)
		f.LastNumber = max(f.LastNumber, stored.Last)
	}
	d.Flows = flowsOf(d.flows)
	return d.AgentAccount
}

// settle makes a flow of what the agent says and of what the log says, which are of two moments: what the log has beyond the last heartbeat was read.
func (f *Flow) settle(stored Stored, acked uint64, whole, told bool) {
	f.Stored, f.Replayed = stored.Records, stored.Repeated
	if acked > stored.Records && whole {
		if stored.First == 1 {
			f.Missing = acked - stored.Records
		} else {
			f.Elsewhere = acked - stored.Records
		}
	}
	settled := f.Stored + Sum(f.Refused) + Sum(f.Dropped) + f.Missing + f.Elsewhere
	f.Read = max(f.Read, settled)
	f.InFlight = f.Read - settled
	f.Sent = max(f.Sent, f.Stored)
	if !told {
		f.Sent = settled
	}
}

// rate is records a second that were acknowledged, between the first and the last heartbeat of the last minute.
func (a *agentState) rate(signal string) float64 {
	if len(a.samples) < 2 {
		return 0
	}
	first, last := a.samples[0], a.samples[len(a.samples)-1]
	over := last.at.Sub(first.at).Seconds()
	if over <= 0 || last.acked[signal] < first.acked[signal] {
		return 0
	}
	return float64(last.acked[signal]-first.acked[signal]) / over
}

// Senders lists a tenant's senders without numbers, by service and signal: those of all collectors that are there.
func (b *Book) Senders(tenant string) []SenderAccount {
	b.mu.Lock()
	defer b.mu.Unlock()
	by := map[senderKey]*SenderAccount{}
	for k, s := range b.senders {
		if k.tenant == tenant {
			c := *s
			c.Refused = maps.Clone(s.Refused)
			by[k] = &c
		}
	}
	b.gatherLocked(tenant, by)
	list := make([]SenderAccount, 0, len(by))
	for _, s := range by {
		s.LastHeard = s.LastHeard.UTC()
		list = append(list, *s)
	}
	slices.SortFunc(list, func(x, y SenderAccount) int {
		return cmp.Or(strings.Compare(x.Service, y.Service), strings.Compare(x.Signal, y.Signal))
	})
	return list
}

// Started is since when senders and numbers are counted.
func (b *Book) Started() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.startedLocked()
}

// Summary adds all tenants' agents up.
func (b *Book) Summary(now time.Time) Summary {
	var s Summary
	for _, h := range b.settle(b.drafts(now, func(agentKey, *agentState) bool { return true }), now) {
		s.Hosts++
		s.Agents += len(h.Agents)
		if h.Silent {
			s.Silent++
		} else {
			s.LagSeconds = max(s.LagSeconds, h.LagSeconds())
		}
		for i := range h.Flows {
			f := &h.Flows[i]
			s.Stored += f.Stored
			s.Refused += Sum(f.Refused)
			s.Dropped += Sum(f.Dropped)
			s.Missing += f.Missing
			s.MissingNumbers += f.MissingNumbers
			s.Replayed += f.Replayed
			s.InFlight += f.InFlight
		}
	}
	return s
}
