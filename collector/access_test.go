package collector

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"clew/internal/access"
	"clew/internal/access/testca"
	"clew/internal/harness"
	"clew/internal/telemetry"
)

// senders are a guard and the tokens that it knows.
func senders(t *testing.T, change ...func(*access.Config)) (*access.Guard, map[string]string) {
	t.Helper()
	cfg, tokens := access.DefaultConfig(), map[string]string{"none": "", "wrong": "clew_wrong"}
	for _, k := range []access.Token{
		{Name: "right", Role: access.Write, Tenants: []string{"acme"}},
		{Name: "admin", Role: access.Admin, Tenants: []string{"*"}},
		{Name: "reader", Role: access.Read, Tenants: []string{"*"}},
		{Name: "expired", Role: access.Write, Tenants: []string{"*"}, Expires: "2026-01-01"},
		{Name: "stranger", Role: access.Write, Tenants: []string{"other"}},
	} {
		tokens[k.Name], k.Hash = access.NewToken()
		cfg.Tokens = append(cfg.Tokens, k)
	}
	for _, f := range change {
		f(&cfg)
	}
	if errs := cfg.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	g, err := access.New(cfg, access.Deps{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return g, tokens
}

// refusals are the statuses that each kind of credentials gets at the tenant acme; 429 is for addresses that have failed often, as this one will.
var refusals = map[string][]int{"none": {401}, "wrong": {401, 429}, "expired": {401, 429}, "reader": {403}, "stranger": {403}}

// doors are where the receivers with ports of their own listen in a test: at others than the usual ones.
type doors struct {
	jaegerGRPC, jaegerHTTP, jaegerCompact, jaegerBinary, zipkin, syslog3164, syslog5424, fluent string
}

func newDoors(t *testing.T) *doors {
	t.Helper()
	free, err := harness.FreePorts(8)
	if err != nil {
		t.Fatal(err)
	}
	return &doors{free[0], free[1], free[2], free[3], free[4], free[5], free[6], free[7]}
}

// open is for start.
func (d *doors) open(c *Config) {
	c.Receivers.Jaeger, c.Receivers.Zipkin, c.Receivers.Syslog, c.Receivers.Fluent = true, true, true, true
	endpoint := func(address string) map[string]any { return map[string]any{"endpoint": address} }
	listen := func(address string) map[string]any { return map[string]any{"listen_address": address} }
	c.Otelcol = map[string]any{"receivers": map[string]any{
		"jaeger": map[string]any{"protocols": map[string]any{
			"grpc": endpoint(d.jaegerGRPC), "thrift_http": endpoint(d.jaegerHTTP), "thrift_compact": endpoint(d.jaegerCompact), "thrift_binary": endpoint(d.jaegerBinary),
		}},
		"zipkin":             endpoint(d.zipkin),
		"syslog/rfc3164_tcp": map[string]any{"tcp": listen(d.syslog3164)}, "syslog/rfc3164_udp": map[string]any{"udp": listen(d.syslog3164)},
		"syslog/rfc5424_tcp": map[string]any{"tcp": listen(d.syslog5424)}, "syslog/rfc5424_udp": map[string]any{"udp": listen(d.syslog5424)},
		"fluent_forward": endpoint(d.fluent),
	}}
}

// The credential matrix of the HTTP ways in: every path, whatever speaks there.
func TestCredentialMatrixHTTP(t *testing.T) {
	guard, tokens := senders(t)
	mem := newMemLog(1)
	at := newDoors(t)
	r := startGuarded(t, mem, guard, at.open)
	otlp := "http://" + r.c.Addrs().HTTP.String()
	zipkin := `[{"traceId":"` + traceHex + `","id":"0123456789abcdef","name":"a","timestamp":1700000000000000,"duration":5,"localEndpoint":{"serviceName":"s"}}]`
	loki := `{"streams":[{"stream":{"app":"shop"},"values":[["1700000000000000001","x"]]}]}`
	bulk := "{\"create\":{}}\n{\"message\":\"x\"}\n"
	for _, door := range []struct{ method, url, contentType, body string }{
		{"POST", otlp + "/v1/logs", protobuf, string(protoLogs(t, logsOf(1)))},
		{"POST", otlp + "/v1/logs", "application/json", "{}"},
		{"POST", otlp + "/v1/traces", "application/json", "{}"},
		{"POST", otlp + "/v1/metrics", "application/json", "{}"},
		{"POST", otlp + "/loki/api/v1/push", "application/json", loki},
		{"POST", otlp + "/api/prom/push", "application/json", loki},
		{"POST", otlp + "/api/v1/write", "application/x-protobuf", "\x00"},
		{"POST", otlp + "/_bulk", "application/x-ndjson", bulk},
		{"POST", otlp + "/any/_bulk", "application/x-ndjson", bulk},
		{"GET", otlp + "/_license", "", ""},
		{"GET", otlp + "/", "", ""},
		{"GET", otlp + "/nothing", "", ""},
		{"POST", otlp + "/api/v1/agents/heartbeat", "application/json", "{}"},
		{"POST", "http://" + at.zipkin + "/api/v2/spans", "application/json", zipkin},
		{"POST", "http://" + at.jaegerHTTP + "/api/traces", "application/x-thrift", "\x00"},
	} {
		ask := func(authorization, tenant string) int {
			req, err := http.NewRequestWithContext(t.Context(), door.method, door.url, strings.NewReader(door.body))
			if err != nil {
				t.Fatal(err)
			}
			if door.contentType != "" {
				req.Header.Set("Content-Type", door.contentType)
			}
			if authorization != "" {
				req.Header.Set("Authorization", authorization)
			}
			if tenant != "" {
				req.Header.Set(telemetry.TenantHeader, tenant)
			}
			res, err := r.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			for _, token := range tokens {
				if token != "" && bytes.Contains(body, []byte(token)) {
					t.Errorf("%s: the answer repeats a token", door.url)
				}
			}
			return res.StatusCode
		}
		for kind, want := range refusals {
			header := ""
			if kind != "none" {
				header = "Bearer " + tokens[kind]
			}
			if code := ask(header, "acme"); !slices.Contains(want, code) {
				t.Errorf("%s %s with %s: %d, want one of %v", door.method, door.url, kind, code, want)
			}
		}
		if code := ask("Bearer "+tokens["right"], "other"); code != 403 {
			t.Errorf("%s for another tenant: %d", door.url, code)
		}
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("anything:"+tokens["right"]))
		for _, right := range []string{"Bearer " + tokens["right"], basic, "Bearer " + tokens["admin"]} {
			if code := ask(right, "acme"); code == 401 || code == 403 || code == 429 {
				t.Errorf("%s with right credentials: %d", door.url, code)
			}
		}
		if code := ask("Bearer "+tokens["right"], ""); code == 401 || code == 403 {
			t.Errorf("%s without a tenant's name: %d", door.url, code)
		}
	}
	checkTenants(t, mem, "acme")
	if len(mem.all(telemetry.Logs)) == 0 || len(mem.all(telemetry.Spans)) == 0 {
		t.Error("nothing was stored of what was right")
	}
}

// checkTenants holds that nothing is of another tenant than those.
func checkTenants(t *testing.T, mem *memLog, want ...string) {
	t.Helper()
	for _, signal := range telemetry.Signals {
		for _, m := range mem.all(signal) {
			if !slices.Contains(want, m.Tenant) {
				t.Errorf("%s of tenant %s were stored", signal, m.Tenant)
			}
		}
	}
}

// The credential matrix of the gRPC ways in.
func TestCredentialMatrixGRPC(t *testing.T) {
	guard, tokens := senders(t)
	mem := newMemLog(1)
	at := newDoors(t)
	r := startGuarded(t, mem, guard, at.open)
	conn, err := grpc.NewClient(at.jaegerGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	doors := map[string]func(context.Context) error{
		"otlp": func(ctx context.Context) error {
			_, err := plogotlp.NewGRPCClient(r.dial()).Export(ctx, plogotlp.NewExportRequestFromLogs(logsOf(1)))
			return err
		},
		"nothing": func(ctx context.Context) error {
			return r.dial().Invoke(ctx, "/no.Service/Method", &emptypb.Empty{}, &emptypb.Empty{})
		},
		"jaeger": func(ctx context.Context) error {
			span := &model.Span{TraceID: model.NewTraceID(1, 2), SpanID: 3, OperationName: "a", StartTime: time.Now(), Process: &model.Process{ServiceName: "s"}}
			_, err := api_v2.NewCollectorServiceClient(conn).PostSpans(ctx, &api_v2.PostSpansRequest{Batch: model.Batch{Spans: []*model.Span{span}, Process: span.Process}})
			return err
		},
	}
	for name, call := range doors {
		for kind, want := range refusals {
			ctx := metadata.AppendToOutgoingContext(t.Context(), telemetry.TenantHeader, "acme")
			if kind != "none" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tokens[kind])
			}
			code := map[int]codes.Code{401: codes.Unauthenticated, 403: codes.PermissionDenied}[want[0]]
			if err := call(ctx); status.Code(err) != code && !(len(want) > 1 && status.Code(err) == codes.Unavailable) {
				t.Errorf("%s with %s: %v, want %v", name, kind, err, code)
			}
		}
		for _, tenant := range []string{"", "acme", "other"} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+tokens["right"])
			if tenant != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, telemetry.TenantHeader, tenant)
			}
			switch code := status.Code(call(ctx)); {
			case tenant == "other" && code != codes.PermissionDenied:
				t.Errorf("%s for another tenant: %v", name, code)
			case tenant != "other" && name != "nothing" && code != codes.OK:
				t.Errorf("%s with right credentials: %v", name, code)
			}
		}
	}
	checkTenants(t, mem, "acme")
	if len(mem.all(telemetry.Logs)) != 2 || len(mem.all(telemetry.Spans)) != 2 {
		t.Errorf("%d and %d messages were stored, want 2 and 2", len(mem.all(telemetry.Logs)), len(mem.all(telemetry.Spans)))
	}
}

