package retention

import (
	"slices"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

func TestExpired(t *testing.T) {
	c := catalog.New()
	now := time.Unix(1_790_000_000, 0).UTC()
	day := 24 * time.Hour
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal"}
	add := func(id string, signal telemetry.Signal, tenant string, age time.Duration, bytes int64) {
		at := now.Add(-age).UnixNano()
		cm.Added = append(cm.Added, catalog.Segment{ID: id, Signal: signal, Tenant: tenant, Rows: 1, MinTime: at - int64(day), MaxTime: at, Bytes: bytes})
	}
	add("l1", telemetry.Logs, "a", 1*day, 10)
	add("l5", telemetry.Logs, "b", 5*day, 10)
	add("l9", telemetry.Logs, "a", 9*day, 10)
	add("s2", telemetry.Spans, "a", 2*day, 100)
	add("s3", telemetry.Spans, "b", 3*day, 100)
	add("m8", telemetry.Metrics, "a", 8*day, 5)
	// Loaded today, of records of last month.
	add("new", telemetry.Spans, "c", 30*day, 0)
	cm.Added[len(cm.Added)-1].Created = now
	if err := c.Apply(1, cm); err != nil {
		t.Fatal(err)
	}
	age, bytes := func(d time.Duration) *time.Duration { return &d }, func(n int64) *int64 { return &n }
	for _, test := range []struct {
		name string
		p    Policy
		want []string
	}{
		{"no bounds", Policy{}, nil},
		{"age of one signal", Policy{Logs: Bounds{Age: 7 * day}}, []string{"l9"}},
		{"the age of old records begins when they are written", Policy{Spans: Bounds{Age: 2 * day}}, []string{"s3"}},
		{"age is inclusive", Policy{Logs: Bounds{Age: 9 * day}}, nil},
		{"ages", Policy{Logs: Bounds{Age: 4 * day}, Metrics: Bounds{Age: day}}, []string{"l9", "m8", "l5"}},
		{"bytes of one signal, over tenants", Policy{Spans: Bounds{Bytes: 150}}, []string{"s3"}},
		{"bytes after age", Policy{Logs: Bounds{Age: 7 * day, Bytes: 20}}, []string{"l9"}},
		{"total", Policy{TotalBytes: 130}, []string{"l9", "m8", "l5", "s3"}},
		{"total exactly met", Policy{TotalBytes: 235}, nil},
		{
			"a tenant's age is its own",
			Policy{Logs: Bounds{Age: 7 * day}, Tenants: map[string]Tenant{"a": {Logs: TenantBounds{Age: age(0)}}, "b": {Logs: TenantBounds{Age: age(4 * day)}}}},
			[]string{"l5"},
		},
		{
			"a tenant's bytes come on top of all tenants'",
			Policy{Logs: Bounds{Bytes: 25}, Tenants: map[string]Tenant{"a": {Logs: TenantBounds{Bytes: bytes(10)}}, "b": {Logs: TenantBounds{Bytes: bytes(10)}}}},
			[]string{"l9"},
		},
		{"a tenant's bytes of one signal", Policy{Tenants: map[string]Tenant{"a": {Spans: TenantBounds{Bytes: bytes(1)}}}}, []string{"s2"}},
	} {
		var got []string
		for _, s := range Expired(c.Current(), test.p, false, now) {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v go, want %v", test.name, got, test.want)
		}
	}
}
