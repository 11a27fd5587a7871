package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	clewalert "clew/query/alert"
	clewnotify "clew/query/alert/notify"
)

// Options are what a Manager works with.
type Options struct {
	File        string    // alertmanager.yml; "": alerts are seen and nobody is told
	Dir         string    // of the journals
	Siblings    *Siblings // other processes with the same Alertmanager, which share its state; nil: there are none, and it is kept in Dir
	ExternalURL *url.URL  // of the web application, for links in notifications
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Manager is an Alertmanager. Create it with New, then Run it; Send and ServeHTTP may be called at any time.
type Manager struct {
	opts   Options
	log    *slog.Logger
	count  *counters
	first  *settings
	alerts *alerts

	silenceState *remembered
	silences     *silence.Silences
	silencer     *silence.Silencer
	noticeState  *remembered
	notices      *notified

	groups   marker.GroupMarker
	pipeline *notify.PipelineBuilder
	metrics  *dispatch.DispatcherMetrics
	api      *httpAPI

	leading *turn // nil: a sibling notifies. Only Run's goroutine uses it
	turns   chan *turn
	reloads chan chan error
	running chan struct{} // closed once alerts are taken
	ended   chan struct{} // closed when they no longer are
	routing atomic.Pointer[routing]
}

// New reads the configuration and what is remembered.
func New(opts Options) (*Manager, error) {
	first, err := load(opts.File, opts.Logger)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("directory of the Alertmanager's state: %w", err)
	}
	flags, reg := featurecontrol.NoopFlags{}, opts.Registerer
	m := &Manager{
		opts: opts, log: opts.Logger, first: first, count: newCounters(reg), reloads: make(chan chan error, 1), turns: make(chan *turn), running: make(chan struct{}), ended: make(chan struct{}),
		groups: marker.NewGroupMarker(), pipeline: notify.NewPipelineBuilder(reg, flags, eventrecorder.NopRecorder()),
		metrics: dispatch.NewDispatcherMetrics(false, reg, flags),
	}
	if err := m.open(); err != nil {
		return nil, errors.Join(err, m.close())
	}
	m.api, err = newAPI(m)
	if err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// openAlerts reads the alerts, or begins without those that siblings have: Run reads them.
func (m *Manager) openAlerts() (err error) {
	if s := m.opts.Siblings; s != nil {
		m.alerts = s.alerts(m.count)
		return nil
	}
	var aside int64
	if m.alerts, aside, err = openAlerts(filepath.Join(m.opts.Dir, "alerts.journal"), m.count); err != nil {
		return err
	}
	m.sayAside("alerts", aside)
	return nil
}

// openState reads a state, or begins without what siblings have of it.
func (m *Manager) openState(what string) (*remembered, io.Reader, error) {
	if s := m.opts.Siblings; s != nil {
		return s.remembered(what, m.count), strings.NewReader(""), nil
	}
	state, stored, aside, err := openRemembered(what, filepath.Join(m.opts.Dir, what+".journal"), m.count)
	if err != nil {
		return nil, nil, err
	}
	m.sayAside(what, aside)
	return state, stored, nil
}

// open reads what is remembered.
func (m *Manager) open() (err error) {
	if err = m.openAlerts(); err != nil {
		return err
	}
	state, stored, err := m.openState(whatSilences)
	if err != nil {
		return err
	}
	m.silenceState = state
	limits := silence.Limits{MaxSilences: func() int { return silencesMax }, MaxSilenceSizeBytes: func() int { return silenceBytesMax }}
	m.silences, err = silence.New(silence.Options{
		SnapshotReader: stored, Retention: retention, Limits: limits, Logging: true, Logger: m.log, Metrics: m.opts.Registerer, EventRecorder: eventrecorder.NopRecorder(),
	})
	if m.silences == nil {
		return fmt.Errorf("silences: %w", err)
	}
	if err != nil {
		m.log.Error("silences cannot be read: there are none now", "error", err)
	}
	m.silences.SetBroadcast(state.note)
	state.snapshot = m.silences.MarshalBinary
	m.silencer = silence.NewSilencer(m.silences, m.log, eventrecorder.NopRecorder())
	m.alerts.Silencer = m.silencer

	if state, stored, err = m.openState(whatNotices); err != nil {
		return err
	}
	m.noticeState = state
	notices, err := nflog.New(nflog.Options{SnapshotReader: stored, Retention: retention, Logger: m.log, Metrics: m.opts.Registerer})
	if notices == nil {
		return fmt.Errorf("notifications: %w", err)
	}
	if err != nil {
		m.log.Error("what was notified cannot be read: receivers are told again", "error", err)
	}
	notices.SetBroadcast(state.note)
	state.snapshot = notices.MarshalBinary
	m.notices = &notified{notices, state}
	return nil
}

func (m *Manager) sayAside(what string, bytes int64) {
	if bytes > 0 {
		m.log.Warn("the end of a journal cannot be read and was moved aside; what stands before it holds", "what", what, "bytes", bytes, "directory", m.opts.Dir)
	}
}

// close ends the use of the journals.
func (m *Manager) close() error {
	var err error
	if m.alerts != nil && m.alerts.journal != nil {
		err = m.alerts.journal.Close()
	}
	for _, r := range []*remembered{m.silenceState, m.noticeState} {
		if r != nil {
			err = errors.Join(err, r.journal.Close())
		}
	}
	return err
}

// Run routes and notifies until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	router, err := mem.NewAlerts(ctx, collectEvery, 0, m.alerts, m.log, eventrecorder.NopRecorder(), m.opts.Registerer, featurecontrol.NoopFlags{})
	if err != nil {
		return errors.Join(fmt.Errorf("alerts: %w", err), m.close())
	}
	defer router.Close()
	if err := m.alerts.start(router, time.Now()); err != nil {
		return errors.Join(fmt.Errorf("alerts: %w", err), m.close())
	}
	var together sync.WaitGroup
	if m.opts.Siblings != nil {
		if m.join(ctx, &together); ctx.Err() != nil {
			return m.close()
		}
	}
	m.take(m.first)
	close(m.running)
	m.loop(ctx)
	close(m.ended)
	m.routing.Load().stop()
	m.look()
	m.yield()
	together.Wait()
	return m.close()
}

