package shipper

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	file string
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool(), file: filepath.Join(dir, "ca.pem")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	var der []byte
	a.key, der = a.sign(template, template, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	writeFile(t, a.file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return a
}

func (a *authority) sign(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, der
}

// issue writes a certificate and its key as PEM files.
func (a *authority) issue(dir, name string) (certFile, keyFile string) {
	a.t.Helper()
	key, der := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, a.key)
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	writeFile(a.t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(a.t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})))
	return certFile, keyFile
}

// A collector that asks for certificates gets the agent's; an agent without one, or with a foreign authority's, keeps what it has until its configuration is
// mended.
func TestMutualTLS(t *testing.T) {
	dir := t.TempDir()
	ca, foreign := newAuthority(t, dir), newAuthority(t, t.TempDir())
	serverCert, serverKey := ca.issue(dir, "collector")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	shelf := newShelf()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool, MinVersion: tls.VersionTLS12})))
	s := &sink{t: t, shelf: shelf, address: l.Addr().String(), server: server}
	plogotlp.RegisterGRPCServer(server, s)
	go func() { _ = server.Serve(l) }() // until it is stopped
	t.Cleanup(server.Stop)

	cfg := config(t, s)
	agentCert, agentKey := ca.issue(dir, "agent")
	foreignCert, foreignKey := foreign.issue(t.TempDir(), "agent")
	use := func(caFile, certFile, keyFile string) {
		cfg.TLS = configtls.ClientConfig{ServerName: "collector", Config: configtls.Config{CAFile: caFile, CertFile: certFile, KeyFile: keyFile}}
	}
	n := 0
	for _, c := range []struct{ what, ca, cert, key string }{
		{"no certificate", ca.file, "", ""},
		{"a certificate of a foreign authority", ca.file, foreignCert, foreignKey},
		{"a collector of a foreign authority", foreign.file, agentCert, agentKey},
	} {
		use(c.ca, c.cert, c.key)
		a := startAgent(t, cfg)
		a.n = n
		a.send(1)
		n++
		eventually(t, c.what+" is a failure", func() bool {
			first := a.end.shipper.pool.collectors[0]
			a.end.shipper.pool.mu.Lock()
			defer a.end.shipper.pool.mu.Unlock()
			return first.failures > 0
		})
		a.stop()
		if stored := shelf.stored(); len(stored) != 0 {
			t.Fatalf("%s: stored %v", c.what, stored)
		}
	}
	use(ca.file, agentCert, agentKey)
	startAgent(t, cfg)
	eventually(t, "all that waited is stored", func() bool { return len(shelf.stored()) == n })
}
