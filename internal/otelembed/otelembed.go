// Package otelembed holds what every OpenTelemetry Collector that runs inside a clew process is given: a logger of ours, no telemetry of its
// own, a configuration from memory, and a way to hear that its pipelines have started.
package otelembed

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
)

// ReadyType is the component type of the extension that ReadyFactory makes; a configuration has to name it.
const ReadyType = "clew_ready"

// readyExtension says when all pipelines have started.
type readyExtension struct {
	component.StartFunc
	component.ShutdownFunc
	ready func()
}

// Ready is part of extensioncapabilities.PipelineWatcher, as is NotReady.
func (e readyExtension) Ready() error {
	e.ready()
	return nil
}

// NotReady does nothing: who asked has long been told.
func (readyExtension) NotReady() error { return nil }

// ReadyFactory makes an extension that calls ready once all pipelines have started.
func ReadyFactory(ready func()) extension.Factory {
	return extension.NewFactory(component.MustNewType(ReadyType),
		func() component.Config { return &struct{}{} },
		func(context.Context, extension.Settings, component.Config) (extension.Extension, error) {
			return readyExtension{ready: ready}, nil
		}, component.StabilityLevelStable)
}

const (
	scheme = "clew"
	uri    = scheme + ":memory"
)

// provider gives the Collector its configuration from memory.
type provider struct{ config map[string]any }

// Retrieve is part of confmap.Provider, as are the following.
func (p provider) Retrieve(_ context.Context, asked string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	if asked != uri {
		return nil, fmt.Errorf("no configuration %q", asked)
	}
	return confmap.NewRetrieved(p.config)
}

func (provider) Scheme() string                 { return scheme }
func (provider) Shutdown(context.Context) error { return nil }

// Resolver lets a Collector take config as it is. further providers resolve what config refers to, as ${env:NAME} does.
func Resolver(config map[string]any, further ...confmap.ProviderFactory) confmap.ResolverSettings {
	own := confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return provider{config} })
	return confmap.ResolverSettings{URIs: []string{uri}, ProviderFactories: append([]confmap.ProviderFactory{own}, further...)}
}
