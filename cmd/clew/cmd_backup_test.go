package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBackupAndRestore(t *testing.T) {
	dir, target := frozenData(t), filepath.Join(t.TempDir(), "backup")
	// Killed with records in the log: they are in no segment, and the backup says so.
	out, code := clew(t, "backup", dir, target)
	if code != exitNothing || !strings.Contains(out, "3 segments with 121 rows") || !strings.Contains(out, "6 objects copied now") || !strings.Contains(out, "not in it: 3 messages") {
		t.Fatalf("exit %d: %s", code, out)
	}
	if out, _ := clew(t, "backup", dir, target); !strings.Contains(out, "0 objects copied now") {
		t.Errorf("what is there already was copied again: %s", out)
	}
	if out, code := clew(t, "restore", "--list", target); code != exitFound || !strings.Contains(out, "3 segments, 121 rows") {
		t.Errorf("exit %d: %s", code, out)
	}
	restored := filepath.Join(t.TempDir(), "data")
	if out, code := clew(t, "restore", target, restored); code != exitFound || !strings.Contains(out, "shards: 1") {
		t.Fatalf("exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", restored); code != exitFound || !strings.Contains(out, "3 segments with 121 rows") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := clew(t, "restore", target, restored); code != exitError || !strings.Contains(out, "is not empty") {
		t.Errorf("restored over data: exit %d: %s", code, out)
	}
}

// A damaged segment is left out of the backup and named; the rest is saved.
func TestBackupOfDamage(t *testing.T) {
	dir, target := frozenData(t), filepath.Join(t.TempDir(), "backup")
	files, err := filepath.Glob(filepath.Join(dir, "segments", "segments", "*-spans-*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/3] ^= 1
	if err := os.WriteFile(files[0], data, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := clew(t, "backup", dir, target); code != exitNothing || !strings.Contains(out, "damaged at offset") || !strings.Contains(out, "2 segments with 61 rows") {
		t.Errorf("exit %d: %s", code, out)
	}
	restored := filepath.Join(t.TempDir(), "data")
	if out, code := clew(t, "restore", target, restored); code != exitFound {
		t.Fatalf("exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", restored); code != exitFound || !strings.Contains(out, "2 segments with 61 rows") {
		t.Errorf("exit %d: %s", code, out)
	}
}
