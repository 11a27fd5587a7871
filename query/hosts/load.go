package hosts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// Load is how busy a host is, by its own metrics. What it does not say is NaN.
type Load struct {
	CPU         float64 // the part of all processors' time that is neither idle nor waiting for disks, 0 to 1
	Memory      float64 // the part that is used, without caches, 0 to 1
	Disk        float64 // the part of its fullest file system that is used, 0 to 1
	ReadBytes   float64 // from disks, a second
	WriteBytes  float64
	InBytes     float64 // over the network, a second, loopback left out
	OutBytes    float64
	Runnable    float64 // load average of the last minute
	cpus        float64
	memoryBytes float64
}

// hostLabel is host.name as a label.
const hostLabel = "host_name"

// partitions are disks that are parts of others, or made of others, whose bytes would count twice.
const partitions = `(sd|vd|xvd|hd)[a-z]+[0-9]+|nvme[0-9]+n[0-9]+p[0-9]+|mmcblk[0-9]+p[0-9]+|dm-.*|md.*|loop.*|ram.*`

// questions are what metrics are asked for all hosts at once: the names are hostmetricsreceiver's, as Prometheus calls them.
var questions = []struct {
	expr string
	put  func(l *Load, of promql.Sample)
}{
	{
		`1 - sum by (host_name) (rate(system_cpu_time_seconds_total{state=~"idle|wait"}[` + loadWindow + `])) / sum by (host_name) (rate(system_cpu_time_seconds_total[` + loadWindow + `]))`,
		func(l *Load, of promql.Sample) { l.CPU = share(of.F) },
	},
	{
		`sum by (host_name) (system_memory_usage_bytes{state="used"}) / sum by (host_name) (system_memory_usage_bytes{state=~"used|free|buffered|cached"})`,
		func(l *Load, of promql.Sample) { l.Memory = share(of.F) },
	},
	{
		`max by (host_name) (sum by (host_name, device, mountpoint) (system_filesystem_usage_bytes{state="used", type!~"squashfs|iso9660|tmpfs|devtmpfs"})
			/ sum by (host_name, device, mountpoint) (system_filesystem_usage_bytes{state=~"used|free", type!~"squashfs|iso9660|tmpfs|devtmpfs"}))`,
		func(l *Load, of promql.Sample) { l.Disk = share(of.F) },
	},
	{
		`sum by (host_name, direction) (rate(system_disk_io_bytes_total{device!~"` + partitions + `"}[` + loadWindow + `]))`,
		func(l *Load, of promql.Sample) {
			if of.Metric.Get("direction") == "read" {
				l.ReadBytes = of.F
			} else {
				l.WriteBytes = of.F
			}
		},
	},
	{
		`sum by (host_name, direction) (rate(system_network_io_bytes_total{device!~"lo|lo0"}[` + loadWindow + `]))`,
		func(l *Load, of promql.Sample) {
			if of.Metric.Get("direction") == "receive" {
				l.InBytes = of.F
			} else {
				l.OutBytes = of.F
			}
		},
	},
	{`max by (host_name) (system_cpu_load_average_1m)`, func(l *Load, of promql.Sample) { l.Runnable = of.F }},
	{
		// Processors are told one by one or as a sum: so many seconds pass in a second. Between the last two points, because a rate fades as the last of them ages,
		// and a host whose points are late has as many processors as before.
		`sum by (host_name) (irate(system_cpu_time_seconds_total[` + loadWindow + `]))`,
		func(l *Load, of promql.Sample) { l.cpus = math.Round(of.F) },
	},
	{
		`sum by (host_name) (system_memory_usage_bytes{state=~"used|free|buffered|cached"})`,
		func(l *Load, of promql.Sample) { l.memoryBytes = of.F },
	},
}

// share holds a part of a whole to 0..1: rates are estimates.
func share(v float64) float64 { return min(1, max(0, v)) }

// load asks how busy the hosts that are up are. Without an answer the list is there all the same.
func (h *Hosts) load(ctx context.Context, tenant string, all map[string]*Host, now time.Time) (partial []string) {
	if h.deps.Metrics == nil {
		return nil
	}
	for _, q := range questions {
		vector, err := h.deps.Metrics.Instant(ctx, tenant, q.expr, now)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
				partial = append(partial, fmt.Sprintf("how busy hosts are: %v", err))
			}
			return partial
		}
		for _, sample := range vector {
			host := all[sample.Metric.Get(hostLabel)]
			if host == nil || host.Status == Silent {
				continue
			}
			if host.Load == nil {
				nan := math.NaN()
				host.Load = &Load{CPU: nan, Memory: nan, Disk: nan, ReadBytes: nan, WriteBytes: nan, InBytes: nan, OutBytes: nan, Runnable: nan}
			}
			q.put(host.Load, sample)
		}
	}
	for _, host := range all {
		if host.Load == nil {
			continue
		}
		if host.CPUs == 0 {
			host.CPUs = int(host.Load.cpus)
		}
		if host.MemoryBytes == 0 {
			host.MemoryBytes = int64(host.Load.memoryBytes)
		}
	}
	return partial
}
