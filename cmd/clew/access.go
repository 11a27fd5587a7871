package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"clew/collector"
	"clew/ingest"
	"clew/internal/access"
	"clew/internal/access/audit"
	"clew/internal/access/tlsfiles"
	"clew/internal/ledger"
	"clew/internal/telemetry"
	"clew/query/parts"
)

// doors are what stands between clew and who asks: the guard, and the record of what was done.
type doors struct {
	guard *access.Guard
	audit *audit.Log
	ports []port
}

// port is where clew listens.
type port struct {
	what, address string
	certified     bool // whoever connects shows a certificate
	unguarded     bool // nobody is asked there, with the section access either
}

// flightPort is what cluster.flight is called: processes answer each other there, for all tenants.
const flightPort = "queries between processes (cluster.flight)"

// openDoors makes the guard of a validated configuration. The data directory is ours.
func openDoors(cfg access.Config, data string, ports []port, logger *slog.Logger, registry *prometheus.Registry) (*doors, error) {
	log, err := audit.Open(filepath.Join(data, "audit"), logger.With("part", "audit"), registry)
	if err != nil {
		return nil, err
	}
	sayAudit(log, &cfg)
	guard, err := access.New(cfg, access.Deps{Logger: logger.With("part", "access"), Registerer: registry, Recorder: log, Data: data})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	d := &doors{guard: guard, audit: log, ports: ports}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "clew_open_ports", Help: "Ports that others than this host reach without credentials.",
	}, func() float64 { return float64(len(d.open())) }))
	return d, nil
}

func sayAudit(log *audit.Log, cfg *access.Config) {
	if cfg.AuditStdout {
		log.Also(os.Stdout)
		return
	}
	log.Also(nil)
}

// openDoors puts the guard at the doors of this process.
func (p *process) openDoors() error {
	t := p.cfg.TLS
	ports := []port{{what: "UI and API", address: p.cfg.HTTP, certified: t != nil && t.ClientCAFile != "" && !t.ClientCertOptional}}
	if p.cfg.NATS.Given() {
		ports = append(ports, port{what: flightPort, address: p.cfg.Cluster.Flight, certified: p.cfg.Cluster.TLS.On(), unguarded: true})
	}
	if p.cfg.Roles.has(roleCollector) {
		ports = append(ports, collectorPorts(&p.cfg.Collector)...)
	}
	var err error
	p.doors, err = openDoors(p.cfg.Access, p.cfg.Data, ports, p.logger, p.registry)
	return err
}

// open names the ports that others than this host can reach, and that ask nobody who they are.
func (d *doors) open() []string {
	var out []string
	for _, p := range d.ports {
		if p.address != "" && !isLoopback(p.address) && !p.certified && (p.unguarded || !d.guard.On()) {
			out = append(out, p.what+" at "+p.address)
		}
	}
	return out
}

// bare names the ports where credentials, or what is sent, can be read on the way.
func (d *doors) bare(secured func(what string) bool) []string {
	var out []string
	for _, p := range d.ports {
		if p.address != "" && !isLoopback(p.address) && !p.unguarded && !secured(p.what) {
			out = append(out, p.what+" at "+p.address)
		}
	}
	return out
}

func (d *doors) close() error { return d.audit.Close() }

// reload takes another configuration on. Access is never turned off while clew runs: a file that was cut must not open the doors.
func (d *doors) reload(cfg access.Config) error {
	if d.guard.On() && !cfg.On() {
		return errors.New("access: turning it off needs a restart")
	}
	sayAudit(d.audit, &cfg)
	err := d.guard.Set(cfg)
	e := access.Event{Who: "clew", What: "configuration read again", Where: "signal", Allowed: err == nil}
	if err != nil {
		e.Detail = err.Error()
	}
	d.guard.Record(e)
	return err
}

// collectorPorts are those of a configuration, but for the one of UI and API.
func collectorPorts(c *collector.Config) []port {
	out := []port{
		{what: "OTLP over gRPC", address: c.OTLP.GRPC.Endpoint, certified: c.OTLP.GRPC.TLS.CertificateRequired()},
		{what: "OTLP over HTTP", address: c.OTLP.HTTP.Endpoint, certified: c.OTLP.HTTP.TLS.CertificateRequired()},
	}
	for _, name := range c.Receivers.Own() {
		out = append(out, port{what: name, address: net.JoinHostPort(c.Receivers.Host, "*"), certified: c.Receivers.TLS.CertificateRequired()})
	}
	return out
}