func (m *Manager) loop(ctx context.Context) {
	tick, collect := time.NewTicker(tickEvery), time.NewTicker(collectEvery)
	defer tick.Stop()
	defer collect.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.look()
		case <-collect.C:
			_, err := m.silences.GC()
			_, other := m.notices.log.GC()
			if m.leading != nil {
				other = errors.Join(other, m.sweep(ctx, time.Now()))
			}
			if err = errors.Join(err, other); err != nil {
				m.log.Error("what is past its retention cannot be forgotten", "error", err)
			}
		case t := <-m.turns:
			m.lead(ctx, t)
		case <-m.leading.lost():
			m.log.Warn("another process's Alertmanager notifies from here on")
			m.yield()
			m.take(m.routing.Load().settings)
		case answer := <-m.reloads:
			answer <- m.reload()
		}
	}
}

// look looks after the journals.
func (m *Manager) look() {
	if err := errors.Join(m.alerts.tick(time.Now(), m.notifies()), m.silenceState.tick(), m.noticeState.tick()); err != nil {
		m.log.Error("the Alertmanager's state cannot be made durable; it is tried again", "error", err)
	}
}

// Reload asks for the configuration to be read again, as on SIGHUP. It does not wait. A broken one changes nothing.
func (m *Manager) Reload() {
	select {
	case m.reloads <- make(chan error, 1):
	default: // asked for already
	}
}

// reload takes the configuration over if it has changed.
func (m *Manager) reload() error {
	next, err := load(m.opts.File, m.log)
	switch {
	case err != nil:
		m.count.reloads.WithLabelValues("error").Inc()
		m.count.loaded.Set(0)
		m.log.Error("the Alertmanager's configuration is broken; the one from before goes on", "error", err)
		return err
	case next.sum == m.routing.Load().settings.sum:
		m.count.reloads.WithLabelValues("unchanged").Inc()
	default:
		m.count.reloads.WithLabelValues("ok").Inc()
		m.take(next)
		m.log.Info("the Alertmanager's configuration was read again", "receivers", len(next.config.Receivers))
	}
	m.count.loaded.Set(1)
	return nil
}

