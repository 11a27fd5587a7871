package retention

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/internal/points"
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

// Down-sampled metrics are kept for their own age, which is at least that of what is finer, and go by bytes when they have used as much of it.
func TestDownsampledAges(t *testing.T) {
	day := 24 * time.Hour
	own, long := 10*day, 60*day
	p := Policy{
		Metrics: Bounds{Age: 7 * day}, Downsampled: Ages{Five: 28 * day, Hour: 0},
		Tenants: map[string]Tenant{"short": {Downsampled: TenantAges{Five: &own, Hour: &own}}, "long": {Metrics: TenantBounds{Age: &long}}},
	}
	segment := func(tenant string, resolution time.Duration) *catalog.Segment {
		return &catalog.Segment{Signal: telemetry.Metrics, Tenant: tenant, Resolution: resolution}
	}
	for _, c := range []struct {
		tenant          string
		raw, five, hour time.Duration
	}{{"t", 7 * day, 28 * day, 0}, {"short", 7 * day, own, own}, {"long", 60 * day, 60 * day, 0}} {
		for resolution, want := range map[time.Duration]time.Duration{0: c.raw, points.Five: c.five, points.Hour: c.hour} {
			if have := p.AgeOf(segment(c.tenant, resolution)); have != want {
				t.Errorf("%s: %v is kept for %v, want %v", c.tenant, resolution, have, want)
			}
		}
	}
	now := time.Unix(100*86400, 0)
	cat := catalog.New()
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal"}
	add := func(id string, resolution, age time.Duration, sampled bool) {
		s := segment("t", resolution)
		s.ID, s.Rows, s.Bytes, s.Sampled, s.Created = id, 1, 10, sampled, now.Add(-age)
		s.MinTime, s.MaxTime = s.Created.UnixNano(), s.Created.UnixNano()
		cm.Added = append(cm.Added, *s)
	}
	add("raw-6", 0, 6*day, true)
	add("raw-7", 0, 7*day+time.Hour, true)
	add("waits", 0, 7*day+2*time.Hour, false)
	add("five-20", points.Five, 20*day, true)
	add("five-27", points.Five, 27*day, true)
	add("five-29", points.Five, 29*day, true)
	add("hour-90", points.Hour, 90*day, false)
	if err := cat.Apply(1, cm); err != nil {
		t.Fatal(err)
	}
	expired := func(bytes int64, sampling bool) (ids []string) {
		p.TotalBytes = bytes
		for _, s := range Expired(cat.Current(), p, sampling, now) {
			ids = append(ids, s.ID)
		}
		return ids
	}
	for _, c := range []struct {
		bytes    int64
		sampling bool
		want     string
	}{
		{0, true, "[five-29 raw-7]"},
		{0, false, "[five-29 waits raw-7]"},
		{30, false, "[five-29 waits raw-7 five-27]"},
		{20, false, "[five-29 waits raw-7 five-27 raw-6]"},
		{10, false, "[five-29 waits raw-7 five-27 raw-6 five-20]"},
	} {
		if have := fmt.Sprint(expired(c.bytes, c.sampling)); have != c.want {
			t.Errorf("within %d bytes, sampling %v: %s go, want %s", c.bytes, c.sampling, have, c.want)
		}
	}
}