// shareTLS gives listeners that have no certificate of their own the one of all.
func shareTLS(t *tlsfiles.Server, c *collector.Config) {
	if t == nil {
		return
	}
	for _, l := range []**collector.TLS{&c.OTLP.GRPC.TLS, &c.OTLP.HTTP.TLS, &c.Receivers.TLS} {
		if *l == nil {
			// The protocols of the receivers have certificates required or not at all: those who asked for any get them required.
			*l = &collector.TLS{CertFile: t.CertFile, KeyFile: t.KeyFile, ClientCAFile: t.ClientCAFile, ClientCertOptional: t.ClientCertOptional && l != &c.Receivers.TLS}
		}
	}
}

// secured is a listener with TLS, if there is any.
func secured(l net.Listener, t *tlsfiles.Server, logger *slog.Logger) (net.Listener, error) {
	if t == nil {
		return l, nil
	}
	config, err := t.Config(logger.With("part", "tls"))
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return tls.NewListener(l, config), nil
}

// scheme is of addresses that lead to the UI and API.
func scheme(t *tlsfiles.Server) string {
	if t != nil {
		return "https"
	}
	return "http"
}

// warn says at the start what is open, or can be overheard.
func (d *doors) warn(logger *slog.Logger, t *tlsfiles.Server, c *collector.Config) {
	for _, p := range d.open() {
		logger.Warn("open to the network without credentials: anyone who reaches it can use it (docs/security.md)", "port", p)
	}
	if !d.guard.On() {
		return
	}
	with := map[string]bool{"UI and API": t != nil, "OTLP over gRPC": c.OTLP.GRPC.TLS != nil, "OTLP over HTTP": c.OTLP.HTTP.TLS != nil}
	for _, p := range d.bare(func(what string) bool { is, known := with[what]; return is || !known && c.Receivers.TLS != nil }) {
		logger.Warn("tokens are sent there without TLS: whoever is in between can read and use them (docs/security.md)", "port", p)
	}
}

// narrowed is a status without the names of tenants that who asks has nothing to do with.
func narrowed(ctx context.Context, all any) any {
	s, ok := all.(status)
	if !ok || access.Sees(ctx, access.AllTenants) {
		return all
	}
	s.Tenants = slices.DeleteFunc(slices.Clone(s.Tenants), func(t string) bool { return !access.Sees(ctx, t) })
	limits := s.Limits[:0:0]
	for i := range s.Limits {
		if access.Sees(ctx, s.Limits[i].Tenant) {
			limits = append(limits, s.Limits[i])
		}
	}
	s.Limits = limits
	s.Aside, s.Ledger = []parts.Aside{}, ledger.Summary{} // of all tenants
	s.Ingest.Shards = slices.Clone(s.Ingest.Shards)
	for i := range s.Ingest.Shards {
		s.Ingest.Shards[i].Heads = slices.DeleteFunc(slices.Clone(s.Ingest.Shards[i].Heads), func(h ingest.HeadStatus) bool { return !access.Sees(ctx, h.Tenant) })
	}
	return s
}

// validateAccess checks what says who may.
func validateAccess(a *access.Config, t *tlsfiles.Server, c *collector.Config, bad func(key, format string, args ...any)) {
	for _, err := range a.Validate() {
		bad("access", "%v", err)
	}
	if t != nil {
		for _, err := range t.Validate() {
			bad("tls", "%v", err)
		}
	}
	if !a.On() {
		return
	}
	for _, name := range c.Receivers.Own() {
		needs := name == "syslog" || name == "fluent" && !c.Receivers.TLS.CertificateRequired()
		if needs && a.WithoutCredentials[name] == "" {
			bad("access.without_credentials."+name, "want the tenant of what comes by %s, which carries no credentials, such as %s; or turn it off", name, telemetry.DefaultTenant)
		}
	}
}
