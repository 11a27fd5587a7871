package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// State is how far an alert is.
type State string

// The states of an alert, and of a rule (the worst of its alerts').
const (
	Inactive State = "inactive"
	Pending  State = "pending"
	Firing   State = "firing"
)

// Alert is one member of an alerting rule's vector over time.
type Alert struct {
	Labels      labels.Labels `json:"labels"`
	Annotations labels.Labels `json:"annotations"`
	State       State         `json:"state"`
	Value       Value         `json:"value"`
	ActiveAt    time.Time     `json:"active_at"`             // since when it is pending or firing
	FiredAt     time.Time     `json:"fired_at,omitzero"`     // zero: it has not fired
	ResolvedAt  time.Time     `json:"resolved_at,omitzero"`  // zero: it is active
	LastSentAt  time.Time     `json:"last_sent_at,omitzero"` // zero: not by this process
	ValidUntil  time.Time     `json:"valid_until,omitzero"`  // when whoever was told may take it as over if told nothing more
	// KeepFiringSince is when the rule's vector lost it while keep_firing_for still holds it.
	KeepFiringSince time.Time `json:"keep_firing_since,omitzero"`
	Examples        []Example `json:"examples,omitempty"`
	ExamplesAt      time.Time `json:"examples_at,omitzero"` // when they were looked for last; zero: never
}

// needsSending is Prometheus': what fires now and then, what is over at once and now and then.
func (a *Alert) needsSending(ts time.Time) bool {
	if a.State == Pending {
		return false
	}
	return a.ResolvedAt.After(a.LastSentAt) || a.LastSentAt.Add(resendDelay).Before(ts)
}

// Example is a record that shows why an alert is active.
type Example struct {
	Time     time.Time         `json:"time"`
	Signal   string            `json:"signal"` // logs, spans; metrics: an exemplar
	Service  string            `json:"service,omitempty"`
	Severity string            `json:"severity,omitempty"`
	Text     string            `json:"text,omitempty"` // the body; the span's name, duration and message; the exemplar's value
	TraceID  string            `json:"trace_id,omitempty"`
	SpanID   string            `json:"span_id,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"` // an exemplar's series
}

// Value is a number that JSON may not have, as text like in Prometheus' API.
type Value float64

func (v Value) String() string { return strconv.FormatFloat(float64(v), 'g', -1, 64) }

// MarshalJSON writes the number as text.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("value: %w", err)
	}
	*v = Value(f)
	return nil
}

// Notification is what is told of an alert to those who route and deliver. It has the shape of Prometheus' notifier.Alert.
type Notification struct {
	Tenant       string
	Labels       labels.Labels // with alertname; they are the alert's identity
	Annotations  labels.Labels
	StartsAt     time.Time
	EndsAt       time.Time // in the past: it is resolved; else until when it holds without word
	GeneratorURL string
}

// Notifier routes and delivers. Send is called concurrently, and again with what it was told before; it returns when it is responsible for the alerts,
// and with an error if it is not: they are sent again with the next evaluations. It must not keep Send waiting for receivers.
type Notifier interface {
	Send(ctx context.Context, alerts ...*Notification) error
}

// Recorder writes samples into a tenant's metrics. A sample's value may be a staleness marker. Record returns once they are durable.
type Recorder interface {
	Record(ctx context.Context, tenant string, samples []promql.Sample) error
}

// Leases make sure that one process at a time evaluates a group. Acquire waits for its turn; held ends when the lease is lost or released, and then the group must
// no longer be evaluated.
type Leases interface {
	Acquire(ctx context.Context, group string) (held context.Context, release func(), err error)
}
