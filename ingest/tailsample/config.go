package tailsample

import (
	"errors"
	"fmt"
	"time"
)

// Config says which traces are kept. Without policies all are, and nothing waits.
//
// The policies are written as those of the OpenTelemetry Collector's tail_sampling processor. They are asked in their order: a trace is dropped if a
// policy of type drop says so, else kept by the first policy that says yes, else dropped.
type Config struct {
	// DecisionWait is how long after a trace's first span it is decided, and how long spans are not searchable.
	DecisionWait time.Duration `yaml:"decision_wait"`
	// Late is how long after the decision further spans follow it. After that they are a trace of their own.
	Late time.Duration `yaml:"late"`
	// TracesMax and HeldBytesMax bound, for each shard, the traces that are remembered and the messages that wait. Past them the oldest are decided early
	// and forgotten early.
	TracesMax    int      `yaml:"traces_max"`
	HeldBytesMax int64    `yaml:"held_bytes_max"`
	Policies     []Policy `yaml:"policies,omitempty"`
}

// Policy is one way to say yes to a trace. Type says which of the other fields holds.
type Policy struct {
	Name string `yaml:"name"`
	Type string `yaml:"type"`

	Latency          *Latency          `yaml:"latency,omitempty"`
	NumericAttribute *NumericAttribute `yaml:"numeric_attribute,omitempty"`
	Probabilistic    *Probabilistic    `yaml:"probabilistic,omitempty"`
	StatusCode       *StatusCode       `yaml:"status_code,omitempty"`
	StringAttribute  *StringAttribute  `yaml:"string_attribute,omitempty"`
	BooleanAttribute *BooleanAttribute `yaml:"boolean_attribute,omitempty"`
	TraceState       *TraceState       `yaml:"trace_state,omitempty"`
	SpanCount        *SpanCount        `yaml:"span_count,omitempty"`
	RateLimiting     *RateLimiting     `yaml:"rate_limiting,omitempty"`
	And              *And              `yaml:"and,omitempty"`
	Not              *Not              `yaml:"not,omitempty"`
	Drop             *Drop             `yaml:"drop,omitempty"`
	Composite        *Composite        `yaml:"composite,omitempty"`
}

// Latency keeps traces that took ThresholdMs or longer from their earliest start to their latest end; with an upper threshold, longer than the one
// and no longer than the other.
type Latency struct {
	ThresholdMs      int64 `yaml:"threshold_ms"`
	UpperThresholdMs int64 `yaml:"upper_threshold_ms,omitempty"`
}

// NumericAttribute keeps traces with a span whose attribute, or its resource's, is within the bounds. A bound that is not given is none.
type NumericAttribute struct {
	Key         string   `yaml:"key"`
	MinValue    *float64 `yaml:"min_value,omitempty"`
	MaxValue    *float64 `yaml:"max_value,omitempty"`
	InvertMatch bool     `yaml:"invert_match,omitempty"`
}

// Probabilistic keeps a share of the traces, by trace id.
type Probabilistic struct {
	HashSalt           string  `yaml:"hash_salt,omitempty"`
	SamplingPercentage float64 `yaml:"sampling_percentage"`
}

// StatusCode keeps traces with a span of one of these states: OK, ERROR, UNSET.
type StatusCode struct {
	StatusCodes []string `yaml:"status_codes"`
}

// StringAttribute keeps traces with a span whose attribute, or its resource's, has one of the values, or matches one of them as a regular expression.
type StringAttribute struct {
	Key                  string   `yaml:"key"`
	Values               []string `yaml:"values"`
	EnabledRegexMatching bool     `yaml:"enabled_regex_matching,omitempty"`
	// CacheMaxSize is taken and not needed: each distinct value of a message is looked at once.
	CacheMaxSize int  `yaml:"cache_max_size,omitempty"`
	InvertMatch  bool `yaml:"invert_match,omitempty"`
}

// BooleanAttribute keeps traces with a span whose attribute, or its resource's, has the value.
type BooleanAttribute struct {
	Key         string `yaml:"key"`
	Value       bool   `yaml:"value"`
	InvertMatch bool   `yaml:"invert_match,omitempty"`
}

// TraceState keeps traces with a span whose trace state has one of the values under the key.
type TraceState struct {
	Key    string   `yaml:"key"`
	Values []string `yaml:"values"`
}

// SpanCount keeps traces of so many spans. MaxSpans 0 is no bound.
type SpanCount struct {
	MinSpans int `yaml:"min_spans"`
	MaxSpans int `yaml:"max_spans,omitempty"`
}

// RateLimiting keeps traces as long as they have no more spans than that in a second, by the log's clock, in each shard.
type RateLimiting struct {
	SpansPerSecond int64 `yaml:"spans_per_second"`
}

// And keeps traces that all of its policies would keep.
type And struct {
	SubPolicies []Policy `yaml:"and_sub_policy"`
}

// Not keeps traces that its policy would not keep.
type Not struct {
	SubPolicy Policy `yaml:"not_sub_policy"`
}

// Drop drops traces that all of its policies would keep, whatever the other policies say.
type Drop struct {
	SubPolicies []Policy `yaml:"drop_sub_policy"`
}

// Composite shares a budget of spans a second, in each shard, among its policies, in their order.
type Composite struct {
	MaxTotalSpansPerSecond int64            `yaml:"max_total_spans_per_second"`
	PolicyOrder            []string         `yaml:"policy_order,omitempty"` // default: as written
	SubPolicies            []Policy         `yaml:"composite_sub_policy"`
	RateAllocation         []RateAllocation `yaml:"rate_allocation,omitempty"` // default: equal parts
}

// RateAllocation is a policy's part of a Composite's budget.
type RateAllocation struct {
	Policy  string `yaml:"policy"`
	Percent int64  `yaml:"percent"`
}

// DefaultConfig has no policies: everything is kept. The times and bounds hold once there are some.
func DefaultConfig() Config {
	return Config{DecisionWait: 30 * time.Second, Late: 5 * time.Minute, TracesMax: 200_000, HeldBytesMax: 128 << 20}
}

// On says whether there is anything to decide.
func (c Config) On() bool { return len(c.Policies) > 0 }

// window is how much log decides about a span: from the first span of its trace on.
func (c Config) window() time.Duration { return c.DecisionWait + c.Late }

// Validate returns all that is wrong, each with its key, which path begins.
func (c Config) Validate(path string) error {
	var errs []error
	check := func(ok bool, key string, have any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s%s: %v: want %s", path, key, have, want))
		}
	}
	check(c.DecisionWait > 0 && c.DecisionWait <= waitMax, "decision_wait", c.DecisionWait, fmt.Sprint("a time above 0, at most ", waitMax))
	check(c.Late >= 0 && c.Late <= lateMax, "late", c.Late, fmt.Sprint("0 to ", lateMax))
	check(c.TracesMax >= 1, "traces_max", c.TracesMax, "1 or more")
	check(c.HeldBytesMax >= 1<<20, "held_bytes_max", c.HeldBytesMax, "1 MiB or more")
	_, err := compile(path, c.Policies)
	return errors.Join(append(errs, err)...)
}
