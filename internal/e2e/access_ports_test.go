package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"clew/internal/access"
	"clew/internal/access/testca"
	"clew/internal/harness"
)

// listeners are the TCP and UDP ports that a process listens on, as the kernel has them, by "tcp" and "udp".
func listeners(t *testing.T, data string) map[string][]string {
	t.Helper()
	pid := pidOf(t, data)
	sockets := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			sockets[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	out := map[string][]string{}
	for _, protocol := range []string{"tcp", "tcp6", "udp", "udp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, protocol))
		if err != nil {
			continue // a machine without IPv6
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line) // sl local_address rem_address st ... inode
			listens := len(f) > 9 && (f[3] == "0A" || strings.HasPrefix(protocol, "udp") && f[3] == "07")
			if !listens || !sockets[f[9]] {
				continue
			}
			_, port, _ := strings.Cut(f[1], ":")
			n, err := strconv.ParseUint(port, 16, 16)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(protocol, "6")
			out[name] = append(out[name], fmt.Sprintf("127.0.0.1:%d", n))
		}
	}
	return out
}

// pidOf is the clew that runs on a data directory.
func pidOf(t *testing.T, data string) int {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte("--data\x00"+data+"\x00")) {
			pid, err := strconv.Atoi(strings.Split(file, "/")[2])
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no process runs on %s", data)
	return 0
}

// everyPort is a configuration with every way in, on ports of its own, by what listens there.
func everyPort(t *testing.T) (ports map[string]string, config string) {
	t.Helper()
	free, err := harness.FreePorts(8)
	if err != nil {
		t.Fatal(err)
	}
	ports = map[string]string{}
	for i, name := range []string{"jaeger grpc", "jaeger thrift_http", "jaeger thrift_compact", "jaeger thrift_binary", "zipkin", "syslog rfc3164", "syslog rfc5424", "fluent"} {
		ports[name] = free[i]
	}
	return ports, fmt.Sprintf(`
collector:
  receivers: {jaeger: true, zipkin: true, syslog: true, fluent: true}
  otelcol:
    receivers:
      jaeger: {protocols: {grpc: {endpoint: "%s"}, thrift_http: {endpoint: "%s"}, thrift_compact: {endpoint: "%s"}, thrift_binary: {endpoint: "%s"}}}
      zipkin: {endpoint: "%s"}
      syslog/rfc3164_tcp: {tcp: {listen_address: "%[6]s"}}
      syslog/rfc3164_udp: {udp: {listen_address: "%[6]s"}}
      syslog/rfc5424_tcp: {tcp: {listen_address: "%[7]s"}}
      syslog/rfc5424_udp: {udp: {listen_address: "%[7]s"}}
      fluent_forward: {endpoint: "%[8]s"}
`, free[0], free[1], free[2], free[3], free[4], free[5], free[6], free[7])
}

// emitBatch is a batch of one span as Jaeger's clients send it over UDP: a oneway call of Thrift's compact protocol.
func emitBatch() []byte {
	var b []byte
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	number := func(field byte, n int64) { b = binary.AppendUvarint(append(b, field), uint64(n<<1)) } // zigzag, of numbers that are not negative
	b = append(b, 0x82, 4<<5|1, 1)                                                                   // compact, a oneway call, number 1
	text("emitBatch")
	b = append(b, 0x1c, 0x1c, 0x18) // batch: process: service name
	text("mute")
	b = append(b, 0, 0x19, 0x1c) // spans: a list of one
	for _, n := range []int64{1, 2, 3, 0} {
		number(0x16, n) // trace id, high and low, span id, parent
	}
	b = append(b, 0x18)
	text("op")
	number(0x25, 1) // flags, after references that there are none of
	number(0x16, time.Now().UnixMicro())
	number(0x16, 5)
	return append(b, 0, 0, 0)
}

// sayTo sends bytes and hangs up.
func sayTo(t *testing.T, network, address string, data []byte) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(data) // hung up upon before all was read: that is a refusal
}

