package redact

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("redact")

// Config of the processor.
type Config struct {
	// Rules by name; those of DefaultRules are there without being mentioned.
	Rules map[string]Rule `mapstructure:"rules"`
	// Attributes are names, in any case, of attributes whose whole value is masked.
	Attributes []string `mapstructure:"attributes"`
}

func defaultConfig() component.Config {
	return &Config{
		Rules: DefaultRules(),
		Attributes: []string{
			"http.request.header.authorization", "http.request.header.cookie", "http.response.header.set-cookie",
			"http.request.header.proxy-authorization", "http.request.header.x-api-key",
		},
	}
}

// Unmarshal is part of confmap.Unmarshaler: a rule that is mentioned keeps what is not said of it, so that {on: true} is enough for one of the default's.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	given := conf.ToStringMap()
	rules, err := conf.Sub("rules")
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	for name := range rules.ToStringMap() {
		one, err := rules.Sub(name)
		if err != nil {
			return fmt.Errorf("rules::%s: %w", name, err)
		}
		rule := c.Rules[name]
		if err := one.Unmarshal(&rule); err != nil {
			return fmt.Errorf("rules::%s: %w", name, err)
		}
		c.Rules[name] = rule
	}
	delete(given, "rules")
	rest := struct {
		Attributes []string `mapstructure:"attributes"`
	}{c.Attributes}
	if err := confmap.NewFromStringMap(given).Unmarshal(&rest); err != nil {
		return err
	}
	c.Attributes = rest.Attributes
	return nil
}

// Validate is part of xconfmap.Validator.
func (c *Config) Validate() error {
	_, err := compile(c.Rules)
	return err
}

// NewFactory makes the processor's factory. Metrics have no texts to redact.
func NewFactory() processor.Factory {
	return processor.NewFactory(Type, defaultConfig,
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			r, err := newRedactor(cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewLogs(ctx, set, cfg, next, r.logs, mutates)
		}, component.StabilityLevelStable),
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			r, err := newRedactor(cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewTraces(ctx, set, cfg, next, r.traces, mutates)
		}, component.StabilityLevelStable))
}

var mutates = processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})

const pathAttribute = "log.file.path"

type redactor struct {
	masks masks
	whole map[string]bool // names of attributes, lower case
}

func newRedactor(c *Config) (*redactor, error) {
	m, err := compile(c.Rules)
	if err != nil {
		return nil, err
	}
	r := &redactor{masks: m, whole: map[string]bool{}}
	for _, name := range c.Attributes {
		r.whole[strings.ToLower(name)] = true
	}
	return r, nil
}

func (r *redactor) logs(_ context.Context, d plog.Logs) (plog.Logs, error) {
	for _, res := range d.ResourceLogs().All() {
		for _, scope := range res.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				r.value(record.Body())
				r.attributes(record.Attributes())
			}
		}
	}
	return d, nil
}

func (r *redactor) traces(_ context.Context, d ptrace.Traces) (ptrace.Traces, error) {
	for _, res := range d.ResourceSpans().All() {
		for _, scope := range res.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if name, changed := r.masks.mask(span.Name()); changed {
					span.SetName(name)
				}
				if message, changed := r.masks.mask(span.Status().Message()); changed {
					span.Status().SetMessage(message)
				}
				r.attributes(span.Attributes())
				for _, event := range span.Events().All() {
					r.attributes(event.Attributes())
				}
			}
		}
	}
	return d, nil
}

func (r *redactor) attributes(m pcommon.Map) {
	for k, v := range m.All() {
		if k == pathAttribute {
			continue // the agent's own, the same for all records of a file
		}
		if len(r.whole) > 0 && r.whole[strings.ToLower(k)] {
			v.SetStr("[redacted]")
			continue
		}
		r.value(v)
	}
}

func (r *redactor) value(v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		if text, changed := r.masks.mask(v.Str()); changed {
			v.SetStr(text)
		}
	case pcommon.ValueTypeMap:
		r.attributes(v.Map())
	case pcommon.ValueTypeSlice:
		for _, e := range v.Slice().All() {
			r.value(e)
		}
	}
}
