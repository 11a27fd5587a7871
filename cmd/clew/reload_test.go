package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/collector/quota"
	"clew/ingest/retention"
)

func TestChangedKeys(t *testing.T) {
	a, b := DefaultConfig(), DefaultConfig()
	if changed, err := changedKeys(&a, &b); len(changed) > 0 || err != nil {
		t.Errorf("the same: %v, %v", changed, err)
	}
	week := 7 * 24 * time.Hour
	b.Ingest.Retention.Logs.Age = time.Hour
	b.Ingest.Retention.Tenants = map[string]retention.Tenant{"acme": {Logs: retention.TenantBounds{Age: &week}}}
	b.Tenants.Overrides = map[string]quota.Override{"acme": {Services: new(int)}}
	b.Query.Concurrency++
	changed, err := changedKeys(&a, &b)
	want := []string{"ingest.retention.logs.age", "ingest.retention.tenants.acme.logs.age", "query.concurrency", "tenants.overrides.acme.services"}
	if diff := cmp.Diff(want, changed); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// The default bound on bytes is the disk's; one that was given holds, and a store elsewhere has no disk.
func TestRetentionFor(t *testing.T) {
	cfg, dir := DefaultConfig(), t.TempDir()
	if p, err := retentionFor(cfg, dir); err != nil || p.TotalBytes > retention.Default().TotalBytes || p.TotalBytes == 0 {
		t.Errorf("default: %d, %v", p.TotalBytes, err)
	}
	if _, err := retentionFor(cfg, dir+"/none"); err == nil {
		t.Error("no error of a directory that is not there")
	}
	cfg.Store = "s3://telemetry"
	if p, err := retentionFor(cfg, dir+"/none"); err != nil || p.TotalBytes != retention.Default().TotalBytes {
		t.Errorf("elsewhere: %d, %v", p.TotalBytes, err)
	}
	cfg.Store, cfg.Ingest.Retention.TotalBytes = "", 7
	if p, err := retentionFor(cfg, dir+"/none"); err != nil || p.TotalBytes != 7 {
		t.Errorf("given: %d, %v", p.TotalBytes, err)
	}
}
