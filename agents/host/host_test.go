package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"
)

func TestThisMachine(t *testing.T) {
	h := Detect("/", func(string) string { return "" })
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if h.Name != name || h.CPUs < 1 || h.MemoryBytes < 64<<20 || h.Kernel == "" || h.Kubernetes != nil {
		t.Errorf("%+v", h)
	}
}

func TestNodeOfACluster(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{"etc/hostname": "node-7\n", "etc/machine-id": "abc\n", "etc/os-release": "NAME=x\nPRETTY_NAME=\"Some Linux 12\"\n", "proc/meminfo": "MemTotal:       1024 kB\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"K8S_NODE_NAME": "worker-1", "K8S_POD_NAME": "clew-agent-x", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod, team=shop,,="}
	h := Detect(root, func(k string) string { return env[k] })
	if h.Name != "worker-1" || h.ID != "abc" || h.Description != "Some Linux 12" || h.MemoryBytes != 1<<20 || h.Virtual != "kubernetes" || h.Kubernetes["k8s.pod.name"] != "clew-agent-x" {
		t.Errorf("%+v", h)
	}
	want := map[string]string{"host.name": "worker-1", "host.id": "abc", "os.type": h.OS, "host.arch": h.Arch, "k8s.node.name": "worker-1", "deployment.environment.name": "prod", "team": "shop"}
	if diff := cmp.Diff(want, h.Attributes()); diff != "" {
		t.Error(diff)
	}
}

func TestContainerID(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	file := filepath.Join(t.TempDir(), "mountinfo")
	text := "1 2 8:1 /var/lib/docker/overlay2/x /other rw\n3 2 8:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/sda rw\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := containerID(file); got != id {
		t.Errorf("have %q", got)
	}
}

// What an application says of itself is not overwritten.
func TestProcessor(t *testing.T) {
	f := NewFactory()
	sink := new(consumertest.LogsSink)
	p, err := f.CreateLogs(t.Context(), processortest.NewNopSettings(Type), &Config{Attributes: map[string]string{"host.name": "here", "os.type": "linux"}}, sink)
	if err != nil {
		t.Fatal(err)
	}
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().Resource().Attributes().PutStr("host.name", "said")
	if err := p.ConsumeLogs(t.Context(), logs); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"host.name": "said", "os.type": "linux"}
	if diff := cmp.Diff(want, sink.AllLogs()[0].ResourceLogs().At(0).Resource().Attributes().AsRaw()); diff != "" {
		t.Error(diff)
	}
}
