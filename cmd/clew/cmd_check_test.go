package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/index/catalog"
)

// frozenData unpacks the data directory that the clew of format version 1 left when it was killed: 60 log records, 60 spans and a metric's 60
// points in segments, and 10 of each in the log.
func frozenData(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/data-v1.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for archive := tar.NewReader(unzip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(root, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(name, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// clew runs a command and returns what it printed and its exit code.
func clew(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	root := newRoot()
	var stdout, stderr bytes.Buffer
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	var exit exitCode
	switch {
	case err == nil:
	case errors.As(err, &exit):
		code = int(exit)
	default:
		return stdout.String() + stderr.String() + err.Error(), exitError
	}
	return stdout.String(), code
}

func TestCheckOfTheFormerFormat(t *testing.T) {
	dir := frozenData(t)
	if out, code := clew(t, "check", dir); code != exitFound || !strings.Contains(out, "3 segments with 121 rows") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestCheckAndRepair(t *testing.T) {
	dir := frozenData(t)
	files, err := filepath.Glob(filepath.Join(dir, "segments", "segments", "*-logs-*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 16
	if err := os.WriteFile(files[0], data, 0o644); err != nil {
		t.Fatal(err)
	}
	out, code := clew(t, "check", dir)
	if code != exitNothing || !strings.Contains(out, "damaged at offset") || !strings.Contains(out, "clew check --repair "+dir) {
		t.Errorf("exit %d: %s", code, out)
	}
	out, code = clew(t, "check", "--json", dir)
	var report checkReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitNothing || len(report.Findings) != 1 || !strings.HasSuffix(files[0], report.Findings[0].File) {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	if out, code := clew(t, "check", "--repair", dir); code != exitNothing || !strings.Contains(out, "repaired") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", dir); code != exitFound || !strings.Contains(out, "2 segments with 61 rows") {
		t.Errorf("exit %d: %s", code, out)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "segments", "quarantine", "*"))
	if err != nil || len(aside) != 2 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}

func TestCheckOfNoData(t *testing.T) {
	if out, code := clew(t, "check", t.TempDir()); code != exitError || !strings.Contains(out, "not clew's data") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// What the log has lost is not whole, and no repair's business, until somebody has accepted it.
func TestCheckOfLosses(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	loss := catalog.Loss{From: 4, To: 5, Reason: "missing", Since: at, Until: at.Add(time.Second), Noticed: at}
	c := catalog.New()
	report := func(last uint64, l catalog.Loss) (*checkReport, string) {
		t.Helper()
		if err := c.Apply(last+1, catalog.Commit{Version: catalog.CommitVersion, Reason: "lost", Shard: 2, Epoch: 1, Last: last, Lost: []catalog.Loss{l}}); err != nil {
			t.Fatal(err)
		}
		r := &checkReport{Lost: lossesOf(c.Current())}
		var out strings.Builder
		if err := r.print(&out, "data"); err != nil {
			t.Fatal(err)
		}
		return r, out.String()
	}
	if r, out := report(0, loss); !r.wrong() || r.mendable() || strings.Contains(out, "--repair") || !strings.Contains(out, "shard 2: messages 4 to 5 of its log are lost") || !strings.Contains(out, "accept 2:4-5:missing") {
		t.Errorf("%+v: %s", r, out)
	}
	loss.Accepted, loss.By = at, "ops"
	if r, out := report(1, loss); r.wrong() || !strings.HasSuffix(out, "whole\n") {
		t.Errorf("accepted: %+v: %s", r, out)
	}
}
