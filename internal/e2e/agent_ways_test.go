package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"clew/internal/harness"
)

// What collectors take agents take too: each protocol once, found under its service at the collector behind the agent.
func TestAgentWaysIn(t *testing.T) {
	server := start(t, filepath.Join(t.TempDir(), "data"), "")
	port, err := harness.FreePorts(7)
	if err != nil {
		t.Fatal(err)
	}
	startClewAgent(t, server, t.TempDir(), fmt.Sprintf(`  zipkin: {endpoint: %q}
  jaeger: {protocols: {thrift_http: {endpoint: %q}}}
  loki: {endpoint: %q}
  elasticsearch: {endpoint: %q}
  remote_write: {endpoint: %q}
  fluent_forward: {endpoint: %q}
  syslog: {protocol: rfc3164, tcp: {listen_address: %q}}
service:
  pipelines:
    traces: {receivers: [otlp, zipkin, jaeger]}
    logs: {receivers: [otlp, loki, elasticsearch, fluent_forward, syslog]}
    metrics: {receivers: [otlp, remote_write]}
`, port[0], port[1], port[2], port[3], port[4], port[5], port[6]))
	now := time.Now()
	send := func(url, contentType string, body []byte, header ...string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, "http://"+url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
			t.Errorf("%s: status %d: %s", url, resp.StatusCode, text)
		}
	}
	send(port[0]+"/api/v2/spans", "application/json", fmt.Appendf(nil, `[{"traceId":"5982fe77008310cc","id":"352bff9a74ca9ad2","name":"get","timestamp":%d,"duration":1431,"localEndpoint":{"serviceName":"way-zipkin"}}]`, now.UnixMicro()))
	send(port[1]+"/api/traces", "application/x-thrift", thriftBatch("way-jaeger", now))
	send(port[2]+"/loki/api/v1/push", "application/json", fmt.Appendf(nil, `{"streams":[{"stream":{"service_name":"way-loki"},"values":[["%d","loki line"]]}]}`, now.UnixNano()))
	send(port[3]+"/_bulk", "application/x-ndjson", fmt.Appendf(nil, "{\"create\":{\"_index\":\"x\"}}\n{\"@timestamp\":%q,\"message\":\"bulk line\",\"service\":{\"name\":\"way-bulk\"}}\n", now.UTC().Format(time.RFC3339Nano)))
	write := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels:  []prompb.Label{{Name: "__name__", Value: "way_points"}, {Name: "instance", Value: "i"}, {Name: "job", Value: "way-prometheus"}},
		Samples: []prompb.Sample{{Value: 7, Timestamp: now.UnixMilli()}},
	}}}
	encoded, err := write.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	send(port[4]+"/api/v1/write", "application/x-protobuf", snappy.Encode(nil, encoded), "Content-Encoding", "snappy", "X-Prometheus-Remote-Write-Version", "0.1.0")

	// [tag, time, {"log": ...}] in MessagePack, as Fluentd's loggers write it.
	message := "\x93\xaaway.fluent\xce" + string(binary.BigEndian.AppendUint32(nil, uint32(now.Unix()))) + "\x81\xa3log\xb8fluent line of the agent"
	conn, err := net.Dial("tcp", port[5])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	host, number := hostPort(t, port[6])
	for _, framing := range []string{"-i", "--octet-count"} {
		out, err := exec.Command("logger", "-n", host, "-P", fmt.Sprint(number), "--tcp", "--rfc3164", framing, "-t", "way-syslog", "syslog line").CombinedOutput()
		if err != nil {
			t.Fatalf("logger %s: %v: %s", framing, err, out)
		}
	}

	for query, n := range map[string]uint64{"service:way-loki": 1, `service:way-bulk "bulk line"`: 1, `"fluent line of the agent"`: 1, `service:way-syslog "syslog line"`: 2} {
		eventually(t, 15*time.Second, query, func() bool { return countLogs(t, server, query) == n })
	}
	for _, service := range []string{"way-zipkin", "way-jaeger"} {
		eventually(t, 15*time.Second, "a span of "+service, func() bool {
			var found struct{ Spans []struct{ Service string } }
			get(t, server, "/api/v1/search", map[string][]string{"signal": {"spans"}, "query": {"service:" + service}}, &found)
			return len(found.Spans) == 1
		})
	}
	eventually(t, 15*time.Second, "a point of remote write", func() bool {
		var answer struct {
			Data struct{ Result []struct{ Value []any } }
		}
		get(t, server, "/prometheus/api/v1/query", map[string][]string{"query": {`way_points{job="way-prometheus"}`}}, &answer)
		return len(answer.Data.Result) == 1 && fmt.Sprint(answer.Data.Result[0].Value[1]) == "7"
	})
}

func hostPort(t *testing.T, address string) (string, int) {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.IP.String(), a.Port
}

// thriftBatch is a span of a service as Jaeger's clients send it over HTTP: Batch in Thrift's binary protocol.
func thriftBatch(service string, at time.Time) []byte {
	var b bytes.Buffer
	number := func(v int64, bytes int) {
		for i := bytes - 1; i >= 0; i-- {
			b.WriteByte(byte(v >> (8 * i)))
		}
	}
	field := func(kind byte, id int64) { b.WriteByte(kind); number(id, 2) }
	text := func(id int64, s string) { field(11, id); number(int64(len(s)), 4); b.WriteString(s) }
	i64 := func(id, v int64) { field(10, id); number(v, 8) }
	field(12, 1)
	text(1, service)
	b.WriteByte(0)
	field(15, 2)
	b.WriteByte(12)
	number(1, 4)
	i64(1, 1)
	i64(2, 0)
	i64(3, 3)
	i64(4, 0)
	text(5, "buy")
	field(8, 7)
	number(1, 4)
	i64(8, at.UnixMicro())
	i64(9, 10)
	b.Write([]byte(strings.Repeat("\x00", 2)))
	return b.Bytes()
}
