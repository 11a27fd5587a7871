package shipper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.uber.org/zap/exp/zapslog"

	"clew/agents/diskqueue"
)

// Group is the running shippers of an agent, by the exporter they belong to: signals of one exporter start and stop one by one.
type Group struct {
	about About

	mu sync.Mutex
	by map[component.ID]*shared
}

// NewGroup makes a group without any. about is what heartbeats say of the agent.
func NewGroup(about About) *Group {
	return &Group{about: about, by: map[component.ID]*shared{}}
}

type shared struct {
	shipper *Shipper
	users   int
	cancel  context.CancelFunc
	done    chan error
}

// Dropped counts records that a processor has taken out on their way to the queue. A processor feeds every exporter alike; the counts are kept
// with the first one's.
func (g *Group) Dropped(lane, reason string, tallies []diskqueue.Tally) {
	if s := g.first(); s != nil {
		s.queue.CountDropped(lane, reason, tallies)
	}
}

func (g *Group) first() *Shipper {
	g.mu.Lock()
	defer g.mu.Unlock()
	var at component.ID
	var found *Shipper
	for id, sh := range g.by {
		if found == nil || id.String() < at.String() {
			at, found = id, sh.shipper
		}
	}
	return found
}

func (g *Group) start(set exporter.Settings, cfg *Config) (*Shipper, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sh := g.by[set.ID]; sh != nil {
		sh.users++
		return sh.shipper, nil
	}
	about := g.about
	if about.Version == "" {
		about.Version = set.BuildInfo.Version
	}
	shipper, err := New(cfg, about, slog.New(zapslog.NewHandler(set.Logger.Core())))
	if err != nil {
		return nil, fmt.Errorf("start shipping: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	sh := &shared{shipper: shipper, users: 1, cancel: cancel, done: make(chan error, 1)}
	g.by[set.ID] = sh
	go func() { sh.done <- shipper.Run(ctx) }()
	return shipper, nil
}

func (g *Group) stop(id component.ID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	sh := g.by[id]
	if sh == nil {
		return nil
	}
	if sh.users--; sh.users > 0 {
		return nil
	}
	delete(g.by, id)
	sh.cancel()
	return errors.Join(<-sh.done, sh.shipper.Close())
}

var (
	descRecords = prometheus.NewDesc("clew_agent_records_total", "Records since the agent's data directory was made: read, queued, sent, acked, replayed.", []string{"signal", "source", "what"}, nil)
	descLost    = prometheus.NewDesc("clew_agent_records_lost_total", "Records that were refused or dropped since the agent's data directory was made, by reason.", []string{"signal", "source", "what", "reason"}, nil)
	descQueue   = prometheus.NewDesc("clew_agent_queue_bytes", "What the queue holds on the disk.", nil, nil)
	descMax     = prometheus.NewDesc("clew_agent_queue_max_bytes", "What the queue may hold.", nil, nil)
)

// Describe is part of prometheus.Collector.
func (g *Group) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecords, descLost, descQueue, descMax} {
		to <- d
	}
}

// Collect is part of prometheus.Collector. Sources are told by their kind: their names are many.
func (g *Group) Collect(to chan<- prometheus.Metric) {
	s := g.first()
	if s == nil {
		return
	}
	have, most := s.queue.Bytes()
	to <- prometheus.MustNewConstMetric(descQueue, prometheus.GaugeValue, float64(have))
	to <- prometheus.MustNewConstMetric(descMax, prometheus.GaugeValue, float64(most))
	type key struct{ lane, kind, what, reason string }
	sums := map[key]uint64{}
	_, sources := s.queue.Status()
	for _, src := range sources {
		for what, n := range map[string]uint64{"read": src.Read, "queued": src.Queued, "sent": src.Sent, "acked": src.Acked, "replayed": src.Replayed} {
			sums[key{src.Lane, src.Kind, what, ""}] += n
		}
		for what, reasons := range map[string]map[string]uint64{"refused": src.Refused, "dropped": src.Dropped} {
			for reason, n := range reasons {
				sums[key{src.Lane, src.Kind, what, reason}] += n
			}
		}
	}
	for k, n := range sums {
		if k.reason == "" {
			to <- prometheus.MustNewConstMetric(descRecords, prometheus.CounterValue, float64(n), k.lane, k.kind, k.what)
		} else {
			to <- prometheus.MustNewConstMetric(descLost, prometheus.CounterValue, float64(n), k.lane, k.kind, k.what, k.reason)
		}
	}
}
