package catalog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"clew/internal/telemetry"
)

func fullCommit() Commit {
	s := segment("0-logs-19f-ab", -5, 6)
	s.Created, s.Level = time.Unix(1, 2).UTC(), 1
	return Commit{
		Version: CommitVersion, Epoch: 9, Last: 3, Time: time.Unix(5, 6).UTC(), Reason: "seal",
		Added: []Segment{s}, Removed: []string{"gone"}, Floor: 4,
		Positions: []Position{{telemetry.Logs, "t", 8}, {telemetry.Spans, "t", 8}},
		Sources:   []Source{{ID: "life-1", Seq: 1<<64 - 1, Seen: 7, Part: 3, First: 2, Stored: 9, Repeated: 1}},
		Deleted:   &Deleted{Job: "job-1", Records: 5},
		Sampled:   []string{"raw"}, Cuts: []Cut{{Tenant: "t", Resolution: 5 * time.Minute, At: int64(7 * time.Hour)}},
		Lost: []Loss{{From: 2, To: 3, Reason: "lost", Since: time.Unix(1, 0).UTC(), Until: time.Unix(2, 0).UTC(), Noticed: time.Unix(3, 0).UTC(), Accepted: time.Unix(4, 0).UTC(), By: "anna"}},
	}
}

func TestCodec(t *testing.T) {
	want := fullCommit()
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeCommit(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCodecRefuses(t *testing.T) {
	for name, change := range map[string]func(*Commit){
		"shard":            func(c *Commit) { c.Shard = -1 },
		"no reason":        func(c *Commit) { c.Reason = "" },
		"no id":            func(c *Commit) { c.Added[0].ID = "" },
		"path":             func(c *Commit) { c.Added[0].ID = "../x" },
		"removed path":     func(c *Commit) { c.Removed = []string{"a b"} },
		"added twice":      func(c *Commit) { c.Added = append(c.Added, c.Added[0]) },
		"added, removed":   func(c *Commit) { c.Removed = []string{c.Added[0].ID} },
		"foreign shard":    func(c *Commit) { c.Added[0].Shard = 1 },
		"no rows":          func(c *Commit) { c.Added[0].Rows = 0 },
		"negative bytes":   func(c *Commit) { c.Added[0].Bytes = -1 },
		"time":             func(c *Commit) { c.Added[0].MinTime = 7 },
		"signal":           func(c *Commit) { c.Added[0].Signal = 4 },
		"tenant":           func(c *Commit) { c.Positions[0].Tenant = "a/b" },
		"resolution":       func(c *Commit) { c.Added[0].Resolution = time.Hour }, // of logs
		"sampled, removed": func(c *Commit) { c.Sampled = c.Removed },
		"cut":              func(c *Commit) { c.Cuts[0].At++ },
		"cut of no tenant": func(c *Commit) { c.Cuts[0].Tenant = "a/b" },
		"position twice":   func(c *Commit) { c.Positions[1] = c.Positions[0] },
		"source twice":     func(c *Commit) { c.Sources = append(c.Sources, c.Sources[0]) },
		"source's id":      func(c *Commit) { c.Sources[0].ID = strings.Repeat("x", 200) },
		"too large":        func(c *Commit) { c.Reason = strings.Repeat("x", commitBytesMax) },
		"version in Apply": func(c *Commit) { c.Version = CommitVersion + 1 },
	} {
		c := fullCommit()
		change(&c)
		if _, err := c.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
		if err := New().Apply(1, c); err == nil {
			t.Errorf("%s: applied", name)
		}
	}
	for name, data := range map[string]string{
		"empty": "", "not JSON": "x", "null": "null", "unknown field": `{"version":1,"reason":"seal","colour":1}`,
		"trailing": `{"version":1,"reason":"seal"} {}`, "no version": `{"reason":"seal"}`, "negative": `{"version":1,"reason":"seal","floor":-1}`,
	} {
		if _, err := DecodeCommit([]byte(data)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
	var version *VersionError
	if _, err := DecodeCommit([]byte(`{"version":7,"new":[]}`)); !errors.As(err, &version) || version.Have != CommitVersion+1 {
		t.Errorf("a newer commit: %v", err)
	}
}

// FuzzDecodeCommit: whatever decodes encodes again, to the same commit, and Apply never panics on it.
func FuzzDecodeCommit(f *testing.F) {
	data, err := fullCommit().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1,"shard":1,"reason":"own","added":[{}],"removed":["x"]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCommit(data)
		if err != nil {
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatalf("decoded and can't be encoded: %v", err)
		}
		d, err := DecodeCommit(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, d, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		cat := New()
		if cat.Apply(1, c) == nil && cat.Current().Len() != len(c.Added) {
			t.Fatal("applied, and the segments aren't there")
		}
	})
}

func FuzzLoad(f *testing.F) {
	c := New()
	apply(f, c, 1, func(cm *Commit) { cm.Added = []Segment{segment("a", 1, 2)} })
	data, err := c.Current().Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("clew-catalog 1 00000000\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := New()
		if c.Load(data) != nil {
			return
		}
		if _, err := c.Current().Snapshot(); err != nil {
			t.Fatal(err)
		}
	})
}
