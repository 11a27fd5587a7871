package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	flight "github.com/apache/arrow/go/v15/arrow/flight/gen/flight"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"clew/internal/access/testca"
	"clew/internal/harness"
	"clew/internal/natstest"
	"clew/internal/s3test"
)

const natsPassword = "nats-password-7f3b19c2d4"

// startNATS runs a real NATS server that asks for TLS and a password, until the test ends.
func startNATS(t *testing.T, ca *testca.CA) (url string) {
	t.Helper()
	dir := t.TempDir()
	binary, err := natstest.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	free, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := ca.Issue(t, "nats", time.Hour)
	config := write(t, "nats.conf", fmt.Sprintf(`server_name: nats-1
listen: %s
max_payload: 8MB
max_pending: 128MB
jetstream { store_dir: %q, sync_interval: always, max_file_store: 64GB, max_memory_store: 256MB }
tls { cert_file: %q, key_file: %q }
authorization { users: [ {user: clew, password: %q} ] }
`, free[0], filepath.Join(dir, "store"), cert, key, natsPassword))
	cmd := exec.Command(binary, "-c", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	eventually(t, 30*time.Second, "NATS answers", func() bool {
		nc, err := nats.Connect("tls://"+free[0], nats.RootCAs(ca.File), nats.UserInfo("clew", natsPassword))
		if err != nil {
			return false
		}
		nc.Close()
		return true
	})
	return "tls://" + free[0]
}

// copied is another file with the same in it.
func copied(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Base(file), string(text))
}

