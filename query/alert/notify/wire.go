package notify

import (
	"encoding/json"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"clew/internal/telemetry"
	"clew/query/alert"
)

// TenantLabel tells alerts of tenants apart, which may have the same labels otherwise. Those of the default tenant have none.
const TenantLabel = "tenant"

// exportedTenant is where a label of that name goes which is the alert's own, as in Prometheus.
const exportedTenant = "exported_tenant"

// Labels are an alert's labels for an Alertmanager: with its tenant, if that is not the default one. A label of that name which a rule or its data made is
// another's: it must not put the alert among those of a tenant that has nothing to do with it.
func Labels(n *alert.Notification) model.LabelSet {
	set := LabelSet(n.Labels)
	if own, has := set[TenantLabel]; has {
		set[exportedTenant] = own
		delete(set, TenantLabel)
	}
	if n.Tenant != "" && n.Tenant != telemetry.DefaultTenant {
		set[TenantLabel] = model.LabelValue(n.Tenant)
	}
	return set
}

// LabelSet are labels in the form that Alertmanager has them, without empty ones.
func LabelSet(l labels.Labels) model.LabelSet {
	set := make(model.LabelSet, l.Len())
	l.Range(func(one labels.Label) {
		if one.Value != "" {
			set[model.LabelName(one.Name)] = model.LabelValue(one.Value)
		}
	})
	return set
}

// entry is an alert in a queue, and in its journal.
type entry struct {
	Alert  json.RawMessage   `json:"alert"` // as it is posted
	Key    model.Fingerprint `json:"key"`   // of its labels
	EndsAt time.Time         `json:"ends_at"`
	Ended  bool              `json:"ended"`

	seq uint64 // grows with each word
}

// posted is an alert as Alertmanager's API v2 takes it.
type posted struct {
	Labels       model.LabelSet `json:"labels"`
	Annotations  model.LabelSet `json:"annotations"`
	StartsAt     time.Time      `json:"startsAt"`
	EndsAt       time.Time      `json:"endsAt"`
	GeneratorURL string         `json:"generatorURL,omitempty"`
}

func newEntry(n *alert.Notification, now time.Time) (*entry, error) {
	set := Labels(n)
	body, err := json.Marshal(posted{set, LabelSet(n.Annotations), n.StartsAt, n.EndsAt, n.GeneratorURL})
	if err != nil {
		return nil, err
	}
	return &entry{Alert: body, Key: set.Fingerprint(), EndsAt: n.EndsAt, Ended: !n.EndsAt.After(now)}, nil
}

// pointless says whether delivering at now would be wrong or of no use: an alert that was active when it was told, and of which nobody has told since for longer
// than that held, would be taken for over.
func (e *entry) pointless(now time.Time) bool {
	if e.Ended {
		return now.Sub(e.EndsAt) > endedKeep
	}
	return !e.EndsAt.After(now)
}
