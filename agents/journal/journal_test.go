package journal

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"clew/agents/journal/journaltest"
)

func TestReadEntry(t *testing.T) {
	text := "__CURSOR=c1\nMESSAGE=a=b\nPRIORITY=3\n\n\n__CURSOR=c2\nMESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00two\nx\n\n"
	r := bufio.NewReader(strings.NewReader(text))
	want := []entry{{"__CURSOR": "c1", "MESSAGE": "a=b", "PRIORITY": "3"}, {"__CURSOR": "c2", "MESSAGE": "two\nx"}}
	for _, w := range want {
		have, err := readEntry(r)
		if diff := cmp.Diff(w, have); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	if _, err := readEntry(r); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
	for _, torn := range []string{"MESSAGE=x", "MESSAGE=x\n", "MESSAGE\n\x05\x00", "MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if _, err := readEntry(bufio.NewReader(strings.NewReader(torn))); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", torn, err)
		}
	}
	long := strings.Repeat("x", 3*fieldBytesMax)
	if e, err := readEntry(bufio.NewReader(strings.NewReader("MESSAGE=" + long + "\n\n"))); err != nil || len(e["MESSAGE"]) > fieldBytesMax || len(e["MESSAGE"]) < fieldBytesMax-64<<10 {
		t.Errorf("a long value: %d bytes, %v", len(e["MESSAGE"]), err)
	}
}

func FuzzReadEntry(f *testing.F) {
	f.Add([]byte("__CURSOR=c2\nMESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00two\nx\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(strings.NewReader(string(data)))
		for {
			e, err := readEntry(r)
			if err != nil {
				return
			}
			logs("journal", []entry{e}, 1)
		}
	})
}

func TestRecords(t *testing.T) {
	d := logs("journal", []entry{
		{"MESSAGE": "Accepted", "PRIORITY": "6", "_SYSTEMD_UNIT": "ssh.service", "SYSLOG_IDENTIFIER": "sshd", "_PID": "12", "_TRANSPORT": "syslog", "__REALTIME_TIMESTAMP": "1795256403000001"},
		{"MESSAGE": "boom", "PRIORITY": "3", "_SYSTEMD_UNIT": "docker.service", "CONTAINER_NAME": "web", "CONTAINER_ID_FULL": "abc", "CODE_LINE": "7", "ORDER": "9"},
		{"MESSAGE": "again", "_SYSTEMD_UNIT": "ssh.service"},
	}, 5)
	if d.ResourceLogs().Len() != 2 || d.LogRecordCount() != 3 {
		t.Fatalf("%d resources, %d records", d.ResourceLogs().Len(), d.LogRecordCount())
	}
	ssh, web := d.ResourceLogs().At(0), d.ResourceLogs().At(1)
	if diff := cmp.Diff(map[string]any{"service.name": "ssh"}, ssh.Resource().Attributes().AsRaw()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"service.name": "web", "container.name": "web", "container.id": "abc"}, web.Resource().Attributes().AsRaw()); diff != "" {
		t.Error(diff)
	}
	first, boom := ssh.ScopeLogs().At(0).LogRecords().At(0), web.ScopeLogs().At(0).LogRecords().At(0)
	if first.Body().Str() != "Accepted" || first.Timestamp() != 1795256403000001000 || first.SeverityNumber() != 9 || boom.SeverityNumber() != 17 {
		t.Errorf("%v %v", first, boom)
	}
	if diff := cmp.Diff(map[string]any{"systemd.unit": "ssh.service", "syslog.identifier": "sshd", "process.pid": int64(12), "journald.transport": "syslog"}, first.Attributes().AsRaw()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"systemd.unit": "docker.service", "code.line.number": int64(7), "journald.order": "9"}, boom.Attributes().AsRaw()); diff != "" {
		t.Error(diff)
	}
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

func follow(t *testing.T, checkpoints, dir string, sink *consumertest.LogsSink) (stop func()) {
	t.Helper()
	id := component.MustNewID("file_storage")
	store := filestorage.NewFactory()
	sc := store.CreateDefaultConfig().(*filestorage.Config)
	sc.Directory, sc.FSync = checkpoints, true
	if err := sc.Validate(); err != nil {
		t.Fatal(err)
	}
	extension, err := store.Create(t.Context(), extensiontest.NewNopSettings(store.Type()), sc)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFactory()
	cfg := f.CreateDefaultConfig().(*Config)
	cfg.Storage, cfg.Directory, cfg.StartAt = &id, dir, "beginning"
	set := receivertest.NewNopSettings(Type)
	set.ID = component.NewID(Type)
	r, err := f.CreateLogs(t.Context(), set, cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(extension.Start(t.Context(), componenttest.NewNopHost()), r.Start(t.Context(), host{id: extension})); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := errors.Join(r.Shutdown(context.Background()), extension.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
}

// A real journal is followed, and a restart goes on where the last one ended: nothing is lost in between, nothing comes twice.
func TestRealJournal(t *testing.T) {
	dir, write := journaltest.Start(t)
	sink := new(consumertest.LogsSink)
	checkpoints := t.TempDir()
	bodies := func() (out []string) {
		for _, l := range sink.AllLogs() {
			for _, res := range l.ResourceLogs().All() {
				if v, _ := res.Resource().Attributes().Get("service.name"); v.Str() != "shop" {
					continue
				}
				for _, record := range res.ScopeLogs().At(0).LogRecords().All() {
					out = append(out, record.SeverityText()+" "+record.Body().Str())
				}
			}
		}
		return out
	}
	wait := func(want ...string) {
		t.Helper()
		for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			have := bodies()
			if cmp.Equal(have, want) {
				return
			}
			if time.Now().After(deadline) || len(have) > len(want) {
				t.Fatalf("have %q\nwant %q", have, want)
			}
		}
	}
	stop := follow(t, checkpoints, dir, sink)
	write("MESSAGE=one", "PRIORITY=3", "SYSLOG_IDENTIFIER=shop")
	write("MESSAGE=two", "PRIORITY=6", "SYSLOG_IDENTIFIER=shop", "ORDER=4711")
	wait("err one", "info two")
	stop()
	write("MESSAGE=while down", "PRIORITY=4", "SYSLOG_IDENTIFIER=shop")
	stop = follow(t, checkpoints, dir, sink)
	defer stop()
	write("MESSAGE=four", "PRIORITY=7", "SYSLOG_IDENTIFIER=shop")
	wait("err one", "info two", "warning while down", "debug four")
}

func TestArguments(t *testing.T) {
	c := Config{StartAt: "end", Units: []string{"ssh.service"}, Directory: "/j", Matches: []string{"_UID=0"}}
	want := []string{"--output=export", "--follow", "--all", "--lines=0", "--directory=/j", "--unit=ssh.service", "_UID=0"}
	if diff := cmp.Diff(want, c.arguments("")); diff != "" {
		t.Error(diff)
	}
	if got := strings.Join(c.arguments("s=1"), " "); !strings.Contains(got, "--no-tail --after-cursor=s=1") {
		t.Error(got)
	}
	if (&Config{StartAt: "end", Matches: []string{"--file=/etc/shadow"}}).Validate() == nil {
		t.Error("a match that is an option is taken")
	}
}
