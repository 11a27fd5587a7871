package agents

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"clew/agents/host"
	"clew/agents/shipper"
	"clew/internal/receivers/stock"
)

// Report is what an agent would collect on this host.
type Report struct {
	Host  host.Host
	Files []FileSet
	// Others are the receivers that do not read files, with what they would read.
	Others []string
	To     []string
	// Notes are what this host does not have. Warnings are what it has and the agent does not get, or get rid of; Fatal is why it would not start.
	Notes, Warnings, Fatal []string
}

// FileSet is what one receiver of files found.
type FileSet struct {
	Receiver string
	Files    int
	Bytes    int64
	// Listed are the largest files, with their sizes; Unreadable are those that the agent may not open.
	Listed, Unreadable []string
}

// Survey looks at what a composed configuration would read, without reading it.
func Survey(ctx context.Context, c Config, o *Composed, h host.Host) *Report {
	r := &Report{Host: h, Notes: slices.Clone(o.Notes)}
	receivers := at(o.Config, "receivers")
	for _, name := range slices.Sorted(maps.Keys(receivers)) {
		config, _ := receivers[name].(map[string]any)
		kind, _, _ := strings.Cut(name, "/")
		if kind == "files" || kind == "filelog" {
			r.addFiles(name, config)
			continue
		}
		r.Others = append(r.Others, describe(kind, name, config))
	}
	for _, address := range c.Collectors {
		dialer := net.Dialer{Timeout: reachWithin}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			r.Warnings = append(r.Warnings, fmt.Sprintf("collector %s is not reached: %v (what is collected waits on the disk)", address, err))
			r.To = append(r.To, address+" (not reached)")
			continue
		}
		_ = conn.Close()
		r.To = append(r.To, address+" (reached)")
	}
	r.heartbeats(ctx, c, o)
	if err := writable(c.Data); err != nil {
		r.Fatal = append(r.Fatal, fmt.Sprintf("--data %s: %v", c.Data, err))
	}
	return r
}

// heartbeats looks whether collectors that are reached take heartbeats where they are sent to.
func (r *Report) heartbeats(ctx context.Context, c Config, o *Composed) {
	named := texts(at(o.Config, "exporters", shipper.Type.String())["heartbeats"])
	for i, collector := range c.Collectors {
		address := shipper.HeartbeatAddress(collector)
		if i < len(named) {
			address = named[i]
		}
		if !slices.Contains(r.To, collector+" (reached)") || address == "" {
			continue
		}
		dialer := net.Dialer{Timeout: reachWithin}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			r.Warnings = append(r.Warnings, fmt.Sprintf("collector %s: no heartbeats at %s: %v (hosts, ledger and clew doctor will not know this agent; exporters: clew: heartbeats: has other addresses)", collector, address, err))
			continue
		}
		_ = conn.Close()
	}
}

// reachWithin is how long --check waits for a collector's port.
const reachWithin = 2 * time.Second

// writable says whether dir, or the directory that it will be made in, can be written.
func writable(dir string) error {
	for {
		info, err := os.Stat(dir)
		if os.IsNotExist(err) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is no directory", dir)
		}
		probe, err := os.CreateTemp(dir, ".clew-agent-*")
		if err != nil {
			return err
		}
		probe.Close()
		return os.Remove(probe.Name())
	}
}

func (r *Report) addFiles(name string, config map[string]any) {
	set := FileSet{Receiver: name}
	var found []foundFile
	seen := map[string]bool{}
	for _, pattern := range texts(config["include"]) {
		paths, err := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly())
		if err != nil {
			r.Fatal = append(r.Fatal, fmt.Sprintf("receivers::%s::include: %q: %v", name, pattern, err))
			continue
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil || seen[path] || excluded(path, texts(config["exclude"])) {
				continue
			}
			seen[path] = true
			f, err := os.Open(path)
			if err != nil {
				set.Unreadable = append(set.Unreadable, path)
				continue
			}
			f.Close()
			found = append(found, foundFile{path, info.Size()})
			set.Bytes += info.Size()
		}
	}
	set.Files = len(found)
	slices.SortFunc(found, func(a, b foundFile) int { return int(b.bytes - a.bytes) })
	for _, f := range found[:min(len(found), filesListedMax)] {
		set.Listed = append(set.Listed, fmt.Sprintf("%s (%s)", f.path, size(f.bytes)))
	}
	if n := len(set.Unreadable); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: %d files may not be read, such as %s: run as root, or as a member of the group that owns them (adm)", name, n, set.Unreadable[0]))
	}
	r.Files = append(r.Files, set)
}

type foundFile struct {
	path  string
	bytes int64
}

func excluded(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		match, err := doublestar.PathMatch(p, path)
		return err == nil && match
	})
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

func describe(kind, name string, config map[string]any) string {
	switch kind {
	case "host_metrics":
		scrapers, _ := config["scrapers"].(map[string]any)
		return fmt.Sprintf("%s: %s every %v", name, strings.Join(slices.Sorted(maps.Keys(scrapers)), ", "), config["collection_interval"])
	case "journal":
		where := config["directory"]
		if where == nil {
			where = "the system's"
		}
		return fmt.Sprintf("%s: %v", name, where)
	case "otlp":
		var parts []string
		protocols, _ := config["protocols"].(map[string]any)
		for _, p := range slices.Sorted(maps.Keys(protocols)) {
			m, _ := protocols[p].(map[string]any)
			parts = append(parts, fmt.Sprintf("%s on %v", p, m["endpoint"]))
		}
		return name + ": " + strings.Join(parts, ", ")
	case stock.Syslog:
		for _, transport := range []string{"tcp", "udp"} {
			if m, has := config[transport].(map[string]any); has {
				return fmt.Sprintf("%s: %v over %s on %v", name, config["protocol"], transport, m["listen_address"])
			}
		}
	}
	if endpoint, has := config["endpoint"]; has {
		return fmt.Sprintf("%s: on %v", name, endpoint)
	}
	return name
}

// Text is the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("host      %s, %s, %s, %d CPUs, %s of memory%s", r.Host.Name, r.Host.Description, r.Host.Arch, r.Host.CPUs, size(r.Host.MemoryBytes), map[bool]string{true: ", in a " + r.Host.Virtual}[r.Host.Virtual != ""])
	for _, to := range r.To {
		line("collector %s", to)
	}
	for _, s := range r.Files {
		line("files     %s: %d files, %s", s.Receiver, s.Files, size(s.Bytes))
		for _, f := range s.Listed {
			line("            %s", f)
		}
		if more := s.Files - len(s.Listed); more > 0 {
			line("            and %d more", more)
		}
	}
	for _, o := range r.Others {
		line("reads     %s", o)
	}
	for _, n := range r.Notes {
		line("note      %s", n)
	}
	for _, w := range r.Warnings {
		line("warning   %s", w)
	}
	for _, f := range r.Fatal {
		line("problem   %s", f)
	}
	return b.String()
}

func size(n int64) string {
	const units = "KMGT"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n) / 1024
	i := 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}
