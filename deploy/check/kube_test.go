package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// objects are those of one installation, read by the API's own types: a key that there is not, or one given twice, is an error.
type objects struct {
	pods     map[string]core.PodTemplateSpec // by the name of what makes them
	labels   map[string]map[string]string    // the selectors of these, by name
	claims   map[string][]string             // and the volumes that they claim
	configs  map[string]core.ConfigMap
	secrets  map[string]core.Secret
	services []core.Service
	budgets  map[string]*policy.PodDisruptionBudget
	policies []networking.NetworkPolicy
	ingress  []networking.Ingress
	accounts map[string]bool
	monitors []podMonitor
}

// podMonitor has the keys of the Prometheus operator's that the chart uses.
type podMonitor struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata,omitempty"`
	Spec            struct {
		Selector            meta.LabelSelector `json:"selector"`
		PodMetricsEndpoints []struct {
			Port, Path, Interval, Scheme string
			TLSConfig                    struct {
				InsecureSkipVerify bool `json:"insecureSkipVerify"`
			} `json:"tlsConfig"`
			Authorization struct {
				Credentials core.SecretKeySelector `json:"credentials"`
			} `json:"authorization"`
		} `json:"podMetricsEndpoints"`
	} `json:"spec"`
}

func newObjects() *objects {
	return &objects{
		pods: map[string]core.PodTemplateSpec{}, labels: map[string]map[string]string{}, claims: map[string][]string{}, configs: map[string]core.ConfigMap{},
		secrets: map[string]core.Secret{},
		budgets: map[string]*policy.PodDisruptionBudget{}, accounts: map[string]bool{},
	}
}

// as decodes strictly.
func as[T any](doc []byte) (T, error) {
	var v T
	return v, yaml.UnmarshalStrict(doc, &v)
}

func (o *objects) add(doc []byte) error {
	var kind meta.TypeMeta
	if err := yaml.Unmarshal(doc, &kind); err != nil || kind.Kind == "" {
		return err
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "apps/v1 StatefulSet":
		s, err := as[apps.StatefulSet](doc)
		o.pods[s.Name], o.labels[s.Name] = s.Spec.Template, s.Spec.Selector.MatchLabels
		for i := range s.Spec.VolumeClaimTemplates {
			o.claims[s.Name] = append(o.claims[s.Name], s.Spec.VolumeClaimTemplates[i].Name)
		}
		return err
	case "apps/v1 Deployment":
		d, err := as[apps.Deployment](doc)
		o.pods[d.Name], o.labels[d.Name] = d.Spec.Template, d.Spec.Selector.MatchLabels
		return err
	case "apps/v1 DaemonSet":
		d, err := as[apps.DaemonSet](doc)
		o.pods[d.Name], o.labels[d.Name] = d.Spec.Template, d.Spec.Selector.MatchLabels
		return err
	case "v1 ConfigMap":
		c, err := as[core.ConfigMap](doc)
		o.configs[c.Name] = c
		return err
	case "v1 Secret":
		s, err := as[core.Secret](doc)
		o.secrets[s.Name] = s
		return err
	case "v1 Service":
		s, err := as[core.Service](doc)
		o.services = append(o.services, s)
		return err
	case "v1 ServiceAccount":
		a, err := as[core.ServiceAccount](doc)
		o.accounts[a.Name] = true
		return err
	case "policy/v1 PodDisruptionBudget":
		b, err := as[policy.PodDisruptionBudget](doc)
		o.budgets[b.Name] = &b
		return err
	case "networking.k8s.io/v1 NetworkPolicy":
		p, err := as[networking.NetworkPolicy](doc)
		o.policies = append(o.policies, p)
		return err
	case "networking.k8s.io/v1 Ingress":
		i, err := as[networking.Ingress](doc)
		o.ingress = append(o.ingress, i)
		return err
	case "monitoring.coreos.com/v1 PodMonitor":
		m, err := as[podMonitor](doc)
		o.monitors = append(o.monitors, m)
		return err
	}
	return fmt.Errorf("%s %s: not known here", kind.APIVersion, kind.Kind)
}

// check says whether the objects fit together: what one names, another is.
func (o *objects) check(t *testing.T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(o.pods)) {
		o.checkPod(t, name)
	}
	for i := range o.services {
		s := &o.services[i]
		pods := o.selected(s.Spec.Selector)
		if len(pods) != 1 {
			t.Errorf("service %s selects %v", s.Name, pods)
			continue
		}
		for _, port := range s.Spec.Ports {
			if !slices.ContainsFunc(o.pods[pods[0]].Spec.Containers[0].Ports, func(p core.ContainerPort) bool { return p.Name == port.TargetPort.StrVal }) {
				t.Errorf("service %s: %s has no port %s", s.Name, pods[0], port.TargetPort.StrVal)
			}
		}
	}
	for name, b := range o.budgets {
		if pods := o.selected(b.Spec.Selector.MatchLabels); len(pods) != 1 {
			t.Errorf("budget %s selects %v", name, pods)
		}
	}
	for i := range o.policies {
		o.checkPolicy(t, &o.policies[i])
	}
	for i := range o.ingress {
		service := o.ingress[i].Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name
		if !slices.ContainsFunc(o.services, func(s core.Service) bool { return s.Name == service }) {
			t.Errorf("ingress: no service %s", service)
		}
	}
	if c, ok := o.configs["clew"]; ok {
		checkConfig(t, c.Data["clew.yaml"])
	} else {
		t.Error("no configuration")
	}
}

