package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clew/internal/harness"
)

// peer is a Prometheus that is given the same requests and asked the same questions in the same run: what one machine does in one hour says little about another
// hour, but a ratio does.
type peer struct {
	process *harness.Process
	in      *ingested
	ask     *asker
}

// prometheusConfig gives its series the labels that clew gives them. Connections overtake each other, so points come out of order by a few requests.
const prometheusConfig = `
storage:
  tsdb:
    out_of_order_time_window: 10m
    retention: {time: 10y}
otlp:
  promote_resource_attributes: [deployment.environment.name, k8s.node.name, k8s.pod.name, service.instance.id, service.name, service.namespace]
`

// startPeer builds Prometheus, if o.prometheus is "build", and starts it. Everything it serves is under /prometheus, as in clew.
func (o *options) startPeer() (*peer, error) {
	binary := o.prometheus
	if binary == "build" {
		binary = filepath.Join(o.data, "prometheus")
		abs, err := filepath.Abs(binary)
		if err != nil {
			return nil, err
		}
		// The page's assets are not in the module; without the tag builtinassets none are wanted. Service discovery is left out: nothing is scraped.
		cmd := exec.Command("go", "build", "-tags", "remove_all_sd", "-o", abs, "github.com/prometheus/prometheus/cmd/prometheus")
		cmd.Dir = filepath.Join("tools", "prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build prometheus: %w\n%s", err, out)
		}
	}
	data := filepath.Join(o.data, "prometheus-data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(o.data, "prometheus.yml")
	if err := os.WriteFile(config, []byte(prometheusConfig), 0o600); err != nil {
		return nil, err
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		return nil, err
	}
	p, err := harness.StartOther(binary, []string{
		"--config.file=" + config, "--storage.tsdb.path=" + data, "--web.listen-address=" + ports[0], "--web.route-prefix=/prometheus",
		"--web.enable-otlp-receiver", "--log.level=warn",
	}, data, ports[0], ports[0]+"/prometheus/api/v1/otlp", "/prometheus/-/ready")
	if err != nil {
		return nil, err
	}
	if err := p.WaitReady(readyWithin); err != nil {
		p.Kill()
		return nil, err
	}
	return &peer{process: p, ask: newAsker(p)}, nil
}

// ingest sends a corpus to the peer and waits until it is idle.
func (o *options) ingestPeer(p *peer, c corpus) error {
	before, err := p.process.CPU()
	if err != nil {
		return err
	}
	in := &ingested{signal: c.signal()}
	if in.sent, err = send(p.process, c, o.clients); err != nil {
		return err
	}
	if err := waitIdle(p.process, o.idleFor); err != nil {
		return err
	}
	after, err := p.process.CPU()
	if err != nil {
		return err
	}
	in.cpu = after - before
	if in.disk, err = harness.DirBytes(p.process.Data); err != nil {
		return err
	}
	in.peak, err = p.process.PeakBytes()
	p.in = in
	return err
}

// both measures a question at clew and at the peer by turns, and holds the answers to be the same.
func (p *peer) both(own *asker, q *query, runs int) (t, theirs times, note string, err error) {
	for i := range runs + 1 {
		mine, took, err := own.once(q)
		if err == nil {
			note, err = q.check(mine)
		}
		if err != nil {
			return nil, nil, "", fmt.Errorf("%s: %w", q.row, err)
		}
		other, tookOther, err := p.ask.once(q)
		if err == nil {
			err = sameAnswer(mine, other)
		}
		if err != nil {
			return nil, nil, "", fmt.Errorf("%s, at Prometheus: %w", q.row, err)
		}
		if i > 0 {
			t, theirs = append(t, took), append(theirs, tookOther)
		}
	}
	slices.Sort(t)
	slices.Sort(theirs)
	return t, theirs, note, nil
}

// sameAnswer compares answers of Prometheus' API: series by their labels, values to the twelfth digit, since sums depend on the order of series.
func sameAnswer(a, b []byte) error {
	x, err := answerPoints(a)
	if err != nil {
		return err
	}
	y, err := answerPoints(b)
	if err != nil {
		return err
	}
	if len(x) != len(y) {
		return fmt.Errorf("clew has %d points, Prometheus %d", len(x), len(y))
	}
	for at, v := range x {
		w, ok := y[at]
		if !ok {
			return fmt.Errorf("no point of Prometheus at %s", at)
		}
		if math.Abs(v-w) > 1e-12*max(math.Abs(v), math.Abs(w), 1) {
			return fmt.Errorf("%s is %v at clew and %v at Prometheus", at, v, w)
		}
	}
	return nil
}

// answerPoints are an answer's values by their series and time.
func answerPoints(body []byte) (map[string]float64, error) {
	var a promAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	if a.Status != "success" {
		return nil, fmt.Errorf("%s: %s", a.Status, a.Error)
	}
	out := map[string]float64{}
	for _, s := range a.Data.Result {
		var name strings.Builder
		for _, k := range sortedKeys(s.Metric) {
			fmt.Fprintf(&name, "%s=%q,", k, s.Metric[k])
		}
		points := s.Values
		if s.Value != nil {
			points = append(points, s.Value)
		}
		for _, p := range points {
			if len(p) != 2 {
				return nil, fmt.Errorf("a point of %d values", len(p))
			}
			v, err := strconv.ParseFloat(fmt.Sprint(p[1]), 64)
			if err != nil {
				return nil, err
			}
			out[fmt.Sprintf("{%s} @%.3f", name.String(), p[0])] = v
		}
	}
	return out, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
