package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// PromQL, as Grafana asks it. The answers' sizes are known; what the values are, Prometheus' own tests of the language say (query/metrics).

// promAnswer is what the checks need of an answer of Prometheus' API.
type promAnswer struct {
	Status   string   `json:"status"`
	Error    string   `json:"error"`
	Warnings []string `json:"warnings"`
	Data     struct {
		Result []struct {
			Metric map[string]string `json:"metric"`
			Value  []any             `json:"value"`
			Values [][]any           `json:"values"`
		} `json:"result"`
	} `json:"data"`
}

// promql asks at the last moment of the data, or with a step over all of it. series and points say how large the answer is; value, if it is not empty, what the
// only one is.
func (m *metrics) promql(row, expr string, step time.Duration, series int, value string) query {
	end := m.end()
	params := url.Values{"query": {expr}}
	path, points := "/prometheus/api/v1/query", 1
	if step > 0 {
		path = "/prometheus/api/v1/query_range"
		start := end.Add(-30 * time.Minute)
		params.Set("start", unixSeconds(start))
		params.Set("end", unixSeconds(end))
		params.Set("step", strconv.Itoa(int(step.Seconds())))
	} else {
		params.Set("time", unixSeconds(end))
	}
	return query{row, path, params, func(body []byte) (string, error) {
		var a promAnswer
		if err := json.Unmarshal(body, &a); err != nil {
			return "", err
		}
		if a.Status != "success" || len(a.Warnings) > 0 {
			return "", fmt.Errorf("%s %s %v", a.Status, a.Error, a.Warnings)
		}
		if len(a.Data.Result) != series {
			return "", fmt.Errorf("%d series, want %d", len(a.Data.Result), series)
		}
		if value != "" && fmt.Sprint(a.Data.Result[0].Value[1]) != value {
			return "", fmt.Errorf("the value is %v, want %s", a.Data.Result[0].Value, value)
		}
		for _, s := range a.Data.Result {
			points = max(len(s.Values), 1)
		}
		return fmt.Sprintf("%d series of %d points", series, points), nil
	}}
}

func unixSeconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}

// end is the time of the last points.
func (m *metrics) end() time.Time { return epoch.Add(time.Duration(m.scrapes) * scrapeEvery) }

func (m *metrics) queries() []query {
	return []query{
		m.promql("instant sum over 200 series", `sum(system_cpu_load_average_1m_ratio)`, 0, 1, ""),
		m.promql("sum(rate([5m])) over 200 series", `sum(rate(system_processes_created_total[5m]))`, 0, 1, ""),
		m.promql("count of all series", `count({__name__=~"system_.+"})`, 0, 1, strconv.Itoa(m.hosts*hostMetricsSeries)),
		m.promql("CPU rate by node, 30 min in 15 s steps", `sum by (instance) (rate(system_cpu_time_seconds_total{state="user"}[5m]))`, 15*time.Second, m.hosts, ""),
		m.promql("CPU rate by node, all states but idle", `sum by (instance) (rate(system_cpu_time_seconds_total{state!="idle"}[5m]))`, 15*time.Second, m.hosts, ""),
		m.promql("p95 over nodes", `quantile(0.95, sum by (instance) (system_memory_usage_bytes{state="used"}))`, 15*time.Second, 1, ""),
	}
}

func (m *metrics) firstQueries() []query {
	q := m.queries()[0]
	q.row += ", first touch"
	return []query{q}
}
