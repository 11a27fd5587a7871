package collector

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"clew/internal/access"
	"clew/internal/access/testca"
)

// With client_cert_optional a sender shows a certificate or a token; a certificate that is shown is verified, and one of them is needed.
func TestCertificateOptional(t *testing.T) {
	ca, foreign := testca.New(t), testca.New(t)
	cert, key := ca.Issue(t, "clew", time.Hour)
	guard, tokens := senders(t, func(c *access.Config) {
		c.Certificates = []access.Certificate{{Name: "agent.example", Role: access.Write, Tenants: []string{"acme"}}}
	})
	mem := newMemLog(1)
	r := startGuarded(t, mem, guard, func(c *Config) {
		c.OTLP.GRPC.TLS = &TLS{CertFile: cert, KeyFile: key, ClientCAFile: ca.File, ClientCertOptional: true}
		c.OTLP.HTTP.TLS = c.OTLP.GRPC.TLS
	})
	for _, test := range []struct {
		what, token string
		of          *testca.CA // nil: no certificate
		valid       time.Duration
		http        int // 0: no answer
		grpc        codes.Code
	}{
		{"nothing", "", nil, 0, 401, codes.Unauthenticated},
		{"a wrong token", "wrong", nil, 0, 401, codes.Unauthenticated},
		{"a token", "right", nil, 0, 200, codes.OK},
		{"a certificate", "", ca, time.Hour, 200, codes.OK},
		{"a certificate and a wrong token", "wrong", ca, time.Hour, 401, codes.Unauthenticated},
		{"a foreign certificate and a token", "right", foreign, time.Hour, 0, codes.Unavailable},
		{"an expired certificate and a token", "right", ca, -time.Minute, 0, codes.Unavailable},
	} {
		config := ca.Client(t, "", "")
		if test.of != nil {
			pair, err := tls.LoadX509KeyPair(test.of.Issue(t, "agent.example", test.valid))
			if err != nil {
				t.Fatal(err)
			}
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // a foreign one too
		}
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+r.c.Addrs().HTTP.String()+"/v1/logs", bytes.NewReader(protoLogs(t, logsOf(1))))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", protobuf)
		ctx := t.Context()
		if test.token != "" {
			req.Header.Set("Authorization", "Bearer "+tokens[test.token])
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tokens[test.token])
		}
		code := 0
		if res, err := web.Do(req); err == nil {
			code = res.StatusCode
			res.Body.Close()
		}
		web.CloseIdleConnections()
		if code != test.http {
			t.Errorf("%s over HTTP: %d, want %d", test.what, code, test.http)
		}
		conn, err := grpc.NewClient(r.c.Addrs().GRPC.String(), grpc.WithTransportCredentials(credentials.NewTLS(config)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(logsOf(1)))
		conn.Close()
		if status.Code(err) != test.grpc {
			t.Errorf("%s over gRPC: %v, want %v", test.what, err, test.grpc)
		}
	}
	checkTenants(t, mem, "acme")
}
