package quota

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/collector/refusal"
)

var t0 = time.Unix(1_800_000_000, 0)

func newQuota(t *testing.T, c Config) *Quota {
	t.Helper()
	q, err := New(c, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestRate(t *testing.T) {
	fast := int64(1 << 20)
	q := newQuota(t, Config{Defaults: Limits{BytesPerSecond: 1000, BurstBytes: 5000}, Overrides: map[string]Override{"big": {BytesPerSecond: &fast}}})
	now := t0
	send := func(tenant string, n int) *refusal.Error { return q.Tenant(tenant, now).Receive(n, now) }
	if err := send("a", 4999); err != nil {
		t.Fatal(err)
	}
	if err := send("a", 3001); err != nil { // one byte is left: it goes 3000 into debt
		t.Fatal(err)
	}
	err := send("a", 1)
	if err == nil || err.Kind != refusal.Overload || err.Reason != ReasonRate || err.RetryAfter != 3*time.Second {
		t.Fatalf("%v, want a refusal for three seconds", err)
	}
	if err := send("b", 5000); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	now = now.Add(err.RetryAfter + time.Millisecond)
	if err := send("a", 1); err != nil {
		t.Errorf("after the time that was given: %v", err)
	}
	// Over a minute the rate holds, whatever the requests' sizes.
	taken := 0
	for i := range 6000 {
		now = now.Add(10 * time.Millisecond)
		if n := 100 + i%700; send("a", n) == nil {
			taken += n
		}
	}
	if taken < 59_000 || taken > 66_000 {
		t.Errorf("%d bytes taken in a minute at 1000 a second and a burst of 5000", taken)
	}
	// The override keeps the default's burst.
	if got := q.Tenant("big", now).limits(); got != (Limits{BytesPerSecond: fast, BurstBytes: 5000}) {
		t.Errorf("limits of the override: %+v", got)
	}
	status := q.Status()
	if len(status) != 3 || status[0].Tenant != "a" || status[0].Refused[ReasonRate] == 0 || status[1].Received != 5000 {
		t.Errorf("status %+v", status)
	}
}

func TestDistinct(t *testing.T) {
	q := newQuota(t, Config{Defaults: Limits{Services: 3}})
	now := t0
	admit := func(hash uint64) bool { return q.Tenant("a", now).Service(hash, now) }
	for _, step := range []struct {
		after time.Duration
		hash  uint64
		want  bool
	}{
		{0, 1, true},
		{0, 2, true},
		{0, 3, true},
		{0, 4, false},
		{0, 2, true},
		{window, 1, true},       // 2 and 3 are in the window before
		{0, 4, false},           // and still count
		{window - 1, 4, false},  // the second window is not over
		{1, 4, true},            // now they don't
		{0, 5, true},            // 1, 4, 5
		{0, 6, false},           //
		{3 * window, 6, true},   // everything is forgotten
		{window / 2, 7, true},   //
		{window / 2, 8, true},   //
		{0, 9, false},           //
		{2 * window, 100, true}, //
	} {
		now = now.Add(step.after)
		if got := admit(step.hash); got != step.want {
			t.Errorf("at %v, %d: %v, want %v", now.Sub(t0), step.hash, got, step.want)
		}
	}
	if q.Tenant("a", now).BoundsSeries() || !q.Tenant("a", now).Series(1, now) {
		t.Error("series are not bounded here")
	}
}

// A flood of tenants shares one count, until others are idle.
func TestManyTenants(t *testing.T) {
	q := newQuota(t, Config{Defaults: Limits{BytesPerSecond: 10, BurstBytes: 10}})
	for i := range tenantsMax {
		if err := q.Tenant(fmt.Sprint("t", i), t0).Receive(10, t0); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Tenant("new-1", t0).Receive(10, t0); err != nil {
		t.Fatal(err)
	}
	if err := q.Tenant("new-2", t0).Receive(10, t0); err == nil {
		t.Error("tenants beyond the bound have a limit each")
	}
	if n := len(q.tenants); n != tenantsMax+1 {
		t.Errorf("%d tenants are counted", n)
	}
	later := t0.Add(window + time.Minute)
	if err := q.Tenant("new-2", later).Receive(10, later); err != nil || len(q.tenants) != 1 {
		t.Errorf("once the others are idle: %v, %d tenants are counted", err, len(q.tenants))
	}
	if n := len(q.Status()); n > labelsMax || len(q.labels) > labelsMax+1 {
		t.Errorf("%d tenants in the status, %d labels", n, len(q.labels))
	}
}

func TestValidate(t *testing.T) {
	if errs := DefaultConfig().Validate(); errs != nil {
		t.Error(errs)
	}
	minus := int64(-1)
	c := Config{Defaults: Limits{Series: -1}, Overrides: map[string]Override{"a b": {BytesPerSecond: &minus}}}
	if errs := c.Validate(); len(errs) != 4 {
		t.Errorf("%v, want the default's series (twice: the override inherits it), the tenant's name and its rate", errs)
	}
}

// Limits that change while tenants send: what they have sent counts, a debt stays, and each has its own override.
func TestSetConfig(t *testing.T) {
	now := t0
	q := newQuota(t, Config{})
	a := q.Tenant("a", now)
	if err := a.Receive(1_000_000, now); err != nil {
		t.Fatal(err)
	}
	slow := int64(10)
	q.SetConfig(Config{Defaults: Limits{BytesPerSecond: 1000, BurstBytes: 1000, Services: 1}, Overrides: map[string]Override{"b": {BytesPerSecond: &slow}}})
	if err := a.Receive(3000, now); err != nil {
		t.Errorf("a bound that is new begins with its burst: %v", err)
	}
	if err := a.Receive(1, now); err == nil || err.RetryAfter != 2*time.Second {
		t.Errorf("past the new bound: %v", err)
	}
	if !a.BoundsServices() || !a.Service(1, now) || a.Service(2, now) {
		t.Error("the new bound on services does not hold")
	}
	if got := q.Tenant("b", now).limits(); got.BytesPerSecond != slow || got.Services != 1 {
		t.Errorf("limits of the override: %+v", got)
	}
	q.SetConfig(Config{Defaults: Limits{BytesPerSecond: 2000, BurstBytes: 1000}})
	if err := a.Receive(1, now); err == nil || err.RetryAfter != time.Second {
		t.Errorf("a debt at twice the rate: %v", err)
	}
	if a.BoundsServices() || !a.Service(2, now) {
		t.Error("the bound on services still holds")
	}
	q.SetConfig(Config{})
	if err := a.Receive(1_000_000, now); err != nil {
		t.Errorf("no bound any more: %v", err)
	}
}
