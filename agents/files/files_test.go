package files

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// sink keeps what it takes, and refuses while it is told to.
type sink struct {
	mu      sync.Mutex
	refuse  bool
	refused int // calls
	got     []got
}

type got struct {
	body, service, path string
	severity            int
	attrs               map[string]any
	resource            map[string]any
}

func (s *sink) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *sink) ConsumeLogs(_ context.Context, logs plog.Logs) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse {
		s.refused++
		return errors.New("full")
	}
	for _, res := range logs.ResourceLogs().All() {
		r := res.Resource().Attributes().AsRaw()
		for _, record := range res.ScopeLogs().At(0).LogRecords().All() {
			a := record.Attributes().AsRaw()
			path, _ := a["log.file.path"].(string)
			s.got = append(s.got, got{body: record.Body().Str(), service: fmt.Sprint(r["service.name"]), path: path, severity: int(record.SeverityNumber()), attrs: a, resource: r})
		}
	}
	return nil
}

func (s *sink) setRefuse(v bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = v
}

func (s *sink) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, g := range s.got {
		out = append(out, g.body)
	}
	slices.Sort(out)
	return out
}

func (s *sink) wait(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	for deadline := time.Now().Add(10 * time.Second); ; {
		have := s.bodies()
		if slices.Equal(have, want) {
			return
		}
		if time.Now().After(deadline) || len(have) > len(want) {
			t.Fatalf("have %q\nwant %q", have, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// waitRefused waits until the sink refuses something from now on.
func (s *sink) waitRefused(t *testing.T) {
	t.Helper()
	calls := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.refused
	}
	before := calls()
	for deadline := time.Now().Add(20 * time.Second); calls() == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was offered to a sink that refuses")
		}
	}
}

// polls counts a receiver's looks at its files, by what it logs at the beginning of each.
type polls struct{ log *observer.ObservedLogs }

func (p polls) count() int { return p.log.FilterMessage("matched files").Len() }

// wait returns when a look that begins from now on has ended.
func (p polls) wait(t *testing.T) {
	t.Helper()
	before := p.count()
	for deadline := time.Now().Add(20 * time.Second); p.count() < before+2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d looks at the files, then none", before)
		}
	}
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// start runs a receiver with its checkpoints below dir until stop is called.
func start(t *testing.T, dir string, to consumer.Logs, change func(*Config)) (looked polls, stop func()) {
	t.Helper()
	id := component.MustNewID("file_storage")
	store := filestorage.NewFactory()
	sc := store.CreateDefaultConfig().(*filestorage.Config)
	sc.Directory, sc.CreateDirectory, sc.FSync = filepath.Join(dir, "checkpoints"), true, true
	if err := sc.Validate(); err != nil {
		t.Fatal(err)
	}
	extension, err := store.Create(t.Context(), extensiontest.NewNopSettings(store.Type()), sc)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFactory()
	cfg := f.CreateDefaultConfig().(*Config)
	cfg.Include = []string{filepath.Join(dir, "log", "**")}
	cfg.PollInterval, cfg.FlushPeriod = 20*time.Millisecond, 100*time.Millisecond
	cfg.Compression = "auto"
	cfg.Storage = &id
	if change != nil {
		change(cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var r receiver.Logs
	set, looked := settings()
	if r, err = f.CreateLogs(t.Context(), set, cfg, to); err != nil {
		t.Fatal(err)
	}
	if err := extension.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), host{id: extension}); err != nil {
		t.Fatal(err)
	}
	return looked, sync.OnceFunc(func() {
		if err := errors.Join(r.Shutdown(context.Background()), extension.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// What was there before the first start is history; afterwards every line counts, once, through renames, truncation, compression and restarts.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	app := filepath.Join(dir, "log", "app.log")
	write(t, app, "history\n")
	s := &sink{}
	looked, stop := start(t, dir, s, nil)
	looked.wait(t) // sees the end of the history
	want := []string{"one", "two"}
	write(t, app, "one\ntwo\n")
	s.wait(t, want...)

	t.Log("renamed, and a new file in its place")
	if err := os.Rename(app, app+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, app+".1", "last of the old\n")
	write(t, app, "first of the new\n")
	want = append(want, "last of the old", "first of the new")
	s.wait(t, want...)

	t.Log("stopped; written meanwhile, and a file that is new")
	stop()
	write(t, app, "while down\n")
	write(t, filepath.Join(dir, "log", "deep", "er.log"), "in a new file\n")
	looked, stop = start(t, dir, s, nil)
	want = append(want, "while down", "in a new file")
	s.wait(t, want...)

	t.Log("the rotated file, which is large, is compressed: it is smaller than what has been read of it")
	var more []string
	for i := range 200 {
		more = append(more, fmt.Sprintf("line %04d of many that are alike", i))
	}
	write(t, app+".1", strings.Join(more, "\n")+"\n")
	want = append(want, more...)
	s.wait(t, want...)
	compress(t, app+".1")
	looked.wait(t)
	s.wait(t, want...)

	t.Log("started again after that")
	stop()
	looked, stop = start(t, dir, s, nil)
	looked.wait(t)
	s.wait(t, want...)

	t.Log("truncated in place")
	if err := os.Truncate(app, 0); err != nil {
		t.Fatal(err)
	}
	looked.wait(t)
	write(t, app, "after truncation\n")
	want = append(want, "after truncation")
	s.wait(t, want...)
	stop()
}

func compress(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tmp := file + ".tmp.gz"
	f, err := os.Create(filepath.Join(filepath.Dir(filepath.Dir(file)), filepath.Base(tmp)))
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(f)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close(), os.Rename(f.Name(), file+".gz"), os.Remove(file)); err != nil {
		t.Fatal(err)
	}
}

// While the pipeline refuses, nothing is dropped; stopped in the middle of that, the next start reads it again.
func TestRefusalAndStop(t *testing.T) {
	dir := t.TempDir()
	app := filepath.Join(dir, "log", "app.log")
	s := &sink{refuse: true}
	looked, stop := start(t, dir, s, nil)
	looked.wait(t)
	var want []string
	for i := range 350 {
		want = append(want, fmt.Sprintf("line %03d", i))
	}
	write(t, app, strings.Join(want, "\n")+"\n")
	s.waitRefused(t)
	stop()
	if got := s.bodies(); len(got) != 0 {
		t.Fatalf("a refusing sink took %q", got)
	}
	_, stop = start(t, dir, s, nil)
	defer stop()
	s.waitRefused(t)
	s.setRefuse(false)
	s.wait(t, want...)
}

func TestStackTraceOfAContainer(t *testing.T) {
	dir := t.TempDir()
	pod := filepath.Join(dir, "log", "pods", "shop_checkout-5d9_0a1b", "checkout", "3.log")
	s := &sink{}
	looked, stop := start(t, dir, s, func(c *Config) { c.Framing = "pods"; c.IncludeFileRecordOffset = true })
	defer stop()
	looked.wait(t)
	write(t, pod, "2026-11-21T10:20:03.1Z stdout F 2026-11-21 10:20:03 ERROR [main] c.e.Shop : failed\n"+
		"2026-11-21T10:20:03.1Z stdout F java.lang.IllegalStateException: no stock\n2026-11-21T10:20:03.1Z stdout F \tat a.B.c(B.java:1)\n")
	write(t, pod, "2026-11-21T10:20:04Z stderr F plain\n")
	s.wait(t, "2026-11-21 10:20:03 ERROR [main] c.e.Shop : failed\njava.lang.IllegalStateException: no stock\n\tat a.B.c(B.java:1)", "plain")
	g := s.got[0]
	if g.service != "checkout" || g.severity != 17 || g.attrs["log.iostream"] != "stdout" || g.attrs["log.file.path"] != pod || g.attrs["log.file.record_offset"] != int64(0) {
		t.Errorf("%+v", g)
	}
	want := map[string]any{
		"service.name": "checkout", "k8s.namespace.name": "shop", "k8s.pod.name": "checkout-5d9", "k8s.pod.uid": "0a1b",
		"k8s.container.name": "checkout", "k8s.container.restart_count": "3",
	}
	if !maps.Equal(g.resource, want) {
		t.Errorf("resource %v", g.resource)
	}
	if s.got[1].attrs["log.file.record_offset"] == int64(0) {
		t.Error("the second record has the offset of the first")
	}
}

func TestNamesOfSources(t *testing.T) {
	dir := t.TempDir()
	docker := filepath.Join(dir, "0123456789abcdef")
	write(t, filepath.Join(docker, "config.v2.json"), `{"Name":"/web","Config":{"Image":"nginx:1"}}`)
	m := newMaker(&Config{Framing: "docker"})
	if s := m.source(filepath.Join(docker, "x-json.log")); s.service != "web" || len(s.attrs) != 3 {
		t.Errorf("%+v", s)
	}
	if s := m.source("/var/lib/docker/containers/fedcba98765432100/x.log"); s.service != "fedcba987654" {
		t.Errorf("%+v", s)
	}
	for path, want := range map[string]string{"/var/log/nginx/access.log": "nginx", "/var/log/dpkg.log.1": "dpkg", "/srv/app/app-2026.log": "app"} {
		if s := newMaker(&Config{Framing: "none"}).source(path); s.service != want {
			t.Errorf("%s: %s, want %s", path, s.service, want)
		}
	}
	if s := newMaker(&Config{Framing: "none", Service: "mine"}).source("/var/log/syslog"); s.service != "mine" || s.bySyslog {
		t.Errorf("%+v", s)
	}
}

// settings have the same id each time: checkpoints are kept by it.
func settings() (receiver.Settings, polls) {
	set := receivertest.NewNopSettings(Type)
	set.ID = component.NewIDWithName(Type, "test")
	core, seen := observer.New(zap.DebugLevel)
	set.Logger = zap.New(core)
	return set, polls{seen}
}
