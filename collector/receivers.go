package collector

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"clew/collector/otlpreceiver"
	"clew/internal/receivers/elastic"
	"clew/internal/receivers/loki"
	"clew/internal/receivers/remotewrite"
	"clew/internal/receivers/stock"
	"clew/internal/receivers/way"
)

// Receivers says which ways in there are beside OTLP.
//
// Those over HTTP share the port of OTLP over HTTP and are on: they open nothing that is not open. The others have ports of their own, which belong to
// the program that they come from: on a host that still runs it clew would not start, or take its place unasked. They are off.
type Receivers struct {
	Loki          bool `yaml:"loki"`
	RemoteWrite   bool `yaml:"remote_write"`
	Elasticsearch bool `yaml:"elasticsearch"`

	Jaeger bool `yaml:"jaeger"`
	Zipkin bool `yaml:"zipkin"`
	Syslog bool `yaml:"syslog"`
	Fluent bool `yaml:"fluent"`
	// Host is where the ones with ports of their own listen (Otelcol may give them other ports), TLS what they do so with (but for UDP, and Fluent forward).
	Host string `yaml:"host"`
	TLS  *TLS   `yaml:"tls,omitempty"`
}

// byName are the switches.
func (r *Receivers) byName() map[string]*bool {
	return map[string]*bool{
		loki.Protocol: &r.Loki, remotewrite.Protocol: &r.RemoteWrite, elastic.Protocol: &r.Elasticsearch,
		stock.Jaeger: &r.Jaeger, stock.Zipkin: &r.Zipkin, stock.Syslog: &r.Syslog, stock.Fluent: &r.Fluent,
	}
}

// TurnOn turns receivers on by name.
func (r *Receivers) TurnOn(names []string) error {
	all := r.byName()
	for _, name := range names {
		on, ok := all[name]
		if !ok {
			return fmt.Errorf("receiver %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		*on = true
	}
	return nil
}

// Own are the names of the receivers with ports of their own that are on.
func (r *Receivers) Own() []string {
	all := r.byName()
	var names []string
	for _, name := range stock.Names {
		if *all[name] {
			names = append(names, name)
		}
	}
	return names
}

func (r *Receivers) validate(path string) []error {
	l := Listener{TLS: r.TLS}
	errs := l.validate(path)
	if r.TLS != nil && r.TLS.ClientCertOptional {
		errs = append(errs, fmt.Errorf("%s.tls.client_cert_optional: their protocols have it required or not at all: leave it out, or client_ca_file", path))
	}
	if net.ParseIP(r.Host) == nil && strings.ContainsAny(r.Host, ":/ ") {
		errs = append(errs, fmt.Errorf("%s.host: %q: want a name or an address without a port", path, r.Host))
	}
	return errs
}

// components are the receivers with ports of their own.
func (r *Receivers) components() map[string][]stock.Component {
	at := stock.Place{Host: r.Host}
	if r.TLS != nil {
		at.TLS = &stock.TLS{CertFile: r.TLS.CertFile, KeyFile: r.TLS.KeyFile, ClientCAFile: r.TLS.ClientCAFile}
	}
	out := map[string][]stock.Component{}
	for _, name := range r.Own() {
		out[name] = stock.Components(name, at)
	}
	return out
}

// ways are the protocols on the port of OTLP over HTTP.
func (r *Receivers) ways(m *way.Metrics) otlpreceiver.Ways {
	w := otlpreceiver.Ways{Metrics: m}
	if r.Loki {
		w.OfLogs = append(w.OfLogs, loki.Mount)
	}
	if r.Elasticsearch {
		w.OfLogs = append(w.OfLogs, elastic.Mount)
	}
	if r.RemoteWrite {
		w.OfMetrics = append(w.OfMetrics, remotewrite.Mount)
	}
	return w
}
