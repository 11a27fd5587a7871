package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert"
	"clew/query/alert/ruleapi"
)

// RulesConfig says which rules are evaluated.
type RulesConfig struct {
	Files    []string      `yaml:"files"`    // files, directories and globs
	Interval time.Duration `yaml:"interval"` // of groups that do not say
	// ExternalURL is where people reach the web application, for links in notifications; empty: http:// and the address of UI and API.
	ExternalURL    string            `yaml:"external_url"`
	ExternalLabels map[string]string `yaml:"external_labels"` // known to templates
}

func defaultRulesConfig() RulesConfig { return RulesConfig{Interval: alert.DefaultInterval} }

// Validate says what is wrong, each with its key.
func (c *RulesConfig) Validate() []error {
	var problems []error
	if c.Interval < time.Second {
		problems = append(problems, fmt.Errorf("interval: %v: want at least 1s", c.Interval))
	}
	if u, err := url.Parse(c.ExternalURL); c.ExternalURL != "" && (err != nil || u.Host == "") {
		problems = append(problems, fmt.Errorf("external_url: %q: want such as https://clew.example.com", c.ExternalURL))
	}
	return problems
}

// rules is what evaluates rules, and what is served of them.
type rules struct {
	ruler *alert.Ruler
	api   *ruleapi.API
}

// openRules makes the rules. Broken files end the start: a process should not run with fewer rules than it was given.
func (p *process) openRules() error {
	external := p.cfg.Rules.ExternalURL
	if external == "" {
		external = "http://" + p.cfg.HTTP
	}
	base, err := url.Parse(external)
	if err != nil {
		return fmt.Errorf("rules.external_url: %w", err)
	}
	others, err := p.openTogether(context.Background())
	if err != nil {
		return err
	}
	if err := p.openAlertmanager(base, others.siblings()); err != nil {
		return err
	}
	states, leases, err := p.ruleStates(others)
	if err != nil {
		return err
	}
	storage := p.promql.Storage()
	logger := p.logger.With("part", "rules")
	answers := &alert.Answers{Records: p.engine, PromQL: p.promql.Engine(), Metrics: storage, Exemplars: storage}
	settings := alert.Settings{Interval: p.cfg.Rules.Interval, ExternalURL: base, ExternalLabels: labels.FromMap(p.cfg.Rules.ExternalLabels)}
	var life [8]byte
	if _, err := rand.Read(life[:]); err != nil {
		return fmt.Errorf("make source id: %w", err)
	}
	// A group is known by its file's name, which must not depend on where clew was started.
	var patterns []string
	for _, pattern := range p.cfg.Rules.Files {
		absolute, err := filepath.Abs(pattern)
		if err != nil {
			return fmt.Errorf("rules: %w", err)
		}
		patterns = append(patterns, absolute)
	}
	ruler, err := alert.New(patterns, settings, alert.Deps{
		Answers: answers, Recorder: &recorder{log: p.log, shards: p.cfg.Shards, source: "rules/" + hex.EncodeToString(life[:])}, Notifier: &logged{next: p.delivery, log: logger, last: map[string]lastWord{}}, States: states, Leases: leases,
		Ready: p.ready, Logger: logger, Registerer: p.registry,
	})
	if err != nil {
		return fmt.Errorf("rules:\n%w", err)
	}
	p.rules = &rules{ruler, ruleapi.New(ruleapi.Deps{Status: ruler.Status, Answers: answers, Settings: settings, Logger: logger})}
	return nil
}

// ruleStates are where groups' states are kept, and who decides which process evaluates them: nobody where there is one process.
func (p *process) ruleStates(others *together) (alert.States, alert.Leases, error) {
	if others != nil {
		return others.states, others.rules, nil
	}
	states, err := alert.NewDir(filepath.Join(p.cfg.Data, "rules"))
	return states, nil, err
}

// ServeHTTP answers /api/v1/rules and Prometheus' rules and alerts.
func (r *rules) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if strings.HasPrefix(req.URL.Path, "/prometheus/") {
		r.api.Prometheus().ServeHTTP(w, req)
		return
	}
	r.api.Native().ServeHTTP(w, req)
}