// selected are the names of what makes pods with these labels.
func (o *objects) selected(labels map[string]string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(o.pods)) {
		if has(o.pods[name].Labels, labels) {
			names = append(names, name)
		}
	}
	return names
}

func has(labels, want map[string]string) bool {
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return len(want) > 0
}

func (o *objects) checkPod(t *testing.T, name string) {
	t.Helper()
	pod := o.pods[name]
	if !has(pod.Labels, o.labels[name]) {
		t.Errorf("%s: its selector is not its pods'", name)
	}
	if a := pod.Spec.ServiceAccountName; a != "" && !o.accounts[a] {
		t.Errorf("%s: no service account %s", name, a)
	}
	if pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken {
		t.Errorf("%s: a token that nobody needs", name)
	}
	if len(pod.Spec.Containers) != 1 {
		t.Fatalf("%s: %d containers", name, len(pod.Spec.Containers))
	}
	c := &pod.Spec.Containers[0]
	o.checkVolumes(t, name, c)
	s := c.SecurityContext
	if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
		t.Errorf("%s is not hardened: %+v", name, s)
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || !c.Resources.Limits.Cpu().IsZero() {
		t.Errorf("%s: resources %+v", name, c.Resources)
	}
	for _, p := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if p == nil {
			t.Errorf("%s lacks a probe", name)
			continue
		}
		port := ""
		if p.HTTPGet != nil {
			port = p.HTTPGet.Port.StrVal
		} else if p.TCPSocket != nil {
			port = p.TCPSocket.Port.StrVal
		}
		if !slices.ContainsFunc(c.Ports, func(x core.ContainerPort) bool { return x.Name == port }) {
			t.Errorf("%s: a probe of port %q", name, port)
		}
	}
	component := pod.Labels["app.kubernetes.io/component"]
	if component == "agent" {
		checkCommand(t, name, slices.Concat([]string{"agent"}, c.Args)) // the image's entrypoint
		return
	}
	if get := c.ReadinessProbe.HTTPGet; get == nil || get.Path != "/readyz" {
		t.Errorf("%s: its readiness is asked by %+v", name, get)
	}
	if pod.Spec.SecurityContext == nil || !*pod.Spec.SecurityContext.RunAsNonRoot || *pod.Spec.SecurityContext.RunAsUser == 0 {
		t.Errorf("%s runs as root", name)
	}
	checkCommand(t, name, c.Args)
	for _, arg := range c.Args {
		if role, ok := strings.CutPrefix(arg, "--role="); ok {
			checkRole(t, name, role)
		}
		for _, part := range strings.Split(arg, "$(")[1:] {
			variable, _, _ := strings.Cut(part, ")")
			if !slices.ContainsFunc(c.Env, func(e core.EnvVar) bool { return e.Name == variable }) {
				t.Errorf("%s: %s names a variable that is not there", name, arg)
			}
		}
	}
}

// checkVolumes says whether each volume is mounted, each mount a volume, and each file in the configuration below a mount.
func (o *objects) checkVolumes(t *testing.T, name string, c *core.Container) {
	t.Helper()
	volumes := slices.Clone(o.claims[name])
	for _, v := range o.pods[name].Spec.Volumes {
		volumes = append(volumes, v.Name)
		if v.Secret != nil && v.Secret.SecretName == madeSecret && len(o.secrets[madeSecret].Data["session.key"]) < 32 {
			t.Errorf("%s: no key of sessions in %s", name, madeSecret)
		}
		if v.ConfigMap != nil && v.ConfigMap.Name != "clew-rules" && o.configs[v.ConfigMap.Name].Name == "" {
			t.Errorf("%s: no ConfigMap %s", name, v.ConfigMap.Name)
		}
	}
	var mounted []string
	for _, m := range c.VolumeMounts {
		mounted = append(mounted, m.Name)
	}
	slices.Sort(volumes)
	slices.Sort(mounted)
	if !slices.Equal(volumes, mounted) {
		t.Errorf("%s: volumes %v, mounts %v", name, volumes, mounted)
	}
	if strings.HasSuffix(name, "-agent") {
		return
	}
	for line := range strings.Lines(o.configs["clew"].Data["clew.yaml"]) {
		_, file, ok := strings.Cut(line, "_file: ")
		if file = strings.TrimSpace(file); ok && !slices.ContainsFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return strings.HasPrefix(file, m.MountPath+"/") }) {
			t.Errorf("%s: the configuration names %s, which no volume has", name, file)
		}
	}
}

// checkPolicy says whether the ports between processes are theirs alone, and whether each port is one.
func (o *objects) checkPolicy(t *testing.T, p *networking.NetworkPolicy) {
	t.Helper()
	ports := map[string]bool{}
	for _, pod := range o.pods {
		for _, port := range pod.Spec.Containers[0].Ports {
			ports[port.Name] = true
		}
	}
	for _, rule := range p.Spec.Ingress {
		for _, port := range rule.Ports {
			if !ports[port.Port.StrVal] {
				t.Errorf("network policy: nobody has port %s", port.Port.StrVal)
			}
			if port.Port.StrVal == "flight" && (len(rule.From) != 1 || rule.From[0].PodSelector == nil || len(rule.From[0].PodSelector.MatchLabels) == 0) {
				t.Error("network policy: the port between processes is open to others")
			}
		}
	}
}
