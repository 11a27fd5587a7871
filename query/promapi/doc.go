// Package promapi answers PromQL: Prometheus' HTTP API under /prometheus/api/v1, as promtool, Grafana and other Prometheus servers ask it, and clew's own under
// /api/v1/metrics, which gives the pages what they draw.
//
// The engine and the handlers of Prometheus' API are Prometheus' own, over query/metrics. Here is what they can't know: tenants, turns among queries, and the
// answers that Prometheus gives of its scraping and its TSDB, which clew has not.
package promapi
