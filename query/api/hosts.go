package api

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"clew/query/hosts"
)

// HostList is the answer of /api/v1/hosts.
type HostList struct {
	Hosts     []HostEntry `json:"hosts"`   // silent ones first, then by name
	Matched   int         `json:"matched"` // those beyond the limit included
	Up        int         `json:"up"`      // of all hosts, whether they match or not
	Silent    int         `json:"silent"`
	ElapsedMs float64     `json:"elapsedMs"`
	Partial   bool        `json:"partial"`
	Reasons   []string    `json:"reasons,omitempty"`
}

// HostDetail is the answer of /api/v1/hosts/{host}.
type HostDetail struct {
	Host    HostEntry   `json:"host"`
	Agents  []HostAgent `json:"agents"` // the latest heard first
	Partial bool        `json:"partial"`
	Reasons []string    `json:"reasons,omitempty"`
}

// HostEntry is what is known of one host.
type HostEntry struct {
	Host      string `json:"host"`
	Status    string `json:"status"` // up or silent
	LastHeard string `json:"lastHeard"`
	Heartbeat string `json:"heartbeat,omitempty"` // the last one of an agent of clew's

	OS          string            `json:"os,omitempty"`
	Arch        string            `json:"arch,omitempty"`
	ID          string            `json:"id,omitempty"`
	CPUs        int               `json:"cpus,omitempty"`
	MemoryBytes int64             `json:"memoryBytes,omitempty"`
	Container   bool              `json:"container,omitempty"`
	Kubernetes  map[string]string `json:"kubernetes,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`

	Traffic []HostTraffic `json:"traffic"` // by signal
	Load    *HostLoad     `json:"load,omitempty"`

	LagSeconds float64           `json:"lagSeconds"`
	Lost       uint64            `json:"lost"` // records: refused, dropped and missing
	Refused    map[string]uint64 `json:"refused,omitempty"`
	Dropped    map[string]uint64 `json:"dropped,omitempty"`
	Missing    uint64            `json:"missing,omitempty"`
}

// HostTraffic is what a host ships of one signal.
type HostTraffic struct {
	Signal    string  `json:"signal"`
	PerSecond float64 `json:"perSecond"`
	LastHeard string  `json:"lastHeard"`
}

// HostLoad is how busy a host is, by its own metrics; what it does not say is left out.
type HostLoad struct {
	CPU        *float64 `json:"cpu,omitempty"`
	Memory     *float64 `json:"memory,omitempty"`
	Disk       *float64 `json:"disk,omitempty"`
	ReadBytes  *float64 `json:"readBytesPerSecond,omitempty"`
	WriteBytes *float64 `json:"writeBytesPerSecond,omitempty"`
	InBytes    *float64 `json:"inBytesPerSecond,omitempty"`
	OutBytes   *float64 `json:"outBytesPerSecond,omitempty"`
	Runnable   *float64 `json:"load1,omitempty"`
}

// HostAgent is an agent of clew's on a host.
type HostAgent struct {
	Instance          string  `json:"instance"`
	Version           string  `json:"version,omitempty"`
	Started           string  `json:"started,omitempty"`
	Heartbeat         string  `json:"heartbeat,omitempty"`
	LastHeard         string  `json:"lastHeard"`
	ClockAheadSeconds float64 `json:"clockAheadSeconds"`
	QueueBytes        int64   `json:"queueBytes"`
	QueueBytesMax     int64   `json:"queueBytesMax"`
}

