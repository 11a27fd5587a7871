package main

import (
	"math/rand/v2"
	"strconv"
	"time"
)

const (
	scrapeEvery = 15 * time.Second

	// Fields of metrics' messages.
	metricName        = 1
	metricUnit        = 3
	metricGauge       = 5
	metricSum         = 7
	pointsPoint       = 1
	sumTemporality    = 2
	sumMonotonic      = 3
	pointStart        = 2
	pointTime         = 3
	pointDouble       = 4
	pointAttribute    = 7
	temporalityCumul  = 2
	hostMetricsSeries = 150
)

// hostMetric is a metric of a host, with a series for each value of its label, or pair of values of its two.
type hostMetric struct {
	name, unit string
	counter    bool
	label      string
	values     []string
	states     []string // of the label "state" or "direction"; nil: one label
	step       float64  // how much it changes by in a scrape
}

func numbered(name string, n int) (all []string) {
	for i := range n {
		all = append(all, name+strconv.Itoa(i))
	}
	return all
}

// hostMetrics have 150 series together, as the Collector's hostmetrics receiver has them of a machine with 8 cores.
var hostMetrics = []hostMetric{
	{"system.cpu.time", "s", true, "cpu", numbered("cpu", 8), []string{"user", "system", "idle", "iowait", "irq", "nice", "softirq", "steal"}, 15},
	{"system.memory.usage", "By", false, "state", []string{"used", "free", "cached", "buffered", "slab_reclaimable", "slab_unreclaimable"}, nil, 1e6},
	{"system.disk.io", "By", true, "device", numbered("nvme", 4), []string{"read", "write"}, 1e5},
	{"system.disk.operations", "{operations}", true, "device", numbered("nvme", 4), []string{"read", "write"}, 100},
	{"system.disk.operation_time", "s", true, "device", numbered("nvme", 4), []string{"read", "write"}, 1},
	{"system.network.io", "By", true, "device", numbered("eth", 5), []string{"receive", "transmit"}, 1e6},
	{"system.network.packets", "{packets}", true, "device", numbered("eth", 5), []string{"receive", "transmit"}, 1e3},
	{"system.network.errors", "{errors}", true, "device", numbered("eth", 5), []string{"receive", "transmit"}, 0},
	{"system.filesystem.usage", "By", false, "device", numbered("/dev/sd", 4), []string{"used", "free", "reserved"}, 4096},
	{"system.network.connections", "{connections}", false, "state", []string{"ESTABLISHED", "TIME_WAIT", "LISTEN", "CLOSE_WAIT", "SYN_SENT"}, nil, 5},
	{"system.paging.operations", "{operations}", true, "type", []string{"major", "minor"}, []string{"page_in", "page_out"}, 10},
	{"system.cpu.load_average.1m", "1", false, "host.class", []string{"general"}, nil, 0.1},
	{"system.cpu.load_average.5m", "1", false, "host.class", []string{"general"}, nil, 0.05},
	{"system.cpu.load_average.15m", "1", false, "host.class", []string{"general"}, nil, 0.01},
	{"system.processes.count", "{processes}", false, "status", []string{"running"}, nil, 2},
	{"system.processes.created", "{processes}", true, "status", []string{"created"}, nil, 3},
}

// metrics is the corpus of metrics: each host's scrape is a request.
type metrics struct {
	hosts, scrapes, made int
	rnd                  *rand.Rand
	values               []float64 // of every series, host by host
}

func newMetrics(hosts, scrapes int) *metrics {
	return &metrics{hosts: hosts, scrapes: scrapes, rnd: rand.New(rand.NewPCG(seed, 4)), values: make([]float64, hosts*hostMetricsSeries)}
}

func (m *metrics) signal() string { return "metrics" }
func (m *metrics) path() string   { return "/v1/metrics" }

func (m *metrics) next(buf []byte) ([]byte, int) {
	if m.made == m.hosts*m.scrapes {
		return buf, 0
	}
	host, scrape := m.made%m.hosts, m.made/m.hosts
	m.made++
	at := epoch.Add(time.Duration(scrape)*scrapeEvery + time.Duration(host)*scrapeEvery/time.Duration(m.hosts))
	w := wire{buf: buf}
	of := w.begin(requestResources)
	w.resource("node-agent", "node-agent-"+strconv.Itoa(host), "node-"+strconv.Itoa(host))
	scopes := w.begin(resourceScopes)
	w.scope("github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver", "0.158.0")
	values := m.values[host*hostMetricsSeries:][:hostMetricsSeries]
	n := 0
	for i := range hostMetrics {
		n += m.metric(&w, &hostMetrics[i], values[n:], at)
	}
	w.end(scopes)
	w.end(of)
	return w.buf, n
}

// metric writes a metric's points and says how many.
func (m *metrics) metric(w *wire, h *hostMetric, values []float64, at time.Time) (n int) {
	mark := w.begin(scopeRecords)
	w.str(metricName, h.name)
	w.str(metricUnit, h.unit)
	field := metricGauge
	if h.counter {
		field = metricSum
	}
	points := w.begin(field)
	states := h.states
	if states == nil {
		states = []string{""}
	}
	for _, value := range h.values {
		for _, state := range states {
			change := m.rnd.Float64() * h.step
			if !h.counter {
				change -= h.step / 2
			}
			if h.step >= 1 {
				change = float64(int64(change))
			}
			values[n] += change
			p := w.begin(pointsPoint)
			w.fixed64(pointStart, uint64(epoch.UnixNano()))
			w.fixed64(pointTime, uint64(at.UnixNano()))
			w.double(pointDouble, values[n])
			w.attr(pointAttribute, h.label, value)
			if state != "" {
				w.attr(pointAttribute, "state", state)
			}
			w.end(p)
			n++
		}
	}
	if h.counter {
		w.uint(sumTemporality, temporalityCumul)
		w.uint(sumMonotonic, 1)
	}
	w.end(points)
	w.end(mark)
	return n
}
