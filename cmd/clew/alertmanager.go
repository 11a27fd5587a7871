package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"clew/query/alert"
	"clew/query/alert/manager"
	"clew/query/alert/notify"
)

// AlertmanagerConfig says who routes alerts and tells people of them.
type AlertmanagerConfig struct {
	Config string        `yaml:"config"` // alertmanager.yml of the embedded one; empty: alerts are seen, grouped and silenced, and nobody is told
	URLs   []string      `yaml:"urls"`   // Alertmanagers that run elsewhere, all of which are told, instead of the embedded one
	Access notify.Access `yaml:"access"` // to those
}

// MarshalYAML leaves passwords out of what is printed.
func (c AlertmanagerConfig) MarshalYAML() (any, error) {
	type plain AlertmanagerConfig // without this method
	c.URLs = notify.Printed(c.URLs)
	return plain(c), nil
}

// Validate says what is wrong, each with its key.
func (c *AlertmanagerConfig) Validate() []error {
	var problems []error
	if c.Config != "" && len(c.URLs) > 0 {
		problems = append(problems, errors.New("config: not with urls: Alertmanagers that run elsewhere have files of their own"))
	}
	for i, u := range c.URLs {
		if err := notify.CheckURL(u); err != nil {
			problems = append(problems, fmt.Errorf("urls[%d]: %w", i, err))
		}
		if c.Access.Credentials() && notify.HasCredentials(u) {
			problems = append(problems, fmt.Errorf("urls[%d]: it has credentials, and so has access", i))
		}
	}
	for _, err := range c.Access.Validate() {
		problems = append(problems, fmt.Errorf("access.%w", err))
	}
	if len(c.URLs) == 0 && c.Access != (notify.Access{}) {
		problems = append(problems, errors.New("access: it is to Alertmanagers that run elsewhere: name them in urls"))
	}
	return problems
}

// deliverer is what rules hand alerts to.
type deliverer interface {
	alert.Notifier
	Run(ctx context.Context) error
}

// openAlertmanager makes who alerts are handed to. A broken alertmanager.yml ends the start: nobody would be told.
func (p *process) openAlertmanager(external *url.URL, siblings *manager.Siblings) error {
	logger, dir := p.logger.With("part", "alertmanager"), filepath.Join(p.cfg.Data, "alertmanager")
	if urls := p.cfg.Alertmanager.URLs; len(urls) > 0 {
		sender, err := notify.New(notify.Options{URLs: urls, Access: p.cfg.Alertmanager.Access, Dir: filepath.Join(dir, "queues"), Logger: logger, Registerer: p.registry})
		if err != nil {
			return fmt.Errorf("alertmanager: %w", err)
		}
		p.delivery = sender
		return nil
	}
	m, err := manager.New(manager.Options{File: p.cfg.Alertmanager.Config, Dir: dir, ExternalURL: external, Siblings: siblings, Logger: logger, Registerer: p.registry})
	if err != nil {
		return fmt.Errorf("alertmanager:\n%w", err)
	}
	p.delivery = m
	return nil
}

// alertmanagerAPI is the embedded one's; nil: there is none.
func (p *process) alertmanagerAPI() http.Handler {
	if m, ok := p.delivery.(*manager.Manager); ok {
		return m
	}
	return nil
}

// rereads says whether something is read again at SIGHUP beside the configuration.
func (p *process) rereads() bool {
	return len(p.cfg.Rules.Files) > 0 || p.cfg.Alertmanager.Config != ""
}

// reread reads again what is.
func (p *process) reread() {
	p.rules.ruler.Reload()
	if m, ok := p.delivery.(*manager.Manager); ok {
		m.Reload()
	}
}

// hearHangups rereads at SIGHUP until ctx ends. With a configuration file the reloader does, which keeps the signal to itself.
func (p *process) hearHangups(ctx context.Context) {
	if p.reloads != nil || !p.rereads() {
		return
	}
	hangups := make(chan os.Signal, 1)
	signal.Reset(syscall.SIGHUP)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			p.reread()
		}
	}
}

// logged writes into the process's log when an alert begins to fire and when it is resolved, and hands everything on.
type logged struct {
	next alert.Notifier
	log  *slog.Logger

	mu   sync.Mutex
	last map[string]lastWord // by tenant and labels
}

// lastWord is what was logged of an alert last.
type lastWord struct {
	since time.Time // that it fires
	ended time.Time // zero: it fires
}

// logForget is for how long what was logged of an alert that ended is remembered: for longer than rules repeat it.
const logForget = time.Hour

// Send implements alert.Notifier.
func (l *logged) Send(ctx context.Context, alerts ...*alert.Notification) error {
	now := time.Now()
	for _, a := range alerts {
		if state, is := l.news(a, now); is {
			l.log.Warn("alert", "state", state, "tenant", a.Tenant, "labels", a.Labels.String(), "annotations", a.Annotations.String(), "since", a.StartsAt, "link", a.GeneratorURL)
		}
	}
	return l.next.Send(ctx, alerts...)
}

// news says whether an alert's state is another than the one that was logged.
func (l *logged) news(a *alert.Notification, now time.Time) (state string, is bool) {
	key := a.Tenant + "\x00" + a.Labels.String()
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.last[key]
	if a.EndsAt.After(now) {
		l.last[key] = lastWord{since: a.StartsAt}
		return "firing", !known || !was.ended.IsZero() || !was.since.Equal(a.StartsAt)
	}
	for other, w := range l.last {
		if !w.ended.IsZero() && now.Sub(w.ended) > logForget {
			delete(l.last, other)
		}
	}
	l.last[key] = lastWord{since: a.StartsAt, ended: a.EndsAt}
	return "resolved", !known || was.ended.IsZero()
}
