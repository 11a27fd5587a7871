package agents

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"clew/agents/host"
	"clew/agents/shipper"
)

//go:embed default.yaml
var defaultYAML []byte

// Composed is the configuration of the OpenTelemetry Collector that an agent runs with, and what was left out of the default one.
type Composed struct {
	Config map[string]any
	// Notes say what is not collected, and why.
	Notes []string

	flags Config
	host  host.Host
}

// Compose makes the configuration for this host: the default without what the host does not have, with its places and addresses, and the overrides on top.
func Compose(c Config, h host.Host) (*Composed, error) {
	var m map[string]any
	if err := yaml.Unmarshal(defaultYAML, &m); err != nil {
		return nil, fmt.Errorf("default configuration: %w", err)
	}
	out := &Composed{Config: m, flags: c, host: h}
	out.place(c, h)
	out.leaveOut(c)
	// A receiver that the overrides mention is wanted, whether the default found its subject or not: it is validated as it stands.
	out.Config = merge(out.Config, c.Overrides)
	out.dropUnused()
	out.watchAnswers()
	out.syslogFields()
	return out, out.sendsToItself()
}

// place fills in what depends on flags and host.
func (o *Composed) place(c Config, h host.Host) {
	at(o.Config, "extensions", "file_storage")["directory"] = filepath.Join(c.Data, "checkpoints")
	attributes := map[string]any{}
	for k, v := range h.Attributes() {
		attributes[k] = v
	}
	at(o.Config, "processors", "host")["attributes"] = attributes
	if c.Root != "/" {
		for _, name := range []string{"host_metrics", "host_metrics/processes"} {
			at(o.Config, "receivers", name)["root_path"] = c.Root
		}
		for _, name := range []string{"files/host", "files/pods", "files/docker"} {
			r := at(o.Config, "receivers", name)
			for _, key := range []string{"include", "exclude"} {
				if list, ok := r[key].([]any); ok {
					r[key] = below(c.Root, list)
				}
			}
		}
	}
	exporter, config := c.exporter()
	o.Config["exporters"] = map[string]any{exporter: config}
	for _, p := range at(o.Config, "service", "pipelines") {
		p.(map[string]any)["exporters"] = []any{exporter}
	}
}

func below(root string, patterns []any) []any {
	out := make([]any, len(patterns))
	for i, p := range patterns {
		out[i] = filepath.Join(root, fmt.Sprint(p))
	}
	return out
}

// leaveOut removes what this host does not have.
func (o *Composed) leaveOut(c Config) {
	for name, dir := range map[string]string{"files/pods": "var/log/pods", "files/docker": "var/lib/docker/containers", "files/host": "var/log"} {
		if _, err := os.ReadDir(filepath.Join(c.Root, dir)); err != nil && !mentions(c.Overrides, name) {
			o.without(name, fmt.Sprintf("%s: %v", filepath.Join(c.Root, dir), err))
		}
	}
	if !mentions(c.Overrides, "journal") {
		if why := o.findJournal(c.Root); why != "" {
			o.without("journal", why)
		}
	}
	if !mentions(c.Overrides, "otlp") {
		o.leaveOutOTLP(c)
	}
}

// findJournal points the receiver to the journal, or says why there is none.
func (o *Composed) findJournal(root string) (why string) {
	if _, err := exec.LookPath("journalctl"); err != nil {
		return "there is no journalctl in the path: install systemd's, or name one (receivers: journal: journalctl:)"
	}
	for _, dir := range []string{"var/log/journal", "run/log/journal"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*", "*.journal"))
		if err == nil && len(files) > 0 {
			if root != "/" {
				at(o.Config, "receivers", "journal")["directory"] = filepath.Join(root, dir)
			}
			return ""
		}
	}
	return fmt.Sprintf("there are no journal files in %s or %s", filepath.Join(root, "var/log/journal"), filepath.Join(root, "run/log/journal"))
}

func (o *Composed) without(receiver, why string) {
	delete(at(o.Config, "receivers"), receiver)
	o.Notes = append(o.Notes, fmt.Sprintf("%s is not read: %s", receiver, why))
	slices.Sort(o.Notes)
}

// dropUnused takes receivers that are not there out of the default's pipelines, and pipelines without receivers. Whatever else is wrong with
// a pipeline, the Collector says.
func (o *Composed) dropUnused() {
	receivers := at(o.Config, "receivers")
	ours := map[string]bool{"files/host": true, "files/pods": true, "files/docker": true, "journal": true, "otlp": true, "host_metrics": true, "host_metrics/processes": true}
	pipelines := at(o.Config, "service", "pipelines")
	for _, name := range slices.Sorted(maps.Keys(pipelines)) {
		p, ok := pipelines[name].(map[string]any)
		if !ok {
			continue
		}
		list, ok := p["receivers"].([]any)
		if !ok {
			continue
		}
		list = slices.DeleteFunc(slices.Clone(list), func(r any) bool {
			_, there := receivers[fmt.Sprint(r)]
			return !there && ours[fmt.Sprint(r)]
		})
		if len(list) == 0 {
			delete(pipelines, name)
			continue
		}
		p["receivers"] = list
	}
	used := map[string]bool{}
	for _, p := range pipelines {
		if p, ok := p.(map[string]any); ok {
			list, _ := p["receivers"].([]any)
			for _, r := range list {
				used[fmt.Sprint(r)] = true
			}
		}
	}
	for _, r := range slices.Sorted(maps.Keys(receivers)) {
		if !used[r] {
			o.Notes = append(o.Notes, r+" is configured, and in no pipeline (service: pipelines:)")
		}
	}
}

// mentions says whether the overrides say anything about a receiver.
func mentions(overrides map[string]any, receiver string) bool {
	receivers, _ := overrides["receivers"].(map[string]any)
	v, ok := receivers[receiver]
	return ok && v != nil
}

// at is the map at a path; what is missing is made.
func at(m map[string]any, path ...string) map[string]any {
	for _, key := range path {
		next, ok := m[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[key] = next
		}
		m = next
	}
	return m
}

// exporter is the end of all pipelines: the queue on the disk, and what ships from it.
func (c Config) exporter() (name string, config map[string]any) {
	tls := map[string]any{"insecure": !c.TLS.Enabled()}
	for key, v := range map[string]string{"ca_file": c.TLS.CAFile, "cert_file": c.TLS.CertFile, "key_file": c.TLS.KeyFile, "server_name_override": c.TLS.ServerName} {
		if v != "" {
			tls[key] = v
		}
	}
	collectors := make([]any, len(c.Collectors))
	for i, address := range c.Collectors {
		collectors[i] = address
	}
	config = map[string]any{"collectors": collectors, "data": c.Data, "queue_bytes": c.QueueBytes, "tls": tls}
	if c.Tenant != "" {
		config["tenant"] = c.Tenant
	}
	if c.TokenFile != "" {
		config["token_file"] = c.TokenFile
	}
	return shipper.Type.String(), config
}

// YAML is the configuration as a file; secrets are in none of it.
func (o *Composed) YAML() ([]byte, error) {
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(o.Config); err != nil {
		return nil, err
	}
	return []byte(b.String()), enc.Close()
}
