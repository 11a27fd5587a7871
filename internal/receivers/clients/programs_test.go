package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNode sends with the OpenTelemetry SDK for Node, Zipkin's and Jaeger's libraries, and fluentd's logger.
func TestNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node here")
	}
	if _, err := os.Stat("node/node_modules"); err != nil {
		t.Skip("node/node_modules is not there: make deps")
	}
	began := time.Now()
	cmd := exec.Command(node, "send.js")
	cmd.Dir = "node"
	cmd.Env = append(os.Environ(), "OTLP_HTTP="+clew.otlp, "OTLP_GRPC=http://"+clew.grpc, "ZIPKIN=http://"+clew.ports["zipkin"], "JAEGER_HTTP=http://"+clew.ports["jaeger http"], "FLUENT="+clew.ports["fluent"])
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errors.String())
	}
	var ids map[string]string
	if err := json.Unmarshal(out, &ids); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	for _, protocol := range []string{"proto", "grpc"} {
		s := find(t, "node", "spans", `service:node-otel name:"buy `+protocol+`"`, 1)[0]
		check(t, s, ids[protocol], "traceId")
		check(t, s, "7", "attributes", "n")
		check(t, s, "1.5", "attributes", "big")
		check(t, s, "[a b]", "attributes", "list")
		check(t, s, "Ärger 🧵", "attributes", "umlaut")
		check(t, s, "error", "status")
		check(t, s, "no money", "statusMessage")
	}
	l := find(t, "node", "logs", `service:node-otel "node says hello"`, 1)[0]
	check(t, l, "WARN", "severity")
	check(t, l, "7", "attributes", "n")
	if v := metric(t, "node", `node_orders_total{kind="paid"}`, began); v != "5" {
		t.Errorf("node_orders is %s, want 5", v)
	}
	z := find(t, "node", "spans", "service:node-zipkin", 1)[0]
	check(t, z, fmt.Sprintf("%032s", ids["zipkin"]), "traceId")
	check(t, z, "/cart", "attributes", "http.path")
	check(t, z, "client", "kind")
	j := find(t, "default", "spans", "service:node-jaeger", 1)[0]
	check(t, j, fmt.Sprintf("%032s", ids["jaeger"]), "traceId")
	check(t, j, "42", "attributes", "amount")
	f := find(t, "default", "logs", `"fluent from node"`, 1)[0]
	check(t, f, "app.node", "attributes", "fluent.tag")
	check(t, f, "3", "attributes", "n")
	check(t, f, "ERROR", "severity")
}

// TestTelemetrygen sends with the OpenTelemetry project's own generator.
func TestTelemetrygen(t *testing.T) {
	build := exec.Command("go", "tool", "-n", "telemetrygen") // builds it once
	build.Dir = filepath.Join("..", "..", "..", "tools", "telemetrygen")
	out, err := build.Output()
	if err != nil {
		t.Skipf("telemetrygen can't be built here: %v", err)
	}
	program := strings.TrimSpace(string(out))
	began := time.Now()
	for _, transport := range []string{"grpc", "http"} {
		service := "telemetrygen-" + transport
		args := []string{"--otlp-insecure", "--otlp-endpoint", clew.grpc, "--service", service, "--rate", "0", "--otlp-header", `X-Scope-OrgID="gen"`, "--telemetry-attributes", `shop="west"`}
		if transport == "http" {
			args[2] = strings.TrimPrefix(clew.otlp, "http://")
			args = append(args, "--otlp-http")
		}
		for _, more := range [][]string{
			{"traces", "--traces", "20", "--child-spans", "2", "--status-code", "Error"},
			{"logs", "--logs", "30", "--body", "the body of " + transport},
			{"metrics", "--metrics", "1", "--otlp-metric-name", "gen_" + transport},
		} {
			if out, err := exec.Command(program, append(more, args...)...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", more[0], err, out)
			}
		}
		spans := find(t, "gen", "spans", "service:"+service, 60)
		check(t, spans[0], "west", "attributes", "shop")
		check(t, spans[0], "error", "status")
		logs := find(t, "gen", "logs", "service:"+service+` "body of `+transport+`"`, 30)
		check(t, logs[0], "west", "attributes", "shop")
		if v := metric(t, "gen", "gen_"+transport, began); v == "" {
			t.Errorf("no metric of %s", service)
		}
	}
}
