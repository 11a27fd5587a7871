// Package host says what the machine is that an agent runs on, and puts it on what the agent ships.
package host

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Host is a machine, or what a container sees of it.
type Host struct {
	Name        string `json:"name"`
	ID          string `json:"id,omitempty"` // /etc/machine-id
	OS          string `json:"os"`           // "linux"
	Description string `json:"description,omitempty"`
	Kernel      string `json:"kernel,omitempty"`
	Arch        string `json:"arch"`
	CPUs        int    `json:"cpus"`
	MemoryBytes int64  `json:"memoryBytes,omitempty"`
	// Virtual is what it runs in, as far as it can tell: "container", "kubernetes" or "".
	Virtual     string `json:"virtual,omitempty"`
	ContainerID string `json:"containerId,omitempty"`
	// Kubernetes has k8s.* attributes, from the downward API's variables.
	Kubernetes map[string]string `json:"kubernetes,omitempty"`
	// Extra has what OTEL_RESOURCE_ATTRIBUTES says.
	Extra map[string]string `json:"extra,omitempty"`
}

// downward are the variables that a pod is given by the downward API, with the attributes they stand for.
var downward = map[string]string{
	"K8S_NODE_NAME": "k8s.node.name", "K8S_POD_NAME": "k8s.pod.name", "K8S_POD_UID": "k8s.pod.uid",
	"K8S_NAMESPACE_NAME": "k8s.namespace.name", "K8S_CLUSTER_NAME": "k8s.cluster.name",
}

// Detect looks at the machine. root is where its file system is mounted ("/", or /hostfs in a container); env is os.Getenv.
func Detect(root string, env func(string) string) Host {
	h := Host{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
	h.Name = firstLine(filepath.Join(root, "etc/hostname"))
	if root == "/" || h.Name == "" {
		if name, err := os.Hostname(); err == nil {
			h.Name = name
		}
	}
	h.ID = firstLine(filepath.Join(root, "etc/machine-id"))
	h.Description = osName(filepath.Join(root, "etc/os-release"))
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	h.MemoryBytes = memory(filepath.Join(root, "proc/meminfo"))
	if _, err := os.Stat("/.dockerenv"); err == nil {
		h.Virtual = "container"
	}
	h.ContainerID = containerID("/proc/self/mountinfo")
	if h.ContainerID != "" {
		h.Virtual = "container"
	}
	for name, attribute := range downward {
		if v := env(name); v != "" {
			if h.Kubernetes == nil {
				h.Kubernetes = map[string]string{}
			}
			h.Kubernetes[attribute] = v
		}
	}
	if node := h.Kubernetes["k8s.node.name"]; node != "" {
		h.Name = node // the host is the node, not the agent's pod
	}
	if env("KUBERNETES_SERVICE_HOST") != "" {
		h.Virtual = "kubernetes"
	}
	for pair := range strings.SplitSeq(env("OTEL_RESOURCE_ATTRIBUTES"), ",") {
		if k, v, ok := strings.Cut(pair, "="); ok && strings.TrimSpace(k) != "" {
			if h.Extra == nil {
				h.Extra = map[string]string{}
			}
			h.Extra[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return h
}

// Attributes are the resource attributes of what the host itself says: its metrics and its logs. The agent's own pod is not part of them.
func (h Host) Attributes() map[string]string {
	a := map[string]string{"host.name": h.Name, "os.type": h.OS, "host.arch": h.Arch}
	if h.ID != "" {
		a["host.id"] = h.ID
	}
	for _, key := range []string{"k8s.node.name", "k8s.cluster.name"} {
		if v := h.Kubernetes[key]; v != "" {
			a[key] = v
		}
	}
	for k, v := range h.Extra {
		a[k] = v
	}
	return a
}

func firstLine(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}

func osName(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

func memory(file string) int64 {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// containerID finds the 64 hexadecimal digits in the mounts that a container's runtime makes from its own directory.
func containerID(mountinfo string) string {
	f, err := os.Open(mountinfo)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		// Only of its own: a host that runs containers has mounts of theirs, at other places.
		fields := strings.Fields(s.Text())
		if len(fields) < 5 || fields[4] != "/etc/hostname" && fields[4] != "/etc/hosts" {
			continue
		}
		for part := range strings.SplitSeq(fields[3], "/") {
			if len(part) == 64 && strings.Trim(part, "0123456789abcdef") == "" {
				return part
			}
		}
	}
	return ""
}