// Between the processes of a cluster: whoever has no certificate, an expired one, one of another authority, or one that is not a member's, asks and is told nothing, at
// every port that only processes use; a token does not help. Two tenants that are alike stay apart when the answers come from another process, and NATS with wrong
// credentials is an error that names what is wrong and not what was shown.
func TestClusterPorts(t *testing.T) {
	ca, foreign := testca.New(t), testca.New(t)
	s3test.SetEnvironment(t)
	s3 := s3test.Start(t)
	url, dir := startNATS(t, ca), t.TempDir()
	memberCert, memberKey := ca.Issue(t, "clew.internal", time.Hour)
	memberCert, memberKey = copied(t, memberCert), copied(t, memberKey) // another certificate of that name is issued below
	password := write(t, "nats.password", natsPassword+"\n")
	tokens, keys := keysOf()
	right := natsConfig(url, "clew", password, ca.File)
	shared := fmt.Sprintf("log: {bytes_max: 268435456}\ncluster: {tls: {cert_file: %s, key_file: %s, ca_file: %s, name: clew.internal}}\n", memberCert, memberKey, ca.File) + keys
	run := func(name, role, config string, more ...string) *harness.Process {
		p, err := harness.Start(harness.Options{
			Binary: clewBinary, Data: filepath.Join(dir, name), Config: config,
			Args: append([]string{"--role", role, "--store", s3test.URL(s3.Address, "clew"), "--name", name}, more...),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		return p
	}
	near := run("near", "collector,ingest", right+shared)
	far := run("far", "query", right+shared, "--rules", neighbourRules(t))
	for _, p := range []*harness.Process{near, far} {
		if err := p.WaitReady(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	for _, tenant := range neighbours {
		alike(t, "http://"+near.OTLP, tenant, tokens[tenant+" write"])
	}
	base := "http://" + far.HTTP
	rulesMade(t, base, tokens)
	apart(t, base, tokens)

	config := func(of *testca.CA, name string, valid time.Duration) *tls.Config {
		c := ca.Client(t, "", "")
		c.ServerName = "clew.internal"
		if of != nil {
			pair, err := tls.LoadX509KeyPair(of.Issue(t, name, valid))
			if err != nil {
				t.Fatal(err)
			}
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // whatever the server says it would take
		}
		return c
	}
	member := ca.Client(t, memberCert, memberKey)
	member.ServerName = "clew.internal"
	for _, p := range []*harness.Process{near, far} {
		ports := listeners(t, p.Data)
		inner := slices.DeleteFunc(slices.Clone(ports["tcp"]), func(a string) bool { return slices.Contains([]string{p.HTTP, p.GRPC, p.OTLP}, a) })
		if len(inner) != 1 || len(ports["udp"]) != 0 {
			t.Fatalf("%s listens on %v: one port is for other processes, and there are no others", p.Data, ports)
		}
		for what, how := range map[string]grpc.DialOption{
			"plain":                   grpc.WithTransportCredentials(insecure.NewCredentials()),
			"no certificate":          grpc.WithTransportCredentials(credentials.NewTLS(config(nil, "", 0))),
			"a foreign certificate":   grpc.WithTransportCredentials(credentials.NewTLS(config(foreign, "clew.internal", time.Hour))),
			"an expired certificate":  grpc.WithTransportCredentials(credentials.NewTLS(config(ca, "clew.internal", -time.Minute))),
			"a certificate of nobody": grpc.WithTransportCredentials(credentials.NewTLS(config(ca, "agent.example", time.Hour))),
		} {
			if code := askFlight(t, inner[0], how, tokens["root"]); code != codes.Unavailable {
				t.Errorf("%s at %s: %v", what, inner[0], code)
			}
		}
		if code := askFlight(t, inner[0], grpc.WithTransportCredentials(credentials.NewTLS(member)), ""); code == codes.Unavailable || code == codes.OK {
			t.Errorf("a member at %s: %v, want an answer to a question that makes no sense", inner[0], code)
		}
	}
	wrongNATS(t, url, password, ca.File, foreign.File, func(name, nats string) *harness.Process {
		return run(name, "query", nats+shared, "--log-level", "debug")
	})
	for _, p := range []*harness.Process{near, far} {
		if strings.Contains(p.Output(), natsPassword) {
			t.Errorf("the password of NATS is in a log: %s", p.Output())
		}
	}
}

// wrongNATS runs clews that know NATS wrongly: each says what is wrong, is not ready, and says nothing of what it showed. run starts one with what its configuration says of NATS.
func wrongNATS(t *testing.T, url, password, caFile, foreignFile string, run func(name, nats string) *harness.Process) {
	t.Helper()
	wrongPassword := write(t, "wrong.password", "wrong-"+natsPassword+"\n")
	for what, test := range map[string]struct{ config, says string }{
		"wrong password":     {natsConfig(url, "clew", wrongPassword, caFile), "uthorization"},
		"wrong user":         {natsConfig(url, "nobody", password, caFile), "uthorization"},
		"no credentials":     {fmt.Sprintf("nats: {urls: [\"%s\"], replicas: 1, tls: {ca_file: %s}}\n", url, caFile), "uthorization"},
		"another authority":  {natsConfig(url, "clew", password, foreignFile), "certificate"},
		"system authorities": {fmt.Sprintf("nats: {urls: [\"%s\"], replicas: 1, user: clew, password_file: %s}\n", url, password), "certificate"},
	} {
		p := run("wrong "+what, test.config)
		eventually(t, 60*time.Second, what+" is said: "+test.says, func() bool { return strings.Contains(p.Output(), test.says) })
		if res, err := http.Get("http://" + p.HTTP + "/readyz"); err == nil {
			if res.Body.Close(); res.StatusCode == http.StatusOK {
				t.Errorf("%s: it is ready", what)
			}
		}
		p.Kill()
		if strings.Contains(p.Output(), natsPassword) {
			t.Errorf("%s: the password is in the log: %s", what, p.Output())
		}
	}
}

// natsConfig is what a configuration says of NATS.
func natsConfig(url, user, passwordFile, caFile string) string {
	return fmt.Sprintf("nats: {urls: [\"%s\"], replicas: 1, user: %s, password_file: %s, tls: {ca_file: %s}}\n", url, user, passwordFile, caFile)
}

// askFlight asks every method that a client of Flight has, with a token, and gives the code of all of them.
func askFlight(t *testing.T, address string, how grpc.DialOption, token string) codes.Code {
	t.Helper()
	conn, err := grpc.NewClient(address, how)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, method := range flight.FlightService_ServiceDesc.Streams {
		if err := invokeOn(t, conn, "/"+flight.FlightService_ServiceDesc.ServiceName+"/"+method.StreamName, token); status.Code(err) != codes.Unavailable {
			return status.Code(err)
		}
	}
	for _, method := range flight.FlightService_ServiceDesc.Methods {
		if err := invokeOn(t, conn, "/"+flight.FlightService_ServiceDesc.ServiceName+"/"+method.MethodName, token); status.Code(err) != codes.Unavailable {
			return status.Code(err)
		}
	}
	return codes.Unavailable
}
