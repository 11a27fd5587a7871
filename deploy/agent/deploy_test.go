// Package agent tests what people install the agent with: the manifest, the unit and the Dockerfile agree with the program.
package agent

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"clew/agents"
	"clew/agents/host"
)

// manifest has the keys of Kubernetes that the manifest uses, and no others: a misspelt key is an error.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   metadata
	Data       map[string]string
	Spec       struct {
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		UpdateStrategy struct {
			Type          string
			RollingUpdate struct {
				MaxUnavailable string `yaml:"maxUnavailable"`
			} `yaml:"rollingUpdate"`
		} `yaml:"updateStrategy"`
		Template struct {
			Metadata metadata
			Spec     podSpec
		}
	}
}

type metadata struct {
	Name, Namespace string
	Labels          map[string]string
}

type podSpec struct {
	AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"`
	TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
	PriorityClassName             string `yaml:"priorityClassName"`
	Tolerations                   []struct{ Operator string }
	Containers                    []container
	Volumes                       []struct {
		Name      string
		HostPath  *struct{ Path, Type string } `yaml:"hostPath"`
		ConfigMap *struct{ Name string }       `yaml:"configMap"`
		EmptyDir  *struct {
			SizeLimit string `yaml:"sizeLimit"`
		} `yaml:"emptyDir"`
	}
}

type probe struct {
	TCPSocket        struct{ Port string } `yaml:"tcpSocket"`
	PeriodSeconds    int                   `yaml:"periodSeconds"`
	FailureThreshold int                   `yaml:"failureThreshold"`
}

type container struct {
	Name, Image string
	Args        []string
	Env         []struct {
		Name      string
		ValueFrom struct {
			FieldRef struct {
				FieldPath string `yaml:"fieldPath"`
			} `yaml:"fieldRef"`
		} `yaml:"valueFrom"`
	}
	Ports []struct {
		Name, Protocol string
		ContainerPort  int `yaml:"containerPort"`
		HostPort       int `yaml:"hostPort"`
	}
	StartupProbe    *probe `yaml:"startupProbe"`
	LivenessProbe   *probe `yaml:"livenessProbe"`
	ReadinessProbe  *probe `yaml:"readinessProbe"`
	Resources       struct{ Requests, Limits map[string]string }
	SecurityContext struct {
		RunAsUser                int   `yaml:"runAsUser"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		Capabilities             struct{ Drop, Add []string }
		SeccompProfile           struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	VolumeMounts []mount `yaml:"volumeMounts"`
}

type mount struct {
	Name             string
	MountPath        string `yaml:"mountPath"`
	ReadOnly         bool   `yaml:"readOnly"`
	MountPropagation string `yaml:"mountPropagation"`
}

func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	data, err := os.ReadFile("daemonset.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	out := map[string]manifest{}
	for {
		var m manifest
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out[m.Kind] = m
	}
}

func TestDaemonSet(t *testing.T) {
	all := manifests(t)
	set := all["DaemonSet"]
	pod := set.Spec.Template.Spec
	if len(all) != 3 || len(pod.Containers) != 1 || set.APIVersion != "apps/v1" {
		t.Fatalf("%+v", all)
	}
	c := pod.Containers[0]
	for k, v := range set.Spec.Selector.MatchLabels {
		if set.Spec.Template.Metadata.Labels[k] != v {
			t.Errorf("the selector's %s is not the pods'", k)
		}
	}
	for kind, m := range all {
		if kind != "Namespace" && m.Metadata.Namespace != all["Namespace"].Metadata.Name {
			t.Errorf("%s is in namespace %q", kind, m.Metadata.Namespace)
		}
	}
	mounts := map[string]mount{}
	for _, m := range c.VolumeMounts {
		mounts[m.Name] = m
	}
	for _, v := range pod.Volumes {
		m, ok := mounts[v.Name]
		if !ok {
			t.Errorf("volume %s is not mounted", v.Name)
		}
		delete(mounts, v.Name)
		if v.HostPath != nil && v.HostPath.Path == "/" && (!m.ReadOnly || m.MountPath != "/hostfs") {
			t.Errorf("the host's file system: %+v", m)
		}
		if v.ConfigMap != nil && v.ConfigMap.Name != all["ConfigMap"].Metadata.Name {
			t.Errorf("there is no ConfigMap %s", v.ConfigMap.Name)
		}
		if v.Name == "data" && (v.HostPath == nil || m.ReadOnly) {
			t.Error("the queue does not outlive the pod")
		}
	}
	if len(mounts) > 0 {
		t.Errorf("mounts without a volume: %v", mounts)
	}
	s := c.SecurityContext
	if !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || s.SeccompProfile.Type != "RuntimeDefault" {
		t.Errorf("security context %+v", s)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken || c.Resources.Limits["memory"] == "" {
		t.Error("a token that nobody needs, or memory without a bound")
	}
	ports := map[string]bool{}
	for _, p := range c.Ports {
		ports[p.Name] = true
	}
	for _, p := range []*probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if p == nil || !ports[p.TCPSocket.Port] {
			t.Errorf("probe %+v", p)
		}
	}
	env := map[string]string{}
	for _, e := range c.Env {
		env[e.Name] = e.ValueFrom.FieldRef.FieldPath
	}
	if env["K8S_NODE_NAME"] != "spec.nodeName" {
		t.Errorf("environment %v", env)
	}
	checkFlags(t, strings.Join(c.Args, " "))
}

// The configuration in the ConfigMap is one that the agent takes.
func TestConfigMapIsValid(t *testing.T) {
	over, err := agents.ParseOverrides("agent.yaml", []byte(manifests(t)["ConfigMap"].Data["agent.yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	c := agents.DefaultConfig()
	c.Data, c.Overrides = t.TempDir(), over
	c.Collectors = []string{"clew-collector.clew.svc:4317"} // as the manifest's arguments say: the node's own OTLP port is open to its pods
	composed, err := agents.Compose(c, host.Host{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	agent, err := agents.New(composed, agents.Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

// checkFlags knows the flags of clew agent by its source.
func checkFlags(t *testing.T, line string) {
	t.Helper()
	source, err := os.ReadFile("../../cmd/clew/cmd_agent.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`--([a-z][a-z-]*)`).FindAllStringSubmatch(line, -1)
	if len(found) == 0 {
		t.Errorf("no flags in %q", line)
	}
	for _, f := range found {
		if !bytes.Contains(source, []byte(`"`+f[1]+`"`)) {
			t.Errorf("clew agent has no flag --%s: %s", f[1], line)
		}
	}
}

func TestUnitAndDockerfile(t *testing.T) {
	unit, err := os.ReadFile("clew-agent.service")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for line := range strings.Lines(string(unit)) {
		line = strings.TrimSpace(line)
		if k, v, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			keys[k] = v
		}
	}
	if keys["Restart"] != "always" || keys["NoNewPrivileges"] != "yes" || keys["ProtectSystem"] != "strict" || keys["StateDirectory"] != "clew-agent" || keys["WantedBy"] == "" {
		t.Errorf("%v", keys)
	}
	checkFlags(t, keys["ExecStart"])
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	entry := regexp.MustCompile(`ENTRYPOINT (.*)`).FindString(string(dockerfile))
	checkFlags(t, entry)
	if !strings.Contains(entry, "/hostfs") {
		t.Errorf("%s does not read the host", entry)
	}
}
