package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"clew/internal/harness"
)

// halfDay is a gauge and a counter, a point of each every 15 seconds for twelve hours; every 97th is missing, so that windows have more points and fewer.
func halfDay(from time.Time) ([]byte, error) {
	m := pmetric.NewMetrics()
	rm := m.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "shop")
	list := rm.ScopeMetrics().AppendEmpty().Metrics()
	load, calls := list.AppendEmpty(), list.AppendEmpty()
	load.SetName("load")
	calls.SetName("calls")
	gauge, sum := load.SetEmptyGauge(), calls.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for i := range 12 * 240 {
		if i%97 == 5 {
			continue
		}
		for _, list := range []pmetric.NumberDataPointSlice{gauge.DataPoints(), sum.DataPoints()} {
			list.AppendEmpty().SetTimestamp(pcommon.NewTimestampFromTime(from.Add(time.Duration(i+1) * 15 * time.Second)))
		}
		gauge.DataPoints().At(gauge.DataPoints().Len() - 1).SetDoubleValue(float64(i*i%101) / 4)
		sum.DataPoints().At(sum.DataPoints().Len() - 1).SetIntValue(int64(i % 1500 * 3)) // begins anew
	}
	return pmetricotlp.NewExportRequestFromMetrics(m).MarshalProto()
}

// wholeHours are asked for over ranges of whole hours, where windows answer what the points do.
var wholeHours = []string{
	"min_over_time(load[%s])", "max_over_time(load[%s])", "sum_over_time(load[%s])", "count_over_time(load[%s])", "round(avg_over_time(load[%s]), 1e-9)",
	"last_over_time(load[%s])", "count_over_time(calls_total[%s])", "resets(calls_total[%s])",
}

// ask gives the answers over the last hours up to a moment, and what they are annotated with.
func askWholeHours(t *testing.T, p *harness.Process, at time.Time) (answers []string, infos string) {
	t.Helper()
	for _, query := range wholeHours {
		for _, span := range []string{"3h", "12h"} {
			var a struct {
				promAnswer
				Infos []string
			}
			text := fmt.Sprintf(query, span)
			get(t, p, "/prometheus/api/v1/query", url.Values{"query": {text}, "time": {strconv.FormatInt(at.Unix(), 10)}}, &a)
			if a.Status != "success" || len(a.Warnings) > 0 || len(a.Data.Result) != 1 {
				t.Fatalf("%s: %s, warnings %v, %d series", text, a.Status, a.Warnings, len(a.Data.Result))
			}
			answers = append(answers, fmt.Sprint(text, " ", a.Data.Result[0].Value[1]))
			infos += strings.Join(a.Infos, "\n")
		}
	}
	return answers, infos
}

// resolutionsOf says of each resolution that there is whether nothing of it waits to be down-sampled.
func resolutionsOf(t *testing.T, p *harness.Process) (text string) {
	t.Helper()
	var status struct {
		Ingest struct {
			Metrics []struct {
				Resolution        string
				Segments, Waiting int
			}
		}
	}
	get(t, p, "/api/v1/status", nil, &status)
	for _, r := range status.Ingest.Metrics {
		text += fmt.Sprintf("%s %v ", r.Resolution, r.Waiting == 0)
	}
	return text
}

// Points become windows while clew runs; what they answer stays the same, by the points and the windows beside each other, after kill -9, and when
// only windows are left.
func TestDownsampled(t *testing.T) {
	data := tempData(t)
	// Windows of time are a sixteenth of the ages: a minute.
	const config = "ingest: {seal_after: 1s, compaction: {share: 1, downsample_after: 1s}, retention: %s}\n"
	const ages = "{metrics: {age: 20m}, downsampled: {5m: 20m, 1h: 24h}}"
	p := start(t, data, fmt.Sprintf(config, ages))
	from := time.Now().UTC().Truncate(24 * time.Hour).Add(-72 * time.Hour)
	body, err := halfDay(from)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post("http://"+p.OTLP+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	at := from.Add(12 * time.Hour)
	want, infos := askWholeHours(t, p, at)
	if infos != "" {
		t.Errorf("of the points, moments after they came: %s", infos)
	}
	check := func(when string) (infos string) {
		t.Helper()
		have, infos := askWholeHours(t, p, at)
		for i := range want {
			if have[i] != want[i] {
				t.Errorf("%s: %s, want %s", when, have[i], want[i])
			}
		}
		return infos
	}
	wait := func(want string) {
		t.Helper()
		eventually(t, 3*time.Minute, "resolutions: "+want, func() bool { return resolutionsOf(t, p) == want })
	}
	wait("raw true 5m true 1h true ")
	if infos := check("beside the points"); !strings.Contains(infos, "windows of 5m") {
		t.Errorf("12 hours are not answered by windows of five minutes: %s", infos)
	}
	p.Kill()
	p = start(t, data, fmt.Sprintf(config, ages))
	check("after kill -9")

	retain := func(retention string) {
		t.Helper()
		if err := os.WriteFile(data+".yaml", []byte(fmt.Sprintf(config, retention)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Hangup(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1500 * time.Millisecond) // as in TestReload
	retain("{metrics: {age: 1s}, downsampled: {5m: 20m, 1h: 24h}}")
	wait("5m true 1h true ")
	if infos := check("without the points"); !strings.Contains(infos, "windows of 5m") {
		t.Errorf("the answer does not say that it is of windows: %s", infos)
	}
	retain("{metrics: {age: 1s}, downsampled: {5m: 2s, 1h: 24h}}")
	wait("1h true ")
	p.Kill()
	p = start(t, data, fmt.Sprintf(config, "{metrics: {age: 1s}, downsampled: {5m: 2s, 1h: 24h}}"))
	if infos := check("of hours, after kill -9"); !strings.Contains(infos, "windows of 1h") {
		t.Errorf("the answer does not say that it is of hours: %s", infos)
	}
}
