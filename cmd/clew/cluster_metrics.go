package main

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/ingest/members"
)

// clusterCollector is what this process knows of the cluster, as metrics. Every process has it, so that a shard without an owner is seen also when no process is left that could own it.
type clusterCollector struct{ p *process }

var (
	descClusterProcesses = prometheus.NewDesc("clew_cluster_processes", "Processes of the cluster that are heard, this one included, by role.", []string{"role"}, nil)
	descClusterOwnerless = prometheus.NewDesc("clew_cluster_shards_without_owner", "Shards that nobody owns, as far as this process hears: what is sent to them is in the log, in no answer and in no segment.", nil, nil)
	descClusterAway      = prometheus.NewDesc("clew_cluster_disconnected", "1 while this process does not reach NATS.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *clusterCollector) Describe(to chan<- *prometheus.Desc) {
	to <- descClusterProcesses
	to <- descClusterOwnerless
	to <- descClusterAway
}

// Collect implements prometheus.Collector.
func (c *clusterCollector) Collect(to chan<- prometheus.Metric) {
	away := 0.0
	if c.p.log.Stats().Stuck {
		away = 1
	}
	to <- prometheus.MustNewConstMetric(descClusterAway, prometheus.GaugeValue, away)
	all, known := c.p.board.All(time.Now())
	if !known {
		return // nobody has had time to speak: all shards would seem to be nobody's
	}
	for _, role := range allRoles {
		n := 0
		for i := range all {
			if slices.Contains(all[i].Roles, role) {
				n++
			}
		}
		to <- prometheus.MustNewConstMetric(descClusterProcesses, prometheus.GaugeValue, float64(n), role)
	}
	to <- prometheus.MustNewConstMetric(descClusterOwnerless, prometheus.GaugeValue, float64(ownerless(all, c.p.log.ShardsStored())))
}

// ownerless is how many of the shards none of the processes owns.
func ownerless(all []members.Member, shards int) int {
	owned := make([]bool, shards)
	for i := range all {
		for _, s := range all[i].Shards {
			if s.Shard >= 0 && s.Shard < shards {
				owned[s.Shard] = true
			}
		}
	}
	n := 0
	for _, o := range owned {
		if !o {
			n++
		}
	}
	return n
}
