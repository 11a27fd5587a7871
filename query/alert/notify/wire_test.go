package notify

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert"
)

// Only its tenant puts an alert among those of a tenant: not a label that a rule or its data made.
func TestTenantOfAlert(t *testing.T) {
	for _, test := range []struct {
		tenant string
		own    labels.Labels
		want   model.LabelSet
	}{
		{"default", labels.FromStrings("alertname", "a"), model.LabelSet{"alertname": "a"}},
		{"default", labels.FromStrings("alertname", "a", "tenant", "shop"), model.LabelSet{"alertname": "a", "exported_tenant": "shop"}},
		{"", labels.FromStrings("tenant", "shop"), model.LabelSet{"exported_tenant": "shop"}},
		{"shop", labels.FromStrings("alertname", "a"), model.LabelSet{"alertname": "a", "tenant": "shop"}},
		{"shop", labels.FromStrings("alertname", "a", "tenant", "other"), model.LabelSet{"alertname": "a", "tenant": "shop", "exported_tenant": "other"}},
	} {
		if diff := cmp.Diff(test.want, Labels(&alert.Notification{Tenant: test.tenant, Labels: test.own})); diff != "" {
			t.Errorf("%+v:\n%s", test, diff)
		}
	}
}
