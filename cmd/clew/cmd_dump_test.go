package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDump(t *testing.T) {
	dir := frozenData(t)
	files, err := filepath.Glob(filepath.Join(dir, "segments", "segments", "*-logs-*.index"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	file := files[0]
	out, code := clew(t, "dump", file)
	if code != exitFound || !strings.Contains(out, "format version 1") || !strings.Contains(out, "60 rows") || !strings.Contains(out, "body#string") {
		t.Errorf("exit %d: %s", code, out)
	}
	out, _ = clew(t, "dump", "--templates", "body", "--limit", "2", file)
	if out != `       30  "connection to db-<int> timed out after <int>ms"`+"\n"+`       30  "order <int> of user<int> paid with card ending <int>"`+"\n" {
		t.Errorf("templates: %s", out)
	}
	out, _ = clew(t, "dump", "--rows", strings.TrimSuffix(file, "index")+"parquet")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	bodies := map[string]bool{}
	for _, line := range lines {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		bodies[row["body"].(string)] = true
	}
	if len(lines) != 60 || !bodies["order 3 of user3 paid with card ending 1003"] || !bodies["connection to db-3 timed out after 30ms"] {
		t.Errorf("%d rows: %s", len(lines), lines[0])
	}
	out, _ = clew(t, "dump", "--json", file)
	var whole struct {
		Bytes  int64
		Layout struct {
			FooterBytes, MetadataBytes int64
			Leaves                     []struct{ Chunks []struct{ Stored int64 } }
			Sections                   []struct{ Stored int64 }
		}
	}
	if err := json.Unmarshal([]byte(out), &whole); err != nil {
		t.Fatal(err)
	}
	sum := whole.Layout.FooterBytes + whole.Layout.MetadataBytes
	for _, l := range whole.Layout.Leaves {
		for _, c := range l.Chunks {
			sum += c.Stored
		}
	}
	for _, s := range whole.Layout.Sections {
		sum += s.Stored
	}
	onDisk := int64(0)
	for _, name := range []string{file, strings.TrimSuffix(file, "index") + "parquet"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		onDisk += info.Size()
	}
	if sum != onDisk || whole.Bytes != onDisk {
		t.Errorf("the parts have %d bytes, the whole %d, the files %d", sum, whole.Bytes, onDisk)
	}
	if out, code := clew(t, "dump", filepath.Join(dir, "log", "LOCK")); code != exitError {
		t.Errorf("exit %d: %s", code, out)
	}
}