// sendMute sends a record by each protocol that carries no credentials.
func sendMute(t *testing.T, at *doors) {
	t.Helper()
	say := func(network, address, text string) {
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Logf("%s %s: %v", network, address, err) // it was closed before it was read: that is a refusal
		}
	}
	for _, network := range []string{"tcp", "udp"} {
		say(network, at.syslog3164, "<34>Oct 11 22:14:15 h app: three\n")
		say(network, at.syslog5424, "<34>1 2026-11-21T22:14:15Z h app 1 - - five\n")
	}
	// ["tag", 1700000000, {"message": "hello"}]
	say("tcp", at.fluent, "\x93\xa3tag\xce\x65\x53\xf1\x00\x81\xa7message\xa5hello")
}

// What cannot say who it is takes nothing, unless the configuration says whose it is.
func TestMuteProtocols(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		guard, _ := senders(t)
		mem := newMemLog(1)
		at := newDoors(t)
		r := startGuarded(t, mem, guard, at.open)
		sendMute(t, at)
		refused := func() float64 {
			return r.counter("clew_receiver_records_refused_total", map[string]string{"protocol": "syslog", "reason": "access_mute"})
		}
		for deadline := time.Now().Add(10 * time.Second); refused() < 4 && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		if refused() != 4 || r.counter("clew_receiver_requests_total", map[string]string{"protocol": "fluent", "result": "access_mute"}) != 1 {
			t.Errorf("%v records of syslog were refused, want 4", refused())
		}
		checkTenants(t, mem)
	})
	t.Run("open", func(t *testing.T) {
		guard, _ := senders(t, func(c *access.Config) { c.WithoutCredentials = map[string]string{"syslog": "acme", "fluent": "acme"} })
		mem := newMemLog(1)
		at := newDoors(t)
		startGuarded(t, mem, guard, at.open)
		sendMute(t, at)
		count := func() int {
			if len(mem.all(telemetry.Logs)) == 0 {
				return 0
			}
			return len(flat(storedLogs(t, mem.all(telemetry.Logs))))
		}
		for deadline := time.Now().Add(10 * time.Second); count() < 5 && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		if n := count(); n != 5 {
			t.Errorf("%d records were stored, want 5", n)
		}
		checkTenants(t, mem, "acme")
	})
}

