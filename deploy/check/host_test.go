package check

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// TestUnits has systemd read the units, with the program where it is here.
func TestUnits(t *testing.T) {
	for _, path := range []string{"deploy/systemd/clew.service", "deploy/agent/clew-agent.service"} {
		t.Run(path, func(t *testing.T) {
			text := read(t, path)
			noSecret(t, path, text)
			for _, line := range regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/clew (.*)$`).FindAllStringSubmatch(text, -1) {
				checkCommand(t, path, strings.Fields(line[1]))
			}
			for _, key := range []string{"Restart=always", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=", "WantedBy=multi-user.target"} {
				if !strings.Contains(text, "\n"+key) {
					t.Errorf("no %s", key)
				}
			}
			analyze, err := exec.LookPath("systemd-analyze")
			if err != nil {
				t.Skip("no systemd-analyze here")
			}
			file := filepath.Join(t.TempDir(), filepath.Base(path))
			program, err := filepath.Abs(clew)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "/usr/local/bin/clew", program)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
			if err != nil || strings.Contains(string(out), filepath.Base(path)+":") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// exposureMost is what systemd's own measure of what a unit may do (0 to 10, in tenths) may be: "OK" ends at 5.0.
const exposureMost = 20

func TestServerUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--no-pager", "--offline=true", fmt.Sprintf("--threshold=%d", exposureMost), top("deploy/systemd/clew.service")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNATSConfiguration is what `nats-server -t` does, and what no client can see.
func TestNATSConfiguration(t *testing.T) {
	checkNATS(t, top("deploy/nats/nats.conf"))
}

// composeNATS is the configuration of the NATS servers in compose with what certificates.sh makes, as a container has them.
func composeNATS(t *testing.T, m made) (file string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/etc/nats", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(m.nats, dir+"/tls"); err != nil {
		t.Fatal(err)
	}
	file = dir + "/etc/nats/nats.conf"
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(read(t, "deploy/compose/nats.conf"), `"/tls/`, `"`+dir+`/tls/`)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The NATS servers of compose answer who has a certificate of the cluster and the password, and nobody else.
func TestComposeNATS(t *testing.T) {
	m := certificates(t)
	options := checkNATS(t, composeNATS(t, m))
	if options.Cluster.TLSConfig == nil || options.Cluster.TLSConfig.ClientAuth != tls.RequireAndVerifyClientCert {
		t.Error("servers take any other for one of them")
	}
	options.Host, options.Port, options.HTTPPort, options.StoreDir, options.JetStream = "127.0.0.1", server.RANDOM_PORT, 0, t.TempDir(), false
	options.Cluster, options.Routes, options.NoLog, options.NoSigs = server.ClusterOpts{}, nil, true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("it does not start")
	}
	password, err := os.ReadFile(m.clew + "/nats.password")
	if err != nil {
		t.Fatal(err)
	}
	right, err := tls.LoadX509KeyPair(m.clew+"/tls.pem", m.clew+"/tls.key")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := tls.X509KeyPair(certificate.cert, certificate.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what, password string
		show           *tls.Certificate
		want           string // of the answer; empty: none
	}{
		{"the right ones", strings.TrimSpace(string(password)), &right, "PONG"},
		{"a wrong password", "wrong", &right, "Authorization Violation"},
		{"no certificate", strings.TrimSpace(string(password)), nil, ""},
		{"a certificate of another authority", strings.TrimSpace(string(password)), &stranger, ""},
	} {
		if have := askNATS(t, s.Addr().String(), m.clew+"/ca.pem", test.password, test.show); test.want == "" && have != "" || !strings.Contains(have, test.want) {
			t.Errorf("%s: %q, want %q", test.what, have, test.want)
		}
	}
}

// askNATS connects as a client does, and gives what the server says once it has the credentials; empty: it hung up before.
func askNATS(t *testing.T, address, authority, password string, show *tls.Certificate) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil { // INFO, before TLS
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(authority)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no authority", err)
	}
	config := &tls.Config{RootCAs: roots, ServerName: "nats-1", MinVersion: tls.VersionTLS12}
	if show != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return show, nil }
	}
	secure := tls.Client(conn, config)
	if _, err := fmt.Fprintf(secure, "CONNECT {\"user\":\"clew\",\"pass\":%q,\"verbose\":false}\r\nPING\r\n", password); err != nil {
		return ""
	}
	said := bufio.NewReader(secure)
	for {
		line, err := said.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "INFO") {
			return line
		}
	}
}

// checkNATS reads a configuration as a server does.
func checkNATS(t *testing.T, file string) *server.Options {
	t.Helper()
	options, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !options.SyncAlways {
		t.Error("writes are acknowledged before they are on the disk")
	}
	if options.MaxPayload < 8<<20 || !options.JetStream || options.StoreDir == "" || options.Cluster.Name == "" || len(options.Routes) != 3 {
		t.Errorf("max_payload %d, jetstream %v in %q, cluster %q of %d", options.MaxPayload, options.JetStream, options.StoreDir, options.Cluster.Name, len(options.Routes))
	}
	if strings.HasPrefix(options.HTTPHost, "0.") || options.HTTPHost == "" {
		t.Errorf("anybody may look at its monitoring: %q", options.HTTPHost)
	}
	return options
}
