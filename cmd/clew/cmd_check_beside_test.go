package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/index/scrub"
	"clew/ingest/deletion"
	"clew/internal/telemetry"
)

// writeDeletion writes down a deletion as ingest does, and its outcome if it is done.
func writeDeletion(t *testing.T, data, id, query string, done bool) (files []string) {
	t.Helper()
	dir := filepath.Join(data, "segments", "deletions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(ext string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, id+ext)
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	write(".request", deletion.Request{
		Version: 1, ID: id, Tenant: "default", Signal: telemetry.Logs, Query: query, To: 5, Requested: time.Unix(0, 4).UTC(), By: "somebody",
	})
	if done {
		write(".outcome", deletion.Outcome{Version: 1, ID: id, Finished: time.Unix(9, 0).UTC(), Records: 7})
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The record of deletions is in a backup as it was, and comes back with it.
func TestBackupOfDeletions(t *testing.T) {
	dir, target := frozenData(t), filepath.Join(t.TempDir(), "backup")
	files := writeDeletion(t, dir, "20261121T100000.000000000Z-01", `user:"<a>" & b`, true)
	files = append(files, writeDeletion(t, dir, "20261121T110000.000000000Z-02", "user:c", false)...)
	if out, code := clew(t, "check", dir); code != exitFound || !strings.Contains(out, "deletions: 2 requested, 1 of them not done") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, _ := clew(t, "backup", dir, target); !strings.Contains(out, "deletions: 2, 1 of them not done") {
		t.Errorf("backup: %s", out)
	}
	later := writeDeletion(t, dir, "20261121T120000.000000000Z-03", "user:d", true)
	restored := filepath.Join(t.TempDir(), "data")
	if out, code := clew(t, "restore", target, restored); code != exitFound {
		t.Fatalf("exit %d: %s", code, out)
	}
	for _, file := range files {
		if got := read(t, filepath.Join(restored, "segments", "deletions", filepath.Base(file))); got != read(t, file) {
			t.Errorf("%s: %s", file, got)
		}
	}
	if _, err := os.Stat(filepath.Join(restored, "segments", "deletions", filepath.Base(later[0]))); err == nil {
		t.Error("a deletion that was requested after the backup is in it")
	}
	if out, code := clew(t, "check", restored); code != exitFound || !strings.Contains(out, "deletions: 2 requested") {
		t.Errorf("exit %d: %s", code, out)
	}
	copies, err := filepath.Glob(filepath.Join(target, "backups", "*.deletions"))
	if err != nil || len(copies) != 1 {
		t.Fatal(copies, err)
	}
	if err := os.WriteFile(copies[0], []byte(strings.Replace(read(t, copies[0]), "user:c", "user:e", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := clew(t, "restore", target, filepath.Join(t.TempDir(), "no")); code != exitError || !strings.Contains(out, ".deletions: damaged") {
		t.Errorf("restored what is damaged: exit %d: %s", code, out)
	}
}

// A request or outcome that is not what was written is found, left out of backups, and set aside.
func TestCheckOfDeletions(t *testing.T) {
	dir := frozenData(t)
	bad := writeDeletion(t, dir, "20261121T100000.000000000Z-01", "user:a", false)[0]
	other := writeDeletion(t, dir, "20261121T100000.000000000Z-02", "user:b", true)
	writeDeletion(t, dir, "20261121T100000.000000000Z-03", "user:c", true)
	if err := os.WriteFile(bad, []byte(read(t, bad)[:40]), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(other[0]); err != nil {
		t.Fatal(err)
	}
	out, code := clew(t, "check", dir)
	if code != exitNothing || !strings.Contains(out, filepath.Base(bad)+": damaged") || !strings.Contains(out, filepath.Base(other[1])+": disagrees: its request is missing") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := clew(t, "backup", dir, filepath.Join(t.TempDir(), "backup")); code != exitNothing || !strings.Contains(out, filepath.Base(bad)+": damaged") {
		t.Errorf("backup: exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", "--repair", dir); code != exitNothing || !strings.Contains(out, "set aside: quarantine/"+filepath.Base(bad)) {
		t.Errorf("repair: exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", dir); code != exitFound || !strings.Contains(out, "deletions: 1 requested, 0 of them not done") {
		t.Errorf("after the repair: exit %d: %s", code, out)
	}
}

// What waits on the local disk for an object store is read too.
func TestCheckOfTheSpool(t *testing.T) {
	dir := frozenData(t)
	spool := filepath.Join(dir, "spool", "segments")
	if err := os.CopyFS(spool, os.DirFS(filepath.Join(dir, "segments", "segments"))); err != nil {
		t.Fatal(err)
	}
	if out, code := clew(t, "check", dir); code != exitFound || !strings.Contains(out, "spool: 3 segments with 121 rows wait") {
		t.Errorf("exit %d: %s", code, out)
	}
	files, err := filepath.Glob(filepath.Join(spool, "*-logs-*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b := []byte(read(t, files[0]))
	b[len(b)/2] ^= 4
	if err := os.WriteFile(files[0], b, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := clew(t, "check", dir); code != exitNothing || !strings.Contains(out, "damaged at offset") || !strings.Contains(out, "spool: 2 segments") ||
		strings.Contains(out, "whole") {
		t.Errorf("exit %d: %s", code, out)
	}
	out, code := clew(t, "check", "--json", dir)
	var report checkReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitNothing || report.Spool == nil || len(report.Spool.Findings) != 1 ||
		report.Spool.Findings[0].Problem != scrub.Damaged {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}
