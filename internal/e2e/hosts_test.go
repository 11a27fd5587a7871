package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"clew/internal/harness"
	"clew/query/api"
)

const (
	hostsSent  = 1000
	hostsDead  = 50
	hostsEvery = 15 * time.Second
	hostsFor   = 10 * time.Minute
)

// hostMetrics are the series of the hostmetrics receiver that say how busy a host is, at one time.
func hostMetrics(to pmetric.MetricSlice, host int, started, at time.Time) {
	passed := at.Sub(started).Seconds()
	point := func(p pmetric.NumberDataPoint, v float64, attributes ...string) {
		p.SetStartTimestamp(pcommon.NewTimestampFromTime(started))
		p.SetTimestamp(pcommon.NewTimestampFromTime(at))
		p.SetDoubleValue(v)
		for i := 0; i < len(attributes); i += 2 {
			p.Attributes().PutStr(attributes[i], attributes[i+1])
		}
	}
	sum := func(name, unit string, monotonic bool) pmetric.NumberDataPointSlice {
		m := to.AppendEmpty()
		m.SetName(name)
		m.SetUnit(unit)
		s := m.SetEmptySum()
		s.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		s.SetIsMonotonic(monotonic)
		return s.DataPoints()
	}
	busy := float64(host%10) / 10
	cpu := sum("system.cpu.time", "s", true)
	for _, state := range []string{"nice", "softirq", "steal", "interrupt", "wait", "system"} {
		point(cpu.AppendEmpty(), 0, "state", state)
	}
	point(cpu.AppendEmpty(), 4*passed*busy, "state", "user")
	point(cpu.AppendEmpty(), 4*passed*(1-busy), "state", "idle")
	memory := sum("system.memory.usage", "By", false)
	for i, state := range []string{"used", "free", "buffered", "cached", "slab_reclaimable", "slab_unreclaimable"} {
		point(memory.AppendEmpty(), float64(int(1e9)*(1+i)), "state", state)
	}
	for _, name := range []string{"system.disk.io", "system.network.io"} {
		io := sum(name, "By", true)
		for _, device := range []string{"a", "b"} {
			point(io.AppendEmpty(), 1000*passed, "device", device, "direction", "read")
			point(io.AppendEmpty(), 500*passed, "device", device, "direction", "write")
		}
	}
	space := sum("system.filesystem.usage", "By", false)
	for _, mount := range []string{"/", "/var"} {
		point(space.AppendEmpty(), 30e9, "device", mount, "mountpoint", mount, "type", "ext4", "state", "used")
		point(space.AppendEmpty(), 70e9, "device", mount, "mountpoint", mount, "type", "ext4", "state", "free")
	}
	for _, over := range []string{"1m", "5m", "15m"} {
		m := to.AppendEmpty()
		m.SetName("system.cpu.load_average." + over)
		m.SetUnit("{thread}")
		point(m.SetEmptyGauge().DataPoints().AppendEmpty(), busy)
	}
}

func sendProtobuf(t *testing.T, url string, marshal func() ([]byte, error)) {
	t.Helper()
	body, err := marshal()
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		res, err := http.Post(url, "application/x-protobuf", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(200 * time.Millisecond) // 429: it is told to wait
	}
	t.Fatalf("%s takes nothing", url)
}

// A thousand hosts with 27 series each are listed with their load in less than a second, with those that died days ago; half of all is in segments.
func TestThousandHosts(t *testing.T) {
	p := start(t, tempData(t), "")
	dead := plog.NewLogs()
	for host := range hostsDead {
		rl := dead.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("host.name", fmt.Sprintf("dead-%02d", host))
		r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(-72 * time.Hour)))
		r.Body().SetStr("going down")
	}
	sendProtobuf(t, "http://"+p.OTLP+"/v1/logs", plogotlp.NewExportRequestFromLogs(dead).MarshalProto)
	// All that is kept is asked for hosts now and then only, the more rarely the longer it takes: old records that the first answer does not have name theirs much later.
	eventually(t, time.Minute, "old records are read", func() bool { return countLogs(t, p, "") == hostsDead })

	started := time.Now().Add(-hostsFor)
	var last time.Time
	for left := hostsFor; left >= 0; left -= hostsEvery {
		if left == hostsFor/2 {
			if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
				t.Fatal(err)
			}
		}
		last = time.Now().Add(-left) // counted back from now, or the last points were old when they are sent slowly
		metrics := pmetric.NewMetrics()
		for host := range hostsSent {
			rm := metrics.ResourceMetrics().AppendEmpty()
			rm.Resource().Attributes().PutStr("host.name", fmt.Sprintf("node-%04d", host))
			rm.Resource().Attributes().PutStr("os.type", "linux")
			hostMetrics(rm.ScopeMetrics().AppendEmpty().Metrics(), host, started, last)
		}
		sendProtobuf(t, "http://"+p.OTLP+"/v1/metrics", pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto)
	}

	var list api.HostList
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%d hosts, up %d, silent %d, reasons %v, %v after the last point\n%s", len(list.Hosts), list.Up, list.Silent, list.Reasons, time.Since(last), p.Output())
		}
	})
	eventually(t, time.Minute, "all hosts are listed", func() bool {
		return listHosts(t, p, &list, url.Values{"limit": {"2000"}}) && !list.Partial && len(list.Hosts) == hostsSent+hostsDead && list.Hosts[len(list.Hosts)-1].Load != nil
	})
	if list.Up != hostsSent || list.Silent != hostsDead || list.Hosts[0].Host != "dead-00" || list.Hosts[0].Status != "silent" {
		t.Fatalf("up %d, silent %d, reasons %v, first %+v", list.Up, list.Silent, list.Reasons, list.Hosts[0])
	}
	h := list.Hosts[hostsDead+7]
	if l := h.Load; h.Host != "node-0007" || h.OS != "linux" || h.CPUs != 4 || l == nil || *l.CPU < 0.69 || *l.CPU > 0.71 || *l.Memory != 0.1 || *l.Disk != 0.3 {
		text, _ := json.Marshal(h)
		t.Errorf("what the metrics say is not told: %s", text)
	}
	cpu := func() time.Duration {
		used, err := p.CPU()
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	best, least := time.Hour, time.Hour
	for range 5 { // the machine may be busy with other tests
		asked, before := time.Now(), cpu()
		if !listHosts(t, p, &list, url.Values{"limit": {"2000"}}) {
			t.Fatal("not listed again")
		}
		best, least = min(best, time.Since(asked)), min(least, cpu()-before)
	}
	t.Logf("%d hosts listed in %v, with %v of CPU", len(list.Hosts), best, least)
	if best > time.Second && least > time.Second {
		t.Errorf("%d hosts are listed in %v: want less than a second", len(list.Hosts), best)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"hosts", "--search", "node-0007"}, 0, "node-0007  up"},
		{[]string{"hosts", "--status", "silent", "--json"}, 0, `"host":"dead-49"`},
		{[]string{"hosts", "node-0007"}, 0, "CPU 70%"},
		{[]string{"hosts", "--search", "nobody"}, 1, ""},
		{[]string{"hosts", "nobody"}, 1, ""},
	} {
		if out, code := clew(t, p, c.args...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("clew %s: exit code %d, %.300s", strings.Join(c.args, " "), code, out)
		}
	}
}

func listHosts(t *testing.T, p *harness.Process, into *api.HostList, params url.Values) bool {
	*into = api.HostList{}
	return p.Get(t.Context(), "/api/v1/hosts", params, into) == nil
}
