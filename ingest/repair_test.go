package ingest

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clew/ingest/datadir"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// TestLostCommit: an entry of the commit stream is damaged, whose segment's records the log still holds, because another key's hold its floor. After the
// repair none is there twice: the commit after it says how far the log is in the segment.
func TestLostCommit(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig()
	cfg.SealRows = 100
	r := openRig(t, dir, cfg, nil)
	sealed := func(n int) {
		r.settle(t)
		waitFor(t, "a sealed segment", func() bool { return len(segmentsOf(r)) == n })
	}
	r.send(t, logBatch("open", 0, 10))
	r.send(t, logBatch("lost", 0, 120))
	sealed(1)
	r.send(t, logBatch("next", 0, 120))
	sealed(2)
	r.send(t, logBatch("lost", 120, 30))
	r.settle(t)
	if floor := r.catalog.Current().Shard(0).Floor; floor != 0 {
		t.Fatalf("floor is %d: nothing would be read again", floor)
	}
	lost := segmentsOf(r)["lost"]
	r.stop()
	damageCommit(t, dir, lost)
	if err := os.Symlink(filepath.Join(dir, "store"), datadir.SegmentsDir(dir)); err != nil {
		t.Fatal(err)
	}
	d, err := datadir.Open(t.Context(), dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if len(d.Holes) != 1 || d.Holes[0].Note != "" {
		t.Errorf("holes: %v", d.Holes)
	}
	if err := d.Mend(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	d.Close()

	r = openRig(t, dir, cfg, nil)
	r.settle(t)
	r.want(t, "open", telemetry.Logs, 10)
	r.want(t, "lost", telemetry.Logs, 150)
	r.want(t, "next", telemetry.Logs, 120)
}

// segmentsOf gives the segments' ids by tenant.
func segmentsOf(r *rig) map[string]string {
	ids := map[string]string{}
	v := r.catalog.Acquire()
	defer v.Release()
	for s := range v.All() {
		ids[s.Tenant] = s.ID
	}
	return ids
}

// damageCommit flips a bit of the entry of the commit stream that names a segment.
func damageCommit(t *testing.T, dir, id string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(datadir.LogDir(dir), "nats/jetstream/*/streams/CLEW_COMMITS/msgs/*.blk"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte(id))
	if at < 0 {
		t.Fatal("the stream does not name the segment")
	}
	data[at] ^= 1
	if err := os.WriteFile(files[0], data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestLostSampling: the entry of the commit stream that tells of down-sampling is damaged. After the repair each point is in one window of each resolution, whether the
// windows were taken from the segment that nobody names or made again.
func TestLostSampling(t *testing.T) {
	for _, lost := range points.Resolutions {
		t.Run(lost.String(), func(t *testing.T) {
			dir := t.TempDir()
			r := openRig(t, dir, compacting(), nil)
			r.sealScrapes(t, 0, 480) // two hours
			r.sealScrapes(t, 480, 480)
			if n, err := r.Downsample(t.Context(), closed()); n != 3 || err != nil { // two, and what they have become
				t.Fatalf("%d segments were down-sampled (%v), want 3", n, err)
			}
			id := r.byResolution()[lost][0].ID
			r.sealScrapes(t, 2000, 10)
			r.settle(t)
			r.stop()
			damageCommit(t, dir, id)
			if err := os.Symlink(filepath.Join(dir, "store"), datadir.SegmentsDir(dir)); err != nil {
				t.Fatal(err)
			}
			d, err := datadir.Open(t.Context(), dir, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if len(d.Holes) != 1 {
				t.Errorf("holes: %v", d.Holes)
			}
			if err := d.Mend(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			d.Close()

			r = openRig(t, dir, compacting(), nil)
			r.settle(t)
			check := func(when string, points uint64, five, hours int) {
				t.Helper()
				all := r.byResolution()
				for width, windows := range map[time.Duration]int{5 * time.Minute: five, time.Hour: hours} {
					if count, n := windowed(t, r, all[width]); count != points || n != windows {
						t.Errorf("%s, %v: %d points in %d windows, want %d in %d", when, width, count, n, points, windows)
					}
				}
			}
			check("repaired", 960, 48, 4)
			if _, err := r.Downsample(t.Context(), closed()); err != nil {
				t.Fatal(err)
			}
			check("later", 970, 49, 5)
			for width, all := range r.byResolution() {
				for _, s := range all {
					if s.Sampled != (width < time.Hour) {
						t.Errorf("segment %s of %v: sampled %v", s.ID, width, s.Sampled)
					}
				}
			}
		})
	}
}
