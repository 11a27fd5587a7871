package files

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/agents/lines"
)

// maker makes log records of what was read.
type maker struct {
	cfg      *Config
	splitter lines.Splitter

	mu         sync.Mutex
	containers map[string]container // of Docker, by directory
}

// container is what Docker's configuration of a container says.
type container struct{ name, image string }

func newMaker(cfg *Config) *maker {
	return &maker{cfg: cfg, splitter: cfg.splitter(), containers: map[string]container{}}
}

// scopeKey tells whose records are under one resource.
type scopeKey struct{ path, service string }

// add makes records of a file's tokens. A token is a record, or several where the reader had to stop waiting for more.
func (m *maker) add(logs plog.Logs, scopes map[scopeKey]plog.LogRecordSlice, c *chunk) {
	path := c.path()
	src := m.source(path)
	observed := pcommon.NewTimestampFromTime(c.at)
	// Records without a time of their own are in the order of their observation.
	add := func(text lines.Text, offset int64) {
		stated := lines.Recognise(text.Body, c.at, time.Local)
		service := src.service
		if stated.Program != "" && src.bySyslog {
			service = stated.Program
		}
		records, ok := scopes[scopeKey{path, service}]
		if !ok {
			res := logs.ResourceLogs().AppendEmpty()
			src.describe(res.Resource().Attributes(), service)
			records = res.ScopeLogs().AppendEmpty().LogRecords()
			scopes[scopeKey{path, service}] = records
		}
		record := records.AppendEmpty()
		record.Body().SetStr(string(text.Body))
		record.SetObservedTimestamp(observed)
		observed++
		if stated.Time == 0 {
			stated.Time = text.Time
		}
		record.SetTimestamp(pcommon.Timestamp(stated.Time))
		record.SetSeverityNumber(plog.SeverityNumber(stated.Severity))
		record.SetSeverityText(stated.SeverityText)
		for k, v := range c.attributes {
			if s, ok := v.(string); ok {
				record.Attributes().PutStr(k, s)
			}
		}
		if text.Stream != "" {
			record.Attributes().PutStr("log.iostream", text.Stream)
		}
		if m.cfg.IncludeFileRecordOffset {
			record.Attributes().PutInt("log.file.record_offset", offset)
		}
	}
	for i, token := range c.tokens {
		offset := int64(0)
		if i < len(c.offsets) {
			offset = c.offsets[i]
		}
		within := 0
		m.splitter.Records(token, func(record []byte) {
			m.splitter.Texts(record, func(text lines.Text) { add(text, offset+int64(within)) })
			within += len(record) + 1
		})
		if len(token) == 0 {
			add(lines.Text{}, offset)
		}
	}
}

// source is what the path of a file tells of who writes it.
type source struct {
	service  string
	bySyslog bool // a line that names its program is that program's
	attrs    [][2]string
}

func (s *source) describe(to pcommon.Map, service string) {
	to.PutStr("service.name", service)
	for _, a := range s.attrs {
		to.PutStr(a[0], a[1])
	}
}

func (m *maker) source(path string) source {
	var s source
	switch {
	case strings.Contains(path, "/pods/") && m.cfg.Framing != "none":
		s = podOf(path)
	case m.cfg.Framing == "docker":
		s = m.containerOf(path)
	default:
		s = source{service: serviceOf(path), bySyslog: m.cfg.Framing == "none"}
	}
	if m.cfg.Service != "" {
		s.service, s.bySyslog = m.cfg.Service, false
	}
	return s
}

// podOf reads /var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log.
func podOf(path string) source {
	rest := path[strings.LastIndex(path, "/pods/")+len("/pods/"):]
	dir, file, _ := strings.Cut(rest, "/")
	name, file, _ := strings.Cut(file, "/")
	ids := strings.Split(dir, "_")
	if len(ids) != 3 || name == "" {
		return source{service: serviceOf(path)}
	}
	restarts, _, _ := strings.Cut(file, ".")
	return source{service: name, attrs: [][2]string{
		{"k8s.namespace.name", ids[0]},
		{"k8s.pod.name", ids[1]},
		{"k8s.pod.uid", ids[2]},
		{"k8s.container.name", name},
		{"k8s.container.restart_count", restarts},
	}}
}

// containerOf reads DIRECTORY/ID/ID-json.log, and the name of the container from Docker's configuration beside it.
func (m *maker) containerOf(path string) source {
	dir := filepath.Dir(path)
	id := filepath.Base(dir)
	m.mu.Lock()
	c, ok := m.containers[dir]
	m.mu.Unlock()
	if !ok {
		c = readContainer(dir)
		m.mu.Lock()
		if len(m.containers) >= containersMax {
			clear(m.containers)
		}
		m.containers[dir] = c
		m.mu.Unlock()
	}
	s := source{service: c.name, attrs: [][2]string{{"container.id", id}}}
	if c.name == "" {
		s.service = id[:min(len(id), 12)] // as docker ps has it
	} else {
		s.attrs = append(s.attrs, [2]string{"container.name", c.name})
	}
	if c.image != "" {
		s.attrs = append(s.attrs, [2]string{"container.image.name", c.image})
	}
	return s
}

func readContainer(dir string) container {
	data, err := os.ReadFile(filepath.Join(dir, "config.v2.json"))
	if err != nil {
		return container{} // not readable, or not Docker's: the id has to do
	}
	var v struct {
		Name   string
		Config struct{ Image string }
	}
	if json.Unmarshal(data, &v) != nil {
		return container{}
	}
	return container{name: strings.TrimPrefix(v.Name, "/"), image: v.Config.Image}
}

// serviceOf names a log by its directory below /var/log, or else by its file: nginx for /var/log/nginx/access.log.1, dpkg for /var/log/dpkg.log.
func serviceOf(path string) string {
	if rest, ok := strings.CutPrefix(path, "/var/log/"); ok {
		if dir, _, below := strings.Cut(rest, "/"); below {
			return dir
		}
	}
	name := filepath.Base(path)
	if i := strings.IndexAny(name, ".-"); i > 0 {
		name = name[:i]
	}
	return name
}
