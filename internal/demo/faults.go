package demo

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Fault is something that goes wrong in the shop, and how it is found.
type Fault struct {
	Name    string
	Service string // where it is
	What    string
	Signal  string // of Query: spans, logs
	Query   string // finds records that only the fault makes
	Change  string // the attribute change of these lines: what kind of thing somebody did
	On, Off string // the log lines of the service when it begins and ends: the trail to its cause
}

type fault int

const (
	payment fault = iota
	slowDatabase
	retryStorm
	uninstrumentedHop
	skewedClock
	noisyNeighbour
	memoryLeak
	faultCount
)

// Faults are all faults, in the order in which they take turns.
var Faults = [faultCount]Fault{
	payment: {
		Name: "payment", Service: "payment", What: "the card acquirer's certificate has expired: two of three charges fail",
		Signal: "spans", Query: `service:payment status:error exceptions:"certificate has expired"`,
		Change: "configuration",
		On:     "configuration reloaded: acquirer.endpoint=acquirer-b.bank.example:443 (was acquirer-a.bank.example:443)", Off: "configuration reloaded: acquirer.endpoint=acquirer-a.bank.example:443 (was acquirer-b.bank.example:443)",
	},
	slowDatabase: {
		Name: "slow-database", Service: "postgres", What: "an index was dropped: queries on products scan the table and hold their connections",
		Signal: "spans", Query: `service:postgres db.postgresql.plan:"Seq Scan on products"`,
		Change: "migration",
		On:     "statement: DROP INDEX idx_products_id, idx_products_name -- migration 0042", Off: "statement: CREATE INDEX CONCURRENTLY idx_products_id, idx_products_name -- migration 0043",
	},
	retryStorm: {
		Name: "retry-storm", Service: "shipping", What: "quotes are refused for want of capacity, checkout repeats them at once and web repeats checkout: one order, up to eight quotes",
		Signal: "spans", Query: `service:checkout kind:client http.request.resend_count>0`,
		Change: "scaling",
		On:     "scaled down: 1 of 4 quote workers left (horizontal pod autoscaler: cpu below target)", Off: "scaled up: 4 of 4 quote workers (horizontal pod autoscaler: cpu above target)",
	},
	uninstrumentedHop: {
		Name: "uninstrumented-hop", Service: "tax-gateway", What: "the gateway before tax forwards requests, and its spans never arrive: tax names a parent that nobody has seen",
		Signal: "logs", Query: `service:tax-gateway "tracing exporter disabled"`,
		Change: "license",
		On:     "tracing exporter disabled: license of the vendor agent has ended, trace context is still forwarded", Off: "tracing exporter enabled",
	},
	skewedClock: {
		Name: "skewed-clock", Service: "recommendations", What: "the clock of node-3 is three seconds behind: spans of recommendations, tax and payment seem to begin before they were called",
		Signal: "logs", Query: `service:recommendations host.name:node-3 "time sync lost"`,
		Change: "clock",
		On:     "chronyd: time sync lost, no reachable sources", Off: "chronyd: selected source 10.20.0.2, system clock was stepped by 3.000117 seconds",
	},
	noisyNeighbour: {
		Name: "noisy-neighbour", Service: "catalog", What: "one tenant exports the whole catalog in a loop and takes the database connections from all others",
		Signal: "spans", Query: `service:catalog tenant.id:globex-import name:export`,
		Change: "api key",
		On:     "api key of tenant globex-import created, scope export", Off: "api key of tenant globex-import suspended",
	},
	memoryLeak: {
		Name: "memory-leak", Service: "search", What: "search keeps every result for ever: its heap grows to 144 MiB, requests wait for memory, then it is killed and starts anew",
		Signal: "logs", Query: `service:search "result cache" "heap is at"`,
		Change: "feature flag",
		On:     "feature flag search.result_cache turned on, max_entries=0 (no limit)", Off: "feature flag search.result_cache turned off",
	},
}

// FaultNames are the names of all faults.
func FaultNames() []string {
	var names []string
	for _, f := range Faults {
		names = append(names, f.Name)
	}
	return names
}

func faultByName(name string) (fault, bool) {
	for i, f := range Faults {
		if f.Name == name {
			return fault(i), true
		}
	}
	return 0, false
}

// faults are the switches; services look at theirs with each request.
type faults struct {
	on [faultCount]atomic.Bool
}

func (f *faults) is(x fault) bool { return f.on[x].Load() }

// turn switches a fault and leaves the trail: a line in the log of the service that has it.
func (s *shop) turn(ctx context.Context, x fault, on bool) {
	if s.faults.on[x].Swap(on) == on {
		return
	}
	f, service := Faults[x], s.services[Faults[x].Service]
	if !on {
		s.say("fault %s is over", f.Name)
		service.log.InfoContext(ctx, f.Off, "change", f.Change)
		return
	}
	s.say("fault %s: %s", f.Name, f.What)
	s.say("      %s: %s", f.Signal, f.Query)
	level := slog.LevelInfo
	if x == uninstrumentedHop || x == skewedClock {
		level = slog.LevelWarn
	}
	service.log.Log(ctx, level, f.On, "change", f.Change)
}

// haveFaults switches the faults that were asked for, or each in turn, until ctx ends.
func (s *shop) haveFaults(ctx context.Context) {
	for _, name := range s.options.Faults {
		if x, ok := faultByName(name); ok {
			s.turn(ctx, x, true)
		}
	}
	for i := 0; len(s.options.Faults) == 0; i++ {
		x := fault(i % int(faultCount))
		if nap(ctx, s.options.Pause) != nil {
			return
		}
		s.turn(ctx, x, true)
		if nap(ctx, s.options.Turn) != nil {
			return
		}
		s.turn(ctx, x, false)
	}
	<-ctx.Done()
}

// clock is how far a host's clock is off. All services of the host share it.
func (f *faults) clock(host string) time.Duration {
	if host == skewedHost && f.is(skewedClock) {
		return -skew
	}
	return 0
}