// A client certificate is an identity at every port with TLS; one of another authority does not get through the handshake, and a new server certificate is
// served without a restart.
func TestCertificates(t *testing.T) {
	ca, foreign := testca.New(t), testca.New(t)
	cert, key := ca.Issue(t, "clew", time.Hour)
	secure := &TLS{CertFile: cert, KeyFile: key, ClientCAFile: ca.File}
	guard, _ := senders(t, func(c *access.Config) {
		c.Certificates = []access.Certificate{{Name: "agent-*.example", Role: access.Write, Tenants: []string{"acme"}}}
	})
	mem := newMemLog(1)
	at := newDoors(t)
	r := startGuarded(t, mem, guard, at.open, func(c *Config) { c.OTLP.GRPC.TLS, c.OTLP.HTTP.TLS, c.Receivers.TLS = secure, secure, secure })
	client := func(of *testca.CA, name string) *tls.Config {
		c := ca.Client(t, "", "")
		if name != "" {
			certFile, keyFile := of.Issue(t, name, time.Hour)
			pair, err := tls.LoadX509KeyPair(certFile, keyFile)
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{pair}
		}
		return c
	}
	for _, test := range []struct {
		what string
		tls  *tls.Config
		http int
		grpc codes.Code
	}{
		{"no certificate", client(ca, ""), 0, codes.Unavailable},
		{"a foreign certificate", client(foreign, "agent-1.example"), 0, codes.Unavailable},
		{"a certificate without a rule", client(ca, "stranger.example"), 401, codes.Unauthenticated},
		{"the right certificate", client(ca, "agent-1.example"), 200, codes.OK},
	} {
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: test.tls}}
		res, err := web.Post("https://"+r.c.Addrs().HTTP.String()+"/v1/logs", protobuf, bytes.NewReader(protoLogs(t, logsOf(1))))
		code := 0
		if err == nil {
			code = res.StatusCode
			res.Body.Close()
		}
		web.CloseIdleConnections()
		if code != test.http {
			t.Errorf("%s over HTTP: %d %v, want %d", test.what, code, err, test.http)
		}
		conn, err := grpc.NewClient(r.c.Addrs().GRPC.String(), grpc.WithTransportCredentials(credentials.NewTLS(test.tls)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = plogotlp.NewGRPCClient(conn).Export(t.Context(), plogotlp.NewExportRequestFromLogs(logsOf(1)))
		conn.Close()
		if status.Code(err) != test.grpc {
			t.Errorf("%s over gRPC: %v, want %v", test.what, err, test.grpc)
		}
		forward, err := tls.Dial("tcp", at.fluent, test.tls)
		if err == nil { // with TLS 1.3 a client learns afterwards that its certificate was not taken: what came of it is in the log
			_, _ = io.WriteString(forward, "\x93\xa3tag\xce\x65\x53\xf1\x00\x81\xa7message\xa5hello")
			_ = forward.CloseWrite()
			_, _ = io.Copy(io.Discard, forward)
			forward.Close()
		}
	}
	checkTenants(t, mem, "acme")
	if n := len(flat(storedLogs(t, mem.all(telemetry.Logs)))); n != 3 {
		t.Errorf("%d records were stored, want one by each way", n)
	}
	former := certificateOf(t, r.c.Addrs().HTTP.String(), client(ca, "agent-1.example"))
	ca.Issue(t, "clew", time.Hour)
	for deadline := time.Now().Add(20 * time.Second); certificateOf(t, r.c.Addrs().HTTP.String(), client(ca, "agent-1.example")) == former; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the renewed certificate is not served")
		}
	}
}

// certificateOf is the serial number of what a server shows.
func certificateOf(t *testing.T, address string, config *tls.Config) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}
