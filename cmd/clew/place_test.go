package main

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clew/index/store"
	"clew/index/store/bucket"
	"clew/ingest/datadir"
	"clew/internal/harness"
	"clew/internal/s3test"
)

// inBucket moves the segments of the frozen data directory to an object store, as docs/object-store.md says.
func inBucket(t *testing.T, gateway *s3test.Gateway, prefix string) (dir, rawURL string) {
	t.Helper()
	dir, rawURL = frozenData(t), s3test.URL(gateway.Address, prefix)
	b, err := bucket.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	root := datadir.SegmentsDir(dir)
	files, err := filepath.Glob(filepath.Join(root, "*", "*"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		name := path.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(t.Context(), name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	target, err := bucket.ParseURL(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	if err := datadir.SetStorePlace(dir, target.Place()); err != nil {
		t.Fatal(err)
	}
	return dir, rawURL
}

// The commands on data do with an object store what they do with a directory.
func TestPlacesInObjectStores(t *testing.T) {
	s3test.SetEnvironment(t)
	gateway := s3test.Start(t)
	dir, rawURL := inBucket(t, gateway, "data")
	whole := func(args ...string) {
		t.Helper()
		if out, code := clew(t, append([]string{"check", "--store", rawURL}, args...)...); code != exitFound || !strings.Contains(out, "3 segments with 121 rows") {
			t.Fatalf("check %v: exit %d: %s", args, code, out)
		}
	}
	whole(dir)
	if out, code := clew(t, "check", "--store", s3test.URL(gateway.Address, "elsewhere"), dir); code != exitError || !strings.Contains(out, "--store says") {
		t.Errorf("another store: exit %d: %s", code, out)
	}
	backups := s3test.URL(gateway.Address, "backups")
	out, code := clew(t, "backup", "--store", rawURL, dir, backups)
	if code != exitNothing || !strings.Contains(out, "6 objects copied now") || !strings.Contains(out, "not in it: 3 messages") {
		t.Fatalf("backup: exit %d: %s", code, out)
	}
	if out, code := clew(t, "restore", "--list", backups); code != exitFound || !strings.Contains(out, "3 segments, 121 rows") {
		t.Errorf("list: exit %d: %s", code, out)
	}
	if out, code := clew(t, "restore", "--store", rawURL, backups, filepath.Join(t.TempDir(), "no")); code != exitError || !strings.Contains(out, "is not empty") {
		t.Errorf("restored over segments: exit %d: %s", code, out)
	}
	// From one store to another, and to a plain directory.
	restored, restoredURL := filepath.Join(t.TempDir(), "data"), s3test.URL(gateway.Address, "restored")
	if out, code := clew(t, "restore", "--store", restoredURL, backups, restored); code != exitFound || !strings.Contains(out, "shards: 1") {
		t.Fatalf("restore: exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", "--store", restoredURL, restored); code != exitFound || !strings.Contains(out, "3 segments with 121 rows") {
		t.Errorf("check of what was restored: exit %d: %s", code, out)
	}
	// The store alone: its snapshot.
	if out, code := clew(t, "check", restoredURL); code != exitFound || !strings.Contains(out, "the newest snapshot") {
		t.Errorf("check of the store alone: exit %d: %s", code, out)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if out, code := clew(t, "restore", backups, plain); code != exitFound {
		t.Fatalf("restore: exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", plain); code != exitFound {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := clew(t, "backup", restoredURL, filepath.Join(t.TempDir(), "b")); code != exitError || !strings.Contains(out, "may be old") {
		t.Errorf("backup of a snapshot: exit %d: %s", code, out)
	}
}

// Damage in an object store is found, set aside there, and shown.
func TestRepairInObjectStore(t *testing.T) {
	s3test.SetEnvironment(t)
	gateway := s3test.Start(t)
	dir, rawURL := inBucket(t, gateway, "data")
	b, err := bucket.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	objects, err := b.List(t.Context(), "segments/")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(objects, func(o store.Object) bool {
		return strings.Contains(o.Name, "-logs-") && strings.HasSuffix(o.Name, ".parquet")
	})
	if at < 0 {
		t.Fatalf("objects: %v", objects)
	}
	name := objects[at].Name
	file, parameters, _ := strings.Cut(rawURL, "?")
	if out, code := clew(t, "dump", file+"/"+name+"?"+parameters); code != exitFound || !strings.Contains(out, "60 rows") {
		t.Errorf("dump: exit %d: %s", code, out)
	}
	data := make([]byte, objects[at].Size)
	if err := b.ReadAt(t.Context(), name, data, 0); err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 16
	if _, err := b.Put(t.Context(), name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		t.Fatal(err)
	}
	if out, code := clew(t, "check", "--repair", "--store", rawURL, dir); code != exitNothing || !strings.Contains(out, "damaged at offset") || !strings.Contains(out, "repaired") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := clew(t, "check", "--store", rawURL, dir); code != exitFound || !strings.Contains(out, "2 segments with 61 rows") {
		t.Errorf("exit %d: %s", code, out)
	}
	if aside, err := b.List(t.Context(), "quarantine/"); err != nil || len(aside) != 2 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}

// A store that does not answer is an error, not missing segments.
func TestCheckWhileTheStoreIsAway(t *testing.T) {
	s3test.SetEnvironment(t)
	nobody, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	if out, code := clew(t, "check", s3test.URL(nobody[0], "data")); code != exitError || !strings.Contains(out, "store is away") {
		t.Errorf("exit %d: %s", code, out)
	}
}