func (s *Server) hosts(c *gin.Context) {
	started := time.Now()
	if err := checkParams(c, "search", "status", "start", "limit"); err != nil {
		s.failed(c, err)
		return
	}
	who, err := tenant(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	limit, err := intParam(c, "limit", hostsDefault, 1, hostsMost)
	if err != nil {
		s.failed(c, err)
		return
	}
	q := hosts.Query{Search: c.Query("search"), Status: hosts.Status(c.Query("status"))}
	if q.Status != "" && q.Status != hosts.Up && q.Status != hosts.Silent {
		s.failed(c, &paramError{field: "status", err: fmt.Errorf("%.40q: want up or silent", q.Status)})
		return
	}
	since, err := timeParam(c, "start", started)
	if err != nil {
		s.failed(c, err)
		return
	}
	if since != 0 {
		q.Since = time.Unix(0, since)
	}
	found, err := s.deps.Hosts.List(c.Request.Context(), who, q, started)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := HostList{
		Hosts: make([]HostEntry, 0, min(limit, len(found.Hosts))), Matched: len(found.Hosts), Up: found.Up, Silent: found.Silent,
		Partial: len(found.Partial) > 0, Reasons: found.Partial,
	}
	for i := range found.Hosts[:min(limit, len(found.Hosts))] {
		out.Hosts = append(out.Hosts, hostEntry(&found.Hosts[i]))
	}
	out.ElapsedMs = float64(time.Since(started)) / float64(time.Millisecond)
	c.JSON(http.StatusOK, out)
}

func (s *Server) host(c *gin.Context) {
	if err := checkParams(c); err != nil {
		s.failed(c, err)
		return
	}
	who, err := tenant(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	h, partial, err := s.deps.Hosts.Host(c.Request.Context(), who, c.Param("host"), time.Now())
	switch {
	case err != nil:
		s.failed(c, err)
		return
	case h == nil:
		fail(c, http.StatusNotFound, ErrorDetail{
			Code: "not_found", Message: fmt.Sprintf("nothing that is kept is from a host %.200q; /api/v1/hosts lists those that there are", c.Param("host")),
		})
		return
	}
	out := HostDetail{Host: hostEntry(h), Agents: make([]HostAgent, 0, len(h.Agents)), Partial: len(partial) > 0, Reasons: partial}
	for i := range h.Agents {
		a := &h.Agents[i]
		agent := HostAgent{
			Instance: a.Instance, Version: a.Version, LastHeard: formatTime(a.LastHeard.UnixNano()), ClockAheadSeconds: a.ClockAhead,
			QueueBytes: a.Queue.Bytes, QueueBytesMax: a.Queue.BytesMax,
		}
		if a.Started != nil {
			agent.Started = formatTime(a.Started.UnixNano())
		}
		if a.Heartbeat != nil {
			agent.Heartbeat = formatTime(a.Heartbeat.UnixNano())
		}
		out.Agents = append(out.Agents, agent)
	}
	c.JSON(http.StatusOK, out)
}

func hostEntry(h *hosts.Host) HostEntry {
	e := HostEntry{
		Host: h.Name, Status: string(h.Status), LastHeard: formatTime(h.LastHeard.UnixNano()),
		OS: h.OS, Arch: h.Arch, ID: h.ID, CPUs: h.CPUs, MemoryBytes: h.MemoryBytes, Container: h.Container, Kubernetes: h.Kubernetes, Attributes: h.Attributes,
		Traffic: make([]HostTraffic, 0, len(h.Traffic)), LagSeconds: h.LagSeconds, Lost: h.Lost(), Refused: h.Refused, Dropped: h.Dropped, Missing: h.Missing,
	}
	if !h.Heartbeat.IsZero() {
		e.Heartbeat = formatTime(h.Heartbeat.UnixNano())
	}
	for _, t := range h.Traffic {
		e.Traffic = append(e.Traffic, HostTraffic{Signal: t.Signal.String(), PerSecond: t.PerSecond, LastHeard: formatTime(t.LastHeard.UnixNano())})
	}
	if l := h.Load; l != nil {
		e.Load = &HostLoad{
			CPU: finite(l.CPU), Memory: finite(l.Memory), Disk: finite(l.Disk), ReadBytes: finite(l.ReadBytes), WriteBytes: finite(l.WriteBytes),
			InBytes: finite(l.InBytes), OutBytes: finite(l.OutBytes), Runnable: finite(l.Runnable),
		}
	}
	return e
}

// finite is a number that JSON can say.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
