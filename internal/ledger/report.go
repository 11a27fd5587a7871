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
	log := b.logCounts()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hostsLocked(tenant, host, now, &log)
}

func (b *Book) hostsLocked(tenant, host string, now time.Time, log *logCounts) []HostAccount {
	hosts := map[string]*HostAccount{}
	for key, a := range b.agents {
		if key.tenant != tenant || host != "" && a.name(key) != host {
			continue
		}
		name := a.name(key)
		h := hosts[name]
		if h == nil {
			h = &HostAccount{Host: name}
			hosts[name] = h
		}
		h.Agents = append(h.Agents, a.report(key, log))
	}
	list := make([]HostAccount, 0, len(hosts))
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[name]
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
	h.Silent = now.Sub(h.LastHeard) > SilentAfter
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

func (a *agentState) report(k agentKey, log *logCounts) AgentAccount {
	out := AgentAccount{Instance: k.instance, LastHeard: a.heard.UTC(), Losses: slices.Clone(a.losses), Sources: []SourceAccount{}}
	by := map[string]*Flow{}
	flow := func(signal string) *Flow {
		f := by[signal]
		if f == nil {
			f = &Flow{Signal: signal}
			by[signal] = f
		}
		return f
	}
	acked := map[string]uint64{}
	gaps := map[string][]NumberGap{}
	if h := a.heartbeat; h != nil {
		out.Version, out.OS, out.CPUs, out.MemoryBytes = h.Version, h.OS, h.CPUs, h.MemoryBytes
		out.Container, out.K8s, out.Started, out.Queue = h.Containers, h.K8s, &h.Started, h.Queue
		received := a.received.UTC()
		out.Heartbeat, out.ClockAhead = &received, a.ahead.Seconds()
		for i := range h.Sources {
			s := &h.Sources[i]
			f := flow(s.Signal)
			f.Read += s.Read
			f.Sent += s.Sent
			acked[s.Signal] += s.Acked
			addAll(&f.Refused, s.Refused)
			addAll(&f.Dropped, s.Dropped)
			f.LagSeconds = max(f.LagSeconds, s.LagSeconds)
			f.LastNumber = max(f.LastNumber, s.LastSeq)
			gaps[s.Signal] = s.Gaps
			gone := s.Acked + Sum(s.Refused) + Sum(s.Dropped)
			out.Sources = append(out.Sources, SourceAccount{
				Signal: s.Signal, Kind: s.Kind, Name: s.Name, Read: s.Read, Sent: s.Sent, Acked: s.Acked, Refused: maps.Clone(s.Refused), Dropped: maps.Clone(s.Dropped),
				Waiting: s.Read - min(gone, s.Read), LagSeconds: s.LagSeconds,
			})
		}
	}
	for _, s := range telemetry.Signals {
		signal := s.String()
		stored := log.of(k.tenant, k.instance+"/"+signal)
		if by[signal] == nil && stored.Last == 0 && a.lanes[signal] == nil {
			continue
		}
		f := flow(signal)
		f.settle(stored, acked[signal], log.whole, a.heartbeat != nil)
		f.RatePerSecond = a.rate(signal)
		f.Gaps = slices.Clone(gaps[signal])
		if lane := a.lanes[signal]; lane != nil {
			holes, missing := lane.missing(gaps[signal])
			f.MissingNumbers = missing
			f.Gaps = append(f.Gaps, holes...)
			f.LastNumber = max(f.LastNumber, lane.Last)
		}
		f.LastNumber = max(f.LastNumber, stored.Last)
	}
	out.Flows = flowsOf(by)
	return out
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

// Senders lists a tenant's senders without numbers, by service and signal.
func (b *Book) Senders(tenant string) []SenderAccount {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []SenderAccount{}
	for k, s := range b.senders {
		if k.tenant != tenant {
			continue
		}
		c := *s
		c.LastHeard = c.LastHeard.UTC()
		c.Refused = maps.Clone(s.Refused)
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y SenderAccount) int {
		return cmp.Or(strings.Compare(x.Service, y.Service), strings.Compare(x.Signal, y.Signal))
	})
	return list
}

// Started is since when senders and numbers are counted.
func (b *Book) Started() time.Time { return b.started }

// Summary adds all tenants' agents up.
func (b *Book) Summary(now time.Time) Summary {
	log := b.logCounts()
	b.mu.Lock()
	defer b.mu.Unlock()
	var s Summary
	tenants := map[string]bool{}
	for k := range b.agents {
		tenants[k.tenant] = true
	}
	for tenant := range tenants {
		for _, h := range b.hostsLocked(tenant, "", now, &log) {
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
	}
	return s
}