// mutes are the ports whose protocols carry no credentials, with a record for each.
func mutes(t *testing.T, ports map[string]string) map[string]func() {
	three, five := []byte("<34>Oct 11 22:14:15 h app: three\n"), []byte("<34>1 2026-11-21T22:14:15Z h app 1 - - five\n")
	say := func(network, address string, data []byte) func() {
		return func() { sayTo(t, network, address, data) }
	}
	return map[string]func(){
		"tcp " + ports["syslog rfc3164"]:        say("tcp", ports["syslog rfc3164"], three),
		"udp " + ports["syslog rfc3164"]:        say("udp", ports["syslog rfc3164"], three),
		"tcp " + ports["syslog rfc5424"]:        say("tcp", ports["syslog rfc5424"], five),
		"udp " + ports["syslog rfc5424"]:        say("udp", ports["syslog rfc5424"], five),
		"tcp " + ports["fluent"]:                say("tcp", ports["fluent"], []byte("\x93\xa3tag\xce\x65\x53\xf1\x00\x81\xa7message\xa5hello")),
		"udp " + ports["jaeger thrift_compact"]: say("udp", ports["jaeger thrift_compact"], emitBatch()),
		"udp " + ports["jaeger thrift_binary"]:  say("udp", ports["jaeger thrift_binary"], []byte{0x80, 1, 0, 4, 0, 0, 0, 9}), // a call that is cut
	}
}

// credentials are what is shown to every door, and what a right door says of it at the tenant alpha. (429: this address has failed often by then.)
var shownCredentials = map[string][]int{"none": {401}, "wrong": {401, 429}, "expired": {401, 429}, "beta write": {403}, "alpha read": {403}}

// Every port that clew listens on, as the kernel has them, is one that this test knows, and asks who is there: with no, wrong, expired and another tenant's
// credentials nothing gets in. What carries no credentials takes nothing that the configuration does not say whose it is.
func TestEveryPort(t *testing.T) {
	ports, receivers := everyPort(t)
	tokens, keys := keysOf()
	tokens["wrong"] = tokens["root"] + "x"
	expired, hash := access.NewToken()
	tokens["expired"] = expired
	keys += fmt.Sprintf("    - {name: expired, hash: \"%s\", role: admin, tenants: [\"*\"], expires: 2026-01-01}\n", hash)
	data := tempData(t)
	p := start(t, data, keys+"  without_credentials: {syslog: alpha, fluent: alpha}\n"+receivers) // and not jaeger
	// "any" is a method that there is none of: it may be said that there is none.
	doors := map[string]func(t *testing.T, credentials, tenant string) int{
		p.HTTP:                        httpDoor("GET", "http://"+p.HTTP+"/api/v1/admin/delete", "", "", tokens),
		p.OTLP:                        httpDoor("POST", "http://"+p.OTLP+"/v1/logs", "application/json", `{"resourceLogs":[]}`, tokens),
		ports["zipkin"]:               httpDoor("POST", "http://"+ports["zipkin"]+"/api/v2/spans", "application/json", "[]", tokens),
		ports["jaeger thrift_http"]:   httpDoor("POST", "http://"+ports["jaeger thrift_http"]+"/api/traces", "application/x-thrift", "\x00", tokens),
		p.GRPC:                        grpcDoor(p.GRPC, "/opentelemetry.proto.collector.logs.v1.LogsService/Export", tokens),
		p.GRPC + " any":               grpcDoor(p.GRPC, "/no.Service/Method", tokens),
		ports["jaeger grpc"]:          grpcDoor(ports["jaeger grpc"], "/jaeger.api_v2.CollectorService/PostSpans", tokens),
		ports["jaeger grpc"] + " any": grpcDoor(ports["jaeger grpc"], "/jaeger.api_v2.SamplingManager/GetSamplingStrategy", tokens),
	}
	silent := mutes(t, ports)
	for protocol, addresses := range listeners(t, data) {
		for _, address := range addresses {
			heartbeats := protocol == "udp" && address == ports["fluent"] // fluentd asks whether somebody is there: nothing is read or taken
			if _, mute := silent[protocol+" "+address]; !mute && !heartbeats && (protocol != "tcp" || doors[address] == nil) {
				t.Errorf("clew listens on %s %s: nothing here says who may", protocol, address)
			}
		}
	}
	for name, door := range doors {
		for credentials, want := range shownCredentials {
			if credentials == "alpha read" && name == p.HTTP {
				continue // a reader has business there: query/api has the matrix of its paths
			}
			if have := door(t, credentials, "alpha"); !slices.Contains(want, have) && !(have == 501 && strings.HasSuffix(name, " any")) {
				t.Errorf("%s with %s credentials: %d, want one of %v", name, credentials, have, want)
			}
		}
		if have := door(t, "alpha write", "beta"); have != 403 && !(have == 501 && strings.HasSuffix(name, " any")) {
			t.Errorf("%s for another tenant: %d", name, have)
		}
	}
	for _, say := range silent {
		say()
	}
	eventually(t, 20*time.Second, "Jaeger's spans over UDP are refused and counted", func() bool {
		v := newVisitor(t)
		v.ask("GET", "http://"+p.HTTP+"/metrics", "", "Authorization", "Bearer "+tokens["root"])
		for line := range strings.Lines(v.said.String()) {
			if strings.HasPrefix(line, "clew_receiver_records_refused_total{") && strings.Contains(line, `"jaeger"`) && strings.Contains(line, `"access_mute"`) {
				return !strings.HasSuffix(line, " 0\n")
			}
		}
		return false
	})
	found := func(tenant, signal string) int {
		v := newVisitor(t)
		v.ask("GET", "http://"+p.HTTP+"/api/v1/count?signal="+signal, "", "Authorization", "Bearer "+tokens["root"], "X-Scope-OrgID", tenant)
		_, rest, _ := strings.Cut(v.said.String(), `"count":`)
		n, err := strconv.Atoi(rest[:max(0, strings.IndexAny(rest, ",}"))])
		if err != nil {
			t.Fatal(v.said.String())
		}
		return n
	}
	eventually(t, 20*time.Second, "what the configuration says is alpha's", func() bool { return found("alpha", "logs") == 5 })
	for _, tenant := range []string{"alpha", "beta", "default"} {
		if n := found(tenant, "spans"); n != 0 {
			t.Errorf("%d spans of %s were taken", n, tenant)
		}
	}
	if n := found("beta", "logs") + found("default", "logs"); n != 0 {
		t.Errorf("%d log records are of tenants that nobody said they were of", n)
	}
}

