// Package scrape is a receiver that asks targets for their metrics as Prometheus does, with Prometheus's configuration: static targets and files of
// targets, relabelling, authentication, TLS. The stock receiver is the Prometheus server with the service discoveries of thirty clouds, more code than all of
// clew; this is what a node agent does with it.
//
// Classic text and protobuf are read, the latter with native histograms, start times and exemplars. As in Prometheus, each scrape adds up and the scrape_*
// series, a series that is gone ends with a staleness marker (a point without a value), and labels that a target's own would hide become exported_<name>. As
// in OpenTelemetry, job and instance are the resource's service.name and service.instance.id, and the labels of target_info its attributes.
package scrape

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/common/config"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"
)

// Type is the receiver's name in a configuration, that of the stock one.
var Type = component.MustNewType("prometheus")

// NewFactory makes the receiver's factory.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(Type, func() component.Config { return defaultConfig() }, receiver.WithMetrics(
		func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
			return &scraper{set: set, cfg: cfg.(*Config), next: next}, nil
		}, component.StabilityLevelStable))
}

type scraper struct {
	set  receiver.Settings
	cfg  *Config
	next consumer.Metrics
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// Start is part of component.Component.
func (s *scraper) Start(ctx context.Context, _ component.Host) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	atOnce := make(chan struct{}, scrapesAtOnce)
	for _, j := range s.cfg.Jobs {
		client, err := config.NewClientFromConfig(j.HTTP, j.Name)
		if err != nil {
			stop()
			return fmt.Errorf("job %s: %w", j.Name, err)
		}
		s.wg.Go(func() { s.run(running, j, client, atOnce) })
	}
	return nil
}

// Shutdown is part of component.Component. It writes no staleness markers: an agent that is started again goes on.
func (s *scraper) Shutdown(context.Context) error {
	if s.stop != nil {
		s.stop()
		s.wg.Wait()
	}
	return nil
}

func (s *scraper) send(ctx context.Context, d pmetric.Metrics) {
	if d.DataPointCount() == 0 {
		return
	}
	if err := s.next.ConsumeMetrics(ctx, d); err != nil && ctx.Err() == nil {
		// Who refused it has counted it, and the next scrape says most of it again.
		s.set.Logger.Debug("a scrape is lost", zap.Error(err))
	}
}

// running is a target with the means to end it.
type running struct {
	*target
	cancel context.CancelFunc
	done   chan struct{}
}

// run keeps a job's targets as its configuration and files say, until ctx ends.
func (s *scraper) run(ctx context.Context, j *Job, client *http.Client, atOnce chan struct{}) {
	refresh := refreshDefault
	for _, f := range j.Files {
		if f.Refresh > 0 {
			refresh = min(refresh, max(time.Duration(f.Refresh), time.Second))
		}
	}
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	targets := map[string]*running{}
	defer func() {
		for _, r := range targets {
			r.cancel()
			<-r.done
		}
		client.CloseIdleConnections()
	}()
	var files map[string][]Group
	complaint := ""
	for {
		groups, now, err1 := j.groups(files)
		files = now
		places, err2 := j.places(groups)
		said := ""
		for _, err := range []error{err1, err2} {
			if err != nil {
				said += err.Error() + "\n"
			}
		}
		if said != "" && said != complaint {
			s.set.Logger.Warn("not all targets are known", zap.String("job", j.Name), zap.String("err", said))
		}
		complaint = said
		s.turn(ctx, j, client, atOnce, targets, places)
		if len(j.Files) == 0 {
			<-ctx.Done() // nothing changes
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn starts and ends targets so that they are the places.
func (s *scraper) turn(ctx context.Context, j *Job, client *http.Client, atOnce chan struct{}, targets map[string]*running, places []*place) {
	wanted := map[string]*place{}
	for _, p := range places {
		wanted[p.key()] = p
	}
	for key, r := range maps.Clone(targets) {
		if wanted[key] == nil {
			r.cancel()
			<-r.done
			delete(targets, key)
			s.send(ctx, r.farewell(time.Now()))
		}
	}
	for key, p := range wanted {
		if targets[key] != nil {
			continue
		}
		t := &target{place: p, job: j, client: client, atOnce: atOnce, logger: s.set.Logger, agent: "clew-agent/" + s.set.BuildInfo.Version}
		own, cancel := context.WithCancel(ctx)
		r := &running{target: t, cancel: cancel, done: make(chan struct{})}
		targets[key] = r
		go func() {
			defer close(r.done)
			t.run(own, s.send)
		}()
	}
}
