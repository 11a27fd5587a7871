package shipper

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"clew/agents/diskqueue"
)

// About is what heartbeats say of the agent and its host, beside the counts.
type About struct {
	Host        string // name; empty asks the system
	Version     string
	OS          string // empty: the system's name
	CPUs        int
	MemoryBytes int64
	Containers  bool              // it runs in a container
	K8s         map[string]string // node, pod, namespace, ... if it runs in Kubernetes
}

// Heartbeat is what a collector is told every ten seconds, as JSON. Counts are since the agent's data directory was made.
type Heartbeat struct {
	Agent       string            `json:"agent"`
	Instance    string            `json:"instance"`
	Host        string            `json:"host"`
	Version     string            `json:"version"`
	OS          string            `json:"os"`
	CPUs        int               `json:"cpus"`
	MemoryBytes int64             `json:"memoryBytes"`
	Containers  bool              `json:"containers"`
	K8s         map[string]string `json:"k8s,omitempty"`
	Started     time.Time         `json:"started"`
	Time        time.Time         `json:"time"` // by the agent's clock
	Sources     []HeartbeatSource `json:"sources"`
	Queue       HeartbeatQueue    `json:"queue"`
}

// HeartbeatSource is one source of records. Several share an ID, which is the lane's: their batches are numbered together.
type HeartbeatSource struct {
	ID     string `json:"id"`     // clew-source of their batches
	Signal string `json:"signal"` // logs, spans, metrics
	Kind   string `json:"kind"`   // file, journald, otlp, syslog, prometheus, host
	Name   string `json:"name"`
	diskqueue.Counts
	LagSeconds float64 `json:"lagSeconds"` // age of the oldest record that waits in the lane; 0 if none of this source waits
	LastSeq    uint64  `json:"lastSeq"`    // of the lane, the last number given out
	// Gaps are the latest numbers of the lane that were never sent, with the reason.
	Gaps []diskqueue.Gap `json:"gaps,omitempty"`
}

// HeartbeatQueue is how full the queue is.
type HeartbeatQueue struct {
	Bytes    int64      `json:"bytes"`
	BytesMax int64      `json:"bytesMax"`
	Oldest   *time.Time `json:"oldest,omitempty"` // when the oldest record in it was queued
	// Held is why files and the journal wait for room, and HeldSince since when: what they have not been read of is in no count.
	Held      string     `json:"held,omitempty"`
	HeldSince *time.Time `json:"heldSince,omitempty"`
}

// heartbeatPath is where collectors take heartbeats.
const heartbeatPath = "/api/v1/agents/heartbeat"

// Heartbeat says how the agent is at a time.
func (s *Shipper) Heartbeat(now time.Time) Heartbeat {
	h := Heartbeat{
		Agent: "clew", Instance: s.queue.Instance(), Host: s.about.Host, Version: s.about.Version, OS: s.about.OS, CPUs: s.about.CPUs,
		MemoryBytes: s.about.MemoryBytes, Containers: s.about.Containers, K8s: s.about.K8s, Started: s.started, Time: now,
	}
	if h.Host == "" {
		h.Host, _ = os.Hostname() // without a name it is known by its instance
	}
	if h.OS == "" {
		h.OS = runtime.GOOS
	}
	if h.CPUs == 0 {
		h.CPUs = runtime.NumCPU()
	}
	lanes, sources := s.queue.Status()
	h.Queue.Bytes, h.Queue.BytesMax = s.queue.Bytes()
	if reason, since := s.queue.Held(); reason != "" {
		h.Queue.Held, h.Queue.HeldSince = reason, &since
	}
	by := map[string]diskqueue.LaneStatus{}
	for _, l := range lanes {
		by[l.Lane] = l
		if !l.Oldest.IsZero() && (h.Queue.Oldest == nil || l.Oldest.Before(*h.Queue.Oldest)) {
			h.Queue.Oldest = &l.Oldest
		}
	}
	for _, src := range sources {
		l := by[src.Lane]
		hs := HeartbeatSource{ID: h.Instance + "/" + src.Lane, Signal: src.Lane, Kind: src.Kind, Name: src.Name, Counts: src.Counts, LastSeq: l.LastSeq, Gaps: l.Gaps}
		if src.Waiting() > 0 && !l.Oldest.IsZero() {
			hs.LagSeconds = max(0, now.Sub(l.Oldest).Seconds())
		}
		h.Sources = append(h.Sources, hs)
	}
	return h
}

// heartbeats tells a collector how the agent is, until ctx ends: the one that is sent to, or else the next that listens.
func (s *Shipper) heartbeats(ctx context.Context) error {
	tls, err := s.cfg.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return fmt.Errorf("heartbeat: tls: %w", err)
	}
	transport := &http.Transport{TLSClientConfig: tls, DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext, MaxIdleConns: 4, IdleConnTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: exportTimeout}
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	scheme := "http"
	if tls != nil {
		scheme = "https"
	}
	for told := true; ; {
		err := s.beat(ctx, client, scheme)
		if err != nil && ctx.Err() == nil && told {
			s.logger.Warn("no collector takes heartbeats: hosts and the ledger do not know this agent, or call it silent (exporters: clew: heartbeats: has the addresses of OTLP over HTTP)", "err", err)
		}
		told = err == nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// beat sends one heartbeat.
func (s *Shipper) beat(ctx context.Context, client *http.Client, scheme string) error {
	body, err := json.Marshal(s.Heartbeat(time.Now()))
	if err != nil {
		return fmt.Errorf("encode heartbeat: %w", err)
	}
	last := errNoCollector
	for _, to := range s.pool.order() {
		address := s.cfg.heartbeatAddress(to)
		if address == "" {
			continue
		}
		if last = s.post(ctx, client, scheme+"://"+address+heartbeatPath, body); last == nil {
			return nil
		}
	}
	return last
}

func (s *Shipper) post(ctx context.Context, client *http.Client, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.cfg.Tenant != "" {
		req.Header.Set(tenantHeader, s.cfg.Tenant)
	}
	token, err := s.cfg.bearer()
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerBytesMax)) // for the connection to be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("heartbeat: %s: %s", url, res.Status)
	}
	return nil
}
