package ingest

import (
	"os"
	"path/filepath"
	"testing"

	"clew/index/scrub"
	"clew/index/store"
	"clew/internal/telemetry"
)

// A local segment that was damaged while it waited is not committed: its records come from the log once more.
func TestDamageInTheSpool(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, testConfig(), spooled(dir, 1<<30))
	r.faulty.Script(store.Fault{Op: store.OpPut, Match: "segments/", Err: away})
	r.sendAll(t, 0, 100)
	r.freezeAll()
	waitFor(t, "local segments", func() bool { return r.local() == 3 })
	files, err := filepath.Glob(filepath.Join(dir, "spool", "segments", "*-logs-*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := []byte{0}
	if _, err := f.ReadAt(at, 40); err != nil {
		t.Fatal(err)
	}
	at[0] ^= 8
	if _, err := f.WriteAt(at, 40); err != nil {
		t.Fatal(err)
	}
	before := r.owner(0)
	r.faulty.Script()
	r.uploads.Hurry()
	waitFor(t, "another owner", func() bool { o := r.owner(0); return o != nil && o != before })
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		r.want(t, tenant, signal, 100)
	}
	if s := r.Status(t.Context()).Spool; s.Segments != 0 || s.Bytes != 0 {
		t.Errorf("after everything was sealed: %+v", *s)
	}
	v := r.catalog.Acquire()
	defer v.Release()
	if report, err := scrub.Check(t.Context(), r.dir, v, scrub.Options{}); err != nil || !report.Whole() {
		t.Errorf("%v, %+v", err, report)
	}
}
