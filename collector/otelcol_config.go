package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/confmap"

	"clew/collector/logexporter"
	"clew/collector/otlpreceiver"
	"clew/internal/otelembed"
	"clew/internal/receivers/stock"
)

// The configuration of the Collector comes from two places: what clew's own settings say, and what the user wrote for the
// Collector itself, which is merged over it. Both are given to the Collector by a confmap provider.
const (
	scheme    = "clew"
	generated = scheme + ":generated"
	fromUser  = scheme + ":otelcol"
)

// otelcolConfig is the Collector's configuration that c stands for.
func (c Config) otelcolConfig() map[string]any {
	protocols := map[string]any{}
	if l := c.OTLP.GRPC; l.Endpoint != "" {
		grpc := l.otelcolConfig()
		grpc["max_recv_msg_size_mib"] = int(c.OTLP.BodyBytesMax >> 20)
		protocols["grpc"] = grpc
	}
	if l := c.OTLP.HTTP; l.Endpoint != "" {
		http := l.otelcolConfig()
		http["max_request_body_size"] = int(c.OTLP.BodyBytesMax)
		if len(c.OTLP.CORSOrigins) > 0 {
			// Any header: browsers ask for Content-Type and the tenant's, and OTLP has no cookies to protect.
			http["cors"] = map[string]any{"allowed_origins": anys(c.OTLP.CORSOrigins), "allowed_headers": []any{"*"}}
		}
		protocols["http"] = http
	}
	otlp := map[string]any{"protocols": protocols}
	optional := func(l Listener) bool { return l.TLS != nil && l.TLS.ClientCertOptional }
	if grpc, http := optional(c.OTLP.GRPC), optional(c.OTLP.HTTP); grpc || http {
		otlp["client_cert_optional"] = map[string]any{"grpc": grpc, "http": http}
	}
	receivers := map[string]any{otlpreceiver.Type.String(): otlp}
	extensions := map[string]any{otelembed.ReadyType: map[string]any{}}
	logs, spans := []any{otlpreceiver.Type.String()}, []any{otlpreceiver.Type.String()}
	for name, components := range c.Receivers.components() {
		extensions[stock.ExtensionID(name)] = map[string]any{}
		for _, component := range components {
			receivers[component.ID] = component.Config
			if component.Logs {
				logs = append(logs, component.ID)
			} else {
				spans = append(spans, component.ID)
			}
		}
	}
	pipeline := func(from ...any) map[string]any {
		return map[string]any{"receivers": from, "exporters": []any{logexporter.Type.String()}}
	}
	return map[string]any{
		"receivers":  receivers,
		"exporters":  map[string]any{logexporter.Type.String(): map[string]any{}},
		"extensions": extensions,
		"service": map[string]any{
			"extensions": anys(slices.Sorted(maps.Keys(extensions))),
			"pipelines": map[string]any{
				"traces": pipeline(spans...), "logs": pipeline(logs...), "metrics": pipeline(otlpreceiver.Type.String()),
			},
		},
	}
}

func (l Listener) otelcolConfig() map[string]any {
	m := map[string]any{"endpoint": l.Endpoint}
	if l.TLS != nil {
		tls := map[string]any{"cert_file": l.TLS.CertFile, "key_file": l.TLS.KeyFile, "reload_interval": stock.ReloadCertificates.String()}
		if l.TLS.ClientCAFile != "" {
			tls["client_ca_file"], tls["client_ca_file_reload"] = l.TLS.ClientCAFile, true
		}
		m["tls"] = tls
	}
	return m
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// provider gives the Collector its configuration from memory.
type provider struct {
	maps map[string]map[string]any
}

// Retrieve is part of confmap.Provider, as are the following.
func (p provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	m, ok := p.maps[uri]
	if !ok {
		return nil, fmt.Errorf("no configuration %q", uri)
	}
	return confmap.NewRetrieved(m)
}

func (provider) Scheme() string                 { return scheme }
func (provider) Shutdown(context.Context) error { return nil }

// resolver merges the two places.
func (c Config) resolver() confmap.ResolverSettings {
	p := provider{maps: map[string]map[string]any{generated: c.otelcolConfig()}}
	uris := []string{generated}
	if len(c.Otelcol) > 0 {
		p.maps[fromUser] = c.Otelcol
		uris = append(uris, fromUser)
	}
	return confmap.ResolverSettings{
		URIs:              uris,
		ProviderFactories: []confmap.ProviderFactory{confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return p })},
	}
}