// httpDoor asks over HTTP with credentials by name, for a tenant.
func httpDoor(method, url, contentType, body string, tokens map[string]string) func(*testing.T, string, string) int {
	return func(t *testing.T, credentials, tenant string) int {
		headers := []string{"X-Scope-OrgID", tenant}
		if contentType != "" {
			headers = append(headers, "Content-Type", contentType)
		}
		if tokens[credentials] != "" {
			headers = append(headers, "Authorization", "Bearer "+tokens[credentials])
		}
		return newVisitor(t).ask(method, url, body, headers...)
	}
}

// grpcDoor calls a method over gRPC, and gives the status that HTTP would have.
func grpcDoor(address, method string, tokens map[string]string) func(*testing.T, string, string) int {
	return func(t *testing.T, credentials, tenant string) int {
		pairs := []string{"x-scope-orgid", tenant}
		if tokens[credentials] != "" {
			pairs = append(pairs, "authorization", "Bearer "+tokens[credentials])
		}
		err := invoke(t, address, method, pairs...)
		return map[codes.Code]int{codes.Unauthenticated: 401, codes.PermissionDenied: 403, codes.Unavailable: 429, codes.InvalidArgument: 400, codes.Unimplemented: 501}[status.Code(err)]
	}
}

func dialed(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func invoke(t *testing.T, address, method string, pairs ...string) error {
	t.Helper()
	return invokeOn(t, dialed(t, address), method, "", pairs...)
}

// invokeOn calls a method with an empty message, with metadata in pairs and a token ("" is none).
func invokeOn(t *testing.T, conn *grpc.ClientConn, method, token string, pairs ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if token != "" {
		pairs = append(pairs, "authorization", "Bearer "+token)
	}
	return conn.Invoke(metadata.AppendToOutgoingContext(ctx, pairs...), method, &emptypb.Empty{}, &emptypb.Empty{})
}

// Metadata of gRPC that says two things, or says them in another way, is refused or means what one header would: it leads to no other tenant.
func TestMetadataTricks(t *testing.T) {
	ports, receivers := everyPort(t)
	tokens, keys := keysOf()
	p := start(t, tempData(t), keys+"  without_credentials: {syslog: alpha, fluent: alpha}\n"+receivers)
	right, other := "Bearer "+tokens["alpha write"], "Bearer "+tokens["beta write"]
	for name, test := range map[string]struct {
		pairs []string
		want  []codes.Code
	}{
		"two tenants":                {[]string{"authorization", right, "x-scope-orgid", "alpha", "x-scope-orgid", "beta"}, []codes.Code{codes.InvalidArgument}},
		"two tenants, the other way": {[]string{"authorization", right, "x-scope-orgid", "beta", "x-scope-orgid", "alpha"}, []codes.Code{codes.InvalidArgument}},
		"two in one":                 {[]string{"authorization", right, "x-scope-orgid", "alpha,beta"}, []codes.Code{codes.InvalidArgument, codes.PermissionDenied}},
		"another case":               {[]string{"authorization", right, "X-Scope-OrgID", "beta"}, []codes.Code{codes.PermissionDenied}},
		"binary":                     {[]string{"authorization", right, "x-scope-orgid-bin", "beta"}, []codes.Code{codes.OK}}, // another header: it says nothing
		"binary beside its own":      {[]string{"authorization", right, "x-scope-orgid", "alpha", "x-scope-orgid-bin", "beta"}, []codes.Code{codes.OK}},
		"another tenant's case":      {[]string{"authorization", right, "x-scope-orgid", "Alpha"}, []codes.Code{codes.PermissionDenied}},
		"blanks":                     {[]string{"authorization", right, "x-scope-orgid", " beta"}, []codes.Code{codes.PermissionDenied, codes.InvalidArgument}},
		"a path":                     {[]string{"authorization", right, "x-scope-orgid", "../beta"}, []codes.Code{codes.InvalidArgument}},
		"two credentials":            {[]string{"authorization", right, "authorization", other}, []codes.Code{codes.Unauthenticated}},
		"the same twice":             {[]string{"authorization", right, "authorization", right}, []codes.Code{codes.Unauthenticated}},
		"credentials in binary":      {[]string{"authorization-bin", right}, []codes.Code{codes.Unauthenticated}},
		"a cookie":                   {[]string{"cookie", "clew_session=" + tokens["alpha write"]}, []codes.Code{codes.Unauthenticated, codes.PermissionDenied, codes.Unavailable}},
		"grpc's own names":           {[]string{"grpc-authorization", right, ":authority", "x"}, []codes.Code{codes.Unauthenticated, codes.Unavailable, codes.Internal}},
		"the right ones":             {[]string{"authorization", right, "x-scope-orgid", "alpha"}, []codes.Code{codes.OK}},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), test.pairs...)
		logs := plog.NewLogs()
		logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(name)
		_, err := plogotlp.NewGRPCClient(dialed(t, p.GRPC)).Export(ctx, plogotlp.NewExportRequestFromLogs(logs))
		if !slices.Contains(test.want, status.Code(err)) {
			t.Errorf("OTLP, %s: %v", name, err)
		}
		span := &model.Span{TraceID: model.NewTraceID(1, 2), SpanID: 3, OperationName: name, StartTime: time.Now(), Process: &model.Process{ServiceName: "s"}}
		_, err = api_v2.NewCollectorServiceClient(dialed(t, ports["jaeger grpc"])).PostSpans(ctx, &api_v2.PostSpansRequest{Batch: model.Batch{Spans: []*model.Span{span}, Process: span.Process}})
		if !slices.Contains(test.want, status.Code(err)) {
			t.Errorf("Jaeger, %s: %v", name, err)
		}
		for _, token := range tokens {
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("%s: the refusal repeats a token", name)
			}
		}
	}
	for _, signal := range []string{"logs", "spans"} {
		for _, tenant := range []string{"beta", "default"} {
			v := newVisitor(t)
			v.ask("GET", "http://"+p.HTTP+"/api/v1/count?signal="+signal, "", "Authorization", "Bearer "+tokens["root"], "X-Scope-OrgID", tenant)
			if !strings.Contains(v.said.String(), `"count":0`) {
				t.Errorf("something got to %s: %s", tenant, v.said.String())
			}
		}
	}
}

