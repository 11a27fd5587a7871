package catalog

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/internal/telemetry"
)

// What is sampled and where cuts are is told from one commit on, and stays so through a snapshot.
func TestSampled(t *testing.T) {
	metrics := func(id string, resolution time.Duration) Segment {
		s := segment(id, 0, 9)
		s.Signal, s.Resolution = telemetry.Metrics, resolution
		return s
	}
	state := func(v *Version) map[string]bool {
		all := map[string]bool{}
		for s := range v.All() {
			all[s.ID] = s.Sampled
		}
		return all
	}
	c := New()
	apply(t, c, 1, func(cm *Commit) { cm.Added = []Segment{metrics("raw1", 0), metrics("raw2", 0)} })
	before := c.Acquire()
	defer before.Release()
	apply(t, c, 2, func(cm *Commit) {
		cm.Added, cm.Sampled = []Segment{metrics("five", 5*time.Minute)}, []string{"raw1"}
	})
	if diff := cmp.Diff(map[string]bool{"raw1": false, "raw2": false}, state(before)); diff != "" {
		t.Errorf("an earlier version has changed:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]bool{"raw1": true, "raw2": false, "five": false}, state(c.Current())); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"raw1", "none"} {
		cm := Commit{Version: CommitVersion, Reason: "downsample", Last: 2, Sampled: []string{id}}
		if err := c.Check(&cm); !errors.As(err, new(*ConflictError)) {
			t.Errorf("%s is sampled: %v", id, err)
		}
	}
	at := int64(3 * time.Hour)
	apply(t, c, 3, func(cm *Commit) {
		cm.Removed, cm.Cuts = []string{"raw1"}, []Cut{{Tenant: "t", At: at}}
	})
	apply(t, c, 4, func(cm *Commit) { cm.Cuts = []Cut{{Tenant: "t", At: at - int64(time.Hour)}} })
	data, err := c.Current().Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	d := New()
	if err := d.Load(data); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*Version{c.Current(), d.Current()} {
		if v.Cut("t", 0) != at || v.Cut("t", 5*time.Minute) != math.MinInt64 || v.Cut("u", 0) != math.MinInt64 {
			t.Errorf("cuts are %v", v.allCuts())
		}
		if diff := cmp.Diff(map[string]bool{"raw2": false, "five": false}, state(v)); diff != "" {
			t.Error(diff)
		}
	}
}
