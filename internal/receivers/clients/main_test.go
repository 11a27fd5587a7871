package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clew is the process that all tests send to.
var clew struct {
	api, otlp, grpc string // grpc is host:port
	ports           map[string]string
}

// listeners are the receivers' ports in the configuration.
const config = `
collector:
  receivers: {jaeger: true, zipkin: true, syslog: true, fluent: true}
  otelcol:
    receivers:
      jaeger: {protocols: {grpc: {endpoint: "%s"}, thrift_http: {endpoint: "%s"}, thrift_compact: {endpoint: "%s"}, thrift_binary: {endpoint: "%s"}}}
      zipkin: {endpoint: "%s"}
      syslog/rfc3164_tcp: {tcp: {listen_address: "%s"}}
      syslog/rfc3164_udp: {udp: {listen_address: "%[6]s"}}
      syslog/rfc5424_tcp: {tcp: {listen_address: "%[7]s"}}
      syslog/rfc5424_udp: {udp: {listen_address: "%[7]s"}}
      fluent_forward: {endpoint: "%[8]s"}
`

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "clew-clients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code, err := run(m, dir)
	os.RemoveAll(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, dir string) (int, error) {
	binary := os.Getenv("CLEW_BINARY")
	if binary == "" {
		binary = filepath.Join(dir, "clew")
		build := exec.Command("go", "build", "-o", binary, "./cmd/clew")
		build.Dir = "../../.."
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build clew: %w\n%s", err, out)
		}
	}
	free, err := freePorts(11)
	if err != nil {
		return 1, err
	}
	text := fmt.Sprintf(config, free[0], free[1], free[2], free[3], free[4], free[5], free[6], free[7])
	file := filepath.Join(dir, "clew.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return 1, err
	}
	clew.ports = map[string]string{
		"jaeger grpc": free[0], "jaeger http": free[1], "jaeger compact": free[2], "zipkin": free[4], "syslog 3164": free[5], "syslog 5424": free[6], "fluent": free[7],
	}
	clew.api, clew.otlp, clew.grpc = "http://"+free[8], "http://"+free[9], free[10]
	cmd := exec.Command(binary, "run", "--data", filepath.Join(dir, "data"), "--config", file, "--http", free[8], "--otlp-http", free[9], "--otlp-grpc", free[10])
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	for range 200 {
		if resp, err := http.Get(clew.api + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return m.Run(), nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	return 1, fmt.Errorf("clew is not ready:\n%s", log.String())
}

// freePorts finds ports that are free for TCP and UDP.
func freePorts(n int) ([]string, error) {
	var out []string
	for len(out) < n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		u, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			continue
		}
		u.Close()
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// record is a log record or a span of a search's answer, as JSON has it.
type record map[string]any

// text is a field of a record, nested by dots in the path of keys; attributes and the resource's have dots in their keys.
func (r record) text(path ...string) string {
	var v any = map[string]any(r)
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[key]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// find searches until there are n records, for five seconds.
func find(t *testing.T, tenant, signal, query string, n int) []record {
	t.Helper()
	var got []record
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		params := url.Values{"signal": {signal}, "query": {query}, "limit": {"100"}}
		req, err := http.NewRequest(http.MethodGet, clew.api+"/api/v1/search?"+params.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Scope-OrgID", tenant)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]json.RawMessage
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("search: status %d: %v %s", resp.StatusCode, err, answer["error"])
		}
		got = nil
		if list, ok := answer[signal]; ok { // absent while there is nothing
			if err := json.Unmarshal(list, &got); err != nil {
				t.Fatalf("search: %v", err)
			}
		}
		if len(got) >= n {
			break
		}
	}
	if len(got) != n {
		t.Fatalf("%s %q: found %d, want %d: %v", signal, query, len(got), n, got)
	}
	return got
}

// check compares a record's field.
func check(t *testing.T, r record, want string, path ...string) {
	t.Helper()
	if got := r.text(path...); got != want {
		t.Errorf("%s is %q, want %q, in %v", strings.Join(path, " "), got, want, r)
	}
}

// metric asks for the value of a query that has one series, since from, for five seconds; "" is none.
func metric(t *testing.T, tenant, query string, from time.Time) string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if v := metricAt(t, tenant, query, time.Now()); v != "" {
			return v
		}
		if v := metricAt(t, tenant, query, from); v != "" {
			return v
		}
	}
	return ""
}

// metricAt asks for the value at a time.
func metricAt(t *testing.T, tenant, query string, at time.Time) string {
	t.Helper()
	params := url.Values{"query": {query}, "time": {fmt.Sprintf("%.3f", float64(at.UnixMilli())/1000)}}
	req, err := http.NewRequest(http.MethodGet, clew.api+"/prometheus/api/v1/query?"+params.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Scope-OrgID", tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any
			}
		}
		Error string
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %v %s", query, resp.StatusCode, err, answer.Error)
	}
	if len(answer.Data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}
