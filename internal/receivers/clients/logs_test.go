package clients

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"
	"github.com/fluent/fluent-logger-golang/fluent"
	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"
)

// TestLokiPush sends what Promtail sends, encoded by Loki's own code.
func TestLokiPush(t *testing.T) {
	at := time.Now().Add(-time.Second)
	request := push.PushRequest{Streams: []push.Stream{
		{
			Labels: `{job="varlogs", app="shop", path="C:\\logs \"x\""}`,
			Entries: []push.Entry{
				{Timestamp: at, Line: "order 1 paid"},
				{Timestamp: at.Add(1), Line: "order 2 paid", StructuredMetadata: push.LabelsAdapter{{Name: "trace_id", Value: "0123456789abcdef0123456789abcdef"}, {Name: "pod", Value: "p1"}}},
			},
		},
		{Labels: `{job=`, Entries: []push.Entry{{Timestamp: at, Line: "order 3 lost"}}},
	}}
	plain, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, clew.otlp+"/loki/api/v1/push", bytes.NewReader(snappy.Encode(nil, plain)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("X-Scope-OrgID", "loki")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest { // the third is rejected
		t.Errorf("status %d, want 400", resp.StatusCode)
	}
	got := find(t, "loki", "logs", "order paid service:shop", 2)
	for _, r := range got {
		check(t, r, `C:\logs "x"`, "resource", "attributes", "path")
		if r.text("body") == "order 2 paid" {
			check(t, r, "0123456789abcdef0123456789abcdef", "traceId")
			check(t, r, "p1", "attributes", "pod")
			check(t, r, strconv.FormatInt(at.UnixNano()+1, 10), "timeUnixNano")
		}
	}
}

// TestElasticsearch sends with Elastic's own client, which asks who it talks to before.
func TestElasticsearch(t *testing.T) {
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{clew.otlp}, Header: http.Header{"X-Scope-OrgID": {"elastic"}}, CompressRequestBody: true})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := client.Info(); err != nil || info.IsError() {
		t.Fatalf("info: %v %v", info, err)
	}
	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: client, Index: "app-logs", NumWorkers: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	failed := 0
	add := func(doc string) {
		err := indexer.Add(ctx, esutil.BulkIndexerItem{
			Action: "create", Body: strings.NewReader(doc),
			OnFailure: func(_ context.Context, _ esutil.BulkIndexerItem, r esutil.BulkIndexerResponseItem, err error) {
				failed++
				if err != nil || r.Status != http.StatusBadRequest {
					t.Errorf("failure: status %d: %v", r.Status, err)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		add(fmt.Sprintf(`{"@timestamp":"%s","message":"bulk item %d","log.level":"warn","service":{"name":"billing"},"n":%d}`, time.Now().UTC().Format(time.RFC3339Nano), i, i))
	}
	add(`{"message": broken}`)
	if err := indexer.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if s := indexer.Stats(); s.NumCreated != 20 || s.NumFailed != 1 || failed != 1 {
		t.Errorf("created %d, failed %d, told of %d; want 20, 1, 1", s.NumCreated, s.NumFailed, failed)
	}
	got := find(t, "elastic", "logs", `"bulk item" service:billing severity>=warn`, 20)
	check(t, got[0], "app-logs", "resource", "attributes", "elasticsearch.index")
}

// TestFluent sends with Fluentd's own logger and waits for its acknowledgement.
func TestFluent(t *testing.T) {
	host, port, err := net.SplitHostPort(clew.ports["fluent"])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	logger, err := fluent.New(fluent.Config{FluentHost: host, FluentPort: number, RequestAck: true, SubSecondPrecision: true, Timeout: 5 * time.Second, ReadTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer logger.Close()
	at := time.Now().Add(-time.Second)
	if err := logger.PostWithTime("app.web", at, map[string]any{"log": "fluent says hello", "user": "u7", "n": 3}); err != nil {
		t.Fatal(err)
	}
	got := find(t, "default", "logs", `"fluent says hello"`, 1)[0]
	check(t, got, "u7", "attributes", "user")
	check(t, got, "3", "attributes", "n")
	check(t, got, "app.web", "attributes", "fluent.tag")
	check(t, got, strconv.FormatInt(at.UnixNano(), 10), "timeUnixNano")
}

func TestLogger(t *testing.T) {
	program, err := exec.LookPath("logger")
	if err != nil {
		t.Skip("no logger(1) here")
	}
	for _, format := range []string{"3164", "5424"} {
		host, port, err := net.SplitHostPort(clew.ports["syslog "+format])
		if err != nil {
			t.Fatal(err)
		}
		for _, transport := range []string{"tcp", "udp", "counted"} {
			name := "logger-" + format + "-" + transport
			args := []string{"-n", host, "-P", port, "--" + transport, "--rfc" + format, "-t", name, "-p", "daemon.err"}
			if transport == "counted" {
				args[4] = "--tcp"
				args = append(args, "--octet-count")
			}
			out, err := exec.Command(program, append(args, "disk sda is full")...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got := find(t, "default", "logs", "service:"+name, 1)[0]
			check(t, got, "disk sda is full", "body")
			check(t, got, "ERROR", "severity")
			check(t, got, "daemon", "attributes", "facility_text")
			if got.text("resource", "attributes", "host.name") == "" {
				t.Errorf("no host.name in %v", got)
			}
		}
	}
}

// TestRsyslog forwards with rsyslog's own output, which keeps what it cannot send.
func TestRsyslog(t *testing.T) {
	program := os.Getenv("RSYSLOGD")
	if program == "" {
		var err error
		if program, err = exec.LookPath("rsyslogd"); err != nil {
			t.Skip("no rsyslogd here")
		}
	}
	for format, template := range map[string]string{"5424": "RSYSLOG_SyslogProtocol23Format", "3164": "RSYSLOG_TraditionalForwardFormat"} {
		for _, framing := range []string{"octet-counted", "traditional"} {
			output := fmt.Sprintf("template=%q TCP_Framing=%q", template, framing)
			t.Run(format+" "+framing, func(t *testing.T) { rsyslog(t, program, format, framing[:5], output) })
		}
	}
}

// rsyslog runs one that sends in a format, and gives it a message.
func rsyslog(t *testing.T, program, format, framing, output string) {
	dir := t.TempDir()
	host, port, err := net.SplitHostPort(clew.ports["syslog "+format])
	if err != nil {
		t.Fatal(err)
	}
	input := filepath.Join(dir, "log.sock")
	conf := fmt.Sprintf(`
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="%s")
action(type="omfwd" target="%s" port="%s" protocol="tcp" %s)
`, input, host, port, output)
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-f", file, "-i", filepath.Join(dir, "pid")}
	if modules := os.Getenv("RSYSLOGD_MODULES"); modules != "" {
		args = append(args, "-M", modules)
	}
	cmd := exec.Command(program, args...)
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &words, &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(words.String())
		}
	}()
	for range 100 {
		if _, err := os.Stat(input); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if out, err := exec.Command("logger", "-u", input, "-t", "cron"+format+framing, "job 17 done").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// With RFC 5424 the space is in what rsyslog takes for the message, and sends.
	got := find(t, "default", "logs", `service:cron`+format+framing+` "job 17 done"`, 1)[0]
	check(t, got, map[string]string{"5424": " job 17 done", "3164": "job 17 done"}[format], "body")
}
