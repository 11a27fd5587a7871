package fanout

import "github.com/prometheus/client_golang/prometheus"

// serverCounts are what a server counts.
type serverCounts struct {
	answered prometheus.Counter
	refused  *prometheus.CounterVec
}

func newServerCounts() *serverCounts {
	return &serverCounts{
		answered: prometheus.NewCounter(prometheus.CounterOpts{Name: "clew_fanout_answered_total", Help: "Questions of other processes that were answered."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_fanout_refused_total", Help: "Questions of other processes that were not answered, by reason.",
		}, []string{"reason"}),
	}
}

func (c *serverCounts) failed(err error) { c.refused.WithLabelValues(reasonOf(err)).Inc() }

// Describe implements prometheus.Collector.
func (s *Server) Describe(to chan<- *prometheus.Desc) {
	s.counts.answered.Describe(to)
	s.counts.refused.Describe(to)
}

// Collect implements prometheus.Collector.
func (s *Server) Collect(to chan<- prometheus.Metric) {
	s.counts.answered.Collect(to)
	s.counts.refused.Collect(to)
}

// askCounts are what a coordinator counts.
type askCounts struct {
	asked   *prometheus.CounterVec
	failed  *prometheus.CounterVec
	missing prometheus.Counter
}

func newAskCounts() *askCounts {
	return &askCounts{
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_fanout_asked_total", Help: "Shares of questions that were given to processes: this one (here) and others (elsewhere).",
		}, []string{"where"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_fanout_failed_total", Help: "Shares that other processes did not answer for, by reason. They are asked about again, elsewhere or with a newer catalog.",
		}, []string{"reason"}),
		missing: prometheus.NewCounter(prometheus.CounterOpts{Name: "clew_fanout_partial_total", Help: "Questions whose answer lacks a share that nobody answered for."}),
	}
}

// Describe implements prometheus.Collector.
func (c *Coordinator) Describe(to chan<- *prometheus.Desc) {
	c.counts.asked.Describe(to)
	c.counts.failed.Describe(to)
	c.counts.missing.Describe(to)
}

// Collect implements prometheus.Collector.
func (c *Coordinator) Collect(to chan<- prometheus.Metric) {
	c.counts.asked.Collect(to)
	c.counts.failed.Collect(to)
	c.counts.missing.Collect(to)
}
