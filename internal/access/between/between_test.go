package between

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"clew/internal/access/testca"
)

// Processes with the name and of the authority talk to each other; whoever lacks one of them neither asks nor answers.
func TestWhoTalks(t *testing.T) {
	ca, foreign := testca.New(t), testca.New(t)
	logger := slog.New(slog.DiscardHandler)
	config := func(of *testca.CA, name string) *Config {
		cert, key := of.Issue(t, name, time.Hour)
		return &Config{CertFile: cert, KeyFile: key, CAFile: ca.File, Name: "clew.internal"}
	}
	ours := config(ca, "clew.internal")
	if errs := ours.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	stranger, forger := config(ca, "other.internal"), config(foreign, "clew.internal")
	if len(stranger.Validate()) != 1 {
		t.Error("a certificate without the name is not found out")
	}
	listen := func(c *Config) string {
		opts, err := c.Server(logger)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := grpc.NewServer(opts...)
		grpc_health_v1.RegisterHealthServer(s, health.NewServer())
		go func() { _ = s.Serve(l) }() // until it is stopped
		t.Cleanup(s.Stop)
		return l.Addr().String()
	}
	dial := func(c *Config) []grpc.DialOption {
		opts, err := c.Dial(logger)
		if err != nil {
			t.Fatal(err)
		}
		return opts
	}
	var off Config
	for what, test := range map[string]struct {
		to string
		by []grpc.DialOption
		ok bool
	}{
		"ours to ours":     {listen(ours), dial(ours), true},
		"stranger to ours": {listen(ours), dial(stranger), false},
		"forger to ours":   {listen(ours), dial(forger), false},
		"ours to stranger": {listen(stranger), dial(ours), false},
		"ours to forger":   {listen(forger), dial(ours), false},
		"both without":     {listen(&off), dial(&off), true},
		"off to ours":      {listen(ours), dial(&off), false},
		"ours to off":      {listen(&off), dial(ours), false},
		"no certificate":   {listen(ours), []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(ca.Client(t, "", "")))}, false},
		"without TLS":      {listen(ours), []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, false},
	} {
		conn, err := grpc.NewClient(test.to, test.by...)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		cancel()
		conn.Close()
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", what, err)
		}
	}
}