// With certificates required, nobody gets through any port's handshake without one, with one of another authority or with one that has expired; with a right one a
// protocol without credentials reaches the tenant that the configuration names, and no UDP port goes around it unasked.
func TestEveryPortByCertificate(t *testing.T) {
	ca, foreign := testca.New(t), testca.New(t)
	cert, key := ca.Issue(t, "clew", time.Hour)
	ports, receivers := everyPort(t)
	data := tempData(t)
	config := fmt.Sprintf("tls: {cert_file: %s, key_file: %s, client_ca_file: %s}\naccess:\n  certificates: [{name: agent.example, role: admin, tenants: [alpha]}, {name: root.example, role: admin, tenants: [\"*\"]}]\n  without_credentials: {syslog: alpha}\n%s",
		cert, key, ca.File, receivers)
	p, err := harness.Start(harness.Options{Binary: clewBinary, Data: data, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	shows := func(of *testca.CA, name string, valid time.Duration) *tls.Config {
		c := ca.Client(t, "", "")
		if of == nil {
			return c
		}
		pair, err := tls.LoadX509KeyPair(of.Issue(t, name, valid))
		if err != nil {
			t.Fatal(err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // whatever the server says it would take
		return c
	}
	right, root := shows(ca, "agent.example", time.Hour), newVisitor(t)
	root.http.Transport = &http.Transport{TLSClientConfig: shows(ca, "root.example", time.Hour)}
	t.Cleanup(root.http.CloseIdleConnections)
	eventually(t, 30*time.Second, "readiness over TLS", func() bool {
		res, err := root.http.Get("https://" + p.HTTP + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	wrong := map[string]*tls.Config{"no certificate": shows(nil, "", 0), "a foreign one": shows(foreign, "agent.example", time.Hour), "an expired one": shows(ca, "agent.example", -time.Minute)}
	open := listeners(t, data)
	if len(open["tcp"]) != 3+6 {
		t.Errorf("TCP ports: %v", open["tcp"])
	}
	for _, address := range open["tcp"] {
		for what, config := range wrong {
			if err := through(address, config, 20*time.Second); err == nil {
				t.Errorf("%s gets through the handshake of %s", what, address)
			}
		}
		if err := through(address, right, 300*time.Millisecond); err != nil {
			t.Errorf("the right certificate at %s: %v", address, err)
		}
	}
	for i, config := range append(slices.Collect(maps.Values(wrong)), right) {
		for name, line := range map[string]string{"syslog rfc3164": "<34>Oct 11 22:14:15 h app: by TLS %d\n", "syslog rfc5424": "<34>1 2026-11-21T22:14:15Z h app 1 - - by TLS %d\n"} {
			conn, err := tls.Dial("tcp", ports[name], config)
			if err != nil {
				continue
			}
			_, _ = fmt.Fprintf(conn, line, i)
			_ = conn.CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}
	eventually(t, 20*time.Second, "the records of who has a certificate", func() bool {
		root.said.Reset()
		root.ask("GET", "https://"+p.HTTP+"/api/v1/search?query=any:TLS", "", "X-Scope-OrgID", "alpha")
		return strings.Count(root.said.String(), `by TLS 3`) == 2
	})
	if strings.Contains(root.said.String(), "by TLS 0") || strings.Contains(root.said.String(), "by TLS 1") || strings.Contains(root.said.String(), "by TLS 2") {
		t.Errorf("who has no right certificate was heard: %s", root.said.String())
	}
}

// through tries a handshake, and waits for what the server says of it: with TLS 1.3 a client is through before its certificate has been looked at.
func through(address string, config *tls.Config, wait time.Duration) error {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	c := config.Clone()
	c.NextProtos = []string{"h2", "http/1.1"}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, c)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(wait))
	_, err = conn.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // the server waits for what we have to say, or has begun to speak
	}
	return err
}