// Send implements alert.Notifier. What it took is durable when it returns.
func (m *Manager) Send(ctx context.Context, notifications ...*clewalert.Notification) error {
	select {
	case <-m.running:
	case <-ctx.Done():
		return fmt.Errorf("the Alertmanager has not started: %w", ctx.Err())
	}
	select {
	case <-m.ended:
		return fmt.Errorf("the Alertmanager has ended: %w", context.Canceled) // rules tell again at the next start
	default:
	}
	now := time.Now()
	put := make([]*alert.Alert, 0, len(notifications))
	for _, n := range notifications {
		a := &alert.Alert{
			Alert: model.Alert{
				Labels: clewnotify.Labels(n), Annotations: clewnotify.LabelSet(n.Annotations), StartsAt: n.StartsAt, EndsAt: n.EndsAt, GeneratorURL: n.GeneratorURL,
			},
			UpdatedAt: now,
		}
		if err := a.Validate(); err != nil {
			m.count.refused.WithLabelValues("invalid").Inc()
			m.log.Error("an alert is invalid and nobody is told of it", "labels", n.Labels.String(), "error", err)
			continue
		}
		put = append(put, a)
	}
	return m.alerts.Put(ctx, put...)
}

// ServeHTTP answers everything under /alertmanager.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.api.ServeHTTP(w, r) }

// routing is a configuration at work.
type routing struct {
	settings   *settings
	inhibitor  *inhibit.Inhibitor
	dispatcher *dispatch.Dispatcher
	underWay   *underWay
}

// stop ends it once what is under way is done.
func (r *routing) stop() {
	r.dispatcher.Stop()
	r.underWay.close()
	r.inhibitor.Stop()
}

// take puts a configuration to work in place of the one before. Two at a time would notify twice.
func (m *Manager) take(s *settings) {
	if before := m.routing.Load(); before != nil {
		before.stop()
	}
	s.template.ExternalURL = m.opts.ExternalURL.JoinPath("alertmanager")
	intervals := map[string][]timeinterval.TimeInterval{}
	for _, t := range s.config.MuteTimeIntervals {
		intervals[t.Name] = t.TimeIntervals
	}
	for _, t := range s.config.TimeIntervals {
		intervals[t.Name] = t.TimeIntervals
	}
	r := &routing{settings: s, inhibitor: inhibit.NewInhibitor(m.alerts, s.config.InhibitRules, m.log, eventrecorder.NopRecorder())}
	noWait := func() time.Duration { return 0 }
	var stage notify.Stage = m.pipeline.New(s.integrations, noWait, r.inhibitor, m.silencer, timeinterval.NewIntervener(intervals), m.groups, m.notices, nil)
	stage = &ended{next: stage, alerts: m.alerts}
	if m.opts.Siblings != nil {
		stage = m.opts.Siblings.guard(m.leading, stage)
	}
	r.underWay = &underWay{next: stage}
	routes := dispatch.NewRoute(s.config.Route, nil)
	atLeast := func(d time.Duration) time.Duration { return max(d, notify.MinTimeout) }
	r.dispatcher = dispatch.NewDispatcher(m.alerts, routes, r.underWay, m.groups, atLeast, groupsEvery, nil, m.log, eventrecorder.NopRecorder(), m.metrics)
	// Who inhibits is known before anybody is told.
	go r.inhibitor.Run()
	r.inhibitor.WaitForLoading()
	go r.dispatcher.Run(time.Now())
	r.dispatcher.WaitForLoading()
	m.routing.Store(r)
	m.api.update(s.config, func(ctx context.Context, labels model.LabelSet) {
		m.routing.Load().inhibitor.Mutes(ctx, labels)
		m.silencer.Mutes(ctx, labels)
	})
}
